"""What the gate is given: everything that any kind of objection needs to know, as of one moment.

Owns: the records, what is not known of them, and which attestations hold. Does not own: reading them (acts/gate_store,
acts/gate_odoo), what they object to (`objections`, one file each).

What nobody could tell is a `NotKnown` that says what would tell it. It is never an empty list, a zero or a "no".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.attestations import Attestation, Statement
from fcb_pipelines.domain.audit import Break
from fcb_pipelines.domain.balances import Balance
from fcb_pipelines.domain.claims import Claim
from fcb_pipelines.domain.coverage import Agreed
from fcb_pipelines.domain.flip import Part
from fcb_pipelines.domain.flip_plans import ChargePlan, FlipPlan, SubscriptionPlan
from fcb_pipelines.domain.history import BillingState
from fcb_pipelines.domain.inert import NotInert
from fcb_pipelines.domain.money import Money
from fcb_pipelines.domain.partners import AccountLink
from fcb_pipelines.domain.rows import Row

Gate = Part
"""In front of which act the gate is asked."""


@dataclass(frozen=True, slots=True)
class NotKnown:
    """Nobody could tell."""

    needs: str
    """What would tell it, as part of a sentence: `needs …`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """What `fcb.toml` asks of a flip; see `flip_rules`."""

    clean_periods: int
    snapshot_hours: int
    rehearsed_days: int
    feed_silent_hours: int
    past_due_days: int
    host_closes_after_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPeriod:
    """A period's newest revision, as far as it concerns those whom the gate is asked of, with what is signed as of now."""

    period: str
    rows: tuple[Row, ...]
    """Rows of theirs; what an acceptance decided that holds no longer is undecided again (`gate_rows`)."""
    agreed: tuple[Agreed, ...] = ()
    """Rows of theirs that were not read because all of them agree."""
    is_whole: bool
    """Whether all rows of theirs were read, those that agree too."""
    currency: str
    was_closed: bool
    """Whether the period had closed when it was run."""
    made_at: datetime
    rule_version: str
    settings_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotSeen:
    """The newest snapshot of the source."""

    snapshot_id: int
    taken_at: datetime
    refused_because: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSubscription:
    """A subscription as the newest snapshot has it."""

    status: str
    started_at: datetime
    ended_at: datetime | None
    billing: BillingState | NotKnown
    """Who bills it; not known where the source does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpaidInvoice:
    """An invoice of the source that is finalised and not paid in full."""

    external_user_id: str
    external_invoice_id: str
    issued_at: datetime
    amount: Money
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDispute:
    """A dispute on record that nothing says is over."""

    external_user_id: str
    reference: str
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownLine:
    """A line that counts as billed and of which no rule says what it is."""

    external_user_id: str
    line_key: str
    description: str
    net: Money
    issued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncovered:
    """What was billed, or alive, in a period that was reconciled, and is not in its newest revision as it is in the source."""

    period: str
    external_user_id: str
    reference: str
    """The key of a line, or the id of a subscription."""
    net: Money | None
    """Of a line."""
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAlarm:
    """An alarm that nobody cleared."""

    kind: str
    subject: str
    words: str
    raised_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """That somebody threw the kill switch."""

    person: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowOrder:
    """An order of ours as Odoo has it now."""

    odoo_id: int
    name: str
    state: str
    partner_id: int
    net: Money
    tax: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class OdooSetting:
    """A setting of Odoo that a flip depends on."""

    name: str
    is_fit: bool | NotKnown
    words: str
    what_to_do: str
    statement: Statement | None = None
    """What a person may attest of it in place of reading it, where it cannot be read."""
    may_be_meant: bool = False
    """Whether that statement also says that it is meant to be so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OdooFacts:
    """Everything that was read from Odoo before the transaction in which the gate is asked."""

    orders: Mapping[str, ShadowOrder | None] | NotKnown
    """By subscription; None where it has none there. One that is absent was not looked for."""
    others_live: Mapping[int, tuple[str, ...]] | NotKnown
    """By partner, what Odoo bills them beside our orders; partners without any are left out."""
    settings: tuple[OdooSetting, ...] | NotKnown
    balances: Mapping[tuple[str, str], Money] | NotKnown
    """By customer and currency; where nothing is open there is none."""
    not_inert: tuple[NotInert, ...] | NotKnown
    """What could charge somebody, beside what is live or under way by a flip."""
    read_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFacts:
    """Everything, as of `now`."""

    service: str
    zone: ZoneInfo
    now: datetime
    part: Part
    """In front of which act the gate is asked: `flip`, which starts invoicing, or `charge`, which starts charging."""
    rules: GateRules
    rule_version: str
    """Of reconciliation, as it is now."""
    settings_hash: str
    """Of the reviewed rules as they are now."""
    version: str
    """Of this program."""
    plan: FlipPlan | None
    """None where it is asked what stands against customers of whom nothing is planned yet."""
    replanned: FlipPlan | NotKnown
    """The same cohort planned now."""
    under_way: frozenset[str]
    """Subscriptions of the plan that this very flip changed anything of; see `flip.is_under_way`."""
    live: frozenset[str] | NotKnown
    """Subscriptions of the service that are live, by whichever flip."""
    elsewhere: frozenset[str] | NotKnown
    """Those that another flip than this one took live, or is taking there or back."""
    customers: tuple[str, ...]
    """Of the closure: those who are judged."""
    neighbours: Mapping[str, tuple[str, ...]]
    """Customer of the closure → others of the service who are the same partner in Odoo, have something that could be billed,
    and are not in the closure."""
    periods: tuple[JudgedPeriod, ...]
    """Every period that was reconciled, by period."""
    last_closed: str | None
    """The last period in scope that has closed by now; None where none has."""
    attestations: tuple[Attestation, ...]
    """All of the service, whatever became of them."""
    resumed: Mapping[str, datetime]
    """By subscription, when it was last said that the source bills it again after an unflip."""
    snapshot: SnapshotSeen | NotKnown
    subscriptions: Mapping[str, SourceSubscription]
    """Of the newest snapshot; one that is absent is not there."""
    links: Mapping[str, AccountLink]
    """By customer."""
    tax_undecided: Mapping[str, str]
    """Customer → why the tax on what they are billed cannot be told."""
    disputes: tuple[OpenDispute, ...] | NotKnown
    unpaid: tuple[UnpaidInvoice, ...] | NotKnown
    uncovered: tuple[Uncovered, ...] | NotKnown
    unknown_lines: tuple[UnknownLine, ...] | NotKnown
    claims: tuple[Claim, ...] | NotKnown
    """Of the plan's subscriptions, not released."""
    balances: tuple[Balance, ...] | NotKnown
    is_metered: bool
    """Whether anything of those who are judged is priced by usage."""
    usage_seen_at: datetime | None
    """The end of the last usage of the feed that is billed, of any subscription; None where there is none at all."""
    alarms: tuple[OpenAlarm, ...] | NotKnown
    stopped: Stopped | NotKnown | None
    broken_logs: tuple[Break, ...] | NotKnown
    unproved: tuple[str, ...]
    """What people signed, or a flip did, by our store, and the audit log does not say so."""
    read_back: tuple[str, ...]
    """What the last read-backs of the import object to."""
    odoo: OdooFacts

    @property
    def planned(self) -> tuple[SubscriptionPlan, ...]:
        """What is to go live; nothing where nothing is planned."""
        return () if self.plan is None else self.plan.subscriptions

    @property
    def charges(self) -> tuple[tuple[SubscriptionPlan, ChargePlan], ...]:
        """Every charge that is to go live, with its subscription."""
        return tuple((one, charge) for one in self.planned for charge in one.charges)

    @property
    def not_begun(self) -> tuple[SubscriptionPlan, ...]:
        """What is to go live and is not under way: of the others the flip itself changed what is there."""
        return tuple(one for one in self.planned if one.external_subscription_id not in self.under_way)

    def said(self, statement: Statement, subject: str = "") -> tuple[Attestation, ...]:
        """What was attested of a subject, the last first, whether it still holds or not."""
        found = [one for one in self.attestations if (one.statement, one.subject) == (statement, subject)]
        return tuple(sorted(found, key=lambda one: (one.made_at, one.attestation_id), reverse=True))

    def attested(self, statement: Statement, subject: str = "", value: str | None = None) -> Attestation | None:
        """The attestation that can be relied on now; None where there is none. With a `value`, it must say exactly that."""
        holding = (one for one in self.said(statement, subject) if one.holds_at(self.now))
        return next((one for one in holding if value is None or one.value == value), None)

    def stop_said(self, subscription: str) -> Attestation | None:
        """The attestation that the source will not bill it again, unless it was said to do so since."""
        said = self.attested(Statement.SOURCE_STOPPED, subscription)
        return said if said is not None and said.is_since(self.resumed.get(subscription)) else None

    def lapsed(self, statement: Statement, subject: str = "") -> Attestation | None:
        """The last attestation that holds no longer, where none does."""
        said = self.said(statement, subject)
        return said[0] if said and not any(one.holds_at(self.now) for one in said) else None

    def age(self, moment: datetime) -> timedelta:
        """How long ago it was."""
        return self.now - moment
