"""Usage duplicate: the source billed events twice."""

from fcb_pipelines.domain.case import PricingCause, Stage, counted_otherwise
from fcb_pipelines.domain.rows import Remedy

CAUSE = PricingCause(
    name="usage_duplicate",
    stage=Stage.QUANTITY,
    rank=3,
    remedy=Remedy.FIX_SOURCE,
    needs="the ids of the events that one feed has twice",
    step=counted_otherwise("usage_duplicate", Remedy.FIX_SOURCE),
    is_for_usage=True,
)
