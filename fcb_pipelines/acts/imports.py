"""What every import of the chain shares: wanted against present, the difference applied, the outcome kept.

Owns: the steps and their order. Does not own: what is wanted (`partners`, `plans`, `subscriptions`), the words of Odoo (odoo).
Odoo is never asked inside a transaction on our store: the store is read first, and written once at the end.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime

from fcb_pipelines.acts.source import SourceRecords
from fcb_pipelines.domain.changes import Changes, Fields, changes
from fcb_pipelines.domain.external_ids import Entity, external_id
from fcb_pipelines.domain.imports import Imported, ImportIssue, Outcome, diff_rows, failed, summary
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.tax import TaxTable
from fcb_pipelines.odoo.batches import Applied, Load
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.lanes import ONE_LANE, Lanes
from fcb_pipelines.odoo.pace import Clock
from fcb_pipelines.odoo.records import Kind, Present, create, loading, read, update
from fcb_pipelines.odoo.resolution import resolve
from fcb_pipelines.services import Service
from fcb_pipelines.store import imports as stored
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.usage import subscriptions_with_usage

Report = Callable[[str], None]
NO_ID = "(no id)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an import decides from: the source as a snapshot has it, and where Odoo is asked."""

    db: Database
    odoo: Odoo
    service: Service
    records: SourceRecords
    taxes: TaxTable
    """What an order's taxes are compared with when it is read back."""
    now: datetime
    lanes: Lanes = ONE_LANE
    """How many loads go on at once, and what their pace is measured by."""

    def xid(self, entity: Entity, source_id: str) -> str:
        """Our external id of a record of this service."""
        return external_id(self.service.code, entity, source_id)

    def bad(self, entity: str) -> tuple[ImportIssue, ...]:
        """Rows of the source that are no records, by its id or "(no id)"."""
        rows = (row for row in self.records.bad if row.entity == entity)
        return tuple(
            ImportIssue(external_id=row.external_id or NO_ID, outcome=Outcome.FAILED, reason=row.reason) for row in rows
        )

    def gone(self, entity: Entity, present: Present, known: Iterable[str], bad: Iterable[ImportIssue]) -> frozenset[str]:
        """Records of ours in Odoo that no row of the source stands behind, be it good or bad."""
        ids = {*known, *(issue.external_id for issue in bad)}
        return frozenset(present.ids.keys() - {self.xid(entity, each) for each in ids})

    def scope(self) -> tuple[Period, Period]:
        """The first and the last period in scope."""
        return self.service.period(self.service.first_period), self.service.open_period(self.now)

    def metered(self) -> frozenset[str]:
        """Subscriptions that used anything in scope."""
        with self.db.transaction() as conn:
            return subscriptions_with_usage(conn, self.service.code, self.scope()[0])

    def known(self, kind: Kind) -> dict[str, int]:
        """Where our store last saw the records of a kind in Odoo, by external id."""
        with self.db.transaction() as conn:
            seen = stored.records(conn, self.service.code, kind.entity)
        return {one.external_id: one.odoo_id for one in seen if one.model == kind.model}

    def present(self, kind: Kind, wanted: Collection[str]) -> tuple[Present, frozenset[str]]:
        """The records of ours of a kind in Odoo, and which external ids the store knew that are gone there."""
        known = self.known(kind)
        there = read(self.odoo, kind, resolve(self.odoo, kind, self.service.code, wanted=wanted, known=known))
        return there, frozenset(known.keys() - there.ids.keys())

    def exclusive(self, *, dry_run: bool) -> AbstractContextManager[object]:
        """Keep other imports out; a dry run changes nothing and waits for nobody."""
        return nullcontext() if dry_run else stored.exclusive_import(self.db, self.service.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The records of one kind: those wanted, those there, and what makes the one into the other."""

    kind: Kind
    source_ids: Mapping[str, str]
    """External id → id in the source, of every wanted record."""
    wanted: Mapping[str, Fields]
    present: Present
    forgotten: frozenset[str] = frozenset()
    """Known to our store and gone from Odoo."""
    is_part: bool = False
    """Whether these are parts of the first shelf's records, found through them and not kept in the store."""
    made: Changes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "made", changes(self.wanted, self.present.fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What an import of one entity is to do; the first shelf holds the entity's own records."""

    entity: Entity
    shelves: tuple[Shelf, ...]
    issues: tuple[ImportIssue, ...]
    gone: frozenset[str]
    """In Odoo and no longer in the source."""
    linked: tuple[str, ...] = ()
    """Source ids of records that stood in Odoo before us: found, and left alone."""

    def imported(self, refused: Mapping[str, str]) -> Imported:
        """The outcome, given why Odoo refused which records, by external id."""
        sources = {xid: source_id for shelf in self.shelves for xid, source_id in shelf.source_ids.items()}
        members: dict[str, list[str]] = {source_id: [] for source_id in self.linked}
        for xid, source_id in sources.items():
            members.setdefault(source_id, []).append(xid)
        reasons = failed({sources[xid]: reason for xid, reason in refused.items()})
        bad = {sources[xid] for xid in refused}
        rows = [row for shelf in self.shelves for row in diff_rows(shelf.made) if sources[row.external_id] not in bad]
        return summary(self.entity, made=members, diff=rows, issues=(*self.issues, *reasons), gone=self.gone)


def unneeded(reading: Reading, decided: Decided) -> dict[str, int]:
    """Records of ours in Odoo that are not wanted; those of a bad or failed record of the source are not among them."""
    failing = [issue.external_id for issue in decided.issues if issue.outcome is Outcome.FAILED]
    found: dict[str, int] = {}
    for shelf in decided.shelves:
        kept = {reading.xid(shelf.kind.entity, each) for each in failing} | shelf.wanted.keys()
        found |= {xid: odoo_id for xid, odoo_id in shelf.present.ids.items() if xid not in kept and not shelf.is_part}
    return found


def apply(reading: Reading, shelf: Shelf, load: Load | None, report: Report) -> Applied:
    """Make the difference of a shelf: new records by `load`, or the shelf's own, then what changed."""
    rows = loading(shelf.kind, shelf.made.create) if load is None else load
    progress = _Progress(shelf.kind.entity, len(rows.rows) + len(shelf.made.update), reading.lanes.clock, report)
    new = create(reading.odoo, rows, reading.lanes.pace(), progress)
    changed = update(
        reading.odoo,
        shelf.kind,
        shelf.made,
        ids=shelf.present.ids,
        wanted=shelf.wanted,
        pace=reading.lanes.pace(),
        progress=progress,
    )
    return Applied(ids=new.ids, failed=new.failed | changed.failed)


def send(reading: Reading, what: str, load: Load, report: Report) -> Applied:
    """Make or change records as whole rows by their external ids, telling how far it is."""
    return create(reading.odoo, load, reading.lanes.pace(), _Progress(what, len(load.rows), reading.lanes.clock, report))


class _Progress:
    """Tells how many of the records that differ were sent, and how many a second."""

    def __init__(self, what: str, total: int, clock: Clock, report: Report) -> None:
        self._what, self._total, self._clock, self._report = what, total, clock, report
        self._done, self._started = 0, clock()

    def __call__(self, count: int) -> None:
        self._done += count
        rate = self._done / max(self._clock() - self._started, 0.001)
        self._report(f"{self._what}: {self._done} of {self._total} new or changed records sent ({rate:.0f} a second)")


def keep(conn: Connection, reading: Reading, decided: Decided, applied: Sequence[Applied]) -> Imported:
    """Keep what an import did: where the records are in Odoo, the run and its issues."""
    refused = {xid: reason for each in applied for xid, reason in each.failed.items()}
    done = decided.imported(refused)
    for shelf, each in zip(decided.shelves, applied, strict=True):
        stored.forget_records(conn, shelf.forgotten)
        seen = _seen(shelf, {**shelf.present.ids, **each.ids})
        stored.put_records(conn, reading.service.code, () if shelf.is_part else seen, reading.now)
    stored.add_run(conn, reading.service.code, reading.records.snapshot_id, done, reading.now)
    return done


def _seen(shelf: Shelf, ids: Mapping[str, int]) -> list[stored.OdooRecord]:
    return [
        stored.OdooRecord(
            external_id=xid, entity=shelf.kind.entity, source_id=source_id, model=shelf.kind.model, odoo_id=ids[xid]
        )
        for xid, source_id in shelf.source_ids.items()
        if xid in ids
    ]
