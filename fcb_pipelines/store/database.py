"""Connections to our own database, its migrations, and the locks that runs take.

Owns: how a transaction is opened and how the schema is brought up to date. Does not own: any table (see the noun's own file).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.rows import TupleRow
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from fcb_pipelines.domain.errors import RuleViolation

Connection = psycopg.Connection[TupleRow]

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Database:
    """Our own Postgres, by its URL; the URL holds a password and is never shown."""

    url: str

    def __repr__(self) -> str:
        return "Database(…)"

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Statements wait at most ten seconds for a lock, so that a forgotten session stops nobody for long.
        """
        with psycopg.connect(self.url, options="-c timezone=UTC -c lock_timeout=10s", application_name="fcb") as conn:
            yield conn


def exclusive(conn: Connection, *parts: str) -> None:
    """Keep others from the same work until this transaction ends; raises `RuleViolation` at once if somebody is at it.

    `parts` name the work, such as a service and a period.
    """
    name = "/".join(parts)
    row = conn.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name]).fetchone()
    if row is None or not row[0]:
        raise RuleViolation(f"another run is working on {name} right now: wait for it to end, then run again")


def migrate(url: str) -> None:
    """Bring the schema up to date; nothing happens where it is. Two callers at once: one does it, the other waits."""
    command.upgrade(_config(url), "head")


def pending_migrations(url: str) -> tuple[str, ...]:
    """Revisions that `migrate` would apply, oldest first."""
    script = ScriptDirectory.from_config(_config(url))
    engine = create_engine(_sqlalchemy_url(url))
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_heads()
    finally:
        engine.dispose()
    revisions = script.iterate_revisions("head", current[0] if current else "base")
    return tuple(reversed([f"{revision.revision} {revision.doc}" for revision in revisions]))


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["url"] = _sqlalchemy_url(url)
    return config


def _sqlalchemy_url(url: str) -> Any:
    return make_url(url).set(drivername="postgresql+psycopg")
