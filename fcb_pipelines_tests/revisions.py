"""Revisions as tests store and read them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.reconciliation import reconcile_period
from fcb_pipelines.domain.coverage import Coverage
from fcb_pipelines.domain.revisions import Origin, RevisionChanges
from fcb_pipelines.domain.rows import Row
from fcb_pipelines.store import new_revision, reconciliation
from fcb_pipelines.store.database import Connection


def add_revision(
    conn: Connection,
    *,
    service: str,
    period: str,
    origin: Origin,
    made_at: datetime,
    rows: Iterable[Row],
    content_hash: str = "c",
    coverage: dict[str, Any] | None = None,
) -> int:
    """Store a revision with these rows, whose hashes nobody asks for; its number."""
    opened = new_revision.open_revision(conn, service=service, period=period, origin=origin, made_at=made_at)
    new_revision.add_rows(conn, opened.revision_id, rows, lambda _: b"")
    new_revision.close_revision(conn, opened.revision_id, content_hash=content_hash, coverage=coverage or {}, changes={})
    return opened.revision


@dataclass(frozen=True, slots=True)
class Whole:
    """A new revision, with all its rows as they are stored."""

    rows: tuple[Row, ...]
    coverage: Coverage
    changes: RevisionChanges
    revision: int
    content_hash: str


def reconciled(work: PeriodWork) -> Whole:
    """Reconcile a period, and read what was stored."""
    done = reconcile_period(work)
    with work.db.transaction() as conn:
        rows = reconciliation.rows(conn, done.revision_id)
        (last,) = reconciliation.latest_revisions(conn, work.service.code, work.period.key)
    return Whole(
        rows=rows, coverage=done.coverage, changes=done.changes, revision=done.revision, content_hash=last.content_hash
    )
