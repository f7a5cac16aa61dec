"""The source snapshot: everything that a service's database says at one moment, kept in our store.

Owns: the act `take_snapshot`, and the reading of a snapshot as records. Does not own: reading the source (source), tables
(store), what a row means (domain/canonical). Everything after this reads only the store.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar

from fcb_pipelines.acts.seen import seen, told_since
from fcb_pipelines.acts.usage_read import usage_line
from fcb_pipelines.domain import canonical
from fcb_pipelines.domain.canonical import BadRow, Row
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.history import BillingState, HistoryEntry
from fcb_pipelines.domain.invoices import Invoice
from fcb_pipelines.domain.partners import User
from fcb_pipelines.domain.period import Period, periods
from fcb_pipelines.domain.plans import Plan
from fcb_pipelines.domain.seen import NOTHING_SEEN, Seen
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines.services import Service
from fcb_pipelines.source import reader
from fcb_pipelines.source.columns import RECORDS, USAGE, EntitySpec
from fcb_pipelines.source.connection import Connection as Source
from fcb_pipelines.source.connection import open_source
from fcb_pipelines.source.mapping import is_mapped
from fcb_pipelines.store import changed_terms, pulled, snapshots
from fcb_pipelines.store.database import Connection, Database, exclusive
from fcb_pipelines.store.events import ensure_partitions
from fcb_pipelines.store.pulled import UsageHeader
from fcb_pipelines.store.snapshots import Disappeared, SnapshotHeader

Record = TypeVar("Record")
Report = Callable[[str], None]
RowsOf = Callable[[Connection, int, str], Sequence[tuple[str, Row]]]
"""Reads rows of an entity of a snapshot, with their ids."""

_HASH_RANGE = 2**256


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotTaken:
    """What a snapshot read."""

    header: SnapshotHeader
    rows: Mapping[str, int]
    """Good rows per entity that the mapping has."""
    bad: Mapping[str, int]
    """Rows per entity that could not be used, usage included; an entity without any is absent."""
    usage: Mapping[str, UsageHeader]
    """By period, of the periods that were read."""
    unmapped: tuple[str, ...]
    """Optional entities that the mapping has no file for."""
    warnings: tuple[str, ...]
    disappeared: tuple[Disappeared, ...]
    """What the snapshot before had and the source no longer returns."""

    @property
    def snapshot_id(self) -> int:
        """The snapshot's id in the store."""
        return self.header.snapshot_id

    @property
    def issues(self) -> int:
        """How many rows could not be used."""
        return sum(self.bad.values())


def take_snapshot(
    db: Database, service: Service, now: datetime, report: Report, *, only: Sequence[Period] | None = None
) -> SnapshotTaken:
    """Read the source once and keep what it says; nothing is kept unless all of it is.

    Usage is read for every period in scope up to the open one, or for `only` some; the others stay as they were. Raises
    `InvalidInput` where the mapping does not fit, `RemoteError` where the source fails, `RuleViolation` if another snapshot of
    the service is being taken.
    """
    read = _in_scope(service, now) if only is None else only
    with db.transaction() as conn:
        # By itself, or who pushes usage of a month that is new would wait for the whole snapshot.
        ensure_partitions(conn, [period.key for period in read])
    with db.transaction() as conn:
        return _taken(conn, service, now, report, read)


def previewed_records(db: Database, service: Service, now: datetime, report: Report) -> "SourceRecords":
    """The records that a snapshot would have now; nothing is kept. Raises like `take_snapshot`."""
    with db.transaction() as conn:
        taken = _taken(conn, service, now, report, _in_scope(service, now))
        records = load(conn, taken.snapshot_id, service)
        conn.rollback()
    return records


def _taken(conn: Connection, service: Service, now: datetime, report: Report, read: Sequence[Period]) -> SnapshotTaken:
    with open_source(service) as source:
        exclusive(conn, service.code, "snapshot")
        _refuse_mixture(conn, service)
        snapshot_id = snapshots.open_snapshot(conn, service.code, now, is_demo=service.is_demo)
        taking = _Taking(conn, source, service, snapshot_id, now, report)
        for spec in (*RECORDS, USAGE):
            taking.check(spec)
        for spec in RECORDS:
            taking.keep_rows(spec)
        reading = pulled.begin_reading(conn, service.code, service.aggregations)
        for period in read:
            taking.keep_usage(reading, period)
        return taking.close()


