"""The schema of our own database: which migrations there are, and bringing them in.

Owns: the calls to Alembic, which takes as long to import as all else that a command or the server needs, and so is imported
only to migrate or to say what is pending. Does not own: the statements (migrations/versions).
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fcb_pipelines.domain.errors import InvalidSettings
from fcb_pipelines.store.database import Database, connect

if TYPE_CHECKING:
    from alembic.config import Config

NO_ZONES: Mapping[str, str] = MappingProxyType({})
MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(url: str, zones: Mapping[str, str] = NO_ZONES) -> None:
    """Bring the schema up to date; nothing happens where it is. Two callers at once: one does it, the other waits.

    `zones` are the billing timezones of the services, which usage stored by the first version does not tell. Raises `Refused`
    if the database cannot be reached, `InvalidSettings` where the zone of a service is needed and missing.
    """
    from alembic import command  # noqa: PLC0415

    connect(url).close()
    config = _config(url)
    config.attributes["zones"] = zones
    try:
        command.upgrade(config, "head")
    except LookupError as error:
        raise InvalidSettings(
            f"usage of {error} is stored, and fcb.toml does not describe that service: its billing timezone says in which "
            "months the usage lies. Add its [services.…] table, and run  fcb migrate  again"
        ) from None


def pending_migrations(url: str) -> tuple[str, ...]:
    """Revisions that `migrate` would apply, oldest first; raises `Refused` if the database cannot be reached."""
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from sqlalchemy import create_engine  # noqa: PLC0415

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


def stored_revision(db: Database) -> str | None:
    """The last revision that was applied, None before the first; raises `Refused` or `RolledBack` if nobody answers."""
    with db.transaction() as conn:
        if conn.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
            return None
        row = conn.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


@cache
def newest_revision() -> str:
    """The revision of this version, as the names of the files have it (`m0005_access.py`)."""
    return max(file.stem[1:5] for file in (MIGRATIONS / "versions").glob("m[0-9]*.py"))


def _config(url: str) -> "Config":
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["url"] = _sqlalchemy_url(url)
    return config


def _sqlalchemy_url(url: str) -> Any:
    from sqlalchemy.engine import make_url  # noqa: PLC0415

    return make_url(url).set(drivername="postgresql+psycopg")
