"""Copied twice: the same invoice of the payment provider is in the source twice, by the provider's own id."""

from fcb_pipelines.domain.rows import Finding, Remedy
from fcb_pipelines.domain.scenes import JudgingCause, Scene, View


def _judge(scene: Scene) -> Finding | None:
    (line,) = scene.lines
    other = scene.left.claimed_by if scene.left is not None else None
    if other is None or line.provider_id is None or line.provider_id != other.provider_id:
        return None
    is_copy = (line.net, line.description, line.service_from) == (other.net, other.description, other.service_from)
    if not is_copy or line.external_invoice_id == other.external_invoice_id:
        return None
    words = f"a copy of invoice {other.external_invoice_id}: both are {line.provider_id} of the provider"
    return Finding(cause=CAUSE.name, remedy=CAUSE.remedy, words=words, references=(line.line_key, other.line_key))


CAUSE = JudgingCause(
    name="copied_twice",
    remedy=Remedy.FIX_SOURCE,
    needs="the payment provider's id on both invoices",
    view=View.LEFT,
    judge=_judge,
    explains=True,
    rank=1,
)
