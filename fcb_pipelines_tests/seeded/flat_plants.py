"""Flat prices that differ from the list for reasons that are on record, alone and together in the waterfall's order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.plans import Interval, Plan
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines.domain.rows import Remedy, Verdict
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines_tests.seeded.host import PERCENTS, Host
from fcb_pipelines_tests.seeded.pricing import Bill, cents

Change = Callable[[Bill], Bill]

CHANGES = 11, 15
"""Days of the month, counted from 0, in which plans and quantities change: after every start and before every end."""


@dataclass(slots=True, kw_only=True)
class Draft:
    """A subscription and its flat price while they are made."""

    host: Host
    plan: Plan
    one: Subscription
    changes: list[tuple[str, Change, bool]] = field(default_factory=list)
    """Cause, what it makes of the bill, and whether our own rating knows its record."""

    @property
    def key(self) -> str:
        """The subscription's id."""
        return self.one.external_subscription_id

    def change(self, cause: str, change: Change, *, is_known: bool = False) -> None:
        """Add what a record makes of the bill."""
        self.changes.append((cause, change, is_known))

    def become(self, **changes: object) -> None:
        """Change the subscription's own record."""
        self.one = replace(self.one, **changes)  # type: ignore[arg-type]
        self.host.subscriptions[self.key] = self.one

    def effects(self, convention: Proration, *, known_alone: bool) -> tuple[Fraction, dict[str, Fraction]]:
        """The amount, and by what each cause multiplies it; without those that change nothing."""
        bill, found = self.host.bill_of(self.one), {}
        for cause, change, is_known in self.changes:
            if known_alone and not is_known:
                continue
            before, bill = bill.exact(convention), change(bill)
            after = bill.exact(convention)
            if after != before:
                found[cause] = after / before if before else after
        return bill.exact(convention), found

    @property
    def causes(self) -> frozenset[str]:
        """What our own rating does not do alike."""
        return self._causes(self.host.convention)

    @property
    def also(self) -> frozenset[str]:
        """The same where the declared convention comes to the same cent, so that nobody can tell which it was."""
        is_same = cents(self.effects(self.host.declared, known_alone=False)[0]) == self.net
        return self._causes(self.host.declared) if is_same else self.causes

    def _causes(self, convention: Proration) -> frozenset[str]:
        own = self.effects(self.host.declared, known_alone=True)[1]
        true = self.effects(convention, known_alone=False)[1]
        return frozenset(cause for cause in own.keys() | true.keys() if own.get(cause) != true.get(cause))

    @property
    def net(self) -> Decimal:
        """What the host asks for."""
        return cents(self.effects(self.host.convention, known_alone=False)[0])

    @property
    def ours(self) -> Decimal:
        """What our own rating asks for: nothing while a trial holds on the first day."""
        if any(cause == "trial" for cause, _, _ in self.changes):
            return Decimal(0)
        return cents(self.effects(self.host.declared, known_alone=True)[0])


def quantity(draft: Draft) -> None:
    """More units from a day of the month on."""
    host, more = draft.host, draft.host.rng.randint(3, 5)
    since = host.day(*CHANGES)
    host.became(draft.one, "quantity", 2, host.first - timedelta(days=40))
    host.became(draft.one, "quantity", more, since)
    draft.change(
        "quantity_change",
        lambda bill: bill.from_day(bill.first, quantity=Decimal(2)).from_day(since, quantity=Decimal(more)),
        is_known=True,
    )


def plan_change(draft: Draft) -> None:
    """Over to a dearer plan on a day of the month."""
    host = draft.host
    other = host.rng.choice([plan for plan in plain_plans(host) if plan is not draft.plan])
    since = host.day(*CHANGES)
    host.became(draft.one, "plan", draft.plan.external_plan_id, host.first - timedelta(days=100))
    host.became(draft.one, "plan", other.external_plan_id, since)
    draft.become(external_plan_id=other.external_plan_id)
    whole = Fraction(draft.plan.flat_price(draft.one.interval))
    later = other.flat_price(draft.one.interval)
    draft.change("", lambda bill: bill.from_day(bill.first, price=whole), is_known=True)
    draft.change("plan_change", lambda bill: bill.from_day(since, price=later), is_known=True)


