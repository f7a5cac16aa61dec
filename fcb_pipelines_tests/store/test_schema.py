"""What the server knows of the schema without Alembic, which would take as long to import as everything else of it."""

import subprocess
import sys

import psycopg
from alembic.script import ScriptDirectory

from fcb_pipelines.store.database import Database
from fcb_pipelines.store.schema import MIGRATIONS, newest_revision, stored_revision

HEAVY = {"alembic", "sqlalchemy", "pandas", "dagster", "great_expectations"}


def test_the_newest_revision_is_the_one_that_a_migration_ends_at(store_database: str) -> None:
    newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert stored_revision(Database(store_database)) == newest == newest_revision()


def test_a_database_that_nobody_migrated_has_no_revision(fresh_database: str, store_database: str) -> None:
    assert stored_revision(Database(fresh_database)) is None
    with psycopg.connect(store_database) as conn:
        conn.execute("DELETE FROM alembic_version")
    assert stored_revision(Database(store_database)) is None


def test_the_server_starts_without_what_it_does_not_need() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import sys, fcb_pipelines.cli.serve; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(said.stdout.split()) & HEAVY == set()
