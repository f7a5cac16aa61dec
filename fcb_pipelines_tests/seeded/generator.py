"""Makes a service from a number: so many subscriptions, a share of them planted with reasons to differ and with traps."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.plans import Plan
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines_tests.builders import TORONTO
from fcb_pipelines_tests.seeded import flat_plants, invoice_plants, tax_plants, traps, usage_plants
from fcb_pipelines_tests.seeded.host import Host, dice

MONTHS = ("2026-02", "2026-03", "2026-04")
CONVENTIONS = tuple(Proration)
PRICES = ("200", "29", "49.99", "79", "14.95")

Plant = Callable[[Host, Plan], None]


def empty(seed: int, *, declared: Proration | None = None) -> Host:
    """A host with its plans and without customers; month and conventions follow from the seed."""
    rng = dice(seed)
    period = Period(MONTHS[seed % len(MONTHS)], TORONTO)
    host = Host(
        rng=rng,
        period=period,
        convention=rng.choice(CONVENTIONS),
        declared=declared or rng.choice((Proration.NONE, Proration.NONE, *CONVENTIONS)),
        now=period.end + timedelta(days=3),
    )
    for price in PRICES:
        host.plan(price)
    return host


def clean(seed: int, size: int) -> Host:
    """A service of so many subscriptions that was billed as we would bill it."""
    host = empty(seed)
    host.declared = host.convention
    plans = flat_plants.plain_plans(host)
    while len(host.subscriptions) < size:
        as_rated(host, host.rng.choice(plans))
    return host


def as_rated(host: Host, plan: Plan) -> None:
    """A subscription that gives no reason to differ: its start, its end and its changes are known to us."""
    kind = host.rng.randint(0, 9)
    if kind == 0:
        usage_plants.as_listed(host, plan)
    elif kind == 1:
        flat_plants.quarterly_plain(host, plan)
    elif kind <= 3 and host.declared is host.convention:
        known = (flat_plants.started, flat_plants.ended, flat_plants.plan_change, flat_plants.quantity)
        flat_plants.billed(flat_plants.made(host, plan, host.rng.choice(known)), "known")
    else:
        one = host.subscribe(plan)
        host.uses(one, Decimal(host.rng.randint(0, 350_000)))
        host.bill(one, plan.flat_price(one.interval))


def seeded(seed: int, size: int, share: float = 0.4) -> Host:
    """A service of so many subscriptions, about that share of them with something to find."""
    host = empty(seed)
    plain = flat_plants.plain_plans(host)
    told = [
        flat_plants.listed_yearly(host, "240"),
        flat_plants.listed_yearly(host, "600"),
        flat_plants.listed_before(host, "59", "54.50"),
        flat_plants.listed_abroad(host, "35", "1.3725"),
    ]
    while len(host.subscriptions) < size:
        plan = host.rng.choice(plain)
        if host.rng.random() < share:
            _plant(host, plan, host.rng.choice(told))
        else:
            as_rated(host, plan)
    return host


def _plant(host: Host, plan: Plan, told: Plan) -> None:
    kind = host.rng.randint(0, 9)
    if kind <= 1:
        flat_plants.alone(host, plan)
    elif kind <= 2:
        flat_plants.together(host, plan)
    elif kind <= 3:
        flat_plants.on_told_plan(host, told)
    elif kind <= 4:
        flat_plants.quarterly(host, plan)
    elif kind <= 5:
        host.rng.choice(usage_plants.PLANTS)(host, plan)
    elif kind <= 7:
        host.rng.choice((*invoice_plants.PLANTS, *tax_plants.PLANTS))(host, plan)
    else:
        host.rng.choice(traps.TRAPS)(host, plan)
