"""Double billed: a second invoice on an instance that is billed already. Named, and never explained."""

from fcb_pipelines.domain.matching import DOUBLE_BILLED
from fcb_pipelines.domain.rows import Finding, Remedy
from fcb_pipelines.domain.scenes import JudgingCause, Scene, View


def _judge(scene: Scene) -> Finding | None:
    (line,) = scene.lines
    if scene.left is None or DOUBLE_BILLED not in scene.left.notes or scene.left.claimed_by is None:
        return None
    first = scene.left.claimed_by
    words = f"invoice {first.external_invoice_id} bills the same already"
    return Finding(cause=CAUSE.name, remedy=CAUSE.remedy, words=words, references=(line.line_key, first.line_key))


CAUSE = JudgingCause(
    name="double_billed",
    remedy=Remedy.FIX_SOURCE,
    needs="two invoices on one instance",
    view=View.LEFT,
    judge=_judge,
    explains=False,
    rank=2,
)
