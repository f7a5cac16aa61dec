import pytest

from fcb_pipelines.domain.errors import InvalidInput, Refused
from fcb_pipelines.services import TimeMeaning
from fcb_pipelines.source.columns import ENTITIES, EntitySpec, Kind, time_paths
from fcb_pipelines.source.connection import open_source
from fcb_pipelines.source.mapping import describe, is_mapped, problems, statement
from fcb_pipelines_tests.source.small_host import TORONTO, SmallHost

SPECS = {spec.name: spec for spec in ENTITIES}


def said(host: SmallHost, spec: EntitySpec, **changes: object) -> list[str]:
    service = host.service(**changes)
    with open_source(service) as conn:
        return [str(problem) for problem in problems(service, spec, describe(conn, service, spec))]


@pytest.mark.parametrize("entity", ["users", "plans", "subscriptions", "usage", "invoices", "evidence"])
def test_a_mapping_that_fits_has_no_problem(host: SmallHost, entity: str) -> None:
    assert said(host, SPECS[entity]) == []


@pytest.mark.parametrize(
    ("entity", "column", "expression", "message"),
    [
        ("users", "email", None, "users.sql: column email is missing: return it (NULL AS email, cast to its type"),
        ("users", "name", None, "users.sql: column name is missing: return it"),
        ("users", "name", "now()", "users.sql: column name is timestamp with time zone, must be text, uuid"),
        ("users", "is_active", "1", "users.sql: column is_active is integer, must be boolean"),
        ("plans", "price_monthly", "NULL", "plans.sql: column price_monthly is text, must be numeric"),
        ("plans", "unit_price", "0.1::float8", "is double precision, must be numeric or an integer: a float is not exact"),
        ("plans", "unit_price", "'1'::money", "plans.sql: column unit_price is money, must be numeric"),
        ("usage", "quantity", "0.1::real", "usage.sql: column quantity is real, must be numeric or an integer: a float"),
        ("invoices", "lines", "'[]'", "invoices.sql: column lines is text, must be jsonb or json"),
        ("subscriptions", "started_at", "'today'", "subscriptions.sql: column started_at is text, must be timestamptz"),
        ("plans", "charges", "'[]'", "plans.sql: column charges is text, must be jsonb or json"),
        ("subscriptions", "billing_anchor", "now()::date", "subscriptions.sql: column billing_anchor is date, which names no"),
    ],
)
def test_each_misfit_names_the_file_and_the_column(
    host: SmallHost, entity: str, column: str, expression: str | None, message: str
) -> None:
    host.remap(entity, column, expression)
    (found,) = said(host, SPECS[entity])
    assert message in found


@pytest.mark.parametrize(
    ("entity", "column", "expression"),
    [
        ("users", "external_user_id", "'00000000-0000-0000-0000-000000000001'::uuid"),
        ("users", "name", "name::varchar(20)"),
        ("users", "name", "name::char(20)"),
        ("plans", "price_monthly", "7::bigint"),
        ("plans", "price_monthly", "7::numeric(10, 2)"),
        ("invoices", "lines", "'[]'::json"),
    ],
)
def test_what_holds_the_same_values_fits(host: SmallHost, entity: str, column: str, expression: str) -> None:
    host.remap(entity, column, expression)
    assert said(host, SPECS[entity]) == []


def test_a_surplus_column_is_only_a_warning(host: SmallHost) -> None:
    host.map("users", "SELECT *, 'x' AS password FROM users")
    service = host.service()
    with open_source(service) as conn:
        (problem,) = problems(service, SPECS["users"], describe(conn, service, SPECS["users"]))
    assert (problem.is_error, problem.column) == (False, "password")


def test_a_column_returned_twice_is_an_error(host: SmallHost) -> None:
    host.map("users", "SELECT *, name || '!' AS name FROM users")
    assert said(host, SPECS["users"]) == ["users.sql: column name is returned more than once"]


@pytest.mark.parametrize(
    ("expression", "kind"), [("started_at AT TIME ZONE 'America/Toronto'", "instant"), ("started_at::date", "date")]
)
def test_a_naive_time_needs_a_declaration(host: SmallHost, expression: str, kind: str) -> None:
    host.remap("subscriptions", "started_at", expression)
    (found,) = said(host, SPECS["subscriptions"])
    assert found.startswith("subscriptions.sql: column started_at is ")
    assert found.endswith(
        f'[services.small.times]\n"subscriptions.started_at" = {{ kind = "{kind}", zone = "America/Toronto" }}'
    )
    declared = {"subscriptions.started_at": TimeMeaning(kind="instant", zone=TORONTO)}
    assert said(host, SPECS["subscriptions"], times=declared) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT nothing FROM users", 'users.sql: column "nothing" does not exist'),
        ("SELECT * FROM customers", 'users.sql: relation "customers" does not exist'),
        ("SELEKT 1", "users.sql: syntax error"),
        ("SELECT 1) AS x; DROP TABLE users; SELECT * FROM (SELECT 1", "users.sql: "),
    ],
)
def test_a_statement_that_cannot_run_names_its_file(host: SmallHost, text: str, message: str) -> None:
    host.map("users", text)
    with pytest.raises((InvalidInput, Refused)) as refused:
        said(host, SPECS["users"])
    assert message in str(refused.value)
    assert host.rows("SELECT count(*) FROM users") == [(2,)]


def test_a_missing_file_is_named(host: SmallHost) -> None:
    service = host.service()
    assert not is_mapped(service, SPECS["history"])
    with pytest.raises(InvalidInput, match=r"the mapping of small needs a file history\.sql"):
        statement(service, SPECS["history"])


def test_comments_and_a_semicolon_at_the_end_do_no_harm(host: SmallHost) -> None:
    host.map("users", "-- people\nSELECT * FROM users -- all of them\n;\n")
    assert said(host, SPECS["users"]) == []


def test_times_that_can_be_declared_are_the_time_columns_and_those_of_lines() -> None:
    columns = {column.path for spec in ENTITIES for column in spec.columns if column.kind is Kind.TIME}
    assert time_paths() - columns == {"invoices.service_from", "invoices.service_to"}
    assert "subscriptions.started_at" in columns
