"""Consolidated invoice: one line or one invoice bills several instances; each of them is consumed once."""

from fcb_pipelines.domain.matching import Pass
from fcb_pipelines.domain.rows import Finding, Remedy
from fcb_pipelines.domain.scenes import JudgingCause, Scene, View

_WORDS = {
    Pass.REFERENCE: "billed on invoice {invoices}, by its line references",
    Pass.PRODUCT: "billed on invoice {invoices}, by customer and plan",
    Pass.SUBSCRIPTION: "billed on invoice {invoices}, which names the subscription and no range",
    Pass.TOTAL: "in the total of invoice {invoices}, which is all that was due",
}


def _judge(scene: Scene) -> Finding | None:
    met = scene.met
    if met is None or met.by not in _WORDS or (met.by is Pass.SUBSCRIPTION and len(met.expected) == 1 and not met.agrees):
        return None
    invoices = ", ".join(dict.fromkeys(line.external_invoice_id for line in met.lines))
    references = (*(each for record in met.records for each in record.references), *(line.line_key for line in met.lines))
    words = _WORDS[met.by].format(invoices=invoices)
    return Finding(cause=CAUSE.name, remedy=CAUSE.remedy, words=words, references=tuple(dict.fromkeys(references)))


CAUSE = JudgingCause(
    name="consolidated_invoice",
    remedy=Remedy.NONE,
    needs="what the lines of the customer's invoices pay for (evidence line_reference)",
    view=View.MET,
    judge=_judge,
    explains=True,
    rank=9,
)
