"""What the two feeds of a real host's month are found to differ in, and when that stops the rating."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from fcb_pipelines.acts.feeds import BillFeeds, compare_bill, compare_feeds, published, subscription_feeds
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.feeds import Comparison, Kind
from fcb_pipelines_tests.acts.two_feeds import NOW, TwoFeeds, pushed, two_feeds
from fcb_pipelines_tests.source.small_host import FIRST, SECOND

AGREEING = (pushed("a", "7", at="2026-04-01T04:00"), pushed("b", "3", at="2026-04-10T00:00", subscription=SECOND))


@pytest.fixture
def feeds(fresh_database: str, store_database: str, tmp_path: Path) -> Iterator[TwoFeeds]:
    with two_feeds(fresh_database, store_database, tmp_path) as feeds:
        feeds.snapshot()
        yield feeds


def compared(feeds: TwoFeeds) -> Comparison:
    return compare_feeds(feeds.db, feeds.service, feeds.work().period)


def on_bill(feeds: TwoFeeds, key: str) -> BillFeeds:
    return compare_bill(feeds.db, feeds.service, feeds.work(key).period)


def test_feeds_that_tell_the_same_under_other_keys_agree(feeds: TwoFeeds) -> None:
    feeds.push(*AGREEING)
    found = compared(feeds)
    assert (found.agrees, found.compared, found.metrics) == (True, 2, {"cpu_seconds": (Decimal(10), Decimal(10))})
    assert found.sentence == "both feeds tell the same of all 2 subscriptions and metrics"


def test_what_differs_is_told_by_subscription(feeds: TwoFeeds) -> None:
    feeds.push(pushed("a", "8", at="2026-04-01T04:00"), pushed("again", "8", at="2026-04-01T04:00"), pushed("x", "1"))
    found = compared(feeds)
    assert {kind: figure.events for kind, figure in found.figures.items()} == {
        Kind.DIFFERENT: 1,
        Kind.ONLY_PULLED: 1,
        Kind.ONLY_PUSHED: 1,
        Kind.TWICE_PUSHED: 1,
    }
    assert "the feeds differ on 2 of 2 subscriptions and metrics: 1 different, 1 only pulled" in found.sentence
    told = published(found)
    assert [(one["subscription"], one["difference"]) for one in told["subscriptions"]] == [(FIRST, "-10"), (SECOND, "3")]
    assert told["differences"][0] == {
        "kind": "different",
        "subscription": FIRST,
        "metric": "cpu_seconds",
        "pulled": "7",
        "pulled at": "2026-04-01T04:00:00+00:00",
        "pulled key": "e-7",
        "pushed": "8",
        "pushed at": "2026-04-01T04:00:00+00:00",
        "pushed key": "a",
    }


def test_one_subscription_is_told_in_full(feeds: TwoFeeds) -> None:
    feeds.push(pushed("a", "8", at="2026-04-01T04:00"), pushed("peak", "8", metric="peak"))
    found = subscription_feeds(feeds.db, feeds.service, feeds.work().period, FIRST)
    assert {metric: [one.kind for one in each] for metric, each in found.items()} == {"cpu_seconds": [Kind.DIFFERENT]}
    with pytest.raises(InvalidInput, match="no feed of small tells anything of subscription 'nobody' in 2026-04"):
        subscription_feeds(feeds.db, feeds.service, feeds.work().period, "nobody")


def test_one_feed_alone_is_not_compared(feeds: TwoFeeds) -> None:
    found = compared(feeds)
    assert (found.is_applicable, found.agrees) == (False, True)
    assert found.sentence.startswith("not applicable: only the pulled feed tells anything")


def test_a_month_that_was_never_read_is_not_compared(feeds: TwoFeeds) -> None:
    feeds.push(*AGREEING)
    feeds.run("DELETE FROM snapshot_usage")
    assert not compared(feeds).is_applicable


@pytest.mark.parametrize(
    ("read_at", "compared_until"),
    [
        (datetime(2026, 5, 1, 3, tzinfo=UTC), datetime(2026, 4, 30, 3, tzinfo=UTC)),
        (datetime(2026, 5, 2, 4, tzinfo=UTC), datetime(2026, 5, 1, 4, tzinfo=UTC)),
        (datetime(2026, 5, 20, tzinfo=UTC), datetime(2026, 5, 1, 4, tzinfo=UTC)),
        (datetime(2026, 4, 1, 5, tzinfo=UTC), datetime(2026, 4, 1, 4, tzinfo=UTC)),
    ],
)
def test_a_month_is_compared_up_to_a_day_before_it_was_read(
    feeds: TwoFeeds, read_at: datetime, compared_until: datetime
) -> None:
    feeds.snapshot(read_at)
    assert compared(feeds).until == compared_until


@pytest.mark.parametrize(
    ("billed", "read_at", "must"),
    [("pulled", NOW, False), ("pushed", NOW, True), ("pushed", NOW - timedelta(days=2), False)],
)
def test_they_must_agree_once_pushed_usage_is_billed_and_the_month_is_told(
    feeds: TwoFeeds, billed: str, read_at: datetime, must: bool
) -> None:
    feeds.changes["billed_feed"] = billed
    feeds.snapshot(read_at)
    feeds.push(*AGREEING)
    assert on_bill(feeds, "2026-04").must_agree is must


MARCH = "2026-03-20T10:00"
TOLD_LATE = f"INSERT INTO usage VALUES ('{FIRST}', 'cpu_seconds', 5, '{MARCH}Z', NULL, 'late')"


@pytest.fixture
def march_closed(feeds: TwoFeeds) -> TwoFeeds:
    """Both told the same of March and April; March is closed, billed by what was pushed."""
    told = feeds.host.rows("SELECT external_subscription_id::text, quantity, started_at AT TIME ZONE 'UTC' FROM usage")
    march = [
        pushed(f"m{number}", str(quantity), at=at.isoformat(), subscription=subscription)
        for number, (subscription, quantity, at) in enumerate(told)
        if at < datetime(2026, 4, 1, 4)  # noqa: DTZ001 - UTC, as it was asked for
    ]
    feeds.push(*AGREEING, *march)
    feeds.close("2026-03")
    assert on_bill(feeds, "2026-03").agrees
    assert on_bill(feeds, "2026-04").late == {}
    return feeds


def test_what_came_late_is_held_against_the_source_on_the_bill_that_has_it(march_closed: TwoFeeds) -> None:
    march_closed.push(pushed("late", "5", at=MARCH))
    found = on_bill(march_closed, "2026-04")
    assert (found.must_agree, found.own.agrees, found.agrees, found.differs_in) == (True, True, False, "2026-03")
    assert "2026-03, of which this bill has late usage: the feeds differ on 1 of 1" in found.sentence
    assert on_bill(march_closed, "2026-03").agrees, "its bill is as it was"
    march_closed.host.run(TOLD_LATE)
    march_closed.snapshot()
    assert on_bill(march_closed, "2026-04").agrees


def test_what_the_source_alone_told_late_is_found_too_and_a_later_bill_has_none_of_it(march_closed: TwoFeeds) -> None:
    march_closed.host.run(TOLD_LATE)
    march_closed.snapshot()
    assert on_bill(march_closed, "2026-04").differs_in == "2026-03"
    march_closed.close("2026-04")
    march_closed.push(pushed("late", "5", at=MARCH))
    assert on_bill(march_closed, "2026-05").agrees, "told at last"
    assert on_bill(march_closed, "2026-04").differs_in == "2026-03", "as that bill has it"


def test_what_came_late_for_a_month_that_was_billed_by_the_source_is_not_compared(feeds: TwoFeeds) -> None:
    feeds.changes["billed_feed"] = "pulled"
    feeds.close("2026-03")
    feeds.push(pushed("late", "5", at=MARCH))
    assert on_bill(feeds, "2026-04").late == {}
    assert not on_bill(feeds, "2026-03").agrees, "what is pushed later proves the feed"
