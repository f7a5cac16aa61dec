"""Feeds that differ: a finding while pulled usage is billed, the end of the run once pushed usage is."""

from dataclasses import replace

import dagster as dg
import pytest

from fcb_pipelines.acts.intake import Delivery, Intake
from fcb_pipelines.checks.remedies import WHAT_TO_DO
from fcb_pipelines.cli.runs import why
from fcb_pipelines.domain.usage import PUSHED
from fcb_pipelines.settings import Settings
from fcb_pipelines.store.database import connect
from fcb_pipelines_tests.acts.two_feeds import pushed
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.orchestration.conftest import Operator, check, made, records

pytestmark = pytest.mark.usefixtures("great_expectations")


def billing_pushed(settings: Settings) -> Settings:
    service = settings.service("small").model_copy(update={"billed_feed": PUSHED})
    return settings.model_copy(update={"services": {"small": service}})


def test_feeds_that_differ_warn_until_pushed_usage_is_billed_and_stop_the_rating_then(operator: Operator) -> None:
    operator.snapshot()
    with connect(operator.db.url, autocommit=True) as conn:
        event = pushed("a", "8", at="2026-04-01T04:00")
        Intake(conn).take([Delivery(service=operator.settings.service("small"), facts=[event], may_backfill=True)], NOW)
    pulled_billed = operator.dual_run("2026-04")
    found = check(pulled_billed, "feeds_agree")
    assert pulled_billed.success
    assert (found.passed, found.severity, found.blocking) == (False, dg.AssetCheckSeverity.WARN, True)
    assert {row["kind"]: row["events"] for row in records(found, "kinds")} == {"different": 1, "only pulled": 1}
    assert [row["pulled"] for row in records(found, "differences")] == ["7", "3"]
    pushed_billed = replace(operator, settings=billing_pushed(operator.settings)).dual_run("2026-04")
    assert not pushed_billed.success
    stopped = check(pushed_billed, "feeds_agree")
    assert stopped.severity is dg.AssetCheckSeverity.ERROR
    assert "Dagster" not in why(pushed_billed)
    said = f"the check feeds_agree of small/usage_totals says: {stopped.description}. What to do: see each difference with "
    assert why(pushed_billed).startswith(f"{said} fcb feeds --service small --period 2026-04 ")
    assert why(pushed_billed).endswith(str(stopped.metadata[WHAT_TO_DO].value))
    assert made(pushed_billed) == {"usage_totals"}


def test_where_one_feed_alone_tells_anything_the_check_says_so(operator: Operator) -> None:
    operator.snapshot()
    found = check(operator.dual_run("2026-04"), "feeds_agree")
    assert found.passed
    assert WHAT_TO_DO not in found.metadata
    assert (found.description or "").startswith("not applicable: only the pulled feed tells anything")
