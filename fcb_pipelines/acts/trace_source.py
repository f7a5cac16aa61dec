"""The part of a snapshot that one row rests on, and each of its records as a step of a trace.

Owns: which records are read for a row, and what a reference of a finding leads to. Does not own: which steps rest on them
(trace_billed, trace_expected, trace_decisions).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from fcb_pipelines.acts.directory import Directory
from fcb_pipelines.acts.directory import directory as indexed
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import SourceRecords, load
from fcb_pipelines.adopted_terms import TermSetting
from fcb_pipelines.domain.canonical import Row as SourceRow
from fcb_pipelines.domain.canonical import moment
from fcb_pipelines.domain.claimed import CLAIM
from fcb_pipelines.domain.drafts import range_text
from fcb_pipelines.domain.rows import Instance, Row
from fcb_pipelines.domain.trace import Kind, Step, told
from fcb_pipelines.store import claims, trace_usage
from fcb_pipelines.store import trace as stored
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.reconciliation import Revision
from fcb_pipelines.store.snapshots import identified_rows

NAMED = ("users", "plans", "subscriptions", "invoices", "billing_state")
"""Entities whose rows are found by an id."""
TOLD = ("evidence", "history")
"""Entities whose rows are about a subject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The records of a snapshot that a row rests on, as they were read and as the domain has them."""

    rows: Mapping[tuple[str, str], SourceRow]
    """(entity, id) → row, of the entities that are found by an id."""
    told: Mapping[str, tuple[tuple[str, SourceRow], ...]]
    """Reference → rows of evidence and history, each with its entity."""
    records: SourceRecords
    directory: Directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracing:
    """What every part of a trace is given."""

    conn: Connection
    work: PeriodWork
    row: Row
    revision: Revision
    sources: Sources
    all_events: bool
    shown: set[str] = field(default_factory=set)
    """References of the source's rows that were told in full already."""
    stale: str
    """Why what was metered, rated and billed can no longer be looked up as the revision had it; empty while it can."""

    @property
    def code(self) -> str:
        """The service."""
        return self.work.service.code

    @property
    def rules_changed(self) -> bool:
        """Whether the reviewed rules are others than those that the revision was made under."""
        return self.work.settings_hash != self.revision.settings_hash

    def source_row(self, entity: str, external_id: str) -> Step:
        """A row of the snapshot, by its id."""
        row = self.sources.rows.get((entity, external_id))
        reference = f"{entity}/{external_id}"
        if row is None:
            missing = f"snapshot {self.revision.snapshot_id} has no good row {external_id} of {entity}"
            return Step(kind=Kind.SOURCE_ROW, reference=reference, says=reference, untraced=missing)
        return self._row_step(entity, reference, row)

    def _row_step(self, entity: str, reference: str, row: SourceRow) -> Step:
        where = f"{entity}.sql of mapping {PurePath(self.work.service.mapping).name}, snapshot {self.revision.snapshot_id}"
        says = (
            f"{reference}, as above"
            if where + reference in self.shown
            else f"{reference} ({where}): {told(row, but=('lines',))}"
        )
        self.shown.add(where + reference)
        data = {"entity": entity, "query": f"{entity}.sql", "snapshot_id": self.revision.snapshot_id, "row": row}
        return Step(kind=Kind.SOURCE_ROW, reference=reference, says=says, data=data)

    def references(self, references: Iterable[str]) -> Iterator[Step]:
        """What each reference leads to, each once; lines of invoices are not among it, for they have their own place."""
        for reference in dict.fromkeys(references):
            yield from self.reference(reference)

    def reference(self, reference: str) -> Iterator[Step]:
        """The term, the record, the row of the source or the event that a reference names."""
        entity, _, rest = reference.partition("/")
        terms = [term for term in self.work.service.terms if term.reference == reference]
        yield from map(self.term, terms)
        for of, row in self.sources.told.get(reference, ()):
            yield self._told_step(of, reference, row)
        if (entity, rest) in self.sources.rows:
            yield self.source_row(entity, rest)
        elif entity == "usage":
            yield from self._event(reference, *rest.partition("/")[::2])
        elif entity == "history" and reference not in self.sources.told:
            yield from self._declared(reference)
        elif entity == CLAIM and rest.isdecimal():
            yield from self._claim(reference, int(rest))
        elif not terms and reference not in self.sources.told and not self._is_line(reference):
            says = f"{reference}: no row of snapshot {self.revision.snapshot_id} has this reference"
            yield Step(kind=Kind.EVIDENCE, reference=reference, says=says, untraced="the record itself is not in our store")

    def _declared(self, reference: str) -> Iterator[Step]:
        """An entry of the history that no row of the source is: a person wrote it into fcb.toml."""
        _, subject, name, *_ = [*reference.split("/"), "", ""]
        for kind in ("subscription", "plan"):
            for entry in self.sources.directory.adopted.changes(kind, subject, name):
                if reference.endswith(entry.valid_from.isoformat()):
                    says = f"{reference}: {kind} {subject} has {name} {entry.value} since then (declared in fcb.toml)"
                    data = {"subject_kind": kind, "subject_id": subject, "field": name, "value": entry.value}
                    yield Step(kind=Kind.TERM, reference=reference, says=says, data=data)

    def _claim(self, reference: str, claim_id: int) -> Iterator[Step]:
        """A claim of Odoo: which charge of which time, and the flip that it rests on."""
        about = [self.row.external_subscription_id or ""]
        for one in claims.held(self.conn, self.code, about, with_released=True):
            if one.claim_id == claim_id:
                days = range_text(one.service_from, one.service_to, self.work.service.zone)
                says = f"{reference}: {one.biller} bills {one.external_subscription_id}/{one.charge}, {days} ({one.reference})"
                data = {"subscription": one.external_subscription_id, "charge": one.charge, "rests_on": one.reference}
                yield Step(kind=Kind.EVIDENCE, reference=reference, says=says, data=data)

    def _is_line(self, reference: str) -> bool:
        return ("invoices", reference.rpartition("/")[0]) in self.sources.rows

    def _told_step(self, entity: str, reference: str, row: SourceRow) -> Step:
        step = self._row_step(entity, reference, row)
        return Step(kind=Kind.EVIDENCE, reference=reference, says=step.says, data=step.data)

    def _event(self, reference: str, subscription: str, key: str) -> Iterator[Step]:
        found = trace_usage.event(self.conn, self.code, subscription, key)
        for feed, event in found:
            yield event_step(self, event, feed)
        if not found:
            yield Step(kind=Kind.EVENT, reference=reference, says=reference, untraced="the event is no longer kept")

    def term(self, term: TermSetting) -> Step:
        """A term that a person adopted: who, when, and because of which row."""
        held = "".join(
            f" {word} {day}" for word, day in (("from", term.valid_from), ("to before", term.valid_to)) if day is not None
        )
        says = (
            f"adopted {term.kind} of {term.subject_kind} {term.subject}{held}: {told(term.data)}; by {term.adopted_by} on "
            f"{term.adopted_on} because of {term.row} (fcb.toml)"
        )
        return Step(kind=Kind.TERM, reference=term.reference, says=says, data=term.model_dump(mode="json"))


