"""A month whose events are no longer kept is worked again as before, and its checks say what they cannot look at."""

import pytest

from fcb_pipelines.acts.retention import drop_expired
from fcb_pipelines.store.closings import Closing, close
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.orchestration.conftest import Operator, check, records

pytestmark = pytest.mark.usefixtures("great_expectations")


def test_a_dropped_month_is_rated_again_and_the_checks_say_what_is_gone(operator: Operator) -> None:
    operator.snapshot()
    assert operator.dual_run("2026-03").success
    with operator.db.transaction() as conn:
        close(conn, Closing(service="small", period="2026-03", closed_at=NOW, closed_by="ada", snapshot_id=1, usage_hash=""))
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
