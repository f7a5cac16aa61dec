"""Test account: billed to an account of the service itself. Vetoed where that account ever paid, or could."""

from fcb_pipelines.domain.rows import Finding, Remedy
from fcb_pipelines.domain.scenes import JudgingCause, Scene, View


def _judge(scene: Scene) -> Finding | None:
    (line,) = scene.lines
    customer = line.external_user_id
    if customer not in scene.month.internal or customer in scene.month.paying:
        return None
    words = "billed to an account of the service itself, which never paid anything"
    return Finding(cause=CAUSE.name, remedy=CAUSE.remedy, words=words, references=(f"users/{customer}",))


CAUSE = JudgingCause(
    name="test_account",
    remedy=Remedy.NONE,
    needs="the mark of an internal account (users), and no payment or payment method of it",
    view=View.LEFT,
    judge=_judge,
    explains=True,
    rank=3,
)
