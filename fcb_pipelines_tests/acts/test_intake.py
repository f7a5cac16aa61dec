"""Pushed usage: stored once for ever or refused with a reason, whoever else pushes, and summed as it arrives."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fcb_pipelines.acts.intake import Delivery, Fact, Intake
from fcb_pipelines.domain.intake import Code, Outcome, Result
from fcb_pipelines.domain.metrics import Aggregation
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.usage import PUSHED, UsageEvent, Void
from fcb_pipelines.services import MetricSetting, Service
from fcb_pipelines.store import snapshots, usage
from fcb_pipelines.store.database import connect
from fcb_pipelines_tests.acts.source_records import a_service
from fcb_pipelines_tests.store.closed import closed
from fcb_pipelines_tests.store.readings import forget_usage

NOW = datetime(2026, 4, 20, 12, tzinfo=UTC)
METRICS = {
    "cpu_seconds": Aggregation.SUM,
    "peak": Aggregation.MAX,
    "level": Aggregation.LAST,
    "users": Aggregation.UNIQUE_COUNT,
}


def service(code: str = "small") -> Service:
    metrics = {name: MetricSetting(aggregation=each) for name, each in METRICS.items()}
    return a_service(code).model_copy(update={"metrics": metrics})


def event(key: str, quantity: str = "1", *, metric: str = "cpu_seconds", at: datetime = NOW, code: str = "small") -> UsageEvent:
    """One event of s-1; where values are counted its quantity is the value."""
    is_value = METRICS.get(metric) is Aggregation.UNIQUE_COUNT
    return UsageEvent(
        service=code,
        feed=PUSHED,
        external_subscription_id="s-1",
        metric=metric,
        idempotency_key=key,
        quantity=Decimal(1) if is_value else Decimal(quantity),
        value=quantity if is_value else None,
        started_at=at,
    )


def void(key: str, voids: str, metric: str = "cpu_seconds") -> Void:
    return Void(service="small", feed=PUSHED, external_subscription_id="s-1", metric=metric, idempotency_key=key, voids=voids)


@dataclass(frozen=True)
class Pushing:
    """A store that knows s-1 of two services."""

    conn: psycopg.Connection
    intake: Intake

    def push(self, *facts: Fact, now: datetime = NOW, may_backfill: bool = False, code: str = "small") -> list[Result]:
        (results,) = self.intake.take([Delivery(service=service(code), facts=facts, may_backfill=may_backfill)], now)
        return results

    def running(self) -> dict[tuple[str, str, str], tuple[str, int]]:
        rows = self.conn.execute(
            """SELECT metric, period, booked_in, quantity, events FROM usage_running JOIN usage_series USING (series_id)
                WHERE service = 'small'"""
        )
        return {(metric, period, booked): (plain(quantity), events) for metric, period, booked, quantity, events in rows}

    def quantities(self, code: str) -> dict[str, str]:
        rows = self.conn.execute(
            "SELECT metric, quantity FROM usage_running JOIN usage_series USING (series_id) WHERE service = %s", [code]
        )
        return {metric: plain(quantity) for metric, quantity in rows}

    def recounted(self, period: str = "2026-04", booked_in: str | None = None) -> dict[str, Decimal]:
        bill = {"booked_in": booked_in or period, "series_id": None, "snapshot_id": None}
        given = {"service": "small", "feed": PUSHED, "period": period, **bill}
        return {row[0]: row[2] for row in self.conn.execute(usage.RECOUNTED_SUMS, given)}

    def count(self, table: str) -> int:
        row = self.conn.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def pushing(store_database: str) -> Iterator[Pushing]:
    with connect(store_database, autocommit=True) as conn:
        for code in ("small", "big"):
            snapshot_id = snapshots.open_snapshot(conn, code, NOW)
            snapshots.add_rows(conn, snapshot_id, "subscriptions", [("s-1", {"of": code})])
        yield Pushing(conn, Intake(conn))


def outcomes(results: Sequence[Result]) -> list[str]:
    return [str(each.outcome) for each in results]


def test_an_event_is_stored_once_and_what_contradicts_it_is_refused(pushing: Pushing) -> None:
    assert outcomes(pushing.push(event("a", "2.5"), event("b", "1"))) == ["accepted", "accepted"]
    assert outcomes(pushing.push(event("a", "2.50"), event("b", "3"), event("c"))) == ["duplicate", "conflict", "accepted"]
    assert pushing.running() == {("cpu_seconds", "2026-04", "2026-04"): ("4.5", 3)}
    assert pushing.count("usage_event") == pushing.count("usage_identity") == 3


def test_of_one_key_twice_in_a_request_the_first_is_stored(pushing: Pushing) -> None:
    results = pushing.push(event("a", "2"), event("a", "2"), event("a", "3"))
    assert outcomes(results) == ["accepted", "duplicate", "conflict"]
    assert pushing.running() == {("cpu_seconds", "2026-04", "2026-04"): ("2", 1)}


def test_the_same_key_of_another_service_metric_or_month_is_told_apart(pushing: Pushing) -> None:
    assert outcomes(pushing.push(event("a"), event("a", metric="peak"))) == ["accepted", "accepted"]
    assert outcomes(pushing.push(event("a", code="big"), code="big")) == ["accepted"]
    assert outcomes(pushing.push(event("a", at=NOW - timedelta(days=25)))) == ["conflict"]


REFUSED: dict[str, tuple[Fact, Code]] = {
    "another's or nobody's subscription": (replace(event("a"), external_subscription_id="s-2"), Code.UNKNOWN_SUBSCRIPTION),
    "a metric that nobody declared": (event("a", metric="gb"), Code.UNKNOWN_METRIC),
    "a time ahead": (event("a", at=NOW + timedelta(minutes=5, seconds=1)), Code.IN_THE_FUTURE),
    "an end ahead": (replace(event("a"), ended_at=NOW + timedelta(minutes=5, seconds=1)), Code.IN_THE_FUTURE),
    "a time long ago": (event("a", at=NOW - timedelta(days=35, seconds=1)), Code.TOO_OLD),
    "a quantity where values count": (replace(event("a", metric="users"), value=None), Code.INVALID),
    "a value where quantities count": (replace(event("a"), value="x"), Code.INVALID),
    "a void of nothing": (void("v", "never"), Code.NOTHING_TO_VOID),
}


@pytest.mark.parametrize("what", list(REFUSED))
def test_what_is_refused_is_told_and_the_others_are_stored(pushing: Pushing, what: str) -> None:
    fact, code = REFUSED[what]
    first, refused, last = pushing.push(event("good"), fact, event("better"))
    assert (first.outcome, refused.outcome, refused.code, last.outcome) == (
        Outcome.ACCEPTED,
        Outcome.REJECTED,
        code,
        Outcome.ACCEPTED,
    )
    assert refused.reason
    assert pushing.count("usage_event") == pushing.count("usage_identity") == 2


def test_the_edges_of_the_window_are_inside_and_a_key_that_may_backfill_goes_beyond(pushing: Pushing) -> None:
    edges = event("a", at=NOW + timedelta(minutes=5)), event("b", at=NOW - timedelta(days=35))
    assert outcomes(pushing.push(*edges)) == ["accepted", "accepted"]
    assert outcomes(pushing.push(event("c", at=NOW - timedelta(days=36)), may_backfill=True)) == ["accepted"]


def test_what_no_month_here_is_billed_for_is_refused_whoever_sends_it(pushing: Pushing) -> None:
    first = Period("2026-03", service().zone).start
    before, at = (event("a", at=first - timedelta(microseconds=1)), event("b", at=first))
    told, stored = pushing.push(before, at, now=first, may_backfill=True)
    assert (told.code, stored.outcome) == (Code.TOO_OLD, Outcome.ACCEPTED)
    assert "before 2026-03, the first month that is billed here" in told.reason
    (told,) = pushing.push(before, now=NOW + timedelta(days=365))
    assert "usage:backfill" not in told.reason, "no key helps"


def test_a_month_is_the_service_zones(pushing: Pushing) -> None:
    pushing.push(event("a", at=datetime(2026, 4, 1, 3, 59, 59, tzinfo=UTC)), event("b", at=datetime(2026, 4, 1, 4, tzinfo=UTC)))
    assert set(pushing.running()) == {("cpu_seconds", "2026-03", "2026-03"), ("cpu_seconds", "2026-04", "2026-04")}


def test_what_is_taken_back_counts_no_more_and_cannot_be_taken_back_twice(pushing: Pushing) -> None:
    pushing.push(event("a", "5"), event("b", "2"), event("m", "9", metric="peak"), event("n", "4", metric="peak"))
    pushing.push(event("l", "1", metric="level"), event("k", "7", metric="level", at=NOW - timedelta(hours=1)))
    pushing.push(event("u", "ada", metric="users"), event("v", "bob", metric="users"), event("w", "ada", metric="users"))
    back = [
        void("va", "a"),
        void("vm", "m", "peak"),
        void("vl", "l", "level"),
        void("vu", "v", "users"),
        void("vw", "w", "users"),
    ]
    assert outcomes(pushing.push(*back)) == ["accepted"] * 5
    assert outcomes(pushing.push(*back)) == ["duplicate"] * 5
    expected = {"cpu_seconds": ("2", 1), "peak": ("4", 1), "level": ("7", 1), "users": ("1", 1)}
    assert {metric: told for (metric, _, _), told in pushing.running().items()} == expected
    assert {metric: plain(quantity) for metric, quantity in pushing.recounted().items()} == {
        metric: quantity for metric, (quantity, _) in expected.items()
    }
    again, of_void, other = pushing.push(void("x", "a"), void("y", "va"), void("va", "b"))
    assert (again.code, again.reason) == (Code.NOTHING_TO_VOID, "event 'a' was taken back by 'va'")
    assert (of_void.code, other.outcome) == (Code.NOTHING_TO_VOID, Outcome.CONFLICT)
    assert outcomes(pushing.push(event("a", "5"), event("va", "1"))) == ["duplicate", "conflict"]


def test_what_a_server_of_the_version_before_stored_can_be_taken_back(pushing: Pushing) -> None:
    pushing.push(event("a", "5"), event("b", "2"))
    pushing.conn.execute("UPDATE usage_identity SET started_at = NULL WHERE idempotency_key = 'a'")
    assert outcomes(pushing.push(void("v", "a"), void("w", "b"), void("x", "c"))) == ["accepted", "accepted", "rejected"]
    assert pushing.running() == {("cpu_seconds", "2026-04", "2026-04"): ("0", 0)}


def test_what_one_void_of_a_request_did_holds_for_those_after_it(pushing: Pushing) -> None:
    pushing.push(event("a", "5"), event("b", "2"))
    results = pushing.push(void("v", "a"), void("v", "a"), void("v", "b"), void("w", "a"), void("x", "v"), void("y", "b"))
    assert outcomes(results) == ["accepted", "duplicate", "conflict", "rejected", "rejected", "accepted"]
    assert [each.reason for each in results[3:5]] == [
        "event 'a' was taken back by 'v'",
        "'v' is itself a void, or its month is no longer kept in detail",
    ]
    assert pushing.running() == {("cpu_seconds", "2026-04", "2026-04"): ("0", 0)}
    assert pushing.count("usage_identity") == pushing.count("usage_event") == 4


def test_voids_of_several_services_share_a_transaction(pushing: Pushing) -> None:
    pushing.push(event("a", "5", metric="peak"), event("b", "2", metric="peak"))
    pushing.push(event("a", "7", metric="peak", code="big"), event("b", "3", metric="peak", code="big"), code="big")
    back = [Delivery(service=service(code), facts=[replace(void("v", "a", "peak"), service=code)]) for code in ("small", "big")]
    assert [outcomes(each) for each in pushing.intake.take(back, NOW)] == [["accepted"], ["accepted"]]
    assert pushing.running() == {("peak", "2026-04", "2026-04"): ("2", 1)}
    assert pushing.quantities("big") == {"peak": "3"}


def test_an_event_and_its_void_may_come_in_one_request(pushing: Pushing) -> None:
    assert outcomes(pushing.push(void("v", "a"), event("a", "5"), event("b", "1"))) == ["accepted"] * 3
    assert pushing.running() == {("cpu_seconds", "2026-04", "2026-04"): ("1", 1)}


def test_what_is_told_of_a_closed_month_is_on_a_later_bill(pushing: Pushing) -> None:
    pushing.push(event("a", "5"), event("m", "9", metric="peak"))
    closed(pushing.conn, "small", "2026-04")
    late = pushing.push(event("b", "2"), void("v", "m", "peak"), event("n", "3", metric="peak"))
    assert [(str(each.outcome), each.is_late) for each in late] == [("accepted", True)] * 3
    assert [each.is_late for each in pushing.push(event("a", "5"), event("b", "2"))] == [False, True]
    assert pushing.running() == {
        ("cpu_seconds", "2026-04", "2026-04"): ("5", 1),
        ("cpu_seconds", "2026-04", "2026-05"): ("7", 2),
        ("peak", "2026-04", "2026-04"): ("9", 1),
        ("peak", "2026-04", "2026-05"): ("3", 1),
    }
    assert pushing.recounted("2026-04") == {"cpu_seconds": Decimal(5), "peak": Decimal(9)}
    assert pushing.recounted("2026-04", "2026-05") == {"cpu_seconds": Decimal(7), "peak": Decimal(3)}


def test_what_is_only_taken_back_of_a_closed_month_is_on_the_next_bill(pushing: Pushing) -> None:
    pushing.push(*(event(f"{metric}{n}", str(n), metric=metric) for metric in METRICS for n in (1, 2)))
    closed(pushing.conn, "small", "2026-04")
    late = pushing.push(*(void(f"v{metric}", f"{metric}2", metric) for metric in METRICS))
    assert [(str(each.outcome), each.is_late) for each in late] == [("accepted", True)] * 4
    billed = {"cpu_seconds": "3", "peak": "2", "level": "2", "users": "2"}
    standing = {"cpu_seconds": "1", "peak": "1", "level": "1", "users": "1"}
    assert pushing.running() == {
        **{(metric, "2026-04", "2026-04"): (quantity, 2) for metric, quantity in billed.items()},
        **{(metric, "2026-04", "2026-05"): (quantity, 1) for metric, quantity in standing.items()},
    }


def test_a_value_that_was_taken_back_counts_when_it_is_told_again(pushing: Pushing) -> None:
    pushing.push(event("a", "ada", metric="users"), event("b", "bob", metric="users"))
    pushing.push(void("v", "a", "users"))
    assert pushing.running() == {("users", "2026-04", "2026-04"): ("1", 1)}
    pushing.push(event("c", "ada", metric="users"), event("d", "bob", metric="users"))
    assert pushing.running() == {("users", "2026-04", "2026-04"): ("2", 3)}


def test_several_requests_share_a_transaction_and_each_has_its_own_results(pushing: Pushing) -> None:
    small, big = (
        Delivery(service=service(), facts=[event("a"), event("b")]),
        Delivery(service=service("big"), facts=[event("a", code="big")]),
    )
    again = Delivery(service=service(), facts=[event("b"), event("a", "9")])
    assert [outcomes(each) for each in pushing.intake.take([small, big, again], NOW)] == [
        ["accepted", "accepted"],
        ["accepted"],
        ["duplicate", "conflict"],
    ]
    assert [outcomes(each) for each in pushing.intake.take([Delivery(service=service(), facts=[])], NOW)] == [[]]


def test_a_transaction_that_fails_leaves_nothing_and_can_be_sent_again(pushing: Pushing, store_database: str) -> None:
    pushing.push(event("first"))
    pushing.conn.execute("ALTER TABLE usage_running ADD CONSTRAINT small CHECK (quantity < 100)")
    with pytest.raises(psycopg.errors.CheckViolation):
        pushing.push(
            event("a", "5"), replace(event("b", "1000"), metric="peak"), event("c", at=datetime(2026, 3, 20, tzinfo=UTC))
        )
    assert pushing.count("usage_event") == pushing.count("usage_identity") == 1
    pushing.conn.execute("ALTER TABLE usage_running DROP CONSTRAINT small")
    again = [event("a", "5"), replace(event("b", "1000"), metric="peak"), event("c", at=datetime(2026, 3, 20, tzinfo=UTC))]
    assert outcomes(pushing.push(*again)) == ["accepted"] * 3


def test_one_batch_by_many_at_once_counts_once(pushing: Pushing, store_database: str) -> None:
    events = [replace(event(f"k{number:03}", str(number)), metric=("cpu_seconds", "peak")[number % 2]) for number in range(100)]

    def one(turn: int) -> list[str]:
        with connect(store_database, autocommit=True) as conn:
            shuffled = events[turn * 7 :] + events[: turn * 7]
            (results,) = Intake(conn).take([Delivery(service=service(), facts=shuffled)], NOW)
            return outcomes(results)

    with ThreadPoolExecutor(8) as pool:
        told = [each for turn in pool.map(one, range(8)) for each in turn]
    assert (told.count("accepted"), told.count("duplicate")) == (100, 700)
    assert pushing.running() == {
        ("cpu_seconds", "2026-04", "2026-04"): ("2450", 50),
        ("peak", "2026-04", "2026-04"): ("99", 50),
    }


KEYS = st.sampled_from("abcdef")
FACTS = st.one_of(
    st.builds(
        lambda key, metric, quantity, minutes: event(key, quantity, metric=metric, at=NOW - timedelta(minutes=minutes)),
        KEYS,
        st.sampled_from(sorted(METRICS)),
        st.sampled_from(["0", "1", "2.5", "9"]),
        st.integers(0, 2),
    ),
    st.builds(lambda key, voids, metric: void(f"v{key}", voids, metric), KEYS, KEYS, st.sampled_from(sorted(METRICS))),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(st.lists(st.lists(FACTS, min_size=1, max_size=6), max_size=4), st.integers(0, 4))
def test_running_totals_are_a_recount_whatever_comes_and_is_taken_back(
    pushing: Pushing, requests: list[list[Fact]], closed_after: int
) -> None:
    forget_usage(pushing.conn)
    pushing.conn.execute("TRUNCATE usage_closing")
    intake = Intake(pushing.conn)
    stored = 0
    for number, facts in enumerate(requests):
        (results,) = intake.take([Delivery(service=service(), facts=facts)], NOW)
        stored += outcomes(results).count("accepted")
        if number == closed_after:
            closed(pushing.conn, "small", "2026-04")
    assert pushing.count("usage_identity") == pushing.count("usage_event") == stored
    for booked_in in ("2026-04", "2026-05"):
        latest: dict[str, str] = {}
        for (metric, _, booked), (quantity, _) in sorted(pushing.running().items()):
            if booked <= booked_in:
                latest[metric] = quantity
        recounted = pushing.recounted("2026-04", booked_in)
        assert latest == {metric: plain(quantity) for metric, quantity in recounted.items()}


def test_the_pushed_feed_is_apart_from_the_pulled_one(pushing: Pushing) -> None:
    pushing.push(event("a", "5"))
    period = Period("2026-04", service().zone)
    assert usage.event_sums(pushing.conn, "small", period, PUSHED).quantities == {"cpu_seconds": Decimal(5)}
    assert usage.event_sums(pushing.conn, "small", period, "pulled").quantities == {}
