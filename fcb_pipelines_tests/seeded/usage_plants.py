"""Usage that was billed otherwise than by the plan's quota and price, or otherwise counted."""

from decimal import Decimal
from fractions import Fraction

from fcb_pipelines.domain.case import OtherUsage
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.plans import CPU_SECONDS, Plan
from fcb_pipelines.domain.rows import Remedy, Verdict
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines_tests.seeded.host import HOUR, QUOTA, Host, overage
from fcb_pipelines_tests.seeded.pricing import cents

COUNTED = {
    "timezone_boundary": Remedy.FIX_MODEL,
    "usage_missing": Remedy.FIX_SOURCE,
    "usage_duplicate": Remedy.FIX_SOURCE,
    "usage_late": Remedy.NONE,
}


def used(host: Host, plan: Plan) -> tuple[Subscription, Decimal]:
    """A subscription that used more than its quota, its flat price billed as listed."""
    one = host.subscribe(plan)
    units = QUOTA + Decimal(host.rng.randint(20 * HOUR, 400 * HOUR))
    host.uses(one, units)
    host.bill(one, plan.flat_price(one.interval))
    return one, units


def as_listed(host: Host, plan: Plan) -> None:
    """Overage as the plan has it."""
    one, units = used(host, plan)
    host.bill(one, cents(overage(units)), LineKind.OVERAGE)


def counted_otherwise(host: Host, plan: Plan) -> None:
    """The events counted in another way; a charge that is told apart may limit it too."""
    one, units = used(host, plan)
    cause = host.rng.choice(tuple(COUNTED))
    other = units + host.rng.choice((-1, 1)) * Decimal(host.rng.randint(HOUR, 15 * HOUR))
    told = OtherUsage(cause=cause, quantity=Fraction(other), words=cause, references=(f"usage/{cause}",))
    host.other_usage[one.external_subscription_id] = (told,)
    net = cents(overage(other))
    if net != cents(overage(units)):
        _told(host, one, cause, COUNTED[cause])
    host.bill(one, net, LineKind.OVERAGE)


def counted_two_ways(host: Host, plan: Plan) -> None:
    """Two ways to count come to the same: both are named where they ask for the same, and decide nothing where not."""
    one, units = used(host, plan)
    is_same = host.rng.random() < 0.5
    causes = ("usage_missing", "usage_duplicate" if is_same else "usage_late")
    other = units - Decimal(host.rng.randint(HOUR, 15 * HOUR))
    host.other_usage[one.external_subscription_id] = tuple(
        OtherUsage(cause=cause, quantity=Fraction(other), words=cause, references=(f"usage/{cause}",)) for cause in causes
    )
    host.bill(one, cents(overage(other)), LineKind.OVERAGE)
    if is_same:
        host.told(
            one.external_subscription_id,
            CPU_SECONDS,
            "counted_two_ways",
            Verdict.EXPLAINED,
            *causes,
            remedy=Remedy.FIX_SOURCE,
        )
    else:
        host.told(one.external_subscription_id, CPU_SECONDS, "counted_two_ways", Verdict.UNEXPLAINED)


def limited(host: Host, plan: Plan) -> None:
    """A minimum, a maximum or another quota on record."""
    one, units = used(host, plan)
    key, listed, kind = one.external_subscription_id, overage(units), host.rng.choice(("minimum", "maximum", "quota"))
    if kind == "quota":
        included = QUOTA + Decimal(host.rng.randint(HOUR, 19 * HOUR))
        host.record(kind, key, included_quantity=str(included))
        net = cents(overage(units, included))
    else:
        bound = cents(listed * host.rng.choice((Fraction(3, 2), Fraction(5, 4)))) if kind == "minimum" else cents(listed / 2)
        host.record(kind, key, amount=str(bound))
        net = bound
    host.bill(one, net, LineKind.OVERAGE)
    _told(host, one, kind, Remedy.FIX_MODEL)


def tiered(host: Host, plan: Plan) -> None:
    """Tiers on record: 200 core-hours at 0.50, what is above at 0.25."""
    one, units = used(host, plan)
    hours = Fraction(units) / HOUR
    tiers = [{"up_to": str(200 * HOUR), "unit_price": "0.0001388888888888888888888888889"}, {"up_to": None, "unit_price": "0"}]
    host.record("charge", one.external_subscription_id, price={"model": "graduated", "tiers": tiers}, charges=[CPU_SECONDS])
    price = Fraction("0.0001388888888888888888888888889") * HOUR
    host.bill(one, cents(min(hours, Fraction(200)) * price), LineKind.OVERAGE)
    _told(host, one, "tier", Remedy.FIX_MODEL)


def _told(host: Host, one: Subscription, cause: str, remedy: Remedy) -> None:
    host.told(one.external_subscription_id, CPU_SECONDS, cause, Verdict.EXPLAINED, cause, remedy=remedy)


PLANTS = (as_listed, counted_otherwise, counted_two_ways, limited, tiered)
