"""What becomes of usage that is told, or taken back, when its month is closed: pulled or pushed."""

from dataclasses import replace
from decimal import Decimal

import pytest

from fcb_pipelines.acts.adjustments import adjusted
from fcb_pipelines.acts.retention import drop_expired
from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.expected import UNRATED
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.usage import PULLED, PUSHED
from fcb_pipelines_tests.acts.desk import ONLY_PULLED, ONLY_PUSHED, Desk
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.source.small_host import FIRST

LATE = 363_600 - 100
"""Beside March's 100.5 and April's 7 cpu-seconds of the first subscription; its plan includes 1,000 of each month."""


def test_a_closed_month_stays_and_the_next_open_one_adjusts_it(desk: Desk) -> None:
    desk.close("2026-03")
    before = desk.expected("2026-03")
    desk.use("2026-03-21T00:00Z", str(LATE), key="late")
    assert desk.dual_run("2026-03").changes.rows == ()
    assert desk.expected("2026-03") == before
    desk.dual_run("2026-04")
    used = "100.500001" if desk.feed == PULLED else "100.5"
    (found,) = desk.adjustments("2026-04")
    assert found == ("2026-03", used, plain(Decimal(used) + LATE), Decimal("0.00"), Decimal("0.76"))
    line = desk.expected("2026-04")["cpu_seconds/2026-03-15/adjusted-in-2026-04"]
    assert (str(line.net), str(line.tax), line.is_due) == ("0.76 CAD", "0.10 CAD", True)
    assert desk.expected("2026-04")["cpu_seconds/2026-04-01"].net != line.net


def test_of_two_closed_months_late_usage_is_adjusted_where_the_first_is_open(desk: Desk) -> None:
    desk.close("2026-03", "2026-04")
    desk.use("2026-03-21T00:00Z", str(LATE), key="late in March")
    desk.use("2026-04-21T00:00Z", str(LATE), key="late in April")
    desk.dual_run("2026-05")
    assert [found[0] for found in desk.adjustments("2026-05")] == ["2026-03", "2026-04"]
    assert desk.adjustments("2026-04") == []


def test_what_is_later_still_begins_with_what_the_bill_before_said(desk: Desk) -> None:
    desk.close("2026-03")
    desk.use("2026-03-21T00:00Z", str(LATE), key="late")
    desk.close("2026-04")
    desk.use("2026-03-22T00:00Z", "360000", key="later still")
    desk.dual_run("2026-05")
    (found,) = desk.adjustments("2026-05")
    assert (found[3], found[4]) == (Decimal("0.76"), Decimal("1.51"))
    (before,) = desk.adjustments("2026-04")
    assert before[2] == found[1]


@ONLY_PUSHED
def test_what_is_taken_back_after_closing_is_given_back(desk: Desk) -> None:
    desk.use("2026-03-21T00:00Z", str(LATE), key="too much")
    desk.close("2026-03")
    desk.take_back("too much")
    desk.dual_run("2026-04")
    assert desk.adjustments("2026-04") == [("2026-03", "363600.5", "100.5", Decimal("0.76"), Decimal("0.00"))]
    line = desk.expected("2026-04")["cpu_seconds/2026-03-15/adjusted-in-2026-04"]
    assert (str(line.net), str(line.tax), line.is_due) == ("-0.76 CAD", "-0.10 CAD", True)


@ONLY_PUSHED
def test_what_was_taken_back_and_sent_again_changes_nothing(desk: Desk) -> None:
    desk.close("2026-03")
    desk.take_back("k 2026-03-20T10:00Z")
    desk.use("2026-03-20T10:00Z", "100.5", key="again")
    desk.dual_run("2026-04")
    assert desk.adjustments("2026-04") == []
    assert adjusted(desk.work("2026-04")).late == ()


def test_a_late_event_of_nothing_is_late_and_adjusts_nothing(desk: Desk) -> None:
    desk.close("2026-03")
    desk.use("2026-03-21T00:00Z", "0", key="late")
    desk.dual_run("2026-04")
    found = adjusted(desk.work("2026-04"))
    assert [(late.old_events + 1, late.is_other) for late in found.late] == [(late.new_events, False) for late in found.late]
    assert (len(found.late), found.adjustments, found.unpriced) == (1, (), ())


def test_only_late_usage_of_the_billed_feed_is_adjusted(desk: Desk) -> None:
    desk.close("2026-03")
    other = replace(desk, feed=PULLED if desk.feed == PUSHED else PUSHED)
    other.use("2026-03-21T00:00Z", "5", key="late")
    desk.dual_run("2026-04")
    assert adjusted(desk.work("2026-04")).late == ()


def test_late_usage_without_a_price_is_a_line_that_says_so(desk: Desk) -> None:
    desk.close("2026-03")
    desk.use("2026-03-21T00:00Z", "5", key="late", metric="requests")
    rated = desk.rated("2026-04")
    (issue,) = rated.issues
    assert issue.reason == "late usage of 2026-03: 0 → 5 requests: a metric without a price"
    assert [line.charge for line in rated.lines if line.exact is None] == [UNRATED]
    assert [one.metric for one in adjusted(desk.work("2026-04")).unpriced] == ["requests"]


