"""Credit note: a credit that a record links to the invoice that it gives back belongs to what that invoice billed."""

from fcb_pipelines.domain.rows import Finding, Remedy
from fcb_pipelines.domain.scenes import JudgingCause, Scene, View


def _judge(scene: Scene) -> Finding | None:
    records = [record for record in scene.met.records if record.is_credit] if scene.met is not None else []
    if not records:
        return None
    given_back = ", ".join(f"{-line.net}" for line in scene.lines if line.net.amount < 0)
    return Finding(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=f"{given_back} of it was credited",
        references=tuple(each for record in records for each in record.references),
    )


CAUSE = JudgingCause(
    name="credit_note",
    remedy=Remedy.NONE,
    needs="the invoice that a credit gives back (evidence credit_note)",
    view=View.MET,
    judge=_judge,
    explains=True,
    rank=5,
)
