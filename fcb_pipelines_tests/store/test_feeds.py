"""The comparison in Postgres against the one in Python, and what it lists of many differences."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fcb_pipelines.domain.feeds import Comparison, Figure, Kind, SubscriptionFeeds, Told, compare
from fcb_pipelines.domain.metrics import Aggregation
from fcb_pipelines.domain.usage import Void
from fcb_pipelines.store import feeds, pushed, voids
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.events import ensure_partitions
from fcb_pipelines.store.pushed import Pushed
from fcb_pipelines.store.series import Series, SeriesNumbers
from fcb_pipelines_tests.store.readings import APRIL, NOW, forget_usage

START = datetime(2026, 4, 10, tzinfo=UTC)
AGGREGATIONS = {str(each): each for each in Aggregation}
Subject = tuple[str, str]
Told2 = Mapping[Subject, tuple[Sequence[Told], Sequence[Told]]]
"""Subscription and metric → what is pulled and what is pushed of it."""


def told(key: str, quantity: str = "1", *, at: int = 0, value: str | None = None) -> Told:
    return Told(key=key, started_at=START + timedelta(minutes=5 * at), quantity=Decimal(quantity), value=value)


@pytest.fixture
def db(store_database: str) -> Database:
    return Database(store_database)


def store(db: Database, events: Told2) -> None:
    """Put what both feeds tell in place of all usage before."""
    with db.transaction() as conn:
        forget_usage(conn)
        ensure_partitions(conn, ["2026-04"])
        numbers = SeriesNumbers(AGGREGATIONS)
        for (subscription, metric), sides in events.items():
            for feed, side in zip(("pulled", "pushed"), sides, strict=True):
                series = Series("small", feed, subscription, metric)
                number = numbers.of(conn, [series])[series]
                kept = [
                    Pushed(number, one.key, "2026-04", "2026-04", one.quantity, one.value, one.started_at, None, b"")
                    for one in side
                ]
                pushed.keep(conn, kept, NOW)


def compared(db: Database, until: datetime = APRIL.end, most: int = 50) -> Comparison:
    with db.transaction() as conn:
        return feeds.compare_feeds(conn, "small", APRIL, until, most=most)


def key_of(side: Told | None) -> str | None:
    return None if side is None else side.key


def listed(found: Comparison) -> Counter[tuple[str, str, Kind, str | None, str | None]]:
    return Counter(
        (
            one.external_subscription_id,
            one.metric,
            one.finding.kind,
            key_of(one.finding.pulled),
            key_of(one.finding.pushed),
        )
        for one in found.first
    )


def expected(events: Told2) -> Counter[tuple[str, str, Kind, str | None, str | None]]:
    return Counter(
        (subscription, metric, each.kind, key_of(each.pulled), key_of(each.pushed))
        for (subscription, metric), sides in events.items()
        for each in compare(*sides)
    )


EVENT = st.builds(
    told,
    st.sampled_from("abcdeé"),
    st.sampled_from(["0", "1", "1.0", "2.5"]),
    at=st.integers(0, 2),
)
SIDE = st.lists(EVENT, max_size=7, unique_by=lambda one: one.key)
EVENTS = st.dictionaries(st.tuples(st.sampled_from(["s-1", "s-2"]), st.just("sum")), st.tuples(SIDE, SIDE), max_size=2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(EVENTS)
def test_in_postgres_the_same_is_found_as_in_python(db: Database, events: Told2) -> None:
    store(db, events)
    found = compared(db)
    sides = [any(side[n] for side in events.values()) for n in (0, 1)]
    if all(sides):
        assert listed(found) == expected(events)
        assert sum(figure.events for figure in found.figures.values()) == len(found.first)
    else:
        assert (found.is_applicable, found.agrees) == (False, True)


def test_it_says_how_much_each_kind_comes_to_and_which_subscriptions_differ_most(db: Database) -> None:
    store(
        db,
        {
            ("s-1", "sum"): ([told("a", "5"), told("b", "7", at=1)], [told("x", "5"), told("y", "9", at=1)]),
            ("s-2", "sum"): ([told("a", "100"), told("b", "0.5", at=1)], [told("x", "0.5", at=1)]),
            ("s-3", "sum"): ([told("a", "3")], [told("x", "3")]),
            ("s-4", "sum"): ([told("a", "4")], [told("x", "4"), told("y", "4")]),
        },
    )
    found = compared(db)
    assert (found.compared, found.differing, found.agrees) == (4, 3, False)
    assert found.metrics == {"sum": (Decimal("119.5"), Decimal("25.5"))}
    assert found.figures == {
        Kind.DIFFERENT: Figure(events=1, pulled=Decimal(7), pushed=Decimal(9)),
        Kind.ONLY_PULLED: Figure(events=1, pulled=Decimal(100), pushed=Decimal(0)),
        Kind.TWICE_PUSHED: Figure(events=1, pulled=Decimal(0), pushed=Decimal(4)),
    }
    assert [one.external_subscription_id for one in found.subscriptions] == ["s-2", "s-4", "s-1"]
    assert found.subscriptions[0] == SubscriptionFeeds(
        external_subscription_id="s-2",
        metric="sum",
        pulled=Decimal("100.5"),
        pushed=Decimal("0.5"),
        pulled_events=2,
        pushed_events=1,
        differences={Kind.ONLY_PULLED: 1},
    )


def test_each_metric_is_summed_up_by_its_own_aggregation(db: Database) -> None:
    both = [told("a", "5"), told("b", "2", at=1)]
    values = [told("a", value="x"), told("b", value="x", at=1), told("c", value="y", at=2)]
    store(
        db,
        {
            ("s-1", "max"): (both, both),
            ("s-1", "last"): (both, [both[0]]),
            ("s-1", "unique_count"): (values, [*values[:2], told("c", value="z", at=2)]),
        },
    )
    found = compared(db)
    assert {metric: tuple(map(int, sides)) for metric, sides in found.metrics.items()} == {
        "last": (2, 5),
        "max": (5, 5),
        "unique_count": (2, 2),
    }
    assert [(one.metric, one.finding.kind) for one in found.first] == [
        ("unique_count", Kind.DIFFERENT),
        ("last", Kind.ONLY_PULLED),
    ]
    assert [side and side.amount for side in (found.first[0].finding.pulled, found.first[0].finding.pushed)] == ["y", "z"]


def test_a_metric_that_one_feed_alone_tells_is_named_and_not_compared(db: Database) -> None:
    store(
        db, {("s-1", "sum"): ([told("a")], [told("b")]), ("s-1", "max"): ([], [told("c")]), ("s-1", "last"): ([told("d")], [])}
    )
    found = compared(db)
    assert (found.agrees, list(found.metrics), found.alone) == (True, ["sum"], {"last": "pulled", "max": "pushed"})


def test_of_many_only_the_first_of_each_kind_are_listed_and_all_are_counted(db: Database) -> None:
    store(
        db,
        {
            ("s-1", "sum"): ([told(f"a{n:03}", "2", at=n) for n in range(30)], [told(f"b{n:03}", at=n) for n in range(20, 60)]),
            ("s-0", "sum"): ([told("z", at=100)], [told("z", "3", at=100)]),
        },
    )
    found = compared(db, most=3)
    assert {kind: figure.events for kind, figure in found.figures.items()} == {
        Kind.ONLY_PULLED: 20,
        Kind.DIFFERENT: 11,
        Kind.ONLY_PUSHED: 30,
    }
    assert [(one.finding.kind, (one.finding.pulled or one.finding.pushed).key) for one in found.first] == [  # type: ignore[union-attr]
        *((Kind.DIFFERENT, key) for key in ("z", "a020", "a021")),
        *((Kind.ONLY_PULLED, key) for key in ("a000", "a001", "a002")),
        *((Kind.ONLY_PUSHED, key) for key in ("b030", "b031", "b032")),
    ]
    assert len(compared(db, most=1).subscriptions) == 1


def test_what_began_later_is_not_compared_yet(db: Database) -> None:
    store(db, {("s-1", "sum"): ([told("a")], [told("b"), told("c", at=1)])})
    assert not compared(db).agrees
    assert compared(db, until=START + timedelta(minutes=5)).agrees


def test_what_was_taken_back_is_not_compared(db: Database) -> None:
    store(db, {("s-1", "sum"): ([told("a")], [told("b"), told("c", "9", at=1)])})
    with db.transaction() as conn:
        series = SeriesNumbers(AGGREGATIONS).of(conn, [Series("small", "pushed", "s-1", "sum")])
        void = Void(
            service="small", feed="pushed", external_subscription_id="s-1", metric="sum", idempotency_key="v", voids="c"
        )
        number = series[Series("small", "pushed", "s-1", "sum")]
        target = voids.find(conn, {(number, "c")})[number, "c"]
        voids.keep(conn, [voids.VoidToStore(series_id=number, void=void, target=target, booked_in="2026-05")], NOW)
    assert compared(db).agrees


def test_other_months_and_services_are_not_read(db: Database) -> None:
    store(db, {("s-1", "sum"): ([told("a")], [told("b")])})
    with db.transaction() as conn:
        ensure_partitions(conn, ["2026-03"])
        series = Series("big", "pushed", "s-1", "sum")
        number = SeriesNumbers(AGGREGATIONS).of(conn, [series])[series]
        pushed.keep(conn, [Pushed(number, "x", "2026-04", "2026-04", Decimal(7), None, START, None, b"")], NOW)
        conn.execute("INSERT INTO usage_event SELECT '2026-03', series_id, 'm', 1, NULL, %s, NULL, '2026-03', NULL, NULL, %s"
                     " FROM usage_series WHERE service = 'small' AND feed = 'pushed'", [START, NOW])  # fmt: skip
    assert compared(db).agrees


def test_one_subscriptions_events_are_told_by_metric_and_feed(db: Database) -> None:
    store(db, {("s-1", "sum"): ([told("a")], [told("b", at=1), told("c", at=2)]), ("s-2", "sum"): ([told("d")], [])})
    with db.transaction() as conn:
        found = feeds.told(conn, "small", APRIL, "s-1", START + timedelta(minutes=10))
    assert found == {"sum": {"pulled": [told("a")], "pushed": [told("b", at=1)]}}
