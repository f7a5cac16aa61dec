"""Usage late: events came after the invoice was made."""

from fcb_pipelines.domain.case import PricingCause, Stage, counted_otherwise
from fcb_pipelines.domain.rows import Remedy

CAUSE = PricingCause(
    name="usage_late",
    stage=Stage.QUANTITY,
    rank=4,
    remedy=Remedy.NONE,
    needs="when each event came, beside the day of the invoice",
    step=counted_otherwise("usage_late", Remedy.NONE),
    is_for_usage=True,
)
