"""Tax rate: the tax of the invoice is at rates, or by an exemption, that a record of its customer says."""

from fcb_pipelines.domain.actual import TAX_RATE
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.rows import Finding, Remedy
from fcb_pipelines.domain.scenes import JudgingCause, Scene, View


def _judge(scene: Scene) -> Finding | None:
    rounding, customer = scene.month.tax_rounding, scene.lines[0].external_user_id
    for record in scene.month.records.of(TAX_RATE, "user", customer):
        # An exemption needs its reason.
        if not (record.percents() or record.data.get("reason")):
            continue
        if all(f"{rounding}/{record.reference}" in line.tax_fits for line in scene.lines):
            return Finding(cause=CAUSE.name, remedy=CAUSE.remedy, words=_words(record), references=(record.reference,))
    return None


def _words(record: Evidence) -> str:
    if not record.percents():
        return f"not taxed: {record.data.get('reason')}"
    return f"taxed at {' and '.join(f'{plain(each)} %' for each in record.percents())}"


CAUSE = JudgingCause(
    name="tax_rate",
    remedy=Remedy.FIX_MODEL,
    needs="at which rates the customer is taxed, or why it is exempt (evidence tax_rate)",
    view=View.TAX,
    judge=_judge,
    explains=True,
    rank=2,
)
