"""Reissue: an invoice that was issued anew bills what the one before it billed, which does not count any longer. Named."""

from fcb_pipelines.domain.rows import Finding, Remedy
from fcb_pipelines.domain.scenes import JudgingCause, Scene, View

KIND = "reissue"


def _judge(scene: Scene) -> Finding | None:
    invoices = dict.fromkeys(line.external_invoice_id for line in scene.lines)
    records = [record for invoice in invoices for record in scene.month.records.of(KIND, "invoice", invoice)]
    if not records:
        return None
    originals = ", ".join(str(record.data.get("original_invoice")) for record in records)
    return Finding(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=f"issued anew in the place of invoice {originals}",
        references=tuple(record.reference for record in records),
    )


CAUSE = JudgingCause(
    name="reissue",
    remedy=Remedy.NONE,
    needs="the invoice in whose place it was issued (evidence reissue)",
    view=View.MET,
    judge=_judge,
    explains=False,
    rank=6,
)