def event_step(tracing: Tracing, event: trace_usage.EventKept, feed: str, *, booked_in: str | None = None) -> Step:
    """A usage event as it is kept; `booked_in` is the bill that is looked at, its own month's unless given."""
    zone, bill = tracing.work.service.zone, booked_in or tracing.work.period.key
    came = f"pulled in snapshot {event.snapshot_id}" if event.snapshot_id is not None else f"{feed} {_time(tracing, event)}"
    marks = [came]
    if event.voids is not None:
        marks.append(f"takes back {event.voids}")
    if event.voided_by is not None:
        marks.append(f"taken back by {event.voided_by}")
    if event.booked_in != bill:
        marks.append(f"on the bill of {event.booked_in}")
    counted = f" {event.value}" if event.value is not None else ""
    from_to = event.started_at.astimezone(zone).isoformat()
    says = f"{event.idempotency_key}  {from_to}  {event.quantity.normalize():f}{counted}  {', '.join(marks)}"
    return Step(kind=Kind.EVENT, reference=event.idempotency_key, says=says, data=_event_data(tracing, event, feed))


def _time(tracing: Tracing, event: trace_usage.EventKept) -> str:
    return event.stored_at.astimezone(tracing.work.service.zone).isoformat(timespec="seconds")


def _event_data(tracing: Tracing, event: trace_usage.EventKept, feed: str) -> dict[str, Any]:
    zone = tracing.work.service.zone
    return {
        "feed": feed,
        "quantity": f"{event.quantity.normalize():f}",
        "value": event.value,
        "started_at": event.started_at.astimezone(zone).isoformat(),
        "ended_at": None if event.ended_at is None else event.ended_at.astimezone(zone).isoformat(),
        "booked_in": event.booked_in,
        "snapshot_id": event.snapshot_id,
        "stored_at": event.stored_at.astimezone(zone).isoformat(),
        "voids": event.voids,
        "voided_by": event.voided_by,
    }


