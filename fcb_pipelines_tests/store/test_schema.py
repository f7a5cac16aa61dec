"""What the server knows of the schema without Alembic, which would take as long to import as everything else of it."""

import subprocess
import sys

import psycopg
from alembic.script import ScriptDirectory

from fcb_pipelines.store.database import Database
from fcb_pipelines.store.schema import MIGRATIONS, is_current

HEAVY = {"alembic", "sqlalchemy", "pandas", "dagster", "great_expectations"}


def test_the_newest_revision_is_the_one_that_a_migration_ends_at(store_database: str) -> None:
    newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    db = Database(store_database)
    with psycopg.connect(store_database) as conn:
        assert conn.execute("SELECT version_num FROM alembic_version").fetchall() == [(newest,)]
    assert is_current(db)
    with psycopg.connect(store_database) as conn:
        conn.execute("UPDATE alembic_version SET version_num = '0001'")
    assert not is_current(db)


def test_the_server_starts_without_what_it_does_not_need() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import sys, fcb_pipelines.cli.serve; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(said.stdout.split()) & HEAVY == set()
