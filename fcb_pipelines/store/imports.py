"""Imports in our store: what we made in Odoo as last seen there, what each run did, and who may run.

Owns: the tables odoo_record, import_run and import_issue, and the lock of an import. Does not own: what an import does (acts).
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.imports import Imported, ImportIssue, Outcome
from fcb_pipelines.store.database import Connection, Database, connect


@dataclass(frozen=True, slots=True, kw_only=True)
class OdooRecord:
    """A record of ours as last seen in Odoo."""

    external_id: str
    entity: str
    source_id: str
    model: str
    odoo_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRun:
    """What one run of one entity did."""

    import_run_id: int
    entity: str
    snapshot_id: int
    ran_at: datetime
    created: int
    changed: int
    unchanged: int
    skipped: int
    failed: int


RECORDS = """
    SELECT external_id, entity, source_id, model, odoo_id FROM odoo_record
     WHERE service = %s AND entity = %s ORDER BY external_id COLLATE "C"
"""
PUT_RECORD = """
    INSERT INTO odoo_record (external_id, service, entity, source_id, model, odoo_id, seen_at)
    VALUES (%(external_id)s, %(service)s, %(entity)s, %(source_id)s, %(model)s, %(odoo_id)s, %(now)s)
    ON CONFLICT (external_id) DO UPDATE SET model = excluded.model, odoo_id = excluded.odoo_id, seen_at = excluded.seen_at
"""
ADD_RUN = """
    INSERT INTO import_run (service, entity, snapshot_id, ran_at, created, changed, unchanged, skipped, failed)
    VALUES (%(service)s, %(entity)s, %(snapshot_id)s, %(now)s, %(created)s, %(changed)s, %(unchanged)s, %(skipped)s, %(failed)s)
    RETURNING import_run_id
"""
LATEST_RUNS = """
    SELECT DISTINCT ON (entity) import_run_id, entity, snapshot_id, ran_at, created, changed, unchanged, skipped, failed
      FROM import_run WHERE service = %s ORDER BY entity, import_run_id DESC
"""
STILL_HELD = """
    SELECT EXISTS (SELECT FROM pg_locks
                    WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND pid = %(session)s
                      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                      AND (classid::bigint << 32 | objid::bigint) = hashtextextended(%(name)s, 0))
"""
ISSUES = """
    SELECT external_id, outcome, reason FROM import_issue
     WHERE import_run_id = %s ORDER BY outcome, external_id COLLATE "C", reason COLLATE "C"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportLock:
    """The lock of an import, taken by a session of its own."""

    name: str
    session: int
    """Its process id in Postgres."""

    def is_held(self, conn: Connection) -> bool:
        """Whether that session still has it, by the word of Postgres: whoever lost it may have been followed by another."""
        row = conn.execute(STILL_HELD, {"name": self.name, "session": self.session}).fetchone()
        return row is not None and bool(row[0])

    def require_held(self, conn: Connection) -> None:
        """Raise `RuleViolation` where it was lost."""
        if not self.is_held(conn):
            raise RuleViolation("the session that keeps others out has ended, and another run may have gone on: run again")


@contextmanager
def exclusive_import(db: Database, service: str) -> Iterator[ImportLock]:
    """Keep other imports of a service out; raises `RuleViolation` at once if one is running.

    The lock is of a session of its own, not of a transaction: none may be open while Odoo is asked. A lost connection frees it.
    Of an import that is safe, because every write to Odoo is by external id; whoever does more than that asks `is_held`.
    """
    with closing(connect(db.url, autocommit=True, name="fcb import")) as conn:
        name = f"{service}/import"
        row = conn.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name]).fetchone()
        if row is None or not row[0]:
            raise RuleViolation(f"another import of {service} is running right now: wait for it to end, then run again")
        try:
            yield ImportLock(name=name, session=conn.info.backend_pid)
        finally:
            # The server notices a closed connection some time later: the next import of the chain would find the lock taken.
            with suppress(psycopg.OperationalError):
                conn.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])


def records(conn: Connection, service: str, entity: Entity) -> tuple[OdooRecord, ...]:
    """What we made of an entity, as last seen in Odoo."""
    with conn.cursor(row_factory=class_row(OdooRecord)) as cursor:
        return tuple(cursor.execute(RECORDS, [service, entity]))


def put_records(conn: Connection, service: str, seen: Iterable[OdooRecord], now: datetime) -> None:
    """Keep where records were just seen in Odoo."""
    with conn.cursor() as cursor:
        cursor.executemany(PUT_RECORD, [_row(service, record, now) for record in seen])


def forget_records(conn: Connection, external_ids: Collection[str]) -> None:
    """Drop what is no longer in Odoo."""
    conn.execute("DELETE FROM odoo_record WHERE external_id = ANY(%s)", [list(external_ids)])


def add_run(conn: Connection, service: str, snapshot_id: int, done: Imported, now: datetime) -> int:
    """Keep what an import did, with its issues; returns its id."""
    counts = {name: getattr(done, name) for name in ("created", "changed", "unchanged", "skipped", "failed")}
    given = {"service": service, "entity": done.entity, "snapshot_id": snapshot_id, "now": now, **counts}
    row = conn.execute(ADD_RUN, given).fetchone()
    assert row is not None  # noqa: S101 - an INSERT … RETURNING answers one row
    with (
        conn.cursor() as cursor,
        cursor.copy("COPY import_issue (import_run_id, external_id, outcome, reason) FROM STDIN") as copy,
    ):
        for issue in done.issues:
            copy.write_row((row[0], issue.external_id, issue.outcome, issue.reason))
    return int(row[0])


def latest_runs(conn: Connection, service: str) -> dict[Entity, ImportRun]:
    """The last run of each entity."""
    with conn.cursor(row_factory=class_row(ImportRun)) as cursor:
        return {Entity(run.entity): run for run in cursor.execute(LATEST_RUNS, [service])}


def issues(conn: Connection, import_run_id: int) -> tuple[ImportIssue, ...]:
    """The issues of a run, failures first."""
    rows = conn.execute(ISSUES, [import_run_id])
    return tuple(ImportIssue(external_id=each[0], outcome=Outcome(each[1]), reason=each[2]) for each in rows)


def _row(service: str, record: OdooRecord, now: datetime) -> dict[str, object]:
    return {
        "external_id": record.external_id,
        "service": service,
        "entity": record.entity,
        "source_id": record.source_id,
        "model": record.model,
        "odoo_id": record.odoo_id,
        "now": now,
    }