@ONLY_PULLED
def test_as_of_an_earlier_snapshot_only_what_was_known_then_is_adjusted(desk: Desk) -> None:
    desk.close("2026-03")
    before = desk.snapshot()
    desk.use("2026-03-21T00:00Z", str(LATE), key="late")
    first = usage_totals(desk.work("2026-04"))
    assert [late.of_period for late in first.late] == ["2026-03"]
    assert usage_totals(desk.work("2026-04"), before).late == ()
    desk.use("2026-03-21T01:00Z", "1", key="later")
    assert usage_totals(desk.work("2026-04"), first.snapshot_id).late == first.late


def test_late_usage_that_is_not_what_its_events_say_is_found(desk: Desk) -> None:
    desk.close("2026-03")
    desk.use("2026-03-21T00:00Z", "5", key="late")
    desk.rated("2026-04")
    assert adjusted(desk.work("2026-04")).is_proved
    with desk.db.transaction() as conn:
        conn.execute("UPDATE usage_event SET quantity = 6 WHERE idempotency_key ~ 'late' OR quantity = 5")
    assert not adjusted(desk.work("2026-04")).is_proved


def test_late_usage_of_a_month_whose_events_were_dropped_is_adjusted_and_not_counted_again(desk: Desk) -> None:
    desk.close("2026-03")
    late = desk.snapshot()
    assert [month.period for month in drop_expired(desk.db, "2026-03", keep_months=3, by="ada", now=NOW)] == ["2026-03"]
    desk.use("2026-03-21T00:00Z", str(LATE), key="late")
    desk.dual_run("2026-04")
    (found,) = desk.adjustments("2026-04")
    assert (found[3], found[4]) == (Decimal("0.00"), Decimal("0.76"))
    assert adjusted(desk.work("2026-04")).dropped == ("2026-03",)
    if desk.feed == PULLED:
        with pytest.raises(RuleViolation, match="events of 2026-03 are no longer kept"):
            usage_totals(desk.work("2026-04"), late)


CHANGES = {
    "a price": "UPDATE plans SET unit_price = 0.075 WHERE external_plan_id = 's'",
    "a free plan": "UPDATE plans SET unit_price = 0 WHERE external_plan_id = 's'",
    "a quota": "UPDATE plans SET included_quantity = 0 WHERE external_plan_id = 's'",
    "another plan": f"UPDATE subscriptions SET external_plan_id = 'l' WHERE external_subscription_id = '{FIRST}'",
    "an account that became internal": "UPDATE users SET is_internal = true WHERE external_user_id = 1",
    "a subscription that is gone": f"DELETE FROM subscriptions WHERE external_subscription_id = '{FIRST}'",
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_closed_month_is_adjusted_under_the_terms_that_it_was_billed_with(desk: Desk, what: str) -> None:
    desk.use("2026-03-21T00:00Z", str(LATE), key="on time")
    desk.close("2026-03")
    desk.host.run(CHANGES[what])
    desk.use("2026-03-22T00:00Z", "360000", key="late")
    desk.snapshot()
    desk.dual_run("2026-04")
    (found,) = desk.adjustments("2026-04")
    assert (found[3], found[4]) == (Decimal("0.76"), Decimal("1.51"))


def test_a_closed_month_is_adjusted_for_the_customer_and_in_the_currency_of_its_bill(desk: Desk) -> None:
    desk.close("2026-03")
    desk.host.run(
        f"UPDATE subscriptions SET external_user_id = 2 WHERE external_subscription_id = '{FIRST}'",
        "UPDATE plans SET currency = 'USD', valid_from = '2026-04-01 00:00-04' WHERE external_plan_id = 's'",
    )
    desk.use("2026-03-21T00:00Z", str(LATE), key="late")
    desk.snapshot()
    desk.dual_run("2026-04")
    lines = desk.expected("2026-04")
    late, own = lines["cpu_seconds/2026-03-15/adjusted-in-2026-04"], lines["cpu_seconds/2026-04-01"]
    assert (late.external_user_id, str(late.net)) == ("1", "0.76 CAD")
    assert (own.external_user_id, own.currency) == ("2", "USD")


def test_usage_that_comes_while_its_bill_is_checked_is_no_error(desk: Desk) -> None:
    desk.close("2026-03")
    desk.use("2026-03-21T00:00Z", "5", key="late")
    desk.rated("2026-04")
    desk.use("2026-03-21T01:00Z", "5", key="later still")
    found = adjusted(desk.work("2026-04"))
    # Pulled usage is counted as of the snapshot that the bill was metered from.
    assert (found.is_proved, found.is_behind) == ((True, False) if desk.feed == PULLED else (False, True))
