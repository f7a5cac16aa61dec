from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import take_snapshot
from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.acts.usage_conservation import UsageConservation, conservation_now
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.tax import TaxTable
from fcb_pipelines.store import stages
from fcb_pipelines.store.database import Database, exclusive
from fcb_pipelines.store.pulled import UsageHeader
from fcb_pipelines_tests.kept import KeptStore
from fcb_pipelines_tests.source.small_host import FIRST, SECOND, TORONTO, SmallHost

NOW = datetime(2026, 5, 2, 16, tzinfo=UTC)
APRIL = Period("2026-04", TORONTO)


@pytest.fixture
def host(fresh_database: str, tmp_path: Path) -> SmallHost:
    return SmallHost(fresh_database, tmp_path)


@pytest.fixture
def db(store_database: str) -> Database:
    return KeptStore(store_database)


def work(db: Database, host: SmallHost, key: str = "2026-04") -> PeriodWork:
    return PeriodWork(
        db=db, service=host.service(), period=Period(key, TORONTO), taxes=TaxTable(rates=()), settings_hash="h-1", now=NOW
    )


def snapshot(db: Database, host: SmallHost) -> int:
    return take_snapshot(db, host.service(), NOW, lambda _: None).snapshot_id


def conservation(db: Database, host: SmallHost) -> UsageConservation:
    return conservation_now(work(db, host))


def reading(found: UsageConservation) -> UsageHeader:
    assert found.pulled is not None
    return found.pulled


def stage(db: Database) -> stages.Stage | None:
    with db.transaction() as conn:
        return stages.find(conn, "small", "2026-04", stages.USAGE_TOTALS)


def test_a_month_is_summed_and_says_what_from(db: Database, host: SmallHost) -> None:
    snapshot_id = snapshot(db, host)
    done = usage_totals(work(db, host))
    assert [(one.external_subscription_id, one.quantity) for one in done.totals] == [(FIRST, Decimal(7)), (SECOND, Decimal(3))]
    assert (done.snapshot_id, done.quantities, done.of_unknown) == (snapshot_id, {"cpu_seconds": Decimal(10)}, ())
    kept = stage(db)
    assert kept is not None
    assert (kept.snapshot_id, kept.settings_hash, kept.built_at) == (snapshot_id, "h-1", NOW)


def test_summing_again_changes_nothing(db: Database, host: SmallHost) -> None:
    snapshot(db, host)
    first = usage_totals(work(db, host))
    before = stage(db)
    assert usage_totals(work(db, host)) == first
    assert stage(db) == before


def test_the_hash_of_the_stage_follows_the_totals(db: Database, host: SmallHost) -> None:
    snapshot(db, host)
    usage_totals(work(db, host))
    before = stage(db)
    host.run(f"INSERT INTO usage VALUES ('{SECOND}', 'cpu_seconds', 0.000001, '2026-04-30Z')")
    snapshot(db, host)
    assert usage_totals(work(db, host)).quantities == {"cpu_seconds": Decimal("10.000001")}
    after = stage(db)
    assert before is not None
    assert after is not None
    assert after.content_hash != before.content_hash


def test_a_given_snapshot_is_used_as_it_was_known_then(db: Database, host: SmallHost) -> None:
    first = snapshot(db, host)
    host.run(f"INSERT INTO usage VALUES ('{SECOND}', 'cpu_seconds', 5, '2026-04-30Z')")
    snapshot(db, host)
    assert usage_totals(work(db, host), first).quantities == {"cpu_seconds": Decimal(10)}
    assert conservation(db, host).is_conserved
    assert usage_totals(work(db, host)).quantities == {"cpu_seconds": Decimal(15)}


def test_usage_of_a_subscription_that_nobody_knows_is_named(db: Database, host: SmallHost) -> None:
    stray = "00000000-0000-0000-0000-000000000009"
    host.run(f"INSERT INTO usage VALUES ('{stray}', 'cpu_seconds', 5, '2026-04-30Z')")
    snapshot(db, host)
    assert [one.external_subscription_id for one in usage_totals(work(db, host)).of_unknown] == [stray]


def test_usage_that_was_never_read_is_not_zero(db: Database, host: SmallHost) -> None:
    with pytest.raises(RuleViolation, match="there is no snapshot of small yet; run fcb run --service small --period 2026-04"):
        usage_totals(work(db, host))
    take_snapshot(db, host.service(), NOW, lambda _: None, only=[Period("2026-03", TORONTO)])
    with pytest.raises(RuleViolation, match="the usage of small 2026-04 was never read"):
        usage_totals(work(db, host))
    with pytest.raises(RuleViolation, match="there is no snapshot 999 of small"):
        usage_totals(work(db, host), 999)
    with pytest.raises(RuleViolation, match="the usage of small 2026-04 was never summed"):
        conservation(db, host)


