"""What the checks ask: rows for the data-quality suites, and rows that could not be used; and the verdict on a snapshot.

Owns: reading the facts of the last snapshot, be it refused or not, and keeping that it is. Does not own: the suites
(expectations), how a check looks (checks).
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from fcb_pipelines.acts.source import last_taken, load
from fcb_pipelines.domain.canonical import BadRow
from fcb_pipelines.services import Service
from fcb_pipelines.source.columns import USAGE
from fcb_pipelines.store import quality as stored
from fcb_pipelines.store import snapshots
from fcb_pipelines.store.database import Connection, Database

Row = dict[str, Any]

_READ: Mapping[str, Callable[[str], str | None]] = {
    "billing_interval": lambda text: text.strip().lower(),
    "currency": lambda text: text.strip().upper(),
    "email": lambda text: text.strip() or None,
    "name": lambda text: text.strip(),
    "status": lambda text: text.strip().lower(),
}
"""Column → what the domain makes of its text."""


def suite_rows(conn: Connection, service: Service, entity: str) -> list[Row]:
    """The last snapshot's rows of an entity, with the columns that only other entities can tell.

    Values are written as the domain reads them (domain/canonical): what it takes must not be found wrong for its letters.
    """
    snapshot_id = last_taken(conn, service)
    rows = snapshots.entity_rows(conn, snapshot_id, entity)
    users, plans = _ids(conn, snapshot_id, "users"), _ids(conn, snapshot_id, "plans")
    for row in rows:
        row.update({name: _READ[name](row[name] or "") for name in _READ.keys() & row.keys()})
        if entity == "plans":
            row["currency"] = row["currency"] or service.currency
        if entity in {"subscriptions", "invoices"}:
            row["has_user"] = row["external_user_id"] in users
        if entity == "subscriptions":
            row["has_plan"] = row["external_plan_id"] in plans
        if entity == "invoices":
            row["total_gap"] = str(Decimal(row["total"]) - Decimal(row["subtotal"]) - Decimal(row["tax"]))
    return rows


def bad_rows(conn: Connection, service: Service, entity: str) -> list[Row]:
    """The last snapshot's rows of an entity that could not be used, each with its reason."""
    return [
        {"id": one.external_id, "reason": one.reason}
        for one in unusable(conn, service, last_taken(conn, service))
        if one.entity == entity
    ]


def unusable(conn: Connection, service: Service, snapshot_id: int) -> list[BadRow]:
    """Every row of a snapshot that could not be used: those that could not be read, and those that the domain refuses."""
    of_usage = (one for one in snapshots.issues(conn, snapshot_id) if one.entity == USAGE.name)
    return [*load(conn, snapshot_id, service).bad, *of_usage]


def usage_query(conn: Connection, service: Service) -> str:
    """The query whose result the usage suite is run on."""
    return stored.usage_query(service.code, last_taken(conn, service))


def refuse_snapshot(db: Database, snapshot_id: int, reason: str) -> None:
    """Let nothing be built on a snapshot any more: a run that asks for it is told why (acts/source)."""
    with db.transaction() as conn:
        snapshots.refuse_snapshot(conn, snapshot_id, reason)


def _ids(conn: Connection, snapshot_id: int, entity: str) -> frozenset[str]:
    return frozenset(external_id for external_id, _ in snapshots.identified_rows(conn, snapshot_id, entity))