def _refuse_mixture(conn: Connection, service: Service) -> None:
    """Raise `RuleViolation` if the store holds the other kind of source: usage events of the two would be summed together."""
    before = snapshots.latest_snapshot(conn, service.code)
    if before is not None and before.is_demo != service.is_demo:
        held, given = ("the demo", "a real source") if before.is_demo else ("a real source", "the demo")
        raise RuleViolation(
            f"our database holds snapshots of {held} for {service.code}, and {given} is configured: give it a database of its "
            "own (FCB_DATABASE_URL), or remove the demo's with `fcb reset`"
        )


def _in_scope(service: Service, now: datetime) -> Sequence[Period]:
    return tuple(periods(service.period(service.first_period), service.open_period(now)))


@dataclass(slots=True)
class _Taking:
    """A snapshot while it is being taken."""

    conn: Connection
    source: Source
    service: Service
    snapshot_id: int
    now: datetime
    report: Report
    rows: dict[str, int] = field(default_factory=dict)
    bad: Counter[str] = field(default_factory=Counter)
    usage: dict[str, UsageHeader] = field(default_factory=dict)
    unmapped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)

    def check(self, spec: EntitySpec) -> None:
        """Refuse a mapping that does not fit before anything is read; note what it leaves out."""
        if spec.is_optional and not is_mapped(self.service, spec):
            self.unmapped.append(spec.name)
            return
        for problem in reader.checked(self.source, self.service, spec):
            self.warnings.append(str(problem))
            self.report(f"warning: {problem}")

    def keep_rows(self, spec: EntitySpec) -> None:
        """Read and keep an entity."""
        if spec.name in self.unmapped:
            return
        read = reader.read(self.source, self.service, spec)
        content = snapshots.add_rows(self.conn, self.snapshot_id, spec.name, ((one.external_id, one.row) for one in read.rows))
        self.hashes += [_digest(spec.name), content, self._keep_bad(spec.name, read.bad)]
        self.rows[spec.name] = len(read.rows)
        self.report(f"{spec.name}: {len(read.rows)} rows" + (f", {len(read.bad)} bad" if read.bad else ""))

    def keep_usage(self, reading: pulled.Reading, period: Period) -> None:
        """Read and keep the usage of a period."""
        total, rejected = 0, 0
        for batch in reader.usage(self.source, self.service, period):
            total += pulled.stage(reading, period, batch.events) + int.from_bytes(
                self._keep_bad(USAGE.name, batch.bad, period.key)
            )
            rejected += len(batch.bad)
        content = (total % _HASH_RANGE).to_bytes(32)
        header = pulled.keep_reading(
            reading, period, snapshot_id=self.snapshot_id, read_at=self.now, rejected=rejected, content_hash=content
        )
        self.bad[USAGE.name] += header.rejected - rejected
        self.hashes += [_digest(period.key), content]
        self.usage[period.key] = header
        self.report(usage_line(header))

    def close(self) -> SnapshotTaken:
        """Finish the snapshot with the hash of all it holds."""
        snapshots.close_snapshot(self.conn, self.snapshot_id, snapshots.combined_hash(self.hashes))
        header = snapshots.snapshot(self.conn, self.service.code, self.snapshot_id)
        assert header is not None  # noqa: S101 - it was opened in this transaction
        before = snapshots.previous_snapshot(self.conn, self.service.code, self.snapshot_id)
        if before is not None:
            changed_terms.note(self.conn, self.service.code, before=before.snapshot_id, now=self.snapshot_id)
        gone = snapshots.disappeared(self.conn, before.snapshot_id, self.snapshot_id) if before else ()
        return SnapshotTaken(
            header=header,
            rows=self.rows,
            bad={entity: count for entity, count in sorted(self.bad.items()) if count},
            usage=self.usage,
            unmapped=tuple(self.unmapped),
            warnings=tuple(self.warnings),
            disappeared=tuple(gone),
        )

    def _keep_bad(self, entity: str, bad: Sequence[BadRow], period: str | None = None) -> bytes:
        """Keep bad rows; the sum of their hashes, which does not depend on their order."""
        snapshots.add_issues(self.conn, self.snapshot_id, bad, period)
        self.bad[entity] += len(bad)
        total = sum(int.from_bytes(_digest(snapshots.canonical_json(one.row))) for one in bad)
        return (total % _HASH_RANGE).to_bytes(32)


