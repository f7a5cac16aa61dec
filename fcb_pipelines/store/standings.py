"""How many messages stand how, in our store.

Owns: what makes a delivery stand as `domain/standing` has it, in SQL; it only reads. Does not own: the tables (deliveries,
endpoints).
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import LiteralString

from fcb_pipelines.domain.standing import Standing
from fcb_pipelines.store.database import Connection

STANDING: LiteralString = """
    CASE WHEN d.state <> 'waiting' THEN d.state WHEN e.removed_at IS NOT NULL THEN 'dropped'
         WHEN e.disabled_at IS NOT NULL THEN 'held' ELSE 'waiting' END
"""
COUNTS = f"""
    SELECT d.endpoint_id, e.service, {STANDING}, count(*), count(*) FILTER (WHERE d.next_try_at <= clock_timestamp()),
           clock_timestamp() - min(d.next_try_at)
      FROM delivery d JOIN webhook_endpoint e USING (endpoint_id)
     WHERE %(service)s::text IS NULL OR e.service = %(service)s GROUP BY 1, 2, 3
"""  # noqa: S608 - the expression is ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How messages to an endpoint, or to all of a service, stand."""

    counts: dict[Standing, int] = field(default_factory=lambda: dict.fromkeys(Standing, 0))
    due: int = 0
    """Of those that wait, how many should have been sent by now."""
    overdue: timedelta | None = None
    """How long the longest of them is due, by this database's clock; None where none is."""

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())


def by_endpoint(conn: Connection, service: str) -> dict[str, Counts]:
    """By endpoint, of those that were ever sent anything, how its messages stand."""
    found: dict[str, list[tuple[Standing, int, int, timedelta]]] = {}
    for endpoint_id, _, *row in conn.execute(COUNTS, {"service": service}):
        found.setdefault(endpoint_id, []).append((Standing(row[0]), row[1], row[2], row[3]))
    return {endpoint_id: _counts(rows) for endpoint_id, rows in found.items()}


def by_service(conn: Connection) -> dict[str, Counts]:
    """By service, of those that ever sent anything, how its messages stand at all endpoints together."""
    found: dict[str, list[tuple[Standing, int, int, timedelta]]] = {}
    for _, service, *row in conn.execute(COUNTS, {"service": None}):
        found.setdefault(service, []).append((Standing(row[0]), row[1], row[2], row[3]))
    return {service: _counts(rows) for service, rows in found.items()}


def _counts(rows: list[tuple[Standing, int, int, timedelta]]) -> Counts:
    counts = dict.fromkeys(Standing, 0)
    for standing, count, _, _ in rows:
        counts[standing] += count
    late = [(due, overdue) for standing, _, due, overdue in rows if standing is Standing.WAITING and due]
    return Counts(counts=counts, due=sum(due for due, _ in late), overdue=max((overdue for _, overdue in late), default=None))
