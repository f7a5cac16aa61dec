"""Not issued yet: the month was still open when the snapshot was taken, so an absent line is no leak."""

from fcb_pipelines.domain.rows import Finding, Remedy
from fcb_pipelines.domain.scenes import JudgingCause, Scene, View


def _judge(scene: Scene) -> Finding | None:
    (one,) = scene.expected
    decides_at = scene.month.decides_at(one)
    if one.net is None or scene.month.as_of >= decides_at:
        return None
    day = decides_at.astimezone(scene.month.zone).date().isoformat()
    ends = "the month closes" if decides_at == scene.month.closes_at else "its invoice must be there"
    return Finding(cause=CAUSE.name, remedy=CAUSE.remedy, words=f"due and not billed yet; {ends} on {day}")


CAUSE = JudgingCause(
    name="not_issued_yet",
    remedy=Remedy.NONE,
    needs="the day it is due, and the arrears lag of the service (fcb.toml)",
    view=View.ABSENT,
    judge=_judge,
    explains=True,
    rank=1,
)
