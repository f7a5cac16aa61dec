"""Usage missing: the source did not bill events that are on record."""

from fcb_pipelines.domain.case import PricingCause, Stage, counted_otherwise
from fcb_pipelines.domain.rows import Remedy

CAUSE = PricingCause(
    name="usage_missing",
    stage=Stage.QUANTITY,
    rank=2,
    remedy=Remedy.FIX_SOURCE,
    needs="the ids of the events that only one feed has",
    step=counted_otherwise("usage_missing", Remedy.FIX_SOURCE),
    is_for_usage=True,
)
