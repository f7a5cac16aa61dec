"""Revisions of a period in their published form, for the command line, the HTTP interface and the pages.

Owns: reading the newest revision, whole or page by page. Does not own: the form (domain/revisions), making a revision
(acts/reconciliation).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fcb_pipelines.domain.revisions import Published, published
from fcb_pipelines.domain.rows import Row, Status
from fcb_pipelines.services import Service
from fcb_pipelines.store import reconciliation as stored
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.reconciliation import CurrencyTotal, Revision


def published_rows(conn: Connection, service: Service, period: str) -> list[Published] | None:
    """The rows of a period's newest revision in their published form; None where it was never reconciled."""
    latest = stored.latest_revisions(conn, service.code, period)
    return _published(stored.rows(conn, latest[0].revision_id), service, period) if latest else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsPage:
    """A part of the rows of a period's newest revision, and what is to be said of all of them."""

    revision: Revision
    counts: Mapping[Status, int]
    totals: tuple[CurrencyTotal, ...]
    rows: list[Published]
    next: str | None
    """The row id after which the next part begins; None where this is the last."""


def published_page(conn: Connection, service: Service, period: str, *, after: str, most: int) -> RowsPage | None:
    """So many rows after a row id, in the order of row ids; None where the period was never reconciled."""
    latest = stored.latest_revisions(conn, service.code, period)
    if not latest:
        return None
    found = stored.rows(conn, latest[0].revision_id, after=after, most=most + 1)
    return RowsPage(
        revision=latest[0],
        counts=stored.counts_by_status(conn, [latest[0].revision_id])[period],
        totals=stored.totals(conn, latest[0].revision_id),
        rows=_published(found[:most], service, period),
        next=found[most - 1].row_id if len(found) > most else None,
    )


def _published(rows: tuple[Row, ...], service: Service, period: str) -> list[Published]:
    return [published(row, service=service.code, period=period, zone=service.zone) for row in rows]
