"""`fcb invoices` on the demo: shown whenever asked, written only where it is switched on."""

import json

from fcb_pipelines_tests.acceptance.fixtures import Demo


def test_a_dry_run_shows_both_kinds_with_their_totals(demo: Demo) -> None:
    before = demo.project.fcb("status", "--json").out
    done = demo.project.fcb("invoices", "--period", "2026-05", "--dry-run", "--json")
    shown = json.loads(done.out)
    assert (shown["period"], shown["dry_run"]) == ("2026-05", True)
    drafts, sources = shown["parts"]["draft_invoices"], shown["parts"]["source_invoices"]
    assert drafts["created"] > 0
    assert drafts["failed"] == len(drafts["issues"])
    assert set(drafts["totals"]["CAD"]) == {"net", "tax", "gross"}
    assert sources["created"] > 0
    assert done.code == (1 if any(one["failed"] or one["differences"] for one in shown["parts"].values()) else 0)
    assert demo.project.fcb("status", "--json").out == before


def test_it_is_refused_until_it_is_switched_on(demo: Demo) -> None:
    done = demo.project.fcb("invoices", "--period", "2026-05")
    assert (done.code, done.out) == (1, "")
    assert "FCB_ODOO_DRAFT_INVOICES=true" in done.err
    assert "FCB_ODOO_SOURCE_INVOICES=true" in done.err
