"""Who may change a row of the logs: nobody by accident, not the tables' owner, and not whom the docs shut out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

import fcb_pipelines
from fcb_pipelines.domain.audit import Log
from fcb_pipelines.store import audit
from fcb_pipelines_tests.conftest import database
from fcb_pipelines_tests.store.test_audit import LOGS, a_call, an_act

ROOT = Path(fcb_pipelines.__file__).parents[1]
CHANGES = [f"{verb} {table}" for table in ("access_log", "audit_log") for verb in ("DELETE FROM", "TRUNCATE")]
CHANGES += [f"UPDATE {table} SET hash = hash" for table in ("access_log", "audit_log")]
HEAD_CHANGES = ["DELETE FROM log_head", "TRUNCATE log_head"]
HEAD_CHANGES += [f"UPDATE log_head SET {change}" for change in ("count = count", "log = 'x'", "count = -1")]


@pytest.fixture(scope="module")
def roomy(postgres_url: str, store_template: str) -> Iterator[str]:
    """A database that every test leaves as it was."""
    with database(postgres_url, template=store_template) as url:
        yield url


@pytest.mark.parametrize("session", ["origin", "replica"])
@pytest.mark.parametrize("statement", CHANGES + HEAD_CHANGES)
def test_even_an_administrator_is_refused_until_the_guard_is_switched_off(roomy: str, statement: str, session: str) -> None:
    with psycopg.connect(roomy) as conn:
        conn.execute(f"SET session_replication_role = {session}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            conn.execute(statement)


@contextmanager
def role(admin_url: str, name: str) -> Iterator[str]:
    with psycopg.connect(admin_url, autocommit=True) as conn:
        conn.execute(f"CREATE ROLE {name}")
        try:
            yield name
        finally:
            conn.execute(f"DROP ROLE {name}")


TAKEN = (("DROP", ""), ("ALTER", "DISABLE TRIGGER ALL"), ("ALTER", "OWNER TO CURRENT_USER"), ("ALTER", "RENAME TO away"))


def granted_by_the_docs() -> str:
    """The statements of the page for operators."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    return page.partition("<!-- another owner of the logs -->")[2].partition("```sql")[2].partition("```")[0]


def test_the_owner_of_the_tables_lacks_the_right_and_can_append(postgres_url: str, store_template: str) -> None:
    with role(postgres_url, "app_alone") as app, database(postgres_url, template=store_template) as url:
        with psycopg.connect(url) as conn:
            for table in LOGS:
                conn.execute(f"ALTER TABLE {table} OWNER TO {app}")
            conn.execute(f"SET ROLE {app}")
            assert audit.append_access(conn, [a_call()]).count == 1
            for statement in CHANGES:
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"), conn.transaction():
                    conn.execute(statement)
            conn.rollback()


def test_with_the_owner_of_the_docs_the_application_cannot_take_the_right_back(postgres_url: str, store_template: str) -> None:
    with role(postgres_url, "app_doc") as app, role(postgres_url, "owner_doc") as owner:
        with database(postgres_url, template=store_template) as url, psycopg.connect(url) as conn:
            name = url.rpartition("/")[2]
            statements = (
                granted_by_the_docs().replace("CREATE ROLE fcb_logs NOLOGIN;", "").replace("DATABASE fcb ", f"DATABASE {name} ")
            )
            conn.execute(statements.replace("fcb_logs", owner).replace("fcb;", f"{app};"))
            conn.execute(f"SET ROLE {app}")
            assert audit.append_access(conn, [a_call()]).count == 1
            audit.append_audit(conn, an_act())
            assert audit.verify(conn, Log.ACCESS) is None
            conn.execute("CREATE TABLE usage_event_2026_05 ()")
            for table in LOGS:
                conn.execute(f"GRANT ALL ON {table} TO {app}")  # a warning, and nothing granted
            taken = [f"{verb} TABLE {table} {what}" for table in LOGS for verb, what in TAKEN]
            for statement in [*CHANGES, *taken, "DROP FUNCTION refuse_change() CASCADE", "DROP SCHEMA public CASCADE"]:
                with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
                    conn.execute(statement)
            conn.rollback()
