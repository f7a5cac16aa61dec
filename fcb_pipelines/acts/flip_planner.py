"""The plan of one subscription: its boundaries, its order in Odoo, its first bills there and what ends after them.

Owns: how a snapshot, reconciled months, attestations and what Odoo said become one `SubscriptionPlan`. Does not own: the
boundary (domain/boundaries), whole plans (flip_plan).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime

from fcb_pipelines.acts.directory import Directory, directory
from fcb_pipelines.acts.flip_charges import Charges, Told
from fcb_pipelines.acts.invoices import lines_told
from fcb_pipelines.acts.report import was_closed
from fcb_pipelines.acts.source import SourceRecords
from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.boundaries import Settled, Signed
from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.expected import ExpectedLine, RatedLine, expected_line
from fcb_pipelines.domain.flip_plans import ChargePlan, SubscriptionPlan, TermEnd
from fcb_pipelines.domain.history import BillingState
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.money import Money
from fcb_pipelines.domain.partners import AccountLink
from fcb_pipelines.domain.paying import pays_for
from fcb_pipelines.domain.period import Period, midnight
from fcb_pipelines.domain.seen import owner_at
from fcb_pipelines.domain.source_bills import SourceBills, source_bills
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines.domain.tax import TaxTable
from fcb_pipelines.domain.term_ends import term_ends
from fcb_pipelines.odoo.order_now import OrderNow, Token
from fcb_pipelines.services import Service
from fcb_pipelines.store import attestations, partners, settled
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.reconciliation import latest_revisions

UNPLANNED = "unplanned"
"""Its terms or a price cannot be told."""
NO_PARTNER = "no_partner"
NO_ORDER = "no_order"
OTHER_PARTNER = "other_partner"
"""The order in Odoo is somebody else's than who owns the subscription when Odoo's first range begins."""
OWNER_CHANGES = "owner_changes"
"""It goes over to another customer after the boundary."""
SEVERAL_TOKENS = "several_tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class OdooSeen:
    """What Odoo said of a cohort's orders and their partners, a moment ago."""

    orders: Mapping[str, OrderNow] = field(default_factory=dict)
    """Subscription → its order; one without an order is left out."""
    tokens: Mapping[int, tuple[Token, ...]] = field(default_factory=dict)
    """Partner → payment tokens, the newest first."""
    can_charge: bool = False
    """Whether an order can have a token: Enterprise with its subscriptions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """Everything that the plans of a cohort's subscriptions are made of."""

    service: Service
    directory: Directory
    bills: SourceBills
    settled: Mapping[str, Mapping[str, tuple[Settled, ...]]]
    """By subscription and charge."""
    shares: Mapping[str, Mapping[tuple[str, str], Money]]
    """By subscription, charge and line: what was billed of the charge, where a reconciled month tells."""
    signed: Mapping[str, Signed]
    """By `subscription/charge`."""
    states: Mapping[str, BillingState]
    links: Mapping[str, AccountLink]
    seen: OdooSeen
    taxes: TaxTable

    @classmethod
    def of(
        cls,
        conn: Connection,
        service: Service,
        records: SourceRecords,
        subscriptions: Sequence[str],
        seen: OdooSeen,
        *,
        taxes: TaxTable,
        now: datetime,
    ) -> "Planner":
        """Read what is known of some subscriptions."""
        newest = latest_revisions(conn, service.code)
        closed = [one.revision_id for one in newest if was_closed(service, one)]
        lines = lines_told(records)
        return cls(
            service=service,
            directory=directory(records, service),
            bills=source_bills(lines, pays_for(records.evidence, lines)),
            settled=_settled(settled.nothing_due(conn, closed, subscriptions)),
            shares=_shares(settled.shares(conn, [one.revision_id for one in newest], subscriptions)),
            signed=_signed(conn, service, now),
            states={one.external_subscription_id: one for one in records.billing_states},
            links=partners.links(conn, service.code),
            seen=seen,
            taxes=taxes,
        )

    def plan(self, subscription_id: str, not_before: Period, final_usage: Biller) -> SubscriptionPlan:
        """The plan of one of them; what cannot be planned is noted, and its amounts are absent."""
        one = self.directory.subscriptions[subscription_id]
        charges, terms_ending, reason = self._planned(one, not_before, final_usage)
        first_at = min((each.boundary for each in charges), default=not_before.start)
        owner = owner_at(one, self.directory.adopted, first_at)
        link, order = self.links.get(owner), self.seen.orders.get(subscription_id)
        partner_id = None if link is None else link.odoo_id
        tokens = self.seen.tokens.get(partner_id or 0, ()) if self.seen.can_charge else ()
        return SubscriptionPlan(
            external_subscription_id=subscription_id,
            external_user_id=owner,
            customer=self._name(owner),
            plan_name=self._plan_name(one),
            months=one.months,
            partner_id=partner_id,
            order_id=None if order is None else order.odoo_id,
            order_name="" if order is None else order.name,
            next_invoice_on=_first_day(charges, not_before),
            charges=charges,
            terms_ending=terms_ending,
            token_id=tokens[0].odoo_id if len(tokens) == 1 else None,
            notes=(*reason, *self._of_owner(one, owner, first_at), *_of_odoo(partner_id, order, tokens)),
        )

    def billed_on(self, subscription_id: str, since: Mapping[str, datetime]) -> dict[str, tuple[datetime, str]]:
        """By charge, up to when all from a moment on is billed or nothing is due, with what proves it; unproved is absent."""
        one = self.directory.subscriptions[subscription_id]
        try:
            charges = self._charges(one)
            found = {charge: charges.billed_on(charge, start) for charge, start in since.items()}
        except InvalidInput:
            return {}
        return {charge: told for charge, told in found.items() if told is not None}

    def _charges(self, one: Subscription) -> Charges:
        return Charges(service=self.service, terms=self.directory.terms_under(self.service, one), told=self._told(one))

    def _planned(
        self, one: Subscription, not_before: Period, final_usage: Biller
    ) -> tuple[tuple[ChargePlan, ...], tuple[TermEnd, ...], tuple[str, ...]]:
        """Its charges and what ends after their boundaries, or neither and why."""
        try:
            charges = self._charges(one)
            found = tuple(charges.plans(not_before, final_usage))
        except InvalidInput as error:
            return (), (), (f"{UNPLANNED}: {error}",)
        ends = term_ends(
            one,
            self.directory.records,
            self.states.get(one.external_subscription_id),
            after=min(each.boundary for each in found),
            net_at=charges.net_at,
        )
        return found, ends, ()

    def _told(self, one: Subscription) -> Told:
        key, service = one.external_subscription_id, self.service
        entries = self.directory.adopted.changes("subscription", key, "user")
        owners = dict.fromkeys([one.external_user_id, *(entry.value for entry in entries if entry.value)])
        state = self.states.get(key)
        return Told(
            paid_through=None if state is None else state.paid_through,
            bills=lambda charge: self.bills.of(key, owners, charge),
            settled=self.settled.get(key, {}),
            signed=lambda charge: self.signed.get(f"{key}/{charge}"),
            shares=self.shares.get(key, {}),
            taxed=lambda line: self._taxed(line, owner_at(one, self.directory.adopted, line.service_from), service),
        )

    def _taxed(self, line: RatedLine, owner: str, service: Service) -> ExpectedLine:
        return expected_line(
            line,
            owner,
            self.directory.users.get(owner),
            default_place=service.place_of_supply,
            on=line.due_at.astimezone(service.zone).date(),
            taxes=self.taxes,
            rounding=service.conventions.tax_rounding,
        )

    def _name(self, customer: str) -> str:
        user = self.directory.users.get(customer)
        return customer if user is None else user.company or user.name

    def _plan_name(self, one: Subscription) -> str:
        plan = self.directory.plans.get(one.external_plan_id)
        return one.external_plan_id if plan is None else plan.name

    def _of_owner(self, one: Subscription, owner: str, at: datetime) -> Iterator[str]:
        for entry in self.directory.adopted.changes("subscription", one.external_subscription_id, "user"):
            if entry.valid_from > at and entry.value and entry.value != owner:
                day = entry.valid_from.astimezone(self.service.zone).date()
                yield f"{OWNER_CHANGES}: to customer {entry.value} on {day}, after Odoo begins to bill customer {owner}"