def price_override(draft: Draft) -> None:
    """A price by contract."""
    price = Decimal(draft.host.rng.randint(1500, 9900)) / 100
    draft.host.record("contract_price", draft.key, price=str(price))
    draft.change("price_override", lambda bill: bill.from_day(bill.first, price=price))


def instalment(draft: Draft) -> None:
    """Paid in parts."""
    parts = draft.host.rng.choice((2, 3, 4, 6))
    draft.host.record("instalment", draft.key, instalments=parts)
    draft.change("instalment", lambda bill: replace(bill, parts=bill.parts * parts))


def started(draft: Draft) -> None:
    """Began on a day of the month."""
    day = draft.host.day(1, CHANGES[0] - 1)
    draft.become(started_at=draft.host.at(day))
    draft.change("proration", lambda bill: bill.without(bill.first, day), is_known=True)


def inactive(draft: Draft) -> None:
    """Paused for some days."""
    host = draft.host
    day = host.day(most=host.period.days - 8)
    until = day + timedelta(days=host.rng.randint(1, 5))
    host.record("inactive", draft.key, since=day, until=until)
    draft.change("proration", lambda bill: bill.without(day, until))


def ended(draft: Draft) -> None:
    """Ended on a day of the month."""
    day = draft.host.day(CHANGES[1] + 1)
    draft.become(ended_at=draft.host.at(day))
    draft.change("ended_early", lambda bill: bill.without(day, bill.last), is_known=True)


def trial(draft: Draft) -> None:
    """Free until a day of the month."""
    host = draft.host
    until = host.day(2, 12)
    host.record("trial", draft.key, since=draft.one.started_at.date(), until=until)
    draft.change("trial", lambda bill: _without_trial(host, bill, until))


def _without_trial(host: Host, bill: Bill, until: object) -> Bill:
    cut = bill.without(bill.first, until)  # type: ignore[arg-type]
    return replace(cut, stretches=()) if host.convention is Proration.NONE and bill.stretches[0].first < until else cut  # type: ignore[operator]


def percent(draft: Draft) -> None:
    """A coupon of some percent."""
    off = Decimal(draft.host.rng.choice((5, 10, 15, 20, 25, 33)))
    draft.host.record("discount", draft.key, percent=str(off), coupon=f"C{off}")
    draft.change("discount", lambda bill: bill.less("percent", off))


def amount_off(draft: Draft) -> None:
    """An agreed amount off."""
    off = Decimal(draft.host.rng.randint(100, 900)) / 100
    draft.host.record("discount", draft.key, amount=str(off))
    draft.change("discount", lambda bill: bill.less("amount", off))


def inclusive(draft: Draft) -> None:
    """Taxes are in the price."""
    user = draft.one.external_user_id
    percents = PERCENTS[draft.host.users[user].state or ""]
    draft.host.record("tax_inclusive", user, "user", percents=list(percents))
    draft.change("tax_inclusion", lambda bill: bill.less("factor", 100 / sum(map(Fraction, percents), Fraction(100))))


PRICES = (price_override, plan_change)
CUTS = (started, inactive, ended, trial)
OFF = (percent, amount_off)
ALONE = (quantity, *PRICES, instalment, *CUTS, *OFF, inclusive)


def plain_plans(host: Host) -> list[Plan]:
    """Plans whose price is what is listed."""
    told = {record.subject_id for record in host.evidence if record.subject_kind == "plan"}
    return [plan for key, plan in host.plans.items() if key not in told]


def listed_yearly(host: Host, price: str) -> Plan:
    """A plan whose listed monthly price is for a year, as its own record says."""
    plan = host.plan(price)
    host.record("list_interval", plan.external_plan_id, "plan", interval="yearly")
    return plan


