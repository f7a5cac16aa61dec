"""A host while its service is made: its customers, plans, subscriptions and invoices, and the truth about each of them.

Owns: how a host keeps its books, truthfully and by its own conventions. Does not own: what is planted (plants, traps).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import SourceRecords
from fcb_pipelines.domain.case import OtherUsage
from fcb_pipelines.domain.evidence import Evidence, check
from fcb_pipelines.domain.history import BillingState, HistoryEntry
from fcb_pipelines.domain.invoices import Invoice, InvoiceLine, InvoiceStatus, LineKind
from fcb_pipelines.domain.partners import User
from fcb_pipelines.domain.period import Period, add_months, midnight
from fcb_pipelines.domain.plans import CPU_SECONDS, Interval, Plan
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines.domain.rows import Remedy, Verdict
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines.services import Conventions, Service
from fcb_pipelines_tests.seeded.harness import NOWHERE, TAXES, World
from fcb_pipelines_tests.seeded.pricing import Bill, Stretch, cents

PERCENTS: Mapping[str, tuple[str, ...]] = {"ON": ("13",), "NS": ("14",), "QC": ("5", "9.975")}
HOUR = 3600
QUOTA = Decimal(100 * HOUR)
RATE = Decimal("0.75")


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is true of an instance, or of a line that no instance stands behind."""

    plant: str
    causes: frozenset[str]
    also: frozenset[str]
    """What is as true of it, where two of our own conventions come to the same cent."""
    maybe: frozenset[str]
    """What may be said beside: rounding shows on some lines of an invoice only."""
    remedy: Remedy
    verdict: Verdict

    def allows(self, causes: frozenset[str]) -> bool:
        """Whether causes that were found are the true ones."""
        return causes - self.maybe in {self.causes, self.also}


