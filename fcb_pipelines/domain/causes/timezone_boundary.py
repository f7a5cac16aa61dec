"""Timezone boundary: the source counts the usage of a month by days of its own zone."""

from fcb_pipelines.domain.case import PricingCause, Stage, counted_otherwise
from fcb_pipelines.domain.rows import Remedy

CAUSE = PricingCause(
    name="timezone_boundary",
    stage=Stage.QUANTITY,
    rank=1,
    remedy=Remedy.FIX_MODEL,
    needs="the events at the month's ends, and the zone that the source counts in (times of usage in fcb.toml)",
    step=counted_otherwise("timezone_boundary", Remedy.FIX_MODEL),
    is_for_usage=True,
)
