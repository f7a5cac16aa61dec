from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from fcb_pipelines.domain.canonical import BadRow
from fcb_pipelines.domain.errors import InvalidInput, InvalidSettings
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.usage import UsageEvent
from fcb_pipelines.services import Service, TimeMeaning
from fcb_pipelines.source import reader
from fcb_pipelines.source.columns import ENTITIES
from fcb_pipelines.source.connection import open_source
from fcb_pipelines.source.reader import EntityRows, read, usage
from fcb_pipelines_tests.source.small_host import FIRST, SECOND, TORONTO, SmallHost

SPECS = {spec.name: spec for spec in ENTITIES}
MARCH, APRIL = Period("2026-03", TORONTO), Period("2026-04", TORONTO)


def rows(host: SmallHost, entity: str, **changes: object) -> EntityRows:
    service = host.service(**changes)
    with open_source(service) as conn:
        return read(conn, service, SPECS[entity])


def pulled(service: Service, period: Period) -> tuple[list[UsageEvent], list[BadRow]]:
    with open_source(service) as conn:
        batches = list(usage(conn, service, period))
    return [event for batch in batches for event in batch.events], [bad for batch in batches for bad in batch.bad]


def reasons(bad: Sequence[BadRow]) -> list[str]:
    return [one.reason for one in bad]


def test_rows_are_canonical_and_in_order_of_their_id(host: SmallHost) -> None:
    found = rows(host, "subscriptions")
    assert found.bad == ()
    assert [one.external_id for one in found.rows] == [FIRST, SECOND]
    assert found.rows[1].row == {
        "external_subscription_id": SECOND,
        "external_deployment_id": None,
        "external_user_id": "2",
        "external_plan_id": "l",
        "billing_interval": "yearly",
        "status": "cancelled",
        "started_at": "2026-01-01T05:00:00+00:00",
        "ended_at": "2026-04-20T04:00:00+00:00",
        "contract_price": "150",
        "discount_percent": "10",
    }


def test_numbers_are_exact_text_and_null_stays_null(host: SmallHost) -> None:
    small = next(one.row for one in rows(host, "plans").rows if one.external_id == "s")
    assert (small["price_monthly"], small["price_yearly"], small["unit_price"]) == ("9.14", None, "0.0075")
    assert (small["included_quantity"], small["is_active"]) == ("1000", True)


def test_lines_of_invoices_come_with_them(host: SmallHost) -> None:
    (invoice,) = rows(host, "invoices").rows
    (line,) = invoice.row["lines"]
    assert line["description"] == "Small × 1"
    assert (line["amount"], line["service_from"]) == ("9.14", "2026-03-15T04:00:00+00:00")


def test_entities_without_an_id_of_their_own_are_named_by_their_subject(host: SmallHost) -> None:
    host.run("INSERT INTO evidence TABLE evidence")
    found = rows(host, "evidence")
    assert [one.external_id for one in found.rows] == [f"contract/subscription/{SECOND}"] * 2
    assert found.rows[0].row["data"] == {"price": "150.00"}


@pytest.mark.parametrize(
    ("entity", "change", "reason"),
    [
        ("users", "UPDATE users SET name = NULL WHERE external_user_id = 2", "users.sql: column name is NULL"),
        ("users", "UPDATE users SET name = ' ' WHERE external_user_id = 2", "users.sql: column name is empty"),
        ("users", "UPDATE users SET is_active = NULL WHERE external_user_id = 2", "users.sql: column is_active is NULL"),
        ("plans", "UPDATE plans SET external_plan_id = '' WHERE external_plan_id = 'l'", "external_plan_id is empty"),
        ("plans", "UPDATE plans SET unit_price = 'NaN' WHERE external_plan_id = 'l'", "plans.sql: column unit_price: "),
        (
            "subscriptions",
            f"UPDATE subscriptions SET ended_at = 'infinity' WHERE external_subscription_id = '{SECOND}'",
            "subscriptions.sql: column ended_at: 'infinity' is not a time",
        ),
    ],
)
def test_a_bad_row_is_named_and_stops_no_other(host: SmallHost, entity: str, change: str, reason: str) -> None:
    host.run(change)
    found = rows(host, entity)
    assert len(found.rows) == 1
    assert reason in found.bad[0].reason
    assert found.bad[0].entity == entity
    assert found.bad[0].row.keys() == {column.name for column in SPECS[entity].columns}


