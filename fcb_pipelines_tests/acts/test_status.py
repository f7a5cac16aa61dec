"""What `fcb status` says of a month's invoices in Odoo."""

from fcb_pipelines.acts.status import InvoiceStatus, service_status
from fcb_pipelines_tests.acts.month import Month


def test_the_last_drafting_of_a_month_is_shown(month: Month) -> None:
    month.imported()
    month.rated()
    with month.chain.db.transaction() as conn:
        assert service_status(conn, month.chain.service).invoices == ()
    month.drafted()
    with month.chain.db.transaction() as conn:
        (found,) = service_status(conn, month.chain.service).invoices
    totals = {"CAD": {"net": "9.89", "tax": "1.29", "gross": "11.18"}}
    assert found == InvoiceStatus(part="draft_invoices", period="2026-04", drafts=1, failed=0, differences=0, totals=totals)
