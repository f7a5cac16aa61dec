from dataclasses import replace
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.usage import PULLED, UsageTotal
from fcb_pipelines.store import snapshots, usage
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.usage import Amounts
from fcb_pipelines_tests.store.readings import APRIL, MARCH, TORONTO, event, forget_usage, reading


def total(subscription: str, quantity: str, events: int, metric: str = "cpu_seconds") -> UsageTotal:
    return UsageTotal(external_subscription_id=subscription, metric=metric, quantity=Decimal(quantity), events=events)


def test_totals_are_per_subscription_and_metric_in_order(conn: Connection) -> None:
    reading(
        conn,
        [
            event("a", "1.5", subscription="s-2"),
            event("b", "0.000001"),
            event("c", "2"),
            event("d", "9", metric="gb_hours"),
            event("e", "0", subscription="s-10"),
        ],
    )
    usage.replace_totals(conn, "small", APRIL, PULLED)
    assert usage.totals(conn, "small", "2026-04") == (
        total("s-1", "2.000001", 2),
        total("s-1", "9", 1, "gb_hours"),
        total("s-10", "0", 1),
        total("s-2", "1.5", 1),
    )


def test_totals_replace_those_before_and_no_others(conn: Connection) -> None:
    reading(conn, [event("m", at="2026-03-10")], period=MARCH)
    reading(conn, [event("a")])
    usage.replace_totals(conn, "small", MARCH, PULLED)
    usage.replace_totals(conn, "small", APRIL, PULLED)
    conn.execute("DELETE FROM usage_running WHERE period = '2026-04'")
    usage.replace_totals(conn, "small", APRIL, PULLED)
    assert usage.totals(conn, "small", "2026-04") == ()
    assert usage.totals(conn, "small", "2026-03") == (total("s-1", "1", 1),)


def test_only_the_services_own_pulled_events_count(conn: Connection) -> None:
    reading(conn, [replace(event("x", "100"), service="big")], service="big")
    reading(conn, [event("a"), replace(event("b", "50"), feed="pushed")])
    usage.replace_totals(conn, "small", APRIL, PULLED)
    assert usage.totals(conn, "small", "2026-04") == (total("s-1", "1", 1),)


def test_a_period_can_be_summed_as_it_was_known_at_an_earlier_snapshot(conn: Connection) -> None:
    first = reading(conn, [event("a", "1")])
    second = reading(conn, [event("a", "1"), event("late", "5")])
    for snapshot_id, quantity in ((second.snapshot_id, "6"), (first.snapshot_id, "1")):
        usage.replace_totals_as_of(conn, "small", APRIL, PULLED, snapshot_id)
        assert usage.total_sums(conn, "small", APRIL).quantities == {"cpu_seconds": Decimal(quantity)}
        assert usage.event_sums(conn, "small", APRIL, PULLED, snapshot_id).quantities == {"cpu_seconds": Decimal(quantity)}


def test_totals_of_subscriptions_that_the_snapshot_does_not_know_are_named(conn: Connection) -> None:
    header = reading(conn, [event("a"), event("b", subscription="s-2"), event("c", subscription="")])
    snapshots.add_rows(conn, header.snapshot_id, "subscriptions", [("s-1", {})])
    snapshots.add_rows(conn, header.snapshot_id, "users", [("s-2", {})])
    usage.replace_totals(conn, "small", APRIL, PULLED)
    unknown = usage.totals_of_unknown(conn, "small", "2026-04", header.snapshot_id)
    assert [one.external_subscription_id for one in unknown] == ["", "s-2"]


def test_subscriptions_with_usage_are_those_with_an_event_in_scope(conn: Connection) -> None:
    reading(conn, [event("b", at="2026-03-31", subscription="s-2")], period=MARCH)
    reading(conn, [event("a"), event("c", subscription="s-3")])
    assert usage.subscriptions_with_usage(conn, "small", APRIL) == {"s-1", "s-3"}
    assert usage.subscriptions_with_usage(conn, "small", Period("2026-03", TORONTO)) == {"s-1", "s-2", "s-3"}
    assert usage.subscriptions_with_usage(conn, "big", APRIL) == frozenset()


def test_sums_of_nothing_are_nothing(conn: Connection) -> None:
    nothing = Amounts(events=0, quantities={})
    assert usage.event_sums(conn, "small", APRIL, PULLED) == nothing
    assert usage.total_sums(conn, "small", APRIL) == nothing


QUANTITIES = st.decimals(min_value=0, max_value=10**12, places=6)
EVENTS = st.lists(
    st.tuples(st.sampled_from(["s-1", "s-2"]), st.sampled_from(["cpu_seconds", "gb_hours"]), QUANTITIES), max_size=15
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(EVENTS)
def test_no_unit_is_lost_between_events_and_totals(conn: Connection, given_events: list[tuple[str, str, Decimal]]) -> None:
    forget_usage(conn)
    events = [
        replace(event(str(n), subscription=subscription, metric=metric), quantity=quantity)
        for n, (subscription, metric, quantity) in enumerate(given_events)
    ]
    header = reading(conn, events)
    usage.replace_totals(conn, "small", APRIL, PULLED)
    stored = usage.event_sums(conn, "small", APRIL, PULLED, header.snapshot_id)
    assert stored == usage.total_sums(conn, "small", APRIL)
    assert stored == Amounts(events=len(events), quantities=header.quantities)
