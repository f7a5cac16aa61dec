from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.usage import PULLED, UsageEvent
from fcb_pipelines.store import pulled, snapshots
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.odd_usage import odd_usage
from fcb_pipelines.store.usage import Amounts, event_sums
from fcb_pipelines_tests.store.readings import APRIL, MARCH, NOW, event, forget_usage, reading


def stored(conn: Connection) -> dict[str, str]:
    return {key: str(quantity) for key, quantity in conn.execute("SELECT idempotency_key, quantity FROM usage_event")}


def conflicts(conn: Connection) -> list[tuple[Any, ...]]:
    return conn.execute("SELECT snapshot_id, idempotency_key, quantity FROM usage_conflict ORDER BY 1, 2, 3").fetchall()


def counted(header: pulled.UsageHeader) -> dict[str, int]:
    counts = ("events", "duplicates", "new_events", "conflicts", "rejected", "absent")
    return {name: getattr(header, name) for name in counts if getattr(header, name)}


def test_a_first_reading_is_all_new(conn: Connection) -> None:
    header = reading(conn, [event("a", "1.5"), event("b", "0.000001"), event("b", "7", metric="gb_hours")])
    assert counted(header) == {"events": 3, "new_events": 3}
    assert header.quantities == {"cpu_seconds": Decimal("1.500001"), "gb_hours": Decimal(7)}


def test_nothing_read_is_told_as_nothing(conn: Connection) -> None:
    header = reading(conn, [], rejected=2)
    assert counted(header) == {"rejected": 2}
    assert header.quantities == {}


def test_the_same_reading_again_adds_nothing_and_has_the_same_hash(conn: Connection) -> None:
    first = reading(conn, [event("a"), event("b")])
    again = reading(conn, [event("b"), event("a")])
    assert counted(again) == {"events": 2}
    assert again.content_hash == first.content_hash
    assert stored(conn) == {"a": "1", "b": "1"}


def test_an_event_keeps_the_snapshot_that_first_brought_it(conn: Connection) -> None:
    first = reading(conn, [event("a")])
    second = reading(conn, [event("a"), event("b")])
    brought: dict[str, int] = dict(conn.execute("SELECT idempotency_key, snapshot_id FROM usage_event").fetchall())
    assert brought == {"a": first.snapshot_id, "b": second.snapshot_id}


@pytest.mark.parametrize(
    "other",
    [
        event("a", "2"),
        event("a", at="2026-04-11"),
        replace(event("a"), ended_at=datetime(2026, 4, 12, tzinfo=UTC)),
    ],
)
def test_other_content_under_a_stored_identity_is_a_conflict_and_the_first_stands(conn: Connection, other: UsageEvent) -> None:
    reading(conn, [event("a"), event("b")])
    header = reading(conn, [other, event("b")])
    assert counted(header) == {"events": 2, "conflicts": 1}
    assert stored(conn) == {"a": "1", "b": "1"}
    assert conflicts(conn) == [(header.snapshot_id, "a", other.quantity)]


@pytest.mark.parametrize(
    "other", [event("b"), event("a", subscription="s-2"), event("a", metric="gb_hours"), replace(event("a"), feed="pushed")]
)
def test_another_identity_is_another_event(conn: Connection, other: UsageEvent) -> None:
    assert counted(reading(conn, [event("a"), other])) == {"events": 2, "new_events": 2}


def test_the_same_amount_written_otherwise_is_the_same_content(conn: Connection) -> None:
    reading(conn, [event("a", "1.50")])
    assert counted(reading(conn, [event("a", "1.5000")])) == {"events": 1}


def test_a_row_repeated_in_one_reading_is_a_duplicate(conn: Connection) -> None:
    header = reading(conn, [event("a"), event("b"), event("a"), event("a")])
    assert counted(header) == {"events": 2, "new_events": 2, "duplicates": 2}
    assert header.quantities == {"cpu_seconds": Decimal(2)}


def test_two_contents_of_a_new_identity_in_one_reading_are_both_refused_and_kept(conn: Connection) -> None:
    header = reading(conn, [event("a", "1"), event("a", "2"), event("b")], rejected=1)
    assert counted(header) == {"events": 1, "new_events": 1, "rejected": 3}
    assert stored(conn) == {"b": "1"}
    issues = snapshots.issues(conn, header.snapshot_id)
    assert sorted(issue.row["quantity"] for issue in issues) == ["1", "2"]
    assert {(issue.entity, issue.external_id) for issue in issues} == {("usage", "s-1/cpu_seconds/a")}


def test_two_contents_of_a_stored_identity_leave_what_is_stored(conn: Connection) -> None:
    reading(conn, [event("a", "1")])
    header = reading(conn, [event("a", "1"), event("a", "2")])
    assert counted(header) == {"events": 2, "conflicts": 1}
    assert stored(conn) == {"a": "1"}


