"""Billed by Odoo: an instance that Odoo claims is not for the source to bill, so it has no line there.

A line of the source on any of what Odoo claims bills it a second time: that is `double_billed`, which is never explained.
"""

from fcb_pipelines.domain.claimed import claims_of
from fcb_pipelines.domain.rows import Finding, Remedy
from fcb_pipelines.domain.scenes import JudgingCause, Scene, View


def _judge(scene: Scene) -> Finding | None:
    (one,) = scene.expected
    claims = claims_of(scene.month.records, one)
    if not claims:
        return None
    words = f"Odoo bills it since its flip ({', '.join(dict.fromkeys(str(each.data['rests_on']) for each in claims))})"
    return Finding(cause=CAUSE.name, remedy=CAUSE.remedy, words=words, references=tuple(each.reference for each in claims))


CAUSE = JudgingCause(
    name="billed_by_odoo",
    remedy=Remedy.NONE,
    needs="the claim of Odoo on the whole range (fcb claims)",
    view=View.ABSENT,
    judge=_judge,
    explains=True,
    rank=0,
)
