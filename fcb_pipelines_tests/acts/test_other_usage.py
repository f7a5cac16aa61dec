"""Other counts of a month's usage: by another zone, by the other feed, as of a moment, each with the events behind it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from fcb_pipelines.acts.other_usage import counted_otherwise
from fcb_pipelines.domain.case import Case
from fcb_pipelines.domain.intake import Outcome
from fcb_pipelines.domain.quotas import cpu
from fcb_pipelines.domain.terms import usage_cases
from fcb_pipelines_tests.acts.two_feeds import NOW, TwoFeeds, pushed, two_feeds, void
from fcb_pipelines_tests.builders import APRIL, a_subscription, the_terms
from fcb_pipelines_tests.source.small_host import FIRST

SAME = pushed("a", "7", at="2026-04-01T04:00")
Found = dict[str, tuple[Decimal, list[str]]]


@pytest.fixture
def feeds(fresh_database: str, store_database: str, tmp_path: Path) -> Iterator[TwoFeeds]:
    with two_feeds(fresh_database, store_database, tmp_path) as feeds:
        feeds.snapshot()
        yield feeds


def a_case() -> Case:
    terms = the_terms(subscription=a_subscription(external_subscription_id=FIRST))
    ((_, case),) = usage_cases(terms, APRIL, cpu(Decimal(1)))
    return case


def found(feeds: TwoFeeds, issued_at: datetime | None = None) -> Found:
    with feeds.db.transaction() as conn:
        counts = [*counted_otherwise(conn, feeds.work(), a_case(), issued_at)]
    return {each.cause: (Decimal(each.quantity.numerator), [*each.references]) for each in counts}


def keys(*names: str) -> list[str]:
    return [f"usage/{FIRST}/{name}" for name in names]


def test_feeds_that_agree_count_nothing_otherwise(feeds: TwoFeeds) -> None:
    feeds.push(SAME)
    assert found(feeds) == {}


def test_without_the_other_feed_there_is_no_other_count(feeds: TwoFeeds) -> None:
    feeds.changes["billed_feed"] = "pulled"
    assert found(feeds) == {}


def test_events_that_the_source_lacks_are_missing_there(feeds: TwoFeeds) -> None:
    feeds.push(SAME, pushed("b", "5"), pushed("c", "6", at="2026-04-12T00:00"))
    assert found(feeds) == {"usage_missing": (Decimal(7), keys("b", "c"))}


def test_events_that_only_the_source_has_are_missing_here(feeds: TwoFeeds) -> None:
    feeds.push(pushed("x", "1", at="2026-04-20T00:00"), void("y", "x"))
    assert found(feeds)["usage_missing"][0] == Decimal(7)


def test_an_event_that_came_twice_is_a_duplicate(feeds: TwoFeeds) -> None:
    feeds.push(SAME, pushed("again", "7", at="2026-04-01T04:00"))
    assert found(feeds) == {"usage_duplicate": (Decimal(7), keys("again"))}


def test_a_difference_both_ways_is_no_one_cause(feeds: TwoFeeds) -> None:
    feeds.push(pushed("a", "8", at="2026-04-01T04:00"))
    assert found(feeds) == {}


def test_what_was_taken_back_is_in_no_feed(feeds: TwoFeeds) -> None:
    feeds.push(SAME, pushed("b", "5"))
    assert feeds.push(void("c", "b")) == [Outcome.ACCEPTED]
    assert found(feeds) == {}


def test_what_came_after_the_bill_is_late(feeds: TwoFeeds) -> None:
    feeds.push(SAME)
    feeds.push(pushed("b", "5"), now=NOW + timedelta(days=3))
    assert found(feeds, NOW + timedelta(days=1))["usage_late"] == (Decimal(7), keys("b"))
    assert "usage_late" not in found(feeds, NOW + timedelta(days=4))
    assert "usage_late" not in found(feeds, None)


def test_a_reading_brings_everything_at_once_so_nothing_of_it_is_late(feeds: TwoFeeds) -> None:
    feeds.changes["billed_feed"] = "pulled"
    feeds.push(SAME)
    assert found(feeds, datetime(2026, 4, 1, tzinfo=UTC)) == {}
