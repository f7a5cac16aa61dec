"""The reader: turns rows of the host's own usage records into events, and remembers in the spool how far it came.

Owns: the query, the keys of the events, the change of unit, the cursor. Does not own: the connection, which is the host's own
and only read from; the sending.

Rows do not become visible in the order of their times, so each reading begins an overlap before the last row read. What was
handed over within the overlap is remembered with its content: read again it is sent again only if it changed, and then the
central side answers that it is a conflict, which a person sees.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any, Protocol

from fcb_host import cursor, refusals, waiting
from fcb_host.client import UsageClient
from fcb_host.errors import InvalidEvent, InvalidSettings, UnreadableSource
from fcb_host.events import UsageEvent
from fcb_host.quantities import decimal, seconds_of_hours
from fcb_host.waiting import Put

METRIC = "cpu_seconds"

POSTGRES_QUERY = """
    SELECT NULL AS id, subscription_id::text AS subscription_id, cpu_hours::numeric AS cpu_hours,
           period_start AS started_at, period_end AS ended_at
      FROM usage_records
     WHERE (period_start, subscription_id::text) > (%(after_time)s, %(after_id)s)
       AND coalesce(period_end, period_start) <= %(until)s
     ORDER BY period_start, subscription_id::text
     LIMIT %(limit)s
