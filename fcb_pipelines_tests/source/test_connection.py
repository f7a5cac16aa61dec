import psycopg
import pytest
from pydantic import SecretStr

from fcb_pipelines.domain.errors import FcbError, InvalidInput, InvalidSettings, Refused, RolledBack
from fcb_pipelines.services import TimeMeaning
from fcb_pipelines.source.connection import open_source, said_by
from fcb_pipelines_tests.source.small_host import TORONTO, SmallHost

PASSWORD = "hunter2-very-secret"


def setting(host: SmallHost, name: str, **changes: object) -> str:
    with open_source(host.service(**changes)) as conn:
        return str((conn.execute("SELECT current_setting(%s)", [name]).fetchone() or [""])[0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("transaction_read_only", "on"),
        ("default_transaction_read_only", "on"),
        ("transaction_isolation", "repeatable read"),
        ("application_name", "fcb"),
        ("client_encoding", "UTF8"),
        ("TimeZone", "UTC"),
    ],
)
def test_the_session_is_read_only_and_sees_one_state(host: SmallHost, name: str, value: str) -> None:
    assert setting(host, name) == value


def test_naive_usage_times_mean_the_same_in_the_statement_as_to_us(host: SmallHost) -> None:
    times = {"usage.started_at": TimeMeaning(kind="instant", zone=TORONTO)}
    assert setting(host, "TimeZone", times=times) == "America/Toronto"


def test_options_of_the_address_are_kept(host: SmallHost) -> None:
    url = SecretStr(f"{host.url}?options=-c%20statement_timeout%3D7s&application_name=billing")
    assert setting(host, "statement_timeout", source_url=url) == "7s"
    assert setting(host, "application_name", source_url=url) == "billing"
    assert setting(host, "transaction_read_only", source_url=url) == "on"


def test_nothing_can_be_written(host: SmallHost) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), open_source(host.service()) as conn:
        conn.execute("UPDATE users SET name = 'Eve'")
    assert host.rows("SELECT count(*) FROM users WHERE name = 'Eve'") == [(0,)]


def test_what_others_commit_meanwhile_is_not_seen(host: SmallHost) -> None:
    with open_source(host.service()) as conn:
        before = conn.execute("SELECT count(*) FROM users").fetchone()
        host.run("INSERT INTO users (external_user_id, name) VALUES (3, 'Cy')")
        assert conn.execute("SELECT count(*) FROM users").fetchone() == before


def refusal(host: SmallHost, url: str | None) -> FcbError:
    with pytest.raises(FcbError) as refused, open_source(host.service(source_url=url and SecretStr(url))):
        pass
    return refused.value


@pytest.mark.parametrize(
    ("url", "kind", "said"),
    [
        (f"postgresql://reader:{PASSWORD}@127.0.0.1:1/x", RolledBack, "cannot be reached"),
        (f"postgresql://reader:{PASSWORD}@no.such.host.invalid/x", RolledBack, "cannot be reached"),
        (f"postgresl://reader:{PASSWORD}@127.0.0.1/x", InvalidSettings, "is not a Postgres address"),
        (f"postgresql://reader:{PASSWORD}@127.0.0.1:port/x", RolledBack, 'invalid integer value "port"'),
        (f"postgresql://reader:{PASSWORD}@127.0.0.1/x?colour=blue", InvalidSettings, "is not a Postgres address"),
        (None, InvalidSettings, "has no source database"),
    ],
)
def test_an_address_that_does_not_work_names_its_variable_and_no_secret(
    host: SmallHost, url: str | None, kind: type[FcbError], said: str
) -> None:
    error = refusal(host, url)
    assert isinstance(error, kind)
    assert said in str(error)
    assert "FCB_SOURCE_SMALL_URL" in str(error)
    seen: BaseException | None = error
    while seen is not None:
        assert PASSWORD not in str(seen)
        seen = seen.__cause__ or seen.__context__


@pytest.mark.parametrize("change", [{"user": "nobody-here", "password": PASSWORD}, {"dbname": "no_such_database"}])
def test_a_login_that_the_database_refuses_is_not_tried_again(host: SmallHost, change: dict[str, str]) -> None:
    error = refusal(host, psycopg.conninfo.make_conninfo(host.url, **change))
    assert isinstance(error, Refused)
    assert "refused the login" in str(error)
    assert PASSWORD not in str(error)


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (psycopg.OperationalError("server closed the connection\nunexpectedly"), RolledBack, "stopped answering"),
        (psycopg.errors.InsufficientPrivilege("permission denied for table users"), Refused, "grant the role SELECT"),
        (psycopg.errors.UndefinedColumn("column x does not exist"), InvalidInput, "mend the statement"),
    ],
)
def test_what_postgres_says_names_the_file(error: psycopg.Error, kind: type[FcbError], said: str) -> None:
    with pytest.raises(kind, match=rf"^users\.sql: .*{said}"), said_by("users.sql"):
        raise error


def test_a_lost_connection_is_told_as_one_that_may_be_tried_again(host: SmallHost) -> None:
    with open_source(host.service()) as conn:
        host.run(f"SELECT pg_terminate_backend({conn.info.backend_pid})")
        with pytest.raises(RolledBack, match="run again"), said_by("users.sql"):
            conn.execute("SELECT 1")
