"""Invoices of a month in Odoo, as runs: off until switched on, and what Odoo has otherwise stops what comes after."""

from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.invoices import actual_period
from fcb_pipelines.acts.partners import import_partners
from fcb_pipelines.acts.plans import import_plans
from fcb_pipelines.acts.rating import expect_period, rate_period
from fcb_pipelines.acts.source import take_snapshot
from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.orchestration.conftest import Operator, check, made, records
from fcb_pipelines_tests.orchestration.test_gates import error_of


def switched(operator: Operator, **switches: bool) -> Operator:
    return replace(operator, settings=operator.settings.model_copy(update=switches))


@pytest.fixture
def march(operator: Operator) -> Operator:
    """Imported and rated, by the acts alone, with a header of nobody beside the invoice of the plan."""
    operator.host.run(
        """INSERT INTO invoices
           VALUES ('in_2', 1, '', '2026-03-20 12:00Z', 'paid', 'CAD', 20, 2.60, 22.60, 'in_2', 'stripe', '[]')"""
    )
    connections = Connections(settings=operator.settings, now=NOW, report=lambda _: None)
    service = operator.settings.service("small")
    take_snapshot(operator.db, service, NOW, lambda _: None)
    import_partners(connections.reading(service), dry_run=False, report=lambda _: None)
    import_plans(connections.reading(service), take_all=False, dry_run=False, report=lambda _: None)
    for stage in (usage_totals, rate_period, expect_period, actual_period):
        stage(connections.period(service, "2026-03"))
    return operator


def invoices(operator: Operator) -> dg.ExecuteInProcessResult:
    return operator.job("small_odoo_invoices", "2026-03")


def test_a_month_is_drafted_and_proved_once_it_is_switched_on(march: Operator) -> None:
    half = invoices(switched(march, odoo_source_invoices=True))
    assert not half.success
    assert "set FCB_ODOO_DRAFT_INVOICES=true" in error_of(half)
    assert made(half) == {"odoo_source_invoices"}
    on = switched(march, odoo_draft_invoices=True, odoo_source_invoices=True)
    result = invoices(on)
    assert result.success
    assert made(result) == {"odoo_draft_invoices", "odoo_source_invoices"}
    found = result.get_asset_check_evaluations()
    assert {one.check_name for one in found} == {"odoo_read_back", "draft_invoices_complete", "source_invoices_carried"}
    assert all(one.passed and one.partition == "2026-03" for one in found)
    (sums,) = records(check(result, "source_invoices_carried"), "equations")
    assert sums["equation"] == "lines billed = represented 10.33 + drafted 22.60 + held back 0.00"
    assert (sums["left"], sums["right"], sums["holds"]) == ("32.93", "32.93", "yes")
    (sums,) = records(check(result, "draft_invoices_complete"), "equations")
    assert (sums["left"], sums["right"], sums["holds"]) == ("10.33", "10.33", "yes")
    assert metadata(result, "odoo_draft_invoices") == {"failed": 0, "totals": [("CAD", "9.14", "1.19", "10.33")]}
    with march.db.transaction() as conn:
        conn.execute(
            "INSERT INTO odoo_difference VALUES ('small', 'draft_invoices', '2026-03', 'fcb.x', 'tax', '1.21', '1.20', 'cents')"
        )
    differing = check(on.only_check("odoo_draft_invoices", "odoo_read_back", "2026-03"), "odoo_read_back")
    assert (differing.passed, differing.severity, differing.blocking) == (False, dg.AssetCheckSeverity.ERROR, True)
    assert [(row["field"], row["sent"], row["stored"]) for row in records(differing, "differences")] == [
        ("tax", "1.21", "1.20")
    ]


def test_a_draft_that_could_not_be_made_stops_what_comes_after(march: Operator) -> None:
    with march.db.transaction() as conn:
        conn.execute("UPDATE account_link SET state = 'unlinked', odoo_id = NULL, reason = 'two partners'")
    result = invoices(switched(march, odoo_draft_invoices=True))
    assert made(result) == {"odoo_draft_invoices"}
    assert not result.success
    compared, complete = check(result, "odoo_read_back"), check(result, "draft_invoices_complete")
    assert (compared.passed, complete.passed) == (False, False)
    ((row,), (missing,)) = records(compared, "differences"), records(complete, "not drafted")
    assert row["field"] == "record"
    assert "is not linked to a partner in Odoo: two partners" in str(missing["reason"])
    assert str(missing["reason"]) in str(row["why"])
    assert "1 drafts could not be made" in str(complete.description)


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    (event,) = (
        one
        for one in result.get_asset_materialization_events()
        if one.asset_key is not None and one.asset_key.path[-1] == asset
    )
    shown = event.materialization.metadata
    totals = shown["totals"]
    assert isinstance(totals, dg.TableMetadataValue)
    return {
        **{name: shown[name].value for name in ("failed",)},
        "totals": [tuple(record.data.values()) for record in totals.records],
    }
