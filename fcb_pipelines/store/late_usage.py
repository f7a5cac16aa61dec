"""Late usage: what the bill of a month adds to months that were billed before.

Owns: table `late_usage`, and how it is read off the running totals or counted again from the events; the caller owns the
transaction. Does not own: how events and running totals are kept (events, voids), its price (adjustments).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import LiteralString, NamedTuple

from psycopg.rows import class_row, dict_row

from fcb_pipelines.domain.adjustments import LateUsage
from fcb_pipelines.domain.money import ZERO
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.usage import PULLED
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.usage import RECOUNTED

_FIELDS = tuple(LateUsage.__dataclass_fields__)
_COLUMNS = ", ".join(_FIELDS)
# What a bill says of a month begins with what the bill before it said, if any bill said anything. A month is billed by the feed
# that it was closed with: what the other tells of it is on no bill.
_OF_CLOSED: LiteralString = """
      FROM usage_running AS running JOIN usage_series AS series USING (series_id)
      JOIN usage_closing AS closing ON closing.service = series.service AND closing.period = running.period
       AND closing.billed_feed = series.feed
"""
_ON_BILL: LiteralString = """
     WHERE series.service = %(service)s AND running.booked_in = %(bill)s AND running.period < %(bill)s
"""
TOLD = f"""
    SELECT running.period AS of_period, external_subscription_id, metric,
           coalesce(before.quantity, 0) AS old_quantity, running.quantity AS new_quantity,
           coalesce(before.events, 0) AS old_events, running.events AS new_events
    {_OF_CLOSED}
      LEFT JOIN LATERAL (SELECT quantity, events FROM usage_running AS earlier
                          WHERE earlier.series_id = running.series_id AND earlier.period = running.period
                            AND earlier.booked_in < running.booked_in
                          ORDER BY booked_in DESC LIMIT 1) AS before ON true
    {_ON_BILL}
       AND (coalesce(before.quantity, 0), coalesce(before.events, 0)) <> (running.quantity, running.events)
     ORDER BY running.period, external_subscription_id COLLATE "C", metric COLLATE "C"
"""  # noqa: S608 - our own statement
MONTHS = f"SELECT DISTINCT running.period, closing.billed_feed {_OF_CLOSED} {_ON_BILL} ORDER BY 1"
STORED = f"""
    SELECT {_COLUMNS} FROM late_usage WHERE service = %s AND period = %s
     ORDER BY of_period, external_subscription_id COLLATE "C", metric COLLATE "C"
"""  # noqa: S608 - our own columns
ADDED = """
    SELECT DISTINCT ON (external_subscription_id, metric) external_subscription_id, metric, new_quantity
      FROM late_usage WHERE service = %s AND of_period = %s AND period < %s
     ORDER BY external_subscription_id, metric, period DESC
"""


class _Sum(NamedTuple):
    quantity: Decimal
    events: int


_NOTHING = _Sum(ZERO, 0)


def told(conn: Connection, service: str, bill: Period) -> tuple[LateUsage, ...]:
    """What the bill of a month adds to months before, by the running totals."""
    with conn.cursor(row_factory=class_row(LateUsage)) as cursor:
        return tuple(cursor.execute(TOLD, {"service": service, "bill": bill.key}))


def months(conn: Connection, service: str, bill: Period) -> dict[str, str]:
    """The months before whose usage is on the bill of a month, in order, each with the feed by which it was billed."""
    return {row[0]: row[1] for row in conn.execute(MONTHS, {"service": service, "bill": bill.key})}


def recounted(
    conn: Connection, service: str, bill: Period, of_periods: Mapping[str, str], *, snapshot_id: int | None = None
) -> tuple[LateUsage, ...]:
    """What the bill of a month adds to these months by their events, which must be there; each with the feed that counts.

    Of pulled events only those that were stored up to a snapshot, where one is given.
    """
    return tuple(
        late
        for month, feed in of_periods.items()
        for given in [{"service": service, "feed": feed}]
        for late in _recounted(conn, given, month, bill, snapshot_id if feed == PULLED else None)
    )


def _recounted(
    conn: Connection, given: dict[str, str], month: str, bill: Period, snapshot_id: int | None
) -> Sequence[LateUsage]:
    before, after = (
        _sums(conn, {**given, "period": month, "booked_in": booked_in, "series_id": None, "snapshot_id": snapshot_id})
        for booked_in in (bill.previous().key, bill.key)
    )
    pairs = ((key, before.get(key, _NOTHING), after.get(key, _NOTHING)) for key in sorted({*before, *after}))
    return [
        LateUsage(
            of_period=month,
            external_subscription_id=subscription,
            metric=metric,
            old_quantity=old.quantity,
            new_quantity=new.quantity,
            old_events=old.events,
            new_events=new.events,
        )
        for (subscription, metric), old, new in pairs
        if old != new
    ]


def _sums(conn: Connection, given: dict[str, object]) -> dict[tuple[str, str], _Sum]:
    with conn.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(RECOUNTED, given)
        return {(row["external_subscription_id"], row["metric"]): _Sum(row["quantity"], int(row["events"])) for row in found}


def replace(conn: Connection, service: str, bill: str, found: Sequence[LateUsage]) -> None:
    """Store the late usage of a bill in place of what was stored before."""
    conn.execute("DELETE FROM late_usage WHERE service = %s AND period = %s", [service, bill])
    with conn.cursor() as cursor, cursor.copy(f"COPY late_usage (service, period, {_COLUMNS}) FROM STDIN") as copy:
        for late in found:
            copy.write_row([service, bill, *(getattr(late, name) for name in _FIELDS)])


def stored(conn: Connection, service: str, bill: str) -> tuple[LateUsage, ...]:
    """The late usage of a bill as it was last metered, by month, subscription and metric."""
    with conn.cursor(row_factory=class_row(LateUsage)) as cursor:
        return tuple(cursor.execute(STORED, [service, bill]))


def added(conn: Connection, service: str, of_period: str, *, before: str) -> dict[tuple[str, str], Decimal]:
    """(subscription, metric) → what a month came to by the last bill before one, where a later bill than its own changed it."""
    return {(row[0], row[1]): row[2] for row in conn.execute(ADDED, [service, of_period, before])}
