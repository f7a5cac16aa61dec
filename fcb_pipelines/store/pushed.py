"""Pushed usage: events of several requests stored at once, each told whether it is new.

Owns: how pushed events are told apart; the caller owns the transaction. Does not own: how they are kept (events), what
takes one back (voids).
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.events import keep_given

Identity = tuple[int, str]


class Pushed(NamedTuple):
    """An event in the order of the columns that are kept (events.STAGED)."""

    series_id: int
    idempotency_key: str
    period: str
    booked_in: str
    quantity: Decimal
    value: str | None
    started_at: datetime
    ended_at: datetime | None
    content_hash: bytes

    @property
    def identity(self) -> Identity:
        """What is stored once for ever."""
        return self.series_id, self.idempotency_key


class Stored(NamedTuple):
    """What is stored under an identity."""

    content_hash: bytes
    period: str
    booked_in: str


FIND = """
    SELECT series_id, idempotency_key, content_hash, period, booked_in
      FROM usage_identity JOIN unnest(%b::integer[], %b::text[]) AS each (series_id, idempotency_key)
     USING (series_id, idempotency_key)
"""


def keep(conn: Connection, events: Sequence[Pushed], stored_at: datetime) -> set[Identity]:
    """Store what was never stored, of each identity the first; the identities that were there. The partitions must be there."""
    first = {event.identity: event for event in reversed(events)}
    if not first:
        return set()
    has_late = any(event.booked_in != event.period for event in first.values())
    columns = [list(column) for column in zip(*first.values(), strict=True)]
    return set(keep_given(conn, columns, has_late=has_late, stored_at=stored_at))


def find(conn: Connection, identities: Collection[Identity]) -> dict[Identity, Stored]:
    """What is stored under these identities."""
    if not identities:
        return {}
    columns = [list(column) for column in zip(*sorted(identities), strict=True)]
    return {(series, key): Stored(*rest) for series, key, *rest in conn.execute(FIND, columns)}