def _digest(text: str) -> bytes:
    return snapshots.combined_hash([text.encode()])


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecords:
    """A snapshot as the domain's records."""

    snapshot_id: int
    users: tuple[User, ...]
    plans: tuple[Plan, ...]
    subscriptions: tuple[Subscription, ...]
    invoices: tuple[Invoice, ...]
    evidence: tuple[Evidence, ...]
    history: tuple[HistoryEntry, ...]
    billing_states: tuple[BillingState, ...]
    bad: tuple[BadRow, ...]
    """Rows that are no records: those that could not be read, then those that the domain refuses."""
    seen: Seen = NOTHING_SEEN
    """What this snapshot and those before it saw of plans and subscriptions whose terms changed."""


def last_snapshot(conn: Connection, service: Service) -> int:
    """The id of a service's last snapshot, to build on; raises `RuleViolation` where none was taken yet, or it is refused."""
    return usable(_last(conn, service))


def last_taken(conn: Connection, service: Service) -> int:
    """The id of a service's last snapshot, refused or not, to judge it; raises `RuleViolation` where none was taken yet."""
    return _last(conn, service).snapshot_id


def usable(header: SnapshotHeader) -> int:
    """The id of a snapshot on which something may be built.

    Raises `RuleViolation` if a suite refused it: an older one in its place would hide that the source is broken.
    """
    if header.refused_because is not None:
        raise RuleViolation(
            f"snapshot {header.snapshot_id} of {header.service} cannot be built on: {header.refused_because}. "
            f"Mend the source, then take a new one: fcb import --service {header.service}"
        )
    return header.snapshot_id


def _last(conn: Connection, service: Service) -> SnapshotHeader:
    header = snapshots.latest_snapshot(conn, service.code)
    if header is None:
        raise RuleViolation(f"there is no snapshot of {service.code} yet; take one: fcb import --service {service.code}")
    return header


def last_records(db: Database, service: Service) -> SourceRecords:
    """The records of a service's last snapshot; raises `RuleViolation` where none was taken yet, or it is refused."""
    with db.transaction() as conn:
        return load(conn, last_snapshot(conn, service), service)


def plans(conn: Connection, snapshot_id: int, service: Service) -> tuple[Plan, ...]:
    """The plans of a snapshot that can be read."""
    rows = snapshots.identified_rows(conn, snapshot_id, "plans")
    return canonical.read_all("plans", rows, partial(canonical.plan, default_currency=service.currency))[0]


def load(conn: Connection, snapshot_id: int, service: Service, rows_of: RowsOf = snapshots.identified_rows) -> SourceRecords:
    """The records of a snapshot, under the service's line rules and currency; all, unless `rows_of` takes a part of them."""
    bad = [one for one in snapshots.issues(conn, snapshot_id) if one.entity != USAGE.name]

    def records(entity: str, parse: Callable[[Row], Record]) -> tuple[Record, ...]:
        good, refused = canonical.read_all(entity, rows_of(conn, snapshot_id, entity), parse)
        bad.extend(refused)
        return good

    users, plans = (
        records("users", canonical.user),
        records("plans", partial(canonical.plan, default_currency=service.currency)),
    )
    subscriptions = records("subscriptions", canonical.subscription)
    part = None if rows_of is snapshots.identified_rows else [one.external_subscription_id for one in subscriptions]
    found = seen(conn, service, snapshot_id, part)
    return SourceRecords(
        snapshot_id=snapshot_id,
        users=users,
        plans=plans,
        subscriptions=subscriptions,
        invoices=records("invoices", partial(canonical.invoice, rules=service.rules)),
        evidence=records("evidence", canonical.evidence),
        history=told_since(conn, snapshot_id, service, records("history", canonical.history), found),
        billing_states=records("billing_state", canonical.billing_state),
        bad=tuple(bad),
        seen=found,
    )
