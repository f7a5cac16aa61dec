"""Usage that is taken back by one session while another stores more of the same, as two servers on one database do."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fcb_pipelines.acts.intake import Delivery, Fact, Intake
from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.acts.usage_conservation import conservation_now
from fcb_pipelines.domain.intake import Outcome
from fcb_pipelines.store.database import connect
from fcb_pipelines_tests.acts.two_feeds import METRICS, NOW, TwoFeeds, pushed, two_feeds, void

WAITING = "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database WHERE datname = current_database() AND NOT granted"


@pytest.fixture
def feeds(fresh_database: str, store_database: str, tmp_path: Path) -> Iterator[TwoFeeds]:
    with two_feeds(fresh_database, store_database, tmp_path) as feeds:
        feeds.snapshot()
        yield feeds


def at_once(feeds: TwoFeeds, first: Fact, second: Fact) -> list[Outcome]:
    """Store two facts in two sessions: the second is sent while the first is stored and not committed."""
    told: list[Outcome] = []
    other = threading.Thread(target=lambda: told.extend(feeds.push(second)))

    def while_open(_: object) -> None:
        other.start()
        with connect(feeds.db.url, autocommit=True) as watching:
            while other.is_alive() and watching.execute(WAITING).fetchone() == (0,):
                other.join(0.01)

    with connect(feeds.db.url, autocommit=True) as conn:
        delivery = Delivery(service=feeds.service, facts=[first], may_backfill=True)
        ((result,),) = Intake(conn).take([delivery], NOW, while_open)
    other.join()
    return [result.outcome, *told]


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("metric", METRICS)
def test_nothing_that_is_stored_meanwhile_is_forgotten(feeds: TwoFeeds, metric: str, is_late: bool) -> None:
    feeds.push(*(pushed(key, quantity, metric=metric) for key, quantity in (("a", "2"), ("b", "7"), ("c", "7"))))
    usage_totals(feeds.work())
    if is_late:
        feeds.close("2026-04")
    pairs: list[tuple[Fact, Fact]] = [
        (pushed("more", "9", metric=metric), void("not a", "a", metric=metric)),
        (void("not b", "b", metric=metric), pushed("and more", "7", metric=metric)),
        (void("not c", "c", metric=metric), void("not more", "more", metric=metric)),
    ]
    for first, second in pairs:
        assert at_once(feeds, first, second) == [Outcome.ACCEPTED] * 2
        usage_totals(feeds.work())
        found = conservation_now(feeds.work())
        assert (found.is_conserved, found.wrong) == (True, ())
