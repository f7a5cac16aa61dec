"""Which part is not ready, and what everybody and the operator are told of it."""

import psycopg
import pytest

from fcb_pipelines.acts.readiness import Part, not_ready
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.schema import newest_revision

NOBODY = "postgresql://fcb:s3cret@127.0.0.1:1/fcb"


def test_a_database_of_this_version_is_ready(store_database: str) -> None:
    assert not_ready(Database(store_database)) is None


@pytest.mark.parametrize(
    ("revision", "said"), [("0001", "is of revision 0001, this version needs {}: run  fcb migrate"),
                           ("9999", "later version (9999) than this program ({}): update it")],
)  # fmt: skip
def test_a_database_of_another_version_is_told_with_what_to_do(store_database: str, revision: str, said: str) -> None:
    with psycopg.connect(store_database) as conn:
        conn.execute("UPDATE alembic_version SET version_num = %s", [revision])
    found = not_ready(Database(store_database))
    assert found is not None
    assert (found.part, found.reason) == (Part.MIGRATIONS, "")
    assert said.format(newest_revision()) in found.detail


def test_a_database_without_tables_needs_a_migration(fresh_database: str) -> None:
    found = not_ready(Database(fresh_database))
    assert found is not None
    assert (found.part, "is of revision none" in found.detail) == (Part.MIGRATIONS, True)


def test_of_a_database_that_is_away_nobody_learns_its_address_and_nobody_its_password() -> None:
    found = not_ready(Database(NOBODY))
    assert found is not None
    assert (found.part, found.detail) == (Part.DATABASE, "our own database does not answer")
    assert "127.0.0.1" in found.reason
    assert "s3cret" not in found.reason
