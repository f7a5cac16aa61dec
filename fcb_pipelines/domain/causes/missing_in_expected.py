"""Missing on our side: a living subscription is billed for something that we expect nothing for. Named, and never explained."""

from fcb_pipelines.domain.rows import Finding, Remedy
from fcb_pipelines.domain.scenes import JudgingCause, Scene, View


def _judge(scene: Scene) -> Finding | None:
    (line,) = scene.lines
    is_alive = line.external_subscription_id in scene.month.alive
    if line.charge is None or not is_alive or not line.net or (scene.left is not None and scene.left.notes):
        return None
    words = f"billed for {line.charge} of a living subscription, for which we expect nothing then"
    return Finding(cause=CAUSE.name, remedy=CAUSE.remedy, words=words, references=(line.line_key,))


CAUSE = JudgingCause(
    name="missing_in_expected",
    remedy=Remedy.FIX_SOURCE,
    needs="the charge that it is billed for, in the plan of the subscription",
    view=View.LEFT,
    judge=_judge,
    explains=False,
    rank=9,
)
