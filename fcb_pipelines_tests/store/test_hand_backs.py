"""What was used while Odoo was to bill is summed as it would be billed, and handed back once."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from fcb_pipelines.domain.unflips import HandBack
from fcb_pipelines.store import hand_backs
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.events import ensure_partitions
from fcb_pipelines_tests.builders import day
from fcb_pipelines_tests.flips import FLIP_ID, NOW

JULY = day("2026-07-01"), day("2026-08-01")
SERIES = """
    INSERT INTO usage_series (service, feed, external_subscription_id, metric, aggregation)
    VALUES ('shop', %s, %s, %s, %s) RETURNING series_id
"""
EVENT = """
    INSERT INTO usage_event (period, series_id, idempotency_key, quantity, value, started_at, booked_in, voids, stored_at)
    VALUES ('2026-07', %s, %s, %s, %s, %s, '2026-07', %s, now())
"""


def used(conn: Connection, aggregation: str, *told: tuple[str, str, datetime, str | None], feed: str = "pulled") -> None:
    """Key, quantity, when, and which key it takes back."""
    ensure_partitions(conn, ["2026-07"])
    row = conn.execute(SERIES, [feed, "s1", aggregation, aggregation]).fetchone()
    assert row is not None
    for key, quantity, at, voids in told:
        conn.execute(EVENT, [row[0], key, quantity, quantity, at, voids])


def summed(conn: Connection, between: tuple[datetime, datetime] = JULY) -> dict[str, Decimal]:
    return hand_backs.used(conn, "shop", "pulled", "s1", between)


@pytest.mark.parametrize(("aggregation", "quantity"), [("sum", "6.5"), ("max", "4"), ("last", "2.5"), ("unique_count", "2")])
def test_each_metric_is_summed_by_its_aggregation_without_what_was_taken_back(
    conn: Connection, aggregation: str, quantity: str
) -> None:
    at = JULY[0]
    used(
        conn,
        aggregation,
        ("a", "4", at, None),
        ("b", "2.5", at + timedelta(days=1), None),
        ("c", "9", at + timedelta(days=2), None),
        ("d", "-9", at + timedelta(days=2), "c"),
    )
    assert summed(conn) == {aggregation: Decimal(quantity)}


@pytest.mark.parametrize(("at", "counts"), [(JULY[0] - timedelta(seconds=1), False), (JULY[0], True), (JULY[1], False)])
def test_what_began_within_the_window_counts(conn: Connection, at: datetime, counts: bool) -> None:
    used(conn, "sum", ("a", "4", at, None))
    assert summed(conn) == ({"sum": Decimal(4)} if counts else {})


def test_only_the_feed_that_is_billed_counts(conn: Connection) -> None:
    used(conn, "sum", ("a", "4", JULY[0], None), feed="pushed")
    assert summed(conn) == {}


def test_the_same_is_handed_back_once(conn: Connection) -> None:
    row = HandBack(
        external_subscription_id="s1", charge="cpu", service_from=JULY[0], service_to=JULY[1], quantity=Decimal("6.5")
    )
    for _ in range(2):
        hand_backs.add(conn, "shop", [row], because="x", reference=FLIP_ID, now=NOW)
    assert hand_backs.of_reference(conn, "shop", FLIP_ID) == (row,)
    assert hand_backs.of_reference(conn, "shop", "F-1") == ()