def sources(conn: Connection, work: PeriodWork, row: Row, snapshot_id: int) -> Sources:
    """Read what a row rests on; the rest of the snapshot, which may be large, is not read."""
    wanted = _Wanted(conn, snapshot_id, row)
    records = load(conn, snapshot_id, work.service, wanted.rows_of)
    by_reference: dict[str, list[tuple[str, SourceRow]]] = {}
    for entity in TOLD:
        for _, found in wanted.told[entity]:
            by_reference.setdefault(_reference(entity, found), []).append((entity, found))
    return Sources(
        rows={(entity, external_id): found for entity in NAMED for external_id, found in wanted.named[entity]},
        told={reference: tuple(found) for reference, found in by_reference.items()},
        records=records,
        directory=indexed(records, work.service),
    )


def _reference(entity: str, row: SourceRow) -> str:
    """A record of evidence has its own; an entry of the history is named as causes name it."""
    if entity == "evidence":
        return str(row["reference"])
    return f"history/{row['subject_id']}/{row['field']}/{moment('valid_from', row['valid_from']).isoformat()}"


def lines_of(instances: Iterable[Instance]) -> tuple[str, ...]:
    """The invoice lines that charges are billed by, each once."""
    return tuple(dict.fromkeys(one.reference for each in instances for one in each.evidence))


class _Wanted:
    """Which rows of a snapshot are read: those of the row's subscription, its customers, plans and invoices."""

    def __init__(self, conn: Connection, snapshot_id: int, row: Row) -> None:
        self._conn, self._snapshot_id = conn, snapshot_id
        references = {each for one in row.instances for f in one.explanation.findings for each in f.references}
        subscriptions = [row.external_subscription_id] if row.external_subscription_id else []
        lines = {*lines_of(row.instances), *references}
        invoices = {*row.external_invoice_ids, *(line.rpartition("/")[0] for line in lines if "/" in line)}
        self.named = {name: self._named(name, subscriptions) for name in ("subscriptions", "billing_state")}
        own = [found for _, found in self.named["subscriptions"]]
        self.told = {"history": self._about("history", subscriptions, ())}
        self.named["invoices"] = self._named("invoices", invoices)
        billed = [found for _, found in self.named["invoices"]]
        users = {
            row.external_user_id,
            *_values(own, "external_user_id"),
            *_values(billed, "external_user_id"),
            *self._was("user"),
        }
        # Of plans all: which of them it was on may be what snapshots before this one saw.
        self.named |= {"users": self._named("users", users), "plans": identified_rows(conn, snapshot_id, "plans")}
        plans = [key for key, _ in self.named["plans"]]
        self.told["history"] = self._about("history", [*subscriptions, *plans], ())
        self.told["evidence"] = self._about("evidence", [*subscriptions, *users, *plans, *invoices], references)

    def rows_of(self, _conn: Connection, _snapshot_id: int, entity: str) -> Sequence[tuple[str, SourceRow]]:
        """What was read of an entity."""
        return self.named[entity] if entity in self.named else self.told[entity]

    def _named(self, entity: str, ids: Iterable[str]) -> list[stored.Identified]:
        return stored.named(self._conn, self._snapshot_id, entity, sorted(ids))

    def _about(self, entity: str, subjects: Iterable[str], references: Iterable[str]) -> list[stored.Identified]:
        return stored.about(self._conn, self._snapshot_id, entity, sorted(subjects), sorted(references))

    def _was(self, field: str) -> set[str]:
        """What a field of the subscription was at any time."""
        return {str(found["value"]) for _, found in self.told["history"] if found["field"] == field and found["value"]}


def _values(rows: Iterable[Mapping[str, Any]], name: str) -> set[str]:
    return {str(row[name]) for row in rows if row.get(name)}