"""
"""The rows after a cursor, oldest first. A query of your own has the same columns in any order and the same four parameters;
with an id of the rows it selects and orders by that in place of the subscription, and the cursor is (started_at, id)."""

_COLUMNS = frozenset({"id", "subscription_id", "cpu_hours", "started_at", "ended_at"})


class Cursor(Protocol):
    """What the reader needs of a DB-API cursor."""

    @property
    def description(self) -> Sequence[Sequence[Any]] | None:
        """One sequence per column, whose first item is its name."""

    def execute(self, query: Any, parameters: Any, /) -> Any:
        """Run a query with parameters by name."""

    def fetchall(self) -> Sequence[Sequence[Any]]:
        """The rows."""

    def close(self) -> Any:
        """Close it."""


class Connection(Protocol):
    """What the reader needs of a DB-API connection."""

    def cursor(self) -> Any:
        """A cursor whose rows are sequences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one reading came to, in rows."""

    rows: int = 0
    recorded: int = 0
    known: int = 0
    """Handed over before."""
    refused: int = 0
    """No event can be made of them, or another content waits: see the refused events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads one table. `zone` is the zone of times that come without one; without it such times are refused."""

    client: UsageClient
    zone: tzinfo | None = None
    query: str = POSTGRES_QUERY
    name: str = "usage_records"
    """The prefix of the keys, and what the cursor is remembered under: it stays the same for ever."""
    overlap: timedelta = timedelta(days=1)
    """Longer than a record can come late, and longer than the longest record."""
    settles: timedelta = timedelta(minutes=5)
    """A record that ended less than this ago may still change and is left for the next reading."""
    batch_rows: int = 1000

    def read(self, connection: Connection, since: datetime, *, now: datetime | None = None) -> Reading:
        """Record what is new since the last reading, at first since `since`; never anything before `since`.

        Each batch of events and the cursor behind it are kept in one transaction of the spool. Nothing is written to the
        connection. Raises InvalidSettings, UnreadableSource, SpoolFull and SpoolUnavailable; what was kept before stays.
        """
        if self.client.spool is None:
            return Reading()
        at = datetime.now(timezone.utc) if now is None else now
        for moment in (since, at):
            if moment.utcoffset() is None:
                raise InvalidSettings("the reader is given moments with a timezone")
        total = Reading()
        for rows in self._batches(connection, self._start(since), self._as_source(at - self.settles)):
            total = _sum(total, self._keep(rows, at))
        return total

    def forget(self) -> None:
        """Let the next reading begin at its `since` again; what was sent before is sent again, and counted once."""
        if self.client.spool is not None:
            with self.client.spool.transaction() as conn:
                cursor.forget(conn, self.name)

    def _start(self, since: datetime) -> datetime:
        spool = self.client.spool
        if spool is None:
            return since
        with spool.reading() as conn:
            came = cursor.reached(conn, self.name)
        return self._as_source(since if came is None else max(since, came - self.overlap))

    def _as_source(self, moment: datetime) -> datetime:
        """A moment as the source writes its times, so that the database compares like with like."""
        return moment if self.zone is None else moment.astimezone(self.zone).replace(tzinfo=None)

    def _batches(self, connection: Connection, after: datetime, until: datetime) -> Iterator[list[dict[str, Any]]]:
        after_id = ""
        while True:
            sought = {"after_time": after, "after_id": after_id, "until": until, "limit": self.batch_rows}
            rows = _rows(connection, self.query, sought)
            if rows:
                yield rows
            if len(rows) < self.batch_rows:
                return
            last = rows[-1]
            reached = (last["started_at"], str(last["subscription_id"] if last["id"] is None else last["id"]))
            if reached == (after, after_id):
                raise UnreadableSource("the query answers the same rows again: it must begin after its cursor")
            after, after_id = reached

    def _keep(self, rows: Sequence[Mapping[str, Any]], at: datetime) -> Reading:
        read = [self._read_row(row) for row in rows]
        return keep(self.client, self.name, read, reached=max(one.started_at for one in read), overlap=self.overlap, at=at)

    def _read_row(self, row: Mapping[str, Any]) -> "ReadRow":
        started_at = self._moment(row["started_at"], "started_at")
        ended_at = None if row["ended_at"] is None else self._moment(row["ended_at"], "ended_at")
        if isinstance(row["cpu_hours"], float):
            raise UnreadableSource("cpu_hours is a float: let the query cast it to numeric, so that its digits are exact")
        named = f"{row['subscription_id']}/{_text(started_at)}" if row["id"] is None else str(row["id"])
        key = f"{self.name}/{named}"
        try:
            quantity = seconds_of_hours(decimal(row["cpu_hours"]))
            event = UsageEvent(
                external_subscription_id="" if row["subscription_id"] is None else str(row["subscription_id"]),
                metric=METRIC,
                idempotency_key=key,
                quantity=quantity,
                started_at=started_at,
                ended_at=ended_at,
            )
        except InvalidEvent as fault:
            found = json.dumps({name: None if value is None else str(value) for name, value in row.items()}, ensure_ascii=False)
            return ReadRow(key=key, started_at=started_at, event=None, content=found, reason=str(fault))
        return ReadRow(key=key, started_at=started_at, event=event, content=event.body, reason="")

    def _moment(self, value: object, column: str) -> datetime:
        if not isinstance(value, datetime):
            raise UnreadableSource(f"{column} is a {type(value).__name__} and not a datetime")
        if value.utcoffset() is not None:
            return value.astimezone(timezone.utc)
        if self.zone is None:
            raise UnreadableSource(f"{column} has no timezone: say which zone the source keeps its times in (zone=…)")
        return value.replace(tzinfo=self.zone).astimezone(timezone.utc)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRow:
    """A row and the event made of it, or why there is none."""

    key: str
    started_at: datetime
    event: UsageEvent | None
    content: str
    reason: str

    @property
    def digest(self) -> bytes:
        """Sixteen bytes that change with the content."""
        return hashlib.blake2b(self.content.encode(errors="surrogatepass"), digest_size=16).digest()


def keep(
    client: UsageClient, reader: str, rows: Sequence[ReadRow], *, reached: datetime, overlap: timedelta, at: datetime
) -> Reading:
    """Keep the events of rows, their refusals and the cursor in one transaction. Raises SpoolFull and SpoolUnavailable."""
    spool = client.spool
    if spool is None:
        return Reading()
    now = round(at.timestamp() * 1000)
    with spool.transaction() as conn:
        fresh = [row for row in rows if not cursor.is_seen(conn, reader, row.key, row.digest)]
        made = [(row, row.event) for row in fresh if row.event is not None]
        done = waiting.put(conn, [event for _, event in made], now=now, max_events=client.max_events)
        clashing = [row for (row, _), put in zip(made, done, strict=True) if put is Put.CONFLICT]
        for row in (*clashing, *(row for row in fresh if row.event is None)):
            code = refusals.UNREADABLE if row.event is None else "conflict"
            reason = row.reason or "the row changed while its event waited to be sent"
            identity = row.key.encode(errors="surrogatepass") if row.event is None else row.event.identity
            refusals.keep(conn, identity=identity, body=row.content, code=code, reason=reason, recorded_at=now, now=now)
        for row in fresh:
            cursor.see(conn, reader, row.key, row.digest, row.started_at)
        cursor.reach(conn, reader, reached, overlap)
    client.wake()
    return Reading(
        rows=len(rows),
        recorded=done.count(Put.NEW),
        known=len(rows) - len(fresh) + done.count(Put.KNOWN),
        refused=len(clashing) + len(fresh) - len(made),
    )


def _rows(connection: Connection, query: str, sought: Mapping[str, Any]) -> list[dict[str, Any]]:
    opened: Cursor = connection.cursor()
    with closing(opened):
        opened.execute(query, sought)
        names = [str(column[0]) for column in opened.description or ()]
        if missing := _COLUMNS.difference(names):
            raise UnreadableSource(f"the query has no column {', '.join(sorted(missing))}")
        return [dict(zip(names, row, strict=True)) for row in opened.fetchall()]


def _text(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat()


def _sum(one: Reading, other: Reading) -> Reading:
    return Reading(
        rows=one.rows + other.rows,
        recorded=one.recorded + other.recorded,
        known=one.known + other.known,
        refused=one.refused + other.refused,
    )