def listed_before(host: Host, price: str, before: str) -> Plan:
    """A plan that had another price at the start of the month."""
    plan = host.plan(price)
    host.record("plan_price", plan.external_plan_id, "plan", price=before, interval="monthly")
    return plan


def listed_abroad(host: Host, price: str, rate: str) -> Plan:
    """A plan that is listed in another currency, and billed at a stored rate."""
    plan = host.plan(price)
    host.record("exchange_rate", plan.external_plan_id, "plan", rate=rate, currency="USD")
    return plan


def made(host: Host, plan: Plan, *features: Callable[[Draft], None]) -> Draft:
    """A subscription with so many reasons to differ, in the order of the waterfall."""
    draft = Draft(host=host, plan=plan, one=host.subscribe(plan))
    records = {each.kind: each for each in host.evidence if each.subject_id == plan.external_plan_id}
    if quantity in features:
        quantity(draft)
    if (priced := records.get("plan_price")) is not None:
        price = priced.number("price")
        draft.change("plan_version", lambda bill: bill.from_day(bill.first, price=price))
    for each in features:
        if each in PRICES:
            each(draft)
    if "list_interval" in records and price_override not in features:
        draft.change("billing_interval", lambda bill: replace(bill, parts=bill.parts * 12))
    if instalment in features:
        instalment(draft)
    if "exchange_rate" in records and price_override not in features:
        rate = records["exchange_rate"].number("rate") or Decimal(1)
        draft.change("currency", lambda bill: bill.less("factor", rate))
    for each in features:
        if each not in {*PRICES, quantity, instalment}:
            each(draft)
    return draft


def billed(draft: Draft, plant: str) -> None:
    """Bill it, and write down why it differs where it does."""
    draft.host.bill(draft.one, draft.net)
    told(draft, plant)


def told(draft: Draft, plant: str, *more: str, maybe: Sequence[str] = ()) -> None:
    """Write down why it differs, if it does; `more` are causes beside, `maybe` such as only some of its kind show."""
    if (draft.net != draft.ours and draft.causes) or more:
        remedy = Remedy.FIX_MODEL if draft.causes else Remedy.NONE
        draft.host.told(
            draft.key,
            FLAT,
            plant,
            Verdict.EXPLAINED,
            *draft.causes,
            *more,
            remedy=remedy,
            also=draft.also | set(more),
            maybe=maybe,
        )


def alone(host: Host, plan: Plan) -> None:
    """One reason."""
    feature = host.rng.choice(ALONE)
    billed(made(host, plan, feature), feature.__name__)


def together(host: Host, plan: Plan) -> None:
    """Several reasons at once."""
    _several(host, plan, (quantity, *PRICES))


def on_told_plan(host: Host, plan: Plan) -> None:
    """On a plan with a record of its own, with other reasons or without."""
    if host.rng.random() < 0.5:
        billed(made(host, plan), "plan with a record")
    else:
        _several(host, plan, (quantity, price_override))


def _several(host: Host, plan: Plan, first: Sequence[Callable[[Draft], None]]) -> None:
    rng = host.rng
    features = [rng.choice(first)]
    features += [instalment] if rng.random() < 0.2 else []
    features += [rng.choice(CUTS)]
    features += [rng.choice(OFF)] if rng.random() < 0.6 else []
    features += [inclusive] if rng.random() < 0.1 else []
    billed(made(host, plan, *features), "+".join(each.__name__ for each in features))


def quarterly_plain(host: Host, plan: Plan) -> None:
    """A quarter, or a year, that begins in the month, as listed."""
    billed(Draft(host=host, plan=plan, one=host.subscribe(plan, interval=Interval.QUARTERLY)), "quarter")


def quarterly(host: Host, plan: Plan) -> None:
    """A quarter, or a year, that begins in the month."""
    draft = Draft(
        host=host, plan=plan, one=host.subscribe(plan, interval=host.rng.choice((Interval.QUARTERLY, Interval.YEARLY)))
    )
    for each in host.rng.sample((price_override, percent), host.rng.randint(0, 2)):
        each(draft)
    billed(draft, "longer interval")