def test_a_row_has_a_column_that_may_be_left_out_only_where_it_says_something(host: SmallHost) -> None:
    plain = rows(host, "plans").rows
    host.remap("plans", "charges", """CASE external_plan_id WHEN 's' THEN '[{"metric": "gb", "price": 0.10}]'::jsonb END""")
    large, small = rows(host, "plans").rows
    assert (large, small.row) == (plain[0], {**plain[1].row, "charges": [{"metric": "gb", "price": "0.10"}]})
    assert "charges" not in plain[1].row


def test_a_bad_row_names_each_value_by_its_own_column_though_some_are_left_out(host: SmallHost) -> None:
    host.remap("plans", "charges", "'[1]'::jsonb")
    host.run("UPDATE plans SET unit_price = 'NaN' WHERE external_plan_id = 'l'")
    (bad,) = rows(host, "plans").bad
    assert (bad.row["charges"], bad.row["price_quarterly"], bad.row["unit_price"]) == ("[1]", None, "NaN")


def test_no_row_of_a_repeated_id_is_taken(host: SmallHost) -> None:
    host.run("INSERT INTO users SELECT 1, 'Ada again' FROM generate_series(1, 2)")
    found = rows(host, "users")
    assert [one.external_id for one in found.rows] == ["2"]
    assert sorted(one.row["name"] for one in found.bad) == ["Ada", "Ada again", "Ada again"]
    assert {one.reason for one in found.bad} == {
        "users.sql: column external_user_id is '1' in 3 rows, and none can be told to be the right one"
    }


def test_rows_without_an_id_are_bad_each_for_itself(host: SmallHost) -> None:
    host.run("UPDATE users SET external_user_id = NULL")
    assert reasons(rows(host, "users").bad) == ["users.sql: column external_user_id is NULL"] * 2


def test_a_day_is_local_midnight_where_the_service_says_so(host: SmallHost) -> None:
    host.remap("subscriptions", "started_at", "started_at::date")
    times = {"subscriptions.started_at": TimeMeaning(kind="date", zone=TORONTO)}
    assert rows(host, "subscriptions", times=times).rows[0].row["started_at"] == "2026-03-15T04:00:00+00:00"


def test_a_line_time_that_nobody_declared_stops_the_reading(host: SmallHost) -> None:
    host.run("""UPDATE invoices SET lines = '[{"amount": 1, "service_from": "2026-03-15"}]'""")
    with pytest.raises(InvalidSettings, match=r'"invoices\.service_from" = '):
        rows(host, "invoices")


def test_usage_of_a_period_is_what_starts_in_it(host: SmallHost) -> None:
    march, bad = pulled(host.service(), MARCH)
    assert [str(event.quantity) for event in march] == ["100.5", "0.000001"]
    april, _ = pulled(host.service(), APRIL)
    assert {event.external_subscription_id for event in april} == {FIRST, SECOND}
    assert bad == []


def test_an_event_is_known_by_its_own_id_or_else_by_its_time(host: SmallHost) -> None:
    host.run("INSERT INTO usage VALUES (NULL, 'cpu_seconds', 1, '2026-04-02Z', NULL, NULL)")
    host.run(f"INSERT INTO usage VALUES ('{FIRST}', 'cpu_seconds', 1, '2026-04-02 00:00:00.5Z', NULL, '')")
    events, _ = pulled(host.service(), APRIL)
    assert sorted(event.idempotency_key for event in events) == [
        "2026-04-02T00:00:00.500000+00:00",
        "2026-04-10T00:00:00+00:00",
        "e-7",
    ]


