"""What successive snapshots saw of the terms that changed, as the domain's records.

Owns: how stored differences become what was seen at which time. Does not own: the differences (store/changed_terms), what held
at a moment (domain/seen).
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from fcb_pipelines.domain import canonical
from fcb_pipelines.domain.canonical import Row
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.history import HistoryEntry
from fcb_pipelines.domain.plans import Plan
from fcb_pipelines.domain.seen import NOTHING_SEEN, Change, Seen, changes
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines.services import Service
from fcb_pipelines.store import changed_terms
from fcb_pipelines.store.changed_terms import ChangedRow
from fcb_pipelines.store.database import Connection

Record = TypeVar("Record", Plan, Subscription)
Usable = Sequence[tuple[int, datetime]]


def seen(conn: Connection, service: Service, snapshot_id: int, of: Sequence[str] | None = None) -> Seen:
    """What a snapshot and those before it saw, of some subscriptions alone if asked; what a refused one says is left out."""
    rows = changed_terms.changed(conn, service.code, snapshot_id, of)
    if not rows:
        return NOTHING_SEEN
    usable = changed_terms.usable(conn, service.code, snapshot_id)
    plan = partial(canonical.plan, default_currency=service.currency)
    return Seen(
        plans=_changes((row for row in rows if row.entity == "plans"), usable, plan),
        subscriptions=_changes((row for row in rows if row.entity == "subscriptions"), usable, canonical.subscription),
    )


def told_since(
    conn: Connection, snapshot_id: int, service: Service, history: tuple[HistoryEntry, ...], found: Seen
) -> tuple[HistoryEntry, ...]:
    """The history, with when it was first on record where that can matter: of what changed while we looked."""
    subjects = [*found.plans, *found.subscriptions]
    told = changed_terms.said(conn, service.code, snapshot_id, subjects) if subjects else ()
    since: dict[HistoryEntry, datetime | None] = {}
    for row, moment in told:
        # The first that is known of it: what was away and came back, or is written another way, is no news.
        since.setdefault(canonical.history(row), moment)
    return tuple(replace(entry, said_at=since.get(entry)) for entry in history) if since else history


def _changes(
    rows: Iterable[ChangedRow], usable: Usable, parse: Callable[[Row], Record]
) -> Mapping[str, Sequence[Change[Record]]]:
    by_id: dict[str, list[ChangedRow]] = defaultdict(list)
    for row in rows:
        by_id[row.external_id].append(row)
    found: dict[str, Sequence[Change[Record]]] = {}
    for key, of_this in by_id.items():
        versions: list[tuple[datetime, Record | None]] = list(_versions(of_this, usable, parse))
        found[key] = list(changes(versions))
    return {key: each for key, each in found.items() if each}


def _versions(
    rows: Sequence[ChangedRow], usable: Usable, parse: Callable[[Row], Record]
) -> Iterator[tuple[datetime, Record | None]]:
    """What usable snapshots saw of one row, around each of its changes."""
    rows = _with_later_columns(rows)
    ids = [snapshot_id for snapshot_id, _ in usable]
    at = [row.snapshot_id for row in rows]
    for place in sorted({each for row in rows for each in _around(ids, row.snapshot_id)}):
        number = bisect_right(at, ids[place])
        data = rows[number - 1].after if number else rows[0].before
        yield usable[place][1], None if data is None else _read(data, parse)


def _with_later_columns(rows: Sequence[ChangedRow]) -> list[ChangedRow]:
    """The rows with the columns that the mapping returned only later: what was not seen did not change then."""
    found: list[ChangedRow] = []
    later: Row = {}
    for row in reversed(rows):
        after = later = {**later, **row.after} if row.after is not None else later
        before = later = {**later, **row.before} if row.before is not None else later
        found.append(replace(row, before=before if row.before else None, after=after if row.after else None))
    return found[::-1]


def _around(ids: Sequence[int], snapshot_id: int) -> Iterator[int]:
    """The last usable snapshot before a change, and the first one after it."""
    place = bisect_left(ids, snapshot_id)
    if place:
        yield place - 1
    if place < len(ids):
        yield place


def _read(data: Row, parse: Callable[[Row], Record]) -> Record | None:
    try:
        return parse(data)
    except InvalidInput:
        # It was no record then either.
        return None
