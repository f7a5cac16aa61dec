"""Replaying a revision: the same comes of it, or what was said or used since is told; nothing is ever kept."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from fcb_pipelines.acts import acceptances
from fcb_pipelines.acts.acceptances import Wanted
from fcb_pipelines.acts.replay import replay
from fcb_pipelines.domain.acceptances import Bearer, Kind, Reason
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines_tests.acceptance.project import contents
from fcb_pipelines_tests.acts.traced import APRIL, MAY, ROW, Traced
from fcb_pipelines_tests.conftest import NOW, database
from fcb_pipelines_tests.kept import KeptStore
from fcb_pipelines_tests.source.small_host import SmallHost


@pytest.fixture(scope="module")
def told(postgres_url: str, store_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    """The story, told once; nobody changes it."""
    with database(postgres_url) as source, database(postgres_url, template=store_template) as store:
        found = Traced(host=SmallHost(source, tmp_path_factory.mktemp("host")), db=KeptStore(store))
        found.told()
        yield found


@pytest.fixture
def copied(told: Traced, postgres_url: str) -> Iterator[Traced]:
    """The same in a store that a test may change."""
    with database(postgres_url, template=told.db.url.rpartition("/")[2]) as store:
        yield replace(told, db=KeptStore(store))


@pytest.mark.parametrize("period", [APRIL, MAY])
def test_the_same_comes_of_it_and_nothing_is_kept(told: Traced, period: str) -> None:
    before = contents(told.db.url)
    found = replay(told.work(period, now=NOW + timedelta(days=40)))
    assert (found.is_same, found.content_hash, found.rows, found.since) == (True, found.revision.content_hash, (), ())
    assert contents(told.db.url) == before


def test_usage_that_is_another_one_now_is_told(copied: Traced) -> None:
    with copied.db.transaction() as conn:
        conn.execute("UPDATE usage_running SET quantity = quantity + 3600000 WHERE period = %s", [APRIL])
    found = replay(copied.work(APRIL))
    assert not found.is_same
    assert ROW in [row["row_id"] for row in found.rows]
    assert found.since == ("the usage of the month is not what it was metered as",)


def test_rows_that_somebody_changed_are_found(copied: Traced) -> None:
    with copied.db.transaction() as conn:
        conn.execute("UPDATE actual_line SET net = net + 1")
    assert replay(copied.work(APRIL)).is_same, "what is built of the snapshot is built anew"
    with copied.db.transaction() as conn:
        conn.execute("UPDATE period_revision SET content_hash = 'x'")
    assert not replay(copied.work(APRIL)).is_same


@pytest.mark.parametrize(("hours", "time"), [(0, "16:00"), (1, "17:00")])
def test_what_was_signed_since_is_told(copied: Traced, hours: int, time: str) -> None:
    wanted = Wanted(
        row_ids=(ROW,),
        kind=Kind.ROW,
        reason=Reason.WRITE_OFF,
        text="not worth a letter",
        bearer=Bearer.US,
        expires_on=NOW.date().replace(month=9),
        author="ada",
    )
    with copied.db.transaction() as conn:
        acceptances.accept(conn, copied.service, wanted, NOW + timedelta(hours=hours))
    found = replay(copied.work(APRIL))
    assert not found.is_same
    assert found.since == (f"acceptance made: D-1, by ada at 2026-06-02T{time}:00+00:00",)
    assert replay(copied.work(MAY)).is_same, "the other month has nothing of it"


def test_under_other_rules_other_rows_are_right(copied: Traced) -> None:
    with pytest.raises(RuleViolation, match="the reviewed rules are no longer those of revision 1 of 2026-04: fcb run"):
        replay(copied.work(APRIL, settings_hash="others"))
    with pytest.raises(RuleViolation, match="2026-06 was never reconciled"):
        replay(copied.work("2026-06"))
    with copied.db.transaction() as conn:
        conn.execute("UPDATE period_revision SET rule_version = '0'")
    with pytest.raises(RuleViolation, match="was made by rule version 0, this is"):
        replay(copied.work(APRIL))


def test_nobody_works_on_the_period_meanwhile(copied: Traced) -> None:
    with copied.db.transaction() as conn:
        copied.work(APRIL).lock(conn)
        with pytest.raises(RuleViolation, match="another run is working on small/2026-04"):
            replay(copied.work(APRIL))
