"""Issued late: the right amount of the right instance, on an invoice of after the month closed. Named on a match, as a note."""

from fcb_pipelines.domain.matching import Pass
from fcb_pipelines.domain.rows import Finding, Remedy
from fcb_pipelines.domain.scenes import JudgingCause, Scene, View


def _judge(scene: Scene) -> Finding | None:
    late = [line for line in scene.lines if line.issued_at >= scene.month.closes_at]
    if not late or scene.met is None or scene.met.by is not Pass.INSTANCE or not scene.met.agrees:
        return None
    last = max(late, key=lambda line: line.issued_at)
    days = (last.issued_at - scene.month.closes_at).days
    words = f"issued {days} days after the month closed" if days else "issued after the month closed"
    return Finding(cause=CAUSE.name, remedy=CAUSE.remedy, words=words, references=tuple(line.line_key for line in late))


CAUSE = JudgingCause(
    name="issued_late",
    remedy=Remedy.NONE,
    needs="the day on which the invoice was issued, and the arrears lag of the service (fcb.toml)",
    view=View.MET,
    judge=_judge,
    explains=False,
    rank=7,
)
