"""What the source changes of a month that is closed is told on the next bill, and only there."""

from decimal import Decimal

import pytest

from fcb_pipelines.acts.contradictions import contradictions
from fcb_pipelines.acts.retention import drop_expired
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines_tests.acts.desk import ONLY_PULLED, ONLY_PUSHED, Desk
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.source.small_host import FIRST, SECOND


def told(desk: Desk, key: str) -> list[tuple[str, int, int, int, dict[str, Decimal]]]:
    desk.snapshot()
    desk.dual_run(key)
    found = contradictions(desk.work(key))
    return [(one.period, one.contradicting, one.gone, one.unusable, dict(one.beyond)) for one in found]


@ONLY_PULLED
def test_what_is_changed_or_gone_is_told_with_its_amount_until_the_next_bill_is_closed(desk: Desk) -> None:
    desk.use("2026-03-21T00:00Z", "50", key="a")
    desk.use("2026-03-22T00:00Z", "7", key="b", subscription=SECOND)
    desk.close("2026-03")
    assert told(desk, "2026-04") == []
    desk.host.run("UPDATE usage SET quantity = 40 WHERE source_event_id = 'a'", "DELETE FROM usage WHERE source_event_id = 'b'")
    assert told(desk, "2026-04") == [("2026-03", 1, 1, 0, {"cpu_seconds": Decimal(-17)})]
    (found,) = contradictions(desk.work("2026-04"))
    assert {(odd.what, odd.key, odd.stored, odd.offered) for odd in found.odd} == {
        ("conflict", "a", "50", "40"),
        ("gone", "b", "7", None),
    }
    desk.close("2026-04")
    assert told(desk, "2026-05") == []
    assert contradictions(desk.work("2026-03")) == (), "a bill knows nothing of those after it"


@ONLY_PULLED
def test_what_was_told_already_and_is_told_otherwise_again_is_new(desk: Desk) -> None:
    desk.use("2026-03-21T00:00Z", "50", key="a")
    desk.close("2026-03")
    desk.host.run("UPDATE usage SET quantity = 40 WHERE source_event_id = 'a'")
    desk.snapshot()
    desk.close("2026-04")
    desk.host.run("UPDATE usage SET quantity = 60 WHERE source_event_id = 'a'")
    assert told(desk, "2026-05") == [("2026-03", 1, 0, 0, {"cpu_seconds": Decimal(20)})]
    desk.host.run("UPDATE usage SET quantity = 50 WHERE source_event_id = 'a'")
    assert told(desk, "2026-05") == [("2026-03", 0, 0, 0, {"cpu_seconds": Decimal(10)})], "as it was told first again"


@ONLY_PULLED
def test_what_was_odd_when_the_month_was_closed_and_a_further_event_are_no_contradiction(desk: Desk) -> None:
    desk.use("2026-03-21T00:00Z", "50", key="a")
    desk.host.run("UPDATE usage SET quantity = 40 WHERE source_event_id = 'a'")
    desk.snapshot()
    desk.close("2026-03")
    desk.use("2026-03-21T00:00Z", "5", key="late")
    assert told(desk, "2026-04") == []
    assert len(desk.adjustments("2026-04")) == 1


@ONLY_PULLED
def test_an_open_month_is_not_compared_and_one_that_was_never_rated_is_refused(desk: Desk) -> None:
    desk.use("2026-03-21T00:00Z", "50", key="a")
    desk.dual_run("2026-03")
    desk.host.run("UPDATE usage SET quantity = 40 WHERE source_event_id = 'a'")
    assert told(desk, "2026-04") == []
    with pytest.raises(RuleViolation):
        contradictions(desk.work("2026-05"))


@ONLY_PULLED
def test_contradictions_that_cancel_out_are_told(desk: Desk) -> None:
    desk.use("2026-03-21T00:00Z", "50", key="a")
    desk.use("2026-03-22T00:00Z", "50", key="b", subscription=SECOND)
    desk.use("2026-03-23T00:00Z", "50", key="c")
    desk.use("2026-03-24T00:00Z", "50", key="d", subscription=SECOND)
    desk.close("2026-03")
    desk.host.run("UPDATE usage SET quantity = 40 WHERE source_event_id = 'a'", "DELETE FROM usage WHERE source_event_id = 'c'")
    desk.snapshot()
    desk.close("2026-04")
    restored = f"INSERT INTO usage VALUES ('{FIRST}', 'cpu_seconds', 50, '2026-03-23T00:00Z', NULL, 'c')"
    desk.host.run("UPDATE usage SET quantity = 90 - quantity WHERE source_event_id IN ('a', 'b')")
    assert told(desk, "2026-05") == [("2026-03", 1, 0, 0, {})]
    desk.host.run(restored, "DELETE FROM usage WHERE source_event_id = 'd'")
    assert told(desk, "2026-05") == [("2026-03", 1, 1, 0, {})]


@ONLY_PULLED
def test_a_row_that_is_mended_is_late_usage_and_no_contradiction(desk: Desk) -> None:
    desk.host.run(f"INSERT INTO usage VALUES ('{FIRST}', 'cpu_seconds', -5, '2026-03-21T00:00Z', NULL, 'a')")
    desk.snapshot()
    desk.close("2026-03")
    desk.host.run("UPDATE usage SET quantity = 5 WHERE source_event_id = 'a'")
    assert told(desk, "2026-04") == []
    assert len(desk.adjustments("2026-04")) == 1


@ONLY_PULLED
def test_a_month_that_is_no_longer_kept_is_not_compared(desk: Desk) -> None:
    desk.use("2026-03-21T00:00Z", "50", key="a")
    desk.close("2026-03", "2026-04")
    drop_expired(desk.db, "2026-03", keep_months=3, by="ada", now=NOW)
    desk.host.run("UPDATE usage SET quantity = 40 WHERE source_event_id = 'a'")
    assert told(desk, "2026-05") == []


@ONLY_PUSHED
def test_what_the_source_changes_is_told_where_pushed_usage_was_billed_too(desk: Desk) -> None:
    at = "2026-03-20T10:00Z"
    desk.host.run(f"INSERT INTO usage VALUES ('{FIRST}', 'cpu_seconds', 100.5, '{at}', NULL, 'k {at}')")
    desk.snapshot()
    desk.close("2026-03")
    assert told(desk, "2026-04") == []
    desk.host.run("UPDATE usage SET quantity = 200")
    assert told(desk, "2026-04") == [("2026-03", 1, 0, 0, {"cpu_seconds": Decimal("99.5")})]