def test_an_event_keeps_all_it_says(host: SmallHost) -> None:
    (event, _), _ = pulled(host.service(), MARCH)
    assert event == UsageEvent(
        service="small",
        feed="pulled",
        external_subscription_id=FIRST,
        metric="cpu_seconds",
        idempotency_key="2026-03-20T10:00:00+00:00",
        quantity=Decimal("100.5"),
        started_at=datetime(2026, 3, 20, 10, tzinfo=UTC),
        ended_at=datetime(2026, 3, 20, 11, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (f"('{FIRST}', 'cpu_seconds', NULL, '2026-04-02Z')", "usage.sql: column quantity is NULL"),
        ("(NULL, 'cpu_seconds', 1, '2026-04-02Z')", "usage.sql: column external_subscription_id is NULL"),
        (f"('{FIRST}', NULL, 1, '2026-04-02Z')", "usage.sql: column metric is NULL"),
        (f"('{FIRST}', 'cpu_seconds', -0.5, '2026-04-02Z')", "usage.sql: column quantity is -0.5, and use is never negative"),
        (f"('{FIRST}', 'cpu_seconds', 'NaN', '2026-04-02Z')", "usage.sql: column quantity: "),
        (f"('{FIRST}', 'cpu_seconds', 'Infinity', '2026-04-02Z')", "usage.sql: column quantity: "),
    ],
)
def test_bad_usage_is_named_and_stops_no_other(host: SmallHost, values: str, reason: str) -> None:
    host.run("INSERT INTO usage (external_subscription_id, metric, quantity, started_at) VALUES" + values)
    events, bad = pulled(host.service(), APRIL)
    assert len(events) == 2
    assert reason in bad[0].reason
    assert bad[0].entity == "usage"


def test_usage_without_a_time_is_bad_where_the_statement_lets_it_through(host: SmallHost) -> None:
    host.run(f"INSERT INTO usage VALUES ('{FIRST}', 'cpu_seconds', 1, NULL)")
    host.map("usage", "SELECT * FROM usage WHERE started_at IS NULL OR started_at >= %(start)s AND started_at < %(end)s")
    assert reasons(pulled(host.service(), MARCH)[1]) == ["usage.sql: column started_at is NULL"]


def test_a_statement_that_ignores_the_period_is_refused(host: SmallHost) -> None:
    host.map("usage", "SELECT * FROM usage")
    with pytest.raises(InvalidInput, match=r"usage\.sql: returned an event of 2026-04-01T04:00:00\+00:00 for 2026-03; it must"):
        pulled(host.service(), MARCH)


def test_naive_usage_times_are_cut_at_the_local_month(host: SmallHost) -> None:
    host.run("ALTER TABLE usage ALTER started_at TYPE timestamp USING started_at AT TIME ZONE 'America/Toronto'")
    service = host.service(times={"usage.started_at": TimeMeaning(kind="instant", zone=TORONTO)}, first_period="2026-02")
    host.remap("usage", "ended_at", "NULL::timestamptz")
    march, _ = pulled(service, MARCH)
    assert [event.started_at.isoformat() for event in march] == ["2026-03-20T10:00:00+00:00", "2026-04-01T03:59:59+00:00"]


def test_usage_comes_in_batches(host: SmallHost) -> None:
    many = reader.USAGE_BATCH + 1
    host.run(
        "INSERT INTO usage SELECT external_subscription_id, 'cpu_seconds', 1, '2026-05-05Z'::timestamptz + "
        f"n * interval '1 second' FROM subscriptions CROSS JOIN generate_series(1, {many}) AS n LIMIT {many}"
    )
    service = host.service()
    with open_source(service) as conn:
        sizes = [len(batch.events) for batch in usage(conn, service, Period("2026-05", TORONTO))]
    assert sizes == [reader.USAGE_BATCH, 1]
