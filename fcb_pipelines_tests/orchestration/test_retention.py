"""A month whose events are no longer kept is worked again as before, and its checks say what they cannot look at."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fcb_pipelines.acts.retention import drop_expired
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.orchestration.conftest import Operator, check, records
from fcb_pipelines_tests.store.closed import closed

pytestmark = pytest.mark.usefixtures("great_expectations")


def test_a_dropped_month_is_rated_again_and_the_checks_say_what_is_gone(operator: Operator) -> None:
    operator.snapshot()
    assert operator.dual_run("2026-03").success
    with operator.db.transaction() as conn:
        closed(conn, "small", "2026-03")
    assert [one.events for one in drop_expired(operator.db, "2026-03", keep_months=3, by="ada", now=NOW)] == [2]
    operator.snapshot()
    again = operator.dual_run("2026-03")
    assert again.success
    conserved = check(again, "usage_conserved")
    assert conserved.passed
    assert "its events are no longer kept, since 2026-06-02" in (conserved.description or "")
    assert [(row["place"], row["cpu_seconds"]) for row in records(conserved, "sums")] == [
        ("read", "100.500001"),
        ("running totals", "100.500001"),
        ("usage totals", "100.500001"),
    ]
    assert check(again, "feeds_agree").description == "not applicable: the events of the month are no longer kept"


@pytest.mark.parametrize(("months", "dropped"), [(None, []), (3, []), (3, ["2026-03"])])
def test_old_months_go_once_a_month_where_the_settings_say_so(
    operator: Operator, months: int | None, dropped: list[str]
) -> None:
    operator.snapshot()
    settings = operator.settings.model_copy(update={"usage_retention_months": months})
    later = replace(operator, settings=settings, now=datetime(2026, 7, 5, 12, tzinfo=UTC))
    if dropped:
        with operator.db.transaction() as conn:
            closed(conn, "small", "2026-03")
    result = later.job("usage_retention")
    assert result.success
    with operator.db.transaction() as conn:
        rows = conn.execute("SELECT subject, actor FROM audit_log WHERE act = 'usage_dropped'").fetchall()
        kept = conn.execute("SELECT count(*) FROM usage_event WHERE period = '2026-03'").fetchone()
    assert rows == [(month, "usage_retention") for month in dropped]
    assert kept == ((0 if dropped else 2),)