def test_what_is_gone_from_the_source_is_counted_and_stays_stored(conn: Connection) -> None:
    reading(conn, [event("a"), event("b")])
    header = reading(conn, [event("b")])
    assert counted(header) == {"events": 1, "absent": 1}
    assert stored(conn) == {"a": "1", "b": "1"}


def test_an_event_of_another_month_or_service_is_not_absent(conn: Connection) -> None:
    reading(conn, [event("m", at="2026-04-01T03:59:59")], period=MARCH)
    reading(conn, [replace(event("x"), service="big")], service="big")
    assert counted(reading(conn, [])) == {}


def test_readings_of_several_periods_do_not_mix(conn: Connection) -> None:
    snapshot_id = snapshots.open_snapshot(conn, "small", datetime(2026, 6, 2, tzinfo=UTC))
    opened = pulled.begin_reading(conn, "small", {})
    for period, key, at in ((MARCH, "m", "2026-03-10"), (APRIL, "a", "2026-04-10")):
        pulled.stage(opened, period, [event(key, at=at), event(key, at=at)])
        header = pulled.keep_reading(opened, period, snapshot_id=snapshot_id, read_at=NOW, rejected=0, content_hash=b"")
        assert counted(header) == {"events": 1, "new_events": 1, "duplicates": 1}


def test_headers_are_the_last_reading_of_each_period_as_known_at_a_snapshot(conn: Connection) -> None:
    march = reading(conn, [event("m", "0.5", at="2026-03-10")], period=MARCH)
    april = reading(conn, [event("a")])
    assert pulled.usage_headers(conn, "small", march.snapshot_id) == {"2026-03": march}
    assert pulled.usage_headers(conn, "small", april.snapshot_id) == {"2026-03": march, "2026-04": april}
    again = reading(conn, [event("a"), event("b")])
    assert pulled.usage_headers(conn, "small", again.snapshot_id)["2026-04"] == again
    assert pulled.usage_headers(conn, "big", again.snapshot_id) == {}


def stored_in(conn: Connection, period: Period) -> Amounts:
    return event_sums(conn, "small", period, PULLED)


def test_an_event_that_moves_to_another_month_is_gone_from_one_and_stands_in_no_other(conn: Connection) -> None:
    reading(conn, [event("a", "5", at="2026-03-10")], period=MARCH)
    march, april = reading(conn, [], period=MARCH), reading(conn, [event("a", "5"), event("b")])
    assert (march.gone, march.must_be_stored) == (Amounts(events=1, quantities={"cpu_seconds": Decimal(5)}), march.gone)
    assert (april.conflicts, april.standing) == (1, 0)
    assert april.must_be_stored.agrees_with(stored_in(conn, APRIL))


def test_what_is_read_as_stored_and_otherwise_too_does_not_stand_twice(conn: Connection) -> None:
    reading(conn, [event("a", "1")])
    header = reading(conn, [event("a", "1"), event("a", "2")])
    assert (header.conflicts, header.standing) == (1, 0)
    assert header.must_be_stored == Amounts(events=1, quantities={"cpu_seconds": Decimal(1)})


def test_of_what_is_gone_the_first_fifty_are_named_and_all_are_counted(conn: Connection) -> None:
    reading(conn, [event(f"{n:03}") for n in range(60)])
    header = reading(conn, [])
    assert header.gone == Amounts(events=60, quantities={"cpu_seconds": Decimal(60)})
    assert [one.key for one in odd_usage(conn, header.snapshot_id, APRIL, most=99)] == [f"{n:03}" for n in range(50)]
    assert len(odd_usage(conn, header.snapshot_id, APRIL, most=3)) == 3


EVENTS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["0", "1", "2.5"]), st.booleans()), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=4))
def test_what_must_be_stored_is_stored_whatever_the_source_says_later(
    conn: Connection, told: list[list[tuple[str, str, bool]]]
) -> None:
    forget_usage(conn)
    for rows in told:
        for period, is_march in ((MARCH, True), (APRIL, False)):
            at = "2026-03-10" if is_march else "2026-04-10"
            header = reading(
                conn, [event(key, quantity, at=at) for key, quantity, march in rows if march is is_march], period=period
            )
            assert header.must_be_stored.agrees_with(stored_in(conn, period))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["1", "2.5"])), max_size=12))
def test_no_row_read_is_lost_from_the_counts(conn: Connection, given_rows: list[tuple[str, str]]) -> None:
    forget_usage(conn)
    header = reading(conn, [event(key, quantity) for key, quantity in given_rows])
    assert header.events + header.duplicates + header.rejected == len(given_rows)
    assert header.events == header.new_events == len(stored(conn))
    assert sum(header.quantities.values()) == sum(map(Decimal, stored(conn).values()))
