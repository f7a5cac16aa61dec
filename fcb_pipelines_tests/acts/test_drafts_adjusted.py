"""Drafts on each Odoo that adjust what an earlier bill had otherwise: more on the invoice, less, or a credit note."""

import pytest

from fcb_pipelines.acts.draft_invoices import draft_invoices_complete
from fcb_pipelines_tests.acts.late import CORE_HOURS, event, push, take_back, with_march_closed
from fcb_pipelines_tests.acts.month import Month


@pytest.fixture
def april(month: Month) -> Month:
    """April of a host that pushes its usage; March is closed with 75.00 of usage of the first customer."""
    month.imported()
    return with_march_closed(month)


def drafted(month: Month) -> tuple[str, dict[str, float], str]:
    """What kind of move it is, what stands on its lines, and what it comes to."""
    month.rated()
    done = month.drafted()
    assert (done.failed, done.differences) == ({}, ())
    assert all(one.holds for one in draft_invoices_complete(month.work).equations)
    move = month.the_move()
    lines = {line["name"].rpartition(" – ")[2]: line["price_subtotal"] for line in month.lines(move)}
    return move["move_type"], lines, f"{move['amount_total']:.2f}"


def test_more_usage_is_one_more_line(april: Month) -> None:
    push(april, event(april, "late", 100 * CORE_HOURS, "2026-03-21T10:00Z"))
    kind, lines, total = drafted(april)
    assert (kind, total) == ("out_invoice", "11.18")
    assert lines == {"flat price": 9.14, "late cpu_seconds: 360000 more than billed before": 0.75}


def test_what_is_given_back_beyond_what_is_charged_is_a_credit_note_and_again_an_invoice(april: Month) -> None:
    take_back(april, "march")
    kind, lines, total = drafted(april)
    assert (kind, total) == ("out_refund", "74.42")
    assert lines == {"flat price": -9.14, "late cpu_seconds: 36000000 fewer than billed before": 75.0}
    push(april, event(april, "march again", 10_000 * CORE_HOURS, "2026-03-20T10:00Z"))
    kind, lines, total = drafted(april)
    assert (kind, lines, total) == ("out_invoice", {"flat price": 9.14}, "10.33")
