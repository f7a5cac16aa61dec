"""What drafting decides before it writes: which drafts of a period go in, which stay as they are, which go.

Owns: the bundle of a period's drafts, and what is never touched: an invoice that is or was posted, a line that is not ours.
Does not own: what is drafted (`draft_invoices`, `source_invoices`), the steps of writing (`drafting`), when an invoice may go
(domain/read_back_drafts).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fcb_pipelines.acts.draft_references import References
from fcb_pipelines.acts.imports import Reading
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.domain.drafted import Drafted
from fcb_pipelines.domain.drafts import Draft
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.live_keys import key_of
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.read_back import RECORD, Difference, Part
from fcb_pipelines.domain.read_back_drafts import DraftSent, is_rounded_otherwise, not_made, why_kept
from fcb_pipelines.domain.tax import TaxRounding
from fcb_pipelines.odoo import invoices
from fcb_pipelines.odoo.invoices import InvoicesSeen
from fcb_pipelines.odoo.resolution import resolve
from fcb_pipelines.store import imports as stored
from fcb_pipelines.store import read_back, stages
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.stages import Stage

NOTHING_DUE = "nothing is due for it any more"
SOMEBODYS_LINES = (
    "an invoice becomes a credit note, or one an invoice, only by being made anew, and somebody added lines to this one: take "
    "them off in Odoo, or delete it, and run again"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafting:
    """One period's drafts of one kind, as they shall be."""

    work: PeriodWork
    reading: Reading
    entity: Entity
    part: Part
    stage: str
    snapshot_id: int
    drafts: Mapping[str, Draft]
    """By the draft's key."""
    failed: Mapping[str, str]
    """Why there is no draft, by key."""
    stood: tuple[Stage, ...] = ()
    """The stages that what is due was read from, as they stood then."""
    beside: Part | None = None
    """The part that would be written instead in another edition of Odoo."""
    left: tuple[Difference, ...] = ()
    """What there is of that part all the same, since Odoo was of the other edition."""
    closing: Period | None = None
    """The month that must have closed; the drafts' own where it is None."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """All that is read back with it."""
        return (self.part,) if self.beside is None else (self.part, self.beside)

    def xid(self, key: str) -> str:
        """The external id of a draft."""
        return self.reading.xid(self.entity, key)

    def is_of_period(self, xid: str) -> bool:
        """Whether an external id of this entity is of this month."""
        return key_of(xid).month == self.work.period.key

    def begin(self) -> None:
        """Forget what was read back, because Odoo is about to be written; raises like `require_unchanged`."""
        with self.work.db.transaction() as conn:
            for part in self.parts:
                read_back.forget(conn, self.work.service.code, part, self.work.period.key)
        with self.work.db.transaction() as conn:
            self.require_unchanged(conn)

    def require_unchanged(self, conn: Connection) -> None:
        """Raise `RuleViolation` where the month is not as it was when what is due was read; keeps it so for the transaction."""
        self.work.lock(conn)
        service, period = self.work.service.code, self.work.period.key
        for read in self.stood:
            now = stages.find(conn, service, read.period, read.stage)
            if now is None or now.identity != read.identity:
                again = f"fcb invoices --service {service} --period {period}"
                raise RuleViolation(f"{read.stage} of {service} {read.period} was built anew meanwhile; run again: {again}")

    def still_open(self) -> Iterator[Difference]:
        """What objects to a month that has not closed, however right its drafts are."""
        month = self.closing or self.work.period
        closes = self.work.service.closes_at(month)
        if self.work.now < closes:
            why = f"charges may still come until {closes.isoformat()}: draft it again when the month has closed"
            key = month.key
            yield Difference(external_id=key, field="month", sent="closed", stored="open", why=why)

    def objecting(self, done: Drafted) -> tuple[Difference, ...]:
        """All that is kept against posting: what differs, and each draft that could not be made or changed."""
        told = {one.external_id for one in done.differences if one.field == RECORD}
        failed = {self.xid(key): not_made(self.xid(key), key, why) for key, why in done.failed.items()}
        return (*done.differences, *(one for xid, one in failed.items() if xid not in told))


@dataclass(slots=True, kw_only=True)
class Decided:
    """What is to be written, removed and left alone; everything by external id."""

    sent: dict[str, DraftSent] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """External id → key, of `sent` and of what failed."""
    failed: dict[str, str] = field(default_factory=dict)
    """Why there is no draft."""
    found: InvoicesSeen
    frozen: set[str]
    """Never to be written again."""
    remade: set[str] = field(default_factory=set)
    """Drafts that must be deleted first: an invoice cannot become a credit note, nor be rounded anew while its lines stay."""
    removed: dict[str, int] = field(default_factory=dict)
    """Drafts for which nothing is due any more."""
    kept: dict[str, str] = field(default_factory=dict)
    """Not due any more, and why they stay all the same."""
    forgotten: frozenset[str]


def decide(drafting: Drafting, known: References) -> Decided:
    """Read what is there, then decide; changes nothing anywhere."""
    found, forgotten = found_of(drafting, known)
    decided = Decided(found=found, frozen={xid for xid, each in found.seen.items() if each.is_frozen}, forgotten=forgotten)
    for key, draft in drafting.drafts.items():
        xid = drafting.xid(key)
        decided.keys[xid] = key
        try:
            decided.sent[xid] = known.sent(xid, draft)
        except InvalidInput as error:
            decided.failed[xid] = str(error)
    for key, reason in drafting.failed.items():
        decided.keys[drafting.xid(key)], decided.failed[drafting.xid(key)] = key, reason
    for xid, odoo_id in found.ids.items():
        _decide_on_present(decided, xid, odoo_id, known.taxes.rounding)
    return decided


def _decide_on_present(decided: Decided, xid: str, odoo_id: int, rounding: TaxRounding) -> None:
    seen = decided.found.seen[xid]
    is_other_type = xid in decided.sent and seen.header[invoices.TYPE] != decided.sent[xid].header[invoices.TYPE]
    if is_other_type and seen.strangers and xid not in decided.frozen:
        # To make it anew would delete what is not ours.
        decided.failed[xid] = SOMEBODYS_LINES
        del decided.sent[xid]
    if xid in decided.failed:
        decided.kept[xid] = f"it is of an earlier run and cannot be brought up to date: {decided.failed[xid]}"
    elif xid not in decided.sent:
        why = why_kept(seen)
        if why:
            decided.kept[xid] = f"{NOTHING_DUE}, {why}"
        elif why is not None:
            decided.removed[xid] = odoo_id
    elif xid not in decided.frozen and (is_other_type or is_rounded_otherwise(decided.sent[xid], seen, rounding)):
        decided.remade.add(xid)


def found_of(drafting: Drafting, known: References) -> tuple[InvoicesSeen, frozenset[str]]:
    """The period's invoices of ours in Odoo, and which external ids the store knew that are gone there."""
    reading, kind = drafting.reading, known.ledger.kind(drafting.entity)
    with reading.db.transaction() as conn:
        records = stored.records(conn, reading.service.code, drafting.entity)
    before = {one.external_id: one.odoo_id for one in records if drafting.is_of_period(one.external_id)}
    wanted = {drafting.xid(key) for key in (*drafting.drafts, *drafting.failed)}
    ids = resolve(reading.odoo, kind, reading.service.code, wanted=wanted, known=before)
    seen = invoices.invoices_seen(reading.odoo, kind, {xid: each for xid, each in ids.items() if drafting.is_of_period(xid)})
    return seen, frozenset(before.keys() - seen.ids.keys())
