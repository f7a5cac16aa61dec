"""The schema of our own database: which migrations there are, and bringing them in.

Owns: the calls to Alembic, which take long to import, and so only where a schema is looked at. Does not own: the statements
(migrations/versions).
"""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from fcb_pipelines.store.database import connect

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(url: str) -> None:
    """Bring the schema up to date; nothing happens where it is. Two callers at once: one does it, the other waits.

    Raises `Refused` if the database cannot be reached.
    """
    connect(url).close()
    command.upgrade(_config(url), "head")


def pending_migrations(url: str) -> tuple[str, ...]:
    """Revisions that `migrate` would apply, oldest first; raises `Refused` if the database cannot be reached."""
    connect(url).close()
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