@dataclass(slots=True, kw_only=True)
class Host:
    """The books."""

    rng: Random
    period: Period
    convention: Proration
    """How the host shares out a month."""
    declared: Proration
    """How our rules say that it does."""
    now: datetime
    users: dict[str, User] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    invoices: dict[str, Invoice] = field(default_factory=dict)
    evidence: list[Evidence] = field(default_factory=list)
    history: list[HistoryEntry] = field(default_factory=list)
    states: list[BillingState] = field(default_factory=list)
    usage: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    other_usage: dict[str, tuple[OtherUsage, ...]] = field(default_factory=dict)
    truths: dict[tuple[str, str], Truth] = field(default_factory=dict)

    @property
    def first(self) -> date:
        """The month's first day."""
        return self.period.start.date()

    @property
    def last(self) -> date:
        """The first day after it."""
        return self.period.end.date()

    def at(self, day: date) -> datetime:
        """The midnight with which a day begins."""
        return midnight(day, self.period.zone)

    def day(self, least: int = 1, most: int | None = None) -> date:
        """Some day of the month, counted from 0."""
        return self.first + timedelta(days=self.rng.randint(least, self.period.days - 2 if most is None else most))

    def customer(self, **changes: Any) -> User:
        """A new customer; one in ten lives in Quebec, one in Nova Scotia."""
        key = f"u{len(self.users):05d}"
        values: dict[str, Any] = {
            "name": f"Customer {key}",
            "email": f"{key}@example.com",
            "company": None,
            "country": "CA",
            "state": self.rng.choice(("ON",) * 8 + ("QC", "NS")),
            "stripe_customer_id": None,
            "is_active": True,
            "is_internal": False,
        }
        user = User(**{"external_user_id": key, **values, **changes})
        self.users[user.external_user_id] = user
        return user

    def plan(self, price: str | Decimal) -> Plan:
        """A new plan; a year costs ten months, a quarter three."""
        key, monthly = f"p{len(self.plans):03d}", Decimal(price)
        found = Plan(
            external_plan_id=key,
            name=f"Plan {key}",
            currency="CAD",
            flat_prices={Interval.MONTHLY: monthly, Interval.QUARTERLY: monthly * 3, Interval.YEARLY: monthly * 10},
            included_quantity=QUOTA,
            unit_price=RATE,
            unit_batch=Decimal(HOUR),
            is_active=True,
        )
        self.plans[key] = found
        return found

    def subscribe(self, plan: Plan, user: User | None = None, **changes: Any) -> Subscription:
        """A new subscription that began some months ago, if nothing else is said."""
        key = f"s{len(self.subscriptions):05d}"
        interval = changes.get("interval", Interval.MONTHLY)
        before = self.at(add_months(self.first, -12))
        values: dict[str, Any] = {
            "external_deployment_id": f"d-{key}",
            "external_user_id": (user or self.customer()).external_user_id,
            "external_plan_id": plan.external_plan_id,
            "interval": interval,
            "status": "active",
            "started_at": before,
            "ended_at": None,
        }
        found = Subscription(**{"external_subscription_id": key, **values, **changes})
        self.subscriptions[key] = found
        return found

    def bill_of(self, one: Subscription) -> Bill:
        """The flat price of the month's range before anything changes it."""
        last = add_months(self.first, one.interval.months)
        price = Fraction(self.plans[one.external_plan_id].flat_price(one.interval))
        return Bill(self.first, last, one.interval.months, self.period.zone, (Stretch(self.first, last, price),))

    def record(self, kind: str, subject: str, subject_kind: str = "subscription", **data: Any) -> Evidence:
        """A record that holds since long ago; `since` and `until` say otherwise."""
        since, until = data.pop("since", add_months(self.first, -12)), data.pop("until", None)
        found = Evidence(
            kind=kind,
            subject_kind=subject_kind,
            subject_id=subject,
            valid_from=None if since is None else self.at(since),
            valid_to=None if until is None else self.at(until),
            data=data,
            reference=f"{kind}/{subject}/{len(self.evidence)}",
        )
        self.evidence.append(check(found))
        return found

    def became(self, one: Subscription, name: str, value: object, since: date) -> None:
        """A field of a subscription that was this from a day on."""
        entry = HistoryEntry(
            subject_kind="subscription",
            subject_id=one.external_subscription_id,
            field=name,
            value=str(value),
            valid_from=self.at(since),
        )
        self.history.append(entry)

    def line(self, one: Subscription, net: Decimal, kind: LineKind = LineKind.PLAN, **changes: Any) -> InvoiceLine:
        """A line for the range of a subscription's flat price, or of its usage."""
        start, end = self.range_of(one) if kind is not LineKind.OVERAGE else self.usage_range_of(one)
        values: dict[str, Any] = {"ordinal": 1, "description": f"{kind}", "service_from": start, "service_to": end}
        return InvoiceLine(**{"kind": kind, "amount": net, **values, **changes})

    def range_of(self, one: Subscription) -> tuple[datetime, datetime]:
        """The range of its flat price that begins in the month."""
        return max(self.at(self.first), one.started_at), self.at(add_months(self.first, one.interval.months))

    def usage_range_of(self, one: Subscription) -> tuple[datetime, datetime]:
        """The part of the month that it lived in."""
        return max(self.at(self.first), one.started_at), min(self.at(self.last), one.ended_at or self.at(self.last))

    def invoice(self, user_id: str, lines: Sequence[InvoiceLine], **changes: Any) -> Invoice:
        """An invoice as the host issues it, taxed line by line at its customer's place."""
        key = changes.pop("key", f"i{len(self.invoices):05d}")
        nets = [line.amount for line in lines]
        subtotal = changes.pop("subtotal", sum(nets, Decimal(0)))
        tax = changes.pop("tax", self.tax(user_id, nets if sum(nets, Decimal(0)) == subtotal else [subtotal]))
        numbered = tuple(replace(line, ordinal=number) for number, line in enumerate(lines, 1))
        values: dict[str, Any] = {
            "external_subscription_id": None,
            "issued_at": self.at(self.first),
            "status": InvoiceStatus.OPEN,
            "currency": "CAD",
            "subtotal": subtotal,
            "tax": tax,
            "total": subtotal + tax,
        }
        found = Invoice(**{"external_invoice_id": key, "external_user_id": user_id, **values, "lines": numbered, **changes})
        self.invoices[key] = found
        return found

    def bill(self, one: Subscription, net: Decimal, kind: LineKind = LineKind.PLAN, **changes: Any) -> Invoice:
        """An invoice with one line for the subscription's flat price or its usage."""
        issued_at = self.usage_range_of(one)[1] if kind is LineKind.OVERAGE else self.range_of(one)[0]
        values = {"external_subscription_id": one.external_subscription_id, "issued_at": issued_at}
        return self.invoice(one.external_user_id, [self.line(one, net, kind)], **{**values, **changes})

    def tax(self, user_id: str, nets: Sequence[Decimal]) -> Decimal:
        """The tax of lines, each component rounded on each."""
        percents = PERCENTS[self.users[user_id].state or ""]
        return sum((cents(Fraction(net) * Fraction(each) / 100) for net in nets for each in percents), Decimal(0))

    def told(
        self,
        place: str,
        charge: str,
        plant: str,
        verdict: Verdict,
        *causes: str,
        remedy: Remedy = Remedy.NONE,
        also: Iterable[str] | None = None,
        maybe: Iterable[str] = (),
    ) -> None:
        """Write the truth down: of a subscription's charge, or of a line by its key with an empty charge."""
        self.truths[place, charge] = Truth(
            plant=plant,
            causes=frozenset(causes),
            also=frozenset(causes if also is None else also),
            maybe=frozenset(maybe),
            remedy=remedy,
            verdict=verdict,
        )

    def uses(self, one: Subscription, units: Decimal) -> None:
        """So many cpu-seconds in the month."""
        self.usage[one.external_subscription_id, CPU_SECONDS] = units

    def world(self) -> World:
        """The service as a snapshot has it."""
        service = Service(
            code="seeded",
            mapping="nexacloud",
            zone=self.period.zone,
            currency="CAD",
            first_period="2024-01",
            terms_assumed_from=date(2020, 1, 1),
            conventions=Conventions(proration=self.declared),
        )
        records = SourceRecords(
            snapshot_id=1,
            users=tuple(self.users.values()),
            plans=tuple(self.plans.values()),
            subscriptions=tuple(self.subscriptions.values()),
            invoices=tuple(self.invoices.values()),
            evidence=tuple(self.evidence),
            history=tuple(self.history),
            billing_states=tuple(self.states),
            bad=(),
        )
        work = PeriodWork(db=NOWHERE, service=service, period=self.period, taxes=TAXES, settings_hash="seeded", now=self.now)
        return World(work=work, records=records, usage=self.usage, other_usage=self.other_usage)


def dice(seed: int) -> Random:
    """What makes the same service of the same number."""
    return Random(seed)  # noqa: S311


def overage(units: Decimal, quota: Decimal = QUOTA) -> Fraction:
    """What usage above the quota costs."""
    return max(Fraction(units) - Fraction(quota), Fraction(0)) / HOUR * Fraction(RATE)
