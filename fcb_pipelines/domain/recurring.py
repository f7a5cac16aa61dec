"""What a subscription's flat price recurs at: the price of one whole range, under the terms that people adopted.

Owns: the price that stands on the order in Odoo. Does not own: parts of a range, which are priced month by month (expected).
"""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.case import Case, Records
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.money import rounded
from fcb_pipelines.domain.period import add_months, midnight
from fcb_pipelines.domain.plans import Plan
from fcb_pipelines.domain.pricing import Flat, Span
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines.domain.steps import priced
from fcb_pipelines.domain.subscriptions import Subscription


def recurring_price(subscription: Subscription, plan: Plan, adopted: Records, *, at: datetime, zone: ZoneInfo) -> Decimal:
    """The price of a whole range that begins at a moment: as the source has it, or to the cent as an adopted term makes it.

    Of a price in instalments it is one of them.

    Raises `InvalidInput` where the plan has no price for the subscription's interval: a missing price is not 0.00.
    """
    listed, parts = subscription.flat_price(plan), subscription.instalments
    day = at.astimezone(zone).date()
    start, end = midnight(day, zone), midnight(add_months(day, subscription.months), zone)
    whole = Span(service_from=start, service_to=end, price=listed)
    case = Case(
        subscription=subscription,
        plan=plan,
        charge=FLAT,
        service_from=start,
        service_to=end,
        due_at=start,
        zone=zone,
        pricing=Flat(
            service_from=start, service_to=end, zone=zone, convention=Proration.NONE, spans=(whole,), instalments=parts
        ),
        external_user_id=subscription.external_user_id,
        records=adopted,
    )
    pricing = priced(case)
    changed = pricing.recurring if isinstance(pricing, Flat) else None
    return listed if changed is None or changed == listed else rounded(changed, plan.currency).amount