def _settled(
    found: Mapping[tuple[str, str], Sequence[tuple[datetime, datetime, str]]],
) -> dict[str, dict[str, tuple[Settled, ...]]]:
    by_subscription: dict[str, dict[str, tuple[Settled, ...]]] = defaultdict(dict)
    for (subscription, charge), ranges in found.items():
        by_subscription[subscription][charge] = tuple(
            Settled(service_from=start, service_to=end, reference=row) for start, end, row in ranges
        )
    return by_subscription


def _shares(found: Mapping[tuple[str, str, str], Money]) -> dict[str, dict[tuple[str, str], Money]]:
    by_subscription: dict[str, dict[tuple[str, str], Money]] = defaultdict(dict)
    for (subscription, charge, line), net in found.items():
        by_subscription[subscription][charge, line] = net
    return by_subscription


def _of_odoo(partner_id: int | None, order: OrderNow | None, tokens: Sequence[Token]) -> Iterator[str]:
    if partner_id is None:
        yield f"{NO_PARTNER}: its customer is no partner in Odoo: run  fcb import  and see what it says of it"
    if order is None:
        yield f"{NO_ORDER}: it has no shadow order in Odoo: run  fcb import  and see what it says of it"
    elif order.partner_id != partner_id:
        yield f"{OTHER_PARTNER}: order {order.name} is of partner {order.partner_id} in Odoo, and should be of {partner_id}"
    if len(tokens) > 1:
        yield f"{SEVERAL_TOKENS}: its partner has {len(tokens)} payment tokens, and nobody says which"


def _first_day(charges: Sequence[ChargePlan], not_before: Period) -> date:
    """The day on which Odoo invoices first: that of the flat price, with which what is metered is billed."""
    flat = [each.first_due for each in charges if each.charge == FLAT]
    return min(flat, default=not_before.start).astimezone(not_before.zone).date()


def _signed(conn: Connection, service: Service, now: datetime) -> dict[str, Signed]:
    """What people attested to be billed, by `subscription/charge`, the last that holds; what is no day says nothing."""
    found = {}
    for one in attestations.attestations(conn, service.code):
        if one.statement is Statement.PAID_THROUGH and one.holds_at(now):
            with suppress(ValueError):
                until = midnight(date.fromisoformat(one.value or ""), service.zone)
                found[one.subject] = Signed(paid_through=until, attestation_id=one.attestation_id, made_at=one.made_at)
    return found