def test_a_month_without_usage_that_was_read_is_zero(db: Database, host: SmallHost) -> None:
    snapshot(db, host)
    assert usage_totals(work(db, host, "2026-05")).totals == ()


def test_two_runs_on_one_month_exclude_each_other(db: Database, host: SmallHost) -> None:
    snapshot(db, host)
    with db.transaction() as conn:
        exclusive(conn, "small", "2026-04")
        with pytest.raises(RuleViolation, match="another run"):
            usage_totals(work(db, host))
        assert usage_totals(work(db, host, "2026-03")).quantities == {"cpu_seconds": Decimal("100.500001")}


def test_what_was_pulled_is_stored_and_summed(db: Database, host: SmallHost) -> None:
    snapshot(db, host)
    usage_totals(work(db, host))
    found = conservation(db, host)
    assert found.is_conserved
    (count,) = found.feeds
    assert count.feed == "pulled"
    assert count.events == count.recounted == count.running == found.totals
    assert (count.events.events, reading(found).events) == (2, 2)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE usage_total SET quantity = quantity + 0.000001 WHERE quantity = 7",
        "UPDATE usage_total SET events = events + 1 WHERE quantity = 7",
        "DELETE FROM usage_total WHERE quantity = 3",
        "UPDATE usage_event SET quantity = 8 WHERE idempotency_key = 'e-7'",
        "DELETE FROM usage_event WHERE idempotency_key = 'e-7'",
        "DELETE FROM usage_event WHERE idempotency_key = 'e-7'; DELETE FROM usage_total WHERE quantity = 7",
    ],
)
def test_a_unit_lost_anywhere_is_seen(db: Database, host: SmallHost, tampering: str) -> None:
    snapshot(db, host)
    usage_totals(work(db, host))
    with db.transaction() as conn:
        conn.execute(tampering)
    assert not conservation(db, host).is_conserved


CHANGED = "UPDATE usage SET quantity = 70 WHERE source_event_id = 'e-7'"
MOVED = "UPDATE usage SET started_at = '2026-04-02Z' WHERE source_event_id = 'e-7'"
REMOVED = f"DELETE FROM usage WHERE external_subscription_id = '{SECOND}'"
REJECTED = f"INSERT INTO usage VALUES ('{FIRST}', 'cpu_seconds', -1, '2026-04-05Z', NULL, 'e-9')"


@pytest.mark.parametrize(
    ("changes", "counts", "listed"),
    [
        ([CHANGED], (1, 0, 0), [("conflict", FIRST, "e-7", "7", "70")]),
        ([MOVED], (1, 0, 0), [("conflict", FIRST, "e-7", "7", "7")]),
        ([REMOVED], (0, 1, 0), [("gone", SECOND, "2026-04-10T00:00:00+00:00", "3", None)]),
        ([REJECTED], (0, 0, 1), [("rejected", FIRST, "e-9", None, "-1")]),
    ],
)
def test_what_the_source_says_otherwise_is_listed_and_breaks_no_sum(
    db: Database, host: SmallHost, changes: list[str], counts: tuple[int, int, int], listed: list[tuple[str | None, ...]]
) -> None:
    snapshot(db, host)
    host.run(*changes)
    snapshot(db, host)
    assert usage_totals(work(db, host)).quantities == {"cpu_seconds": Decimal(10)}
    found = conservation(db, host)
    assert (found.is_conserved, found.is_uncontested) == (True, False)
    assert (reading(found).conflicts, reading(found).absent, reading(found).rejected) == counts
    assert [(one.what, one.subscription, one.key, one.stored, one.offered) for one in found.odd] == listed


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE usage_event SET quantity = quantity + 0.000001 WHERE idempotency_key = 'e-7'",
        "DELETE FROM usage_event USING usage_series AS s WHERE s.series_id = usage_event.series_id"
        " AND external_subscription_id = '{SECOND}'",
        "DELETE FROM usage_event WHERE idempotency_key = 'e-7'",
    ],
)
def test_what_the_source_says_otherwise_hides_no_loss(db: Database, host: SmallHost, tampering: str) -> None:
    snapshot(db, host)
    host.run(CHANGED, REMOVED, REJECTED)
    snapshot(db, host)
    usage_totals(work(db, host))
    assert conservation(db, host).is_conserved
    with db.transaction() as conn:
        conn.execute(tampering.format(SECOND=SECOND).encode())
    usage_totals(work(db, host))
    assert not conservation(db, host).is_conserved


def test_what_is_odd_in_one_month_is_not_told_of_another(db: Database, host: SmallHost) -> None:
    snapshot(db, host)
    host.run("UPDATE usage SET quantity = 1 WHERE started_at < '2026-04-01Z'", REJECTED.replace("2026-04-05", "2026-03-05"))
    snapshot(db, host)
    usage_totals(work(db, host))
    found = conservation(db, host)
    assert (found.is_uncontested, found.odd) == (True, ())
