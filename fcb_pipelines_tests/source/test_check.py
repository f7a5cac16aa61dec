import psycopg
import pytest
from pydantic import SecretStr

from fcb_pipelines.domain.findings import Finding, Level
from fcb_pipelines.services import TimeMeaning
from fcb_pipelines.source.check import BAD_ROWS_SHOWN, check
from fcb_pipelines_tests.source.small_host import TORONTO, SmallHost


def at(level: Level, findings: tuple[Finding, ...]) -> dict[str, str]:
    return {finding.about: finding.message for finding in findings if finding.level is level}


def test_a_source_that_fits_is_reached_counted_and_checked_by_column(host: SmallHost) -> None:
    found = check(host.service())
    fine = at(Level.OK, found)
    assert fine["FCB_SOURCE_SMALL_URL"] == "connected, read only"
    assert fine["users.sql"] == "read 2 users"
    assert fine["subscriptions.sql: started_at"] == "timestamp with time zone"
    assert fine["usage.sql: quantity"] == "numeric"
    assert at(Level.ERROR, found) == {}


def test_columns_that_may_be_left_out_are_information_and_looked_at_where_they_are_there(host: SmallHost) -> None:
    host.remap("plans", "charges", "'[]'::jsonb")
    found = check(host.service())
    fine = at(Level.OK, found)
    assert fine["plans.sql: charges"] == "jsonb"
    for left_out in ("plans.sql: price_quarterly", "subscriptions.sql: billing_anchor", "subscriptions.sql: instalments"):
        assert fine[left_out] == "is not returned, as it may be"
    assert (at(Level.ERROR, found), fine["plans.sql"]) == ({}, "read 2 plans")


def test_optional_files_that_are_missing_say_what_stays_undecidable(host: SmallHost) -> None:
    warned = at(Level.WARNING, check(host.service()))
    assert "evidence.sql" not in warned
    assert "plan_change" in warned["history.sql"]
    assert "paid_through" in warned["billing_state.sql"]


def test_a_role_that_can_write_is_warned_about_and_a_reader_is_not(host: SmallHost) -> None:
    warned = at(Level.WARNING, check(host.service()))
    assert any(message.startswith("can write to 6 tables (evidence, invoices, plans, …)") for message in warned.values())
    name = "reader_" + host.url.rpartition("_")[2]
    host.run(f"CREATE ROLE {name} LOGIN PASSWORD 'p'", f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
    try:
        reading = psycopg.conninfo.make_conninfo(host.url, user=name, password="p")
        assert at(Level.OK, check(host.service(source_url=SecretStr(reading))))[f"role {name}"] == "cannot write to any table"
    finally:
        host.run(f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def test_each_file_is_looked_at_though_another_does_not_run(host: SmallHost) -> None:
    host.map("users", "SELECT * FROM customers")
    host.remap("plans", "unit_price", "0.1::float8")
    found = check(host.service())
    wrong = at(Level.ERROR, found)
    assert wrong.keys() == {"users.sql", "plans.sql: unit_price"}
    assert wrong["users.sql"] == 'relation "customers" does not exist; mend the statement'
    assert at(Level.OK, found)["subscriptions.sql"] == "read 2 subscriptions"


def test_a_missing_required_file_is_an_error(host: SmallHost) -> None:
    (host.folder / "invoices.sql").unlink()
    assert "needs a file invoices.sql" in at(Level.ERROR, check(host.service()))["invoices.sql"]


def test_bad_rows_are_named_up_to_a_few(host: SmallHost) -> None:
    host.run(f"INSERT INTO users (external_user_id) SELECT n FROM generate_series(10, {10 + BAD_ROWS_SHOWN}) AS n")
    messages = [finding.message for finding in check(host.service()) if finding.about == "users.sql"]
    assert messages[0] == "read 2 users"
    assert messages[1] == "row '10' cannot be used: column name is NULL"
    assert len(messages) == 1 + BAD_ROWS_SHOWN + 1
    assert messages[-1] == "1 more rows cannot be used"


def test_a_declared_time_that_does_not_exist_is_warned_about(host: SmallHost) -> None:
    times = {"subscription.started_at": TimeMeaning(kind="date", zone=TORONTO)}
    assert (
        "'subscription.started_at', which is no time column" in at(Level.WARNING, check(host.service(times=times)))["fcb.toml"]
    )


@pytest.mark.parametrize("url", ["postgresql://reader:secret@127.0.0.1:1/x", "nonsense"])
def test_a_source_that_cannot_be_reached_is_one_finding(host: SmallHost, url: str) -> None:
    (finding,) = check(host.service(source_url=SecretStr(url)))
    assert finding.level is Level.ERROR
    assert "FCB_SOURCE_SMALL_URL" in finding.message
    assert "secret" not in finding.message
