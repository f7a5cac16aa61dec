"""A small cohort in an Odoo, planned and armed: what a flip, a charge and an unflip of it do is looked at in both systems."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from fcb_pipelines.acts import arming, flip, unflip
from fcb_pipelines.acts.arming import Armed, Typed
from fcb_pipelines.acts.flip import Going
from fcb_pipelines.acts.flip_run import Stands
from fcb_pipelines.acts.flip_steps import Evidence
from fcb_pipelines.acts.source import SourceRecords
from fcb_pipelines.acts.unflip import Undone
from fcb_pipelines.domain.arming import Stake
from fcb_pipelines.domain.attestations import Attestation, Statement, resumed_at
from fcb_pipelines.domain.flip import Entry, Part, Phase, State, Step
from fcb_pipelines.domain.flip_plans import SubscriptionPlan
from fcb_pipelines.domain.gate import Objection
from fcb_pipelines.domain.history import BillingState
from fcb_pipelines.domain.unflips import Unflip
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import subscription_plans
from fcb_pipelines.odoo.order_now import TOKEN, OrderNow, order_now
from fcb_pipelines.store import journal
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.flips import StoredFlip
from fcb_pipelines_tests.acts.chain import Chain
from fcb_pipelines_tests.acts.source_records import a_plan, a_subscription, a_user, records
from fcb_pipelines_tests.builders import day
from fcb_pipelines_tests.flips import a_charge, keep
from fcb_pipelines_tests.flips import a_plan as a_flip_plan
from fcb_pipelines_tests.flips import a_subscription as planned

FLIP_ID, AGAIN = "F-00000000cafe", "F-00000000beef"
NOW = datetime(2026, 7, 1, 14, tzinfo=UTC)
SOURCE = records(
    users=(a_user("u1"), a_user("u2")),
    plans=(a_plan(unit_price=Decimal("0.01")),),
    subscriptions=(a_subscription("s1"), a_subscription("s2"), a_subscription("s3", "u2")),
)
"""Ada's two subscriptions and one of somebody else, 19.99 each."""
STOPPED = {"biller": "stripe", "auto_renew": False}
MOVES = "account.move"
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
        return cls._of(chain, FLIP_ID)

    def planned_again(self) -> "Cohort":
        """The same cohort, under an id of its own."""
        return self._of(self.chain, AGAIN)

    @classmethod
    def _of(cls, chain: Chain, flip_id: str) -> "Cohort":
        plans = [_planned(chain, one) for one in ("s1", "s2", "s3")]
        plan = a_flip_plan(*plans[:2], _with_token(chain, plans[2]), service=chain.service.code)
        with chain.db.transaction() as conn:
            kept = keep(conn, plan, flip_id)
        return cls(chain=chain, flip=kept, odoo=chain.odoo, billing=dict.fromkeys(kept.subscriptions, STOPPED))

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
            evidence=lambda flip: self.evidence(),
            may_confirm=self.may_confirm,
            may_charge=self.may_charge,
        )

    def evidence(self) -> Evidence:
        """What the steps are told."""
        plans = subscription_plans(self.odoo)
        return Evidence(
            snapshot_id=7,
            taken_at=self.taken_at,
            billing={one: a_billing(one, said) for one, said in self.billing.items()},
            attested=lambda statement, subject: self.attested.get((statement, subject)),
            resumed=self._resumed(),
            billed_to=lambda subscription: self.billed_to,
            plans={interval.months: plan_id for interval, plan_id in plans.items()},
        )

    def _resumed(self) -> dict[str, datetime]:
        with self.chain.db.transaction() as conn:
            return resumed_at(self.attested.values(), journal.resumed(conn, self.chain.service.code))

    def arm(self, part: Part = Part.FLIP, person: str = "ada", planned: Stake | None = None) -> Armed:
        """Arm what is planned."""
        meant = planned or arming.stake(self.flip.plan)
        typed = Typed(flip_id=self.flip.flip_id, part=part, person=person, count=meant.count, amounts=meant.amounts)
        with self.chain.db.transaction() as conn:
            return arming.arm(conn, self.chain.service, typed, self.now, planned=planned)

    def go(self) -> Stands:
        return flip.go(self.going, self.flip.flip_id)

    def charge(self) -> Stands:
        return flip.charge(self.going, self.flip.flip_id)

    def complete(self) -> Stands:
        return flip.complete(self.going, self.flip.flip_id)

    def live(self) -> "Cohort":
        """Armed, and gone."""
        self.arm()
        assert set(self.go().states.values()) == {State.LIVE}
        return self

    def unflip(self, *, although_stopped: bool = False) -> Undone:
        return unflip.unflip(self.going, self.flip.flip_id, although_stopped=although_stopped)

    def shown(self) -> Unflip:
        return unflip.show(self.going, self.flip.flip_id)

    def back(self) -> Undone:
        """Armed by what is shown, and gone back; the source bills again."""
        self.arm(Part.UNFLIP, planned=self.shown().stake)
        self.billing = dict.fromkeys(self.flip.subscriptions, BILLING)
        return self.unflip()

    def invoice(self, subscription: str = "s1", *, is_posted: bool = True) -> int:
        """An invoice that came of an order, as Odoo Enterprise makes them by itself."""
        line = self.chain.ids("sale.order.line")[self.chain.xid(f"subscription_{subscription}_line")]
        (row,) = self.chain.odoo.search_read("sale.order.line", [("id", "=", line)], ["product_id", "price_unit"])
        of_line = {"product_id": row["product_id"][0], "quantity": 1.0, "price_unit": row["price_unit"]}
        values = {"move_type": "out_invoice", "partner_id": self.order(subscription).partner_id}
        lines = [(0, 0, {**of_line, "sale_line_ids": [(6, 0, [line])]})]
        move = int(self.chain.odoo.call(MOVES, "create", {**values, "invoice_line_ids": lines}))
        if is_posted:
            self.chain.odoo.call(MOVES, "action_post", [move])
        return move

    def live_invoice(self, subscription: str = "s1", *, is_posted: bool = False) -> int:
        """An invoice of a live month as we make it where Odoo does not, with its external id."""
        values = {"move_type": "out_invoice", "partner_id": self.order(subscription).partner_id}
        lines = [(0, 0, {"name": "July", "quantity": 1.0, "price_unit": 19.99})]
        move = int(self.chain.odoo.call(MOVES, "create", {**values, "invoice_line_ids": lines}))
        name = f"{self.chain.service.code}_live_invoice_{subscription}=2f2026-07"
        self.chain.odoo.call("ir.model.data", "create", {"module": "fcb", "name": name, "model": MOVES, "res_id": move})
        if is_posted:
            self.chain.odoo.call(MOVES, "action_post", [move])
        return move

    def move(self, move: int, *fields: str) -> dict[str, Any]:
        """An invoice as Odoo has it."""
        found = self.chain.odoo.search_read(MOVES, [("id", "=", move)], list(fields))
        return {name: found[0][name] for name in fields} if found else {}

    def credit_notes(self, move: int) -> list[dict[str, Any]]:
        """What takes an invoice back."""
        domain = [("reversed_entry_id", "=", move)]
        return self.chain.odoo.search_read(MOVES, domain, ["state", "amount_total", "move_type"])

    def remove(self) -> None:
        """Delete every invoice and token of its customers, so that the rest can go."""
        partners = {one.partner_id for one in self.flip.plan.subscriptions}
        tokens = self.chain.odoo.search_read("payment.token", [("partner_id", "in", sorted(filter(None, partners)))], ["id"])
        if tokens:
            self.chain.odoo.unlink("payment.token", [row["id"] for row in tokens])
        rows = self.chain.odoo.search_read(MOVES, [("partner_id", "in", sorted(filter(None, partners)))], ["state"])
        posted = [row["id"] for row in rows if row["state"] == "posted"]
        if posted:
            self.chain.odoo.call(MOVES, "button_draft", posted)
        for row in sorted(rows, key=lambda each: -each["id"]):
            self.chain.odoo.unlink(MOVES, [row["id"]])

    def order(self, subscription: str = "s1") -> OrderNow:
        """An order as Odoo has it."""
        (plan,) = [one for one in self.flip.plan.subscriptions if one.external_subscription_id == subscription]
        assert plan.order_id is not None
        return order_now(self.chain.odoo, plan.order_id)

    def journal(self, subscription: str = "s1") -> tuple[Entry, ...]:
        with self.chain.db.transaction() as conn:
            return journal.of_flip(conn, self.flip.flip_id).get(subscription, ())

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


def _with_token(chain: Chain, one: SubscriptionPlan) -> SubscriptionPlan:
    """Pays by a stored token where this Odoo has such a thing on an order."""
    if TOKEN not in chain.odoo.fields("sale.order"):
        return one
    assert one.partner_id is not None
    return replace(one, token_id=a_token(chain.odoo, one.partner_id))


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


def a_billing(subscription: str, said: Mapping[str, Any]) -> BillingState:
    return BillingState(external_subscription_id=subscription, paid_through=None, cancel_at=None, provider_id=None, **said)


def a_token(odoo: Odoo, partner: int) -> int:
    """A stored way to pay."""
    models = {"provider_id": "payment.provider", "payment_method_id": "payment.method"}
    provided = {name: odoo.search_read(model, [], ["id"], limit=1)[0]["id"] for name, model in models.items()}
    values = {"partner_id": partner, "provider_ref": "a-secret", "payment_details": "4242"}
    return int(odoo.call("payment.token", "create", {**provided, **values}))
