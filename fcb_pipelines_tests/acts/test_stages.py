"""What was built of a month that was metered, rated or reconciled otherwise since: void, until it is built again."""

from collections.abc import Callable

import pytest

from fcb_pipelines.acts.closing import close_period
from fcb_pipelines.acts.due import month_due
from fcb_pipelines.acts.invoices import actual_period
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.rating import expect_period, rate_period
from fcb_pipelines.acts.reconciliation import reconcile_period
from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines_tests.acts.desk import ONLY_PUSHED, Desk

ORDER: tuple[Callable[[PeriodWork], object], ...] = (usage_totals, rate_period, expect_period, reconcile_period)


@pytest.fixture
def march(desk: Desk) -> Desk:
    """March was run, and more of it was pushed since, under the same snapshot; pulled usage would bring another."""
    desk.dual_run("2026-03")
    desk.use("2026-03-21T00:00Z", "363500", key="more")
    return desk


@ONLY_PUSHED
@pytest.mark.parametrize("built", [1, 2, 3])
def test_a_month_that_was_built_again_in_part_is_not_closed(march: Desk, built: int) -> None:
    for act in ORDER[:built]:
        act(march.work("2026-03"))
    with pytest.raises(
        RuleViolation, match=r"or not since what they are made of was built otherwise; run|was not reconciled since"
    ):
        close_period(march.work("2026-03"), closed_by="ada")
    for act in ORDER[built:]:
        act(march.work("2026-03"))
    close_period(march.work("2026-03"), closed_by="ada")
    assert str(march.expected("2026-03")["cpu_seconds/2026-03-15"].net) == "0.76 CAD"


@ONLY_PUSHED
def test_what_is_due_is_not_told_of_usage_before(march: Desk) -> None:
    usage_totals(march.work("2026-03"))
    for act in (month_due, expect_period, reconcile_period):
        with pytest.raises(RuleViolation, match="of small 2026-03 were never built, or not since"):
            act(march.work("2026-03"))


def test_what_comes_out_the_same_voids_nothing(desk: Desk) -> None:
    desk.dual_run("2026-03")
    for act in (usage_totals, rate_period, expect_period, actual_period):
        act(desk.work("2026-03"))
    close_period(desk.work("2026-03"), closed_by="ada")
