"""What the gate is told of our store: all but months (gate_judged) and Odoo (gate_odoo), within the caller's transaction.

Owns: gathering `GateFacts`. Does not own: what stands against a flip (domain/objections).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from fcb_pipelines.acts import gate_judged, read_back
from fcb_pipelines.acts.attestations import unproved
from fcb_pipelines.acts.gate_asking import Asked, Outside, Rules
from fcb_pipelines.acts.gate_judged import Whose
from fcb_pipelines.acts.invoices import lines_now
from fcb_pipelines.acts.source import load
from fcb_pipelines.acts.stop import stopped
from fcb_pipelines.domain.actual import CREDITED_AND_ISSUED_ANEW, ActualLine
from fcb_pipelines.domain.alarms import Alarm
from fcb_pipelines.domain.attestations import resumed_at
from fcb_pipelines.domain.balances import Balance, compared, source_balances
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.flip import State
from fcb_pipelines.domain.gate_facts import (
    GateFacts,
    GateRules,
    NotKnown,
    OpenAlarm,
    OpenDispute,
    SnapshotSeen,
    SourceSubscription,
    Stopped,
    Uncovered,
    UnknownLine,
    UnpaidInvoice,
)
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.invoices import InvoiceStatus, LineKind
from fcb_pipelines.domain.money import Money
from fcb_pipelines.domain.partners import supply_place
from fcb_pipelines.domain.period import Period, periods
from fcb_pipelines.domain.previews import previewed
from fcb_pipelines.domain.read_back import Part as Written
from fcb_pipelines.domain.reconciliation import RULE_VERSION
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines.domain.tax import TaxUndecided, rates_due
from fcb_pipelines.services import Service
from fcb_pipelines.source.columns import BILLING_STATE, EVIDENCE
from fcb_pipelines.source.mapping import is_mapped
from fcb_pipelines.store import alarms, attestations, claims, flips, journal, judged, partners, snapshots
from fcb_pipelines.store.database import Connection

_IMPORTED = (Written.PARTNERS, Written.PLANS, Written.SUBSCRIPTIONS)
_UNPAID = frozenset({InvoiceStatus.OPEN, InvoiceStatus.PARTIALLY_PAID, InvoiceStatus.UNCOLLECTIBLE})
_OVER = frozenset({"won", "lost", "closed", "resolved", "withdrawn"})
"""States of a dispute that say that it is over."""
DISPUTE = "dispute"
"""The kind of evidence that says that a customer, a subscription or an invoice is disputed."""
_NOTHING_READ = NotKnown("a snapshot of the source (fcb import)")


def facts(conn: Connection, service: Service, asked: Asked, outside: Outside, rules: Rules) -> GateFacts:
    """Everything that any kind of objection needs, as it is now."""
    return _Gathering(conn, service, asked, outside, rules).facts()


class _Gathering:
    """The facts while they are gathered; the snapshot and its lines are read once."""

    def __init__(self, conn: Connection, service: Service, asked: Asked, outside: Outside, rules: Rules) -> None:
        self.conn, self.service, self.asked, self.outside, self.rules = conn, service, asked, outside, rules
        self.header = snapshots.latest_snapshot(conn, service.code)
        self.records = None if self.header is None else load(conn, self.header.snapshot_id, service)
        self.lines = () if self.records is None else lines_now(self.records, service, rules.taxes)
        self.links = partners.links(conn, service.code)
        self.closure, self.neighbours = self._closure()

    def facts(self) -> GateFacts:
        """All of them."""
        service, conn, code, rules = self.service, self.conn, self.service.code, self.rules
        plan = self.asked.plan
        planned = () if plan is None else tuple(one.external_subscription_id for one in plan.subscriptions)
        whose = None if plan is None else Whose(customers=self.closure, subscriptions=planned)
        last_flips, said = flips.last_flips(conn, code), attestations.attestations(conn, code)
        return GateFacts(
            service=code,
            zone=service.zone,
            now=rules.now,
            part=self.asked.part,
            rules=GateRules(**{name: getattr(service.flip, name) for name in GateRules.__dataclass_fields__}),
            rule_version=RULE_VERSION,
            settings_hash=rules.settings_hash,
            version=rules.version,
            plan=plan,
            replanned=self.outside.replanned,
            under_way=self.asked.under_way,
            live=frozenset(key for key, one in last_flips.items() if one.state in (State.LIVE, State.COMPLETE)),
            elsewhere=frozenset(
                key for key, one in last_flips.items() if one.state is not State.SHADOW and one.flip_id != self.asked.flip_id
            ),
            customers=self.closure,
            neighbours=self.neighbours,
            periods=gate_judged.periods(conn, service, whose, rules.now),
            last_closed=_last_closed(service, rules.now),
            attestations=said,
            resumed=resumed_at(said, journal.resumed(conn, code)),
            snapshot=self._snapshot(),
            subscriptions=self._subscriptions(),
            links={key: self.links[key] for key in self.closure if key in self.links},
            tax_undecided=self._tax_undecided(),
            disputes=self._disputes(),
            unpaid=self._unpaid(),
            uncovered=self._uncovered(),
            unknown_lines=self._unknown_lines(),
            claims=tuple(one.claim for one in claims.held(conn, code, planned)) if planned else (),
            balances=self._balances(),
            is_metered=self._is_metered(),
            usage_seen_at=judged.last_usage(conn, code, service.billed_feed, rules.now),
            alarms=tuple(_alarm(one) for one in alarms.open_alarms(conn, code)),
            stopped=_stopped(conn, code),
            broken_logs=self.outside.broken_logs,
            unproved=self._unproved(),
            read_back=tuple(words for part in _IMPORTED for words in read_back.objections(conn, code, part)),
            odoo=self.outside.odoo,
        )

    def _closure(self) -> tuple[tuple[str, ...], Mapping[str, tuple[str, ...]]]:
        """Who is judged, and who else is the same partner in Odoo and has something alive that is not in the cohort."""
        plan, users = self.asked.plan, () if self.records is None else self.records.users
        if plan is None:
            return tuple(sorted(user.external_user_id for user in users)), {}
        settled = {*plan.left_out, *(one.external_subscription_id for one in plan.subscriptions)}
        owners = {one.external_user_id for one in plan.subscriptions}
        owners |= {one.external_user_id for one in self._known() if one.external_subscription_id in plan.left_out}
        busy = {one.external_user_id for one in self._alive() if one.external_subscription_id not in settled}
        same = {owner: self._same_partner(owner) - owners for owner in owners}
        idle = {other for others in same.values() for other in others if other not in busy}
        neighbours = {owner: tuple(sorted(others - idle)) for owner, others in same.items() if others - idle}
        return tuple(sorted(owners | idle)), neighbours

    def _same_partner(self, customer: str) -> set[str]:
        link = self.links.get(customer)
        partner = None if link is None else link.odoo_id
        return set() if partner is None else {key for key, one in self.links.items() if one.odoo_id == partner}

    def _known(self) -> Sequence[Subscription]:
        return () if self.records is None else self.records.subscriptions

    def _alive(self) -> Iterator[Subscription]:
        return (one for one in self._known() if one.ended_at is None or one.ended_at > self.rules.now)

    def _snapshot(self) -> SnapshotSeen | NotKnown:
        found = self.header
        if found is None:
            return _NOTHING_READ
        return SnapshotSeen(snapshot_id=found.snapshot_id, taken_at=found.taken_at, refused_because=found.refused_because)

    def _subscriptions(self) -> dict[str, SourceSubscription]:
        states = {} if self.records is None else {one.external_subscription_id: one for one in self.records.billing_states}
        is_told = is_mapped(self.service, BILLING_STATE)
        untold = NotKnown("its billing state" if is_told else "a mapping billing_state.sql, which this service has not")
        return {
            one.external_subscription_id: SourceSubscription(
                status=one.status,
                started_at=one.started_at,
                ended_at=one.ended_at,
                billing=states.get(one.external_subscription_id, untold),
            )
            for one in self._known()
        }

    def _tax_undecided(self) -> dict[str, str]:
        """Asked on the first day of the first month of Odoo, or now."""
        zone, plan = self.service.zone, self.asked.plan
        on = (self.rules.now if plan is None else Period(plan.not_before, zone).start).astimezone(zone).date()
        users = {} if self.records is None else {user.external_user_id: user for user in self.records.users}
        found = {}
        for customer in self.closure:
            place, _ = supply_place(users.get(customer), self.service.place_of_supply)
            due = rates_due(place, on, self.rules.taxes)
            if isinstance(due, TaxUndecided):
                found[customer] = due.reason
        return found

    def _disputes(self) -> tuple[OpenDispute, ...] | NotKnown:
        if self.records is None:
            return _NOTHING_READ
        if not is_mapped(self.service, EVIDENCE):
            return NotKnown("a mapping evidence.sql, which this service has not, or a signature")
        owners = self._owners()
        return tuple(
            OpenDispute(external_user_id=owner, reference=one.reference, since=one.valid_from)
            for one in self.records.evidence
            if one.kind == DISPUTE and self._is_open(one) and (owner := owners.get((one.subject_kind, one.subject_id)))
        )

    def _is_open(self, one: Evidence) -> bool:
        is_over = str(one.data.get("status") or "").strip().casefold() in _OVER
        return not is_over and (one.valid_to is None or one.valid_to > self.rules.now)

    def _owners(self) -> dict[tuple[str, str], str]:
        """Whose a subject of a record is."""
        found = {("user", customer): customer for customer in self.closure}
        found |= {("subscription", one.external_subscription_id): one.external_user_id for one in self._known()}
        invoices = () if self.records is None else self.records.invoices
        return found | {("invoice", one.external_invoice_id): one.external_user_id for one in invoices}

    def _unpaid(self) -> tuple[UnpaidInvoice, ...] | NotKnown:
        if self.records is None:
            return _NOTHING_READ
        billed = {line.external_invoice_id for line in self.lines if line.counts and CREDITED_AND_ISSUED_ANEW not in line.notes}
        return tuple(
            UnpaidInvoice(
                external_user_id=one.external_user_id,
                external_invoice_id=one.external_invoice_id,
                issued_at=one.issued_at,
                amount=Money(one.total, one.currency),
                status=one.status.value,
            )
            for one in self.records.invoices
            if one.status in _UNPAID and one.external_invoice_id in billed and one.total > 0
        )

    def _uncovered(self) -> tuple[Uncovered, ...] | NotKnown:
        if self.records is None:
            return _NOTHING_READ
        return gate_judged.uncovered(self.conn, self.service, self.records, self.lines, self.closure)

    def _unknown_lines(self) -> tuple[UnknownLine, ...] | NotKnown:
        if self.records is None:
            return _NOTHING_READ
        return tuple(map(_unknown, (line for line in self.lines if line.counts and line.kind is LineKind.UNKNOWN)))

    def _balances(self) -> tuple[Balance, ...] | NotKnown:
        odoo = self.outside.odoo.balances
        if self.records is None or isinstance(odoo, NotKnown):
            return odoo if isinstance(odoo, NotKnown) else _NOTHING_READ
        currencies = dict.fromkeys(self.closure, self.service.currency) | self._billed_in()
        told = source_balances(self.records.evidence, currencies, self.rules.now)
        without = [customer for customer in self.closure if not self._same_partner(customer)]
        return compared(told, {key: amount for key, amount in odoo.items() if key[0] in currencies}, without)

    def _billed_in(self) -> dict[str, str]:
        planned = () if self.asked.plan is None else self.asked.plan.subscriptions
        amounts = ((one.external_user_id, previewed(one, charge)) for one in planned for charge in one.charges)
        return {customer: amount.currency for customer, amount in amounts if amount is not None}

    def _is_metered(self) -> bool:
        if self.asked.plan is not None:
            return any(charge.charge != FLAT for one in self.asked.plan.subscriptions for charge in one.charges)
        metered = {plan.external_plan_id for plan in (() if self.records is None else self.records.plans) if plan.charges}
        return any(one.external_plan_id in metered for one in self._alive())

    def _unproved(self) -> tuple[str, ...]:
        flip_id, code = self.asked.flip_id, self.service.code
        steps = () if flip_id is None else journal.unproved(self.conn, code, flip_id)
        return (*unproved(self.conn, self.service), *steps)


def _last_closed(service: Service, now: datetime) -> str | None:
    """The last month in scope that has closed."""
    first = Period(service.first_period, service.zone)
    closed = [one.key for one in periods(first, service.open_period(now)) if service.closes_at(one) <= now]
    return max(closed, default=None)


def _unknown(line: ActualLine) -> UnknownLine:
    return UnknownLine(
        external_user_id=line.external_user_id,
        line_key=line.line_key,
        description=line.description,
        net=line.net,
        issued_at=line.issued_at,
    )


def _alarm(one: Alarm) -> OpenAlarm:
    return OpenAlarm(kind=one.kind.value, subject=one.subject, words=one.words, raised_at=one.raised_at)


def _stopped(conn: Connection, service: str) -> Stopped | None:
    found = stopped(conn, service)
    return None if found is None else Stopped(person=found.person, at=found.at, text=found.text)
