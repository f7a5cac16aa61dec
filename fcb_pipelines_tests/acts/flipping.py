"""A small cohort in an Odoo, planned and armed: what a flip, a charge and an unflip of it do is looked at in both systems."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from fcb_pipelines.acts import arming, flip
from fcb_pipelines.acts.arming import Armed, Typed
from fcb_pipelines.acts.flip import Going
from fcb_pipelines.acts.flip_run import Stands
from fcb_pipelines.acts.flip_steps import Evidence
from fcb_pipelines.acts.source import SourceRecords
from fcb_pipelines.domain.arming import Stake
from fcb_pipelines.domain.attestations import Attestation, Statement
from fcb_pipelines.domain.flip import Entry, Part, Phase, State, Step
from fcb_pipelines.domain.flip_plans import SubscriptionPlan
from fcb_pipelines.domain.gate import Objection
from fcb_pipelines.domain.history import BillingState
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import subscription_plans
from fcb_pipelines.odoo.order_now import OrderNow, order_now
from fcb_pipelines.store import journal
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.flips import StoredFlip
from fcb_pipelines_tests.acts.chain import Chain
from fcb_pipelines_tests.acts.source_records import a_plan, a_subscription, a_user, records
from fcb_pipelines_tests.builders import day
from fcb_pipelines_tests.flips import a_charge, keep
from fcb_pipelines_tests.flips import a_plan as a_flip_plan
from fcb_pipelines_tests.flips import a_subscription as planned

FLIP_ID = "F-00000000cafe"
NOW = datetime(2026, 7, 1, 14, tzinfo=UTC)
SOURCE = records(
    users=(a_user("u1"), a_user("u2")),
    plans=(a_plan(unit_price=Decimal("0.01")),),
    subscriptions=(a_subscription("s1"), a_subscription("s2"), a_subscription("s3", "u2")),
)
"""Ada's two subscriptions and one of somebody else, 19.99 each."""
STOPPED = {"biller": "stripe", "auto_renew": False}
BILLING = {"biller": "stripe", "auto_renew": True}


@dataclass(kw_only=True)
class Cohort:
    """A cohort, and what the source and people say of it; a test changes what it is about."""

    chain: Chain
    flip: StoredFlip
    odoo: Odoo
    now: datetime = NOW
    billing: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    attested: dict[tuple[Statement, str], Attestation] = field(default_factory=dict)
    billed_to: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    against: Callable[[Connection, frozenset[str]], list[Objection]] = lambda conn, under_way: []
    may_confirm: bool = True
    may_charge: bool = True
    taken_at: datetime = NOW + timedelta(hours=1)
    said: list[str] = field(default_factory=list)

    @classmethod
    def made(cls, chain: Chain, source: SourceRecords = SOURCE) -> "Cohort":
        """Import, and plan what Odoo has."""
        chain.all(source)
        plan = a_flip_plan(*(_planned(chain, one) for one in ("s1", "s2", "s3")), service=chain.service.code)
        with chain.db.transaction() as conn:
            kept = keep(conn, plan, FLIP_ID)
        cohort = cls(chain=chain, flip=kept, odoo=chain.odoo)
        for one in kept.subscriptions:
            cohort.billing[one] = STOPPED
        return cohort

    @property
    def going(self) -> Going:
        """What the acts are given."""
        return Going(
            db=self.chain.db,
            odoo=self.odoo,
            service=self.chain.service,
            now=self.now,
            actor="ada",
            report=self.said.append,
            gate=lambda flip, part: self.against,
            evidence=self.evidence,
            may_confirm=self.may_confirm,
            may_charge=self.may_charge,
        )

    def evidence(self) -> Evidence:
        """What the steps are told."""
        plans = subscription_plans(self.odoo)
        return Evidence(
            snapshot_id=7,
            taken_at=self.taken_at,
            billing={one: _billing(one, said) for one, said in self.billing.items()},
            attested=lambda statement, subject: self.attested.get((statement, subject)),
            billed_to=lambda subscription: self.billed_to,
            plans={interval.months: plan_id for interval, plan_id in plans.items()},
        )

    def arm(self, part: Part = Part.FLIP, person: str = "ada", planned: Stake | None = None) -> Armed:
        """Arm what is planned."""
        meant = planned or arming.stake(self.flip.plan)
        typed = Typed(flip_id=FLIP_ID, part=part, person=person, count=meant.count, amounts=meant.amounts)
        with self.chain.db.transaction() as conn:
            return arming.arm(conn, self.chain.service, typed, self.now, planned=planned)

    def go(self) -> Stands:
        return flip.go(self.going, FLIP_ID)

    def charge(self) -> Stands:
        return flip.charge(self.going, FLIP_ID)

    def complete(self) -> Stands:
        return flip.complete(self.going, FLIP_ID)

    def live(self) -> "Cohort":
        """Armed, and gone."""
        self.arm()
        assert set(self.go().states.values()) == {State.LIVE}
        return self

    def order(self, subscription: str = "s1") -> OrderNow:
        """An order as Odoo has it."""
        (plan,) = [one for one in self.flip.plan.subscriptions if one.external_subscription_id == subscription]
        assert plan.order_id is not None
        return order_now(self.chain.odoo, plan.order_id)

    def journal(self, subscription: str = "s1") -> tuple[Entry, ...]:
        with self.chain.db.transaction() as conn:
            return journal.of_flip(conn, FLIP_ID).get(subscription, ())

    def words(self, subscription: str = "s1") -> list[tuple[Step, Phase]]:
        """Step and phase of each entry."""
        return [(entry.step, entry.phase) for entry in self.journal(subscription)]


def _planned(chain: Chain, subscription: str) -> SubscriptionPlan:
    """As the planner has it: what the order comes to is what it first bills."""
    order = order_now(chain.odoo, chain.ids("sale.order")[chain.xid(f"subscription_{subscription}")])
    return planned(
        subscription,
        external_user_id="u2" if subscription == "s3" else "u1",
        partner_id=order.partner_id,
        order_id=order.odoo_id,
        order_name=order.name,
        next_invoice_on=date(2026, 7, 1),
        charges=(a_charge(first_net=order.net, first_tax=order.tax), _usage()),
    )


def _usage() -> Any:
    """Used in June, which the source is still to bill."""
    return a_charge(
        charge="cpu_seconds",
        final_from=day("2026-06-01"),
        first_due=day("2026-08-01"),
        first_net=None,
        first_tax=None,
        last_bill=None,
    )


def _billing(subscription: str, said: Mapping[str, Any]) -> BillingState:
    return BillingState(external_subscription_id=subscription, paid_through=None, cancel_at=None, provider_id=None, **said)
