"""Posting, resetting and cancelling invoices, and what each state refuses."""

import re
from typing import Any

import pytest

from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines_tests.odoo.made import Made

DAY = "2026-05-31"
READ_ONLY = "You cannot modify the following readonly fields on a posted move: "


@pytest.fixture
def partner(made: Made) -> int:
    """Whom the invoices are for."""
    return made.partner()


def _draft(made: Made, partner: int, price: float = 10.0, **values: Any) -> int:
    line = {"name": "x", "price_unit": price, "tax_ids": [made.tax("13% HST")]}
    return made.invoice([line], **{"partner_id": partner, **values})


def _posted(odoo: Odoo, made: Made, partner: int, **values: Any) -> int:
    move = _draft(made, partner, **values)
    assert odoo.call("account.move", "action_post", [move]) is False
    return move


def _one(odoo: Odoo, move: int, *fields: str) -> dict[str, Any]:
    (row,) = odoo.search_read("account.move", [("id", "=", move)], list(fields))
    return {name: row[name] for name in fields}


def _number(odoo: Odoo, move: int) -> int:
    return int(_one(odoo, move, "name")["name"].rpartition("/")[2])


def test_posting_gives_a_number_of_the_year(odoo: Odoo, made: Made, partner: int) -> None:
    first, second = (_posted(odoo, made, partner, invoice_date=DAY) for _ in range(2))
    seen = _one(odoo, first, "name", "state", "payment_state", "payment_reference", "posted_before", "date", "amount_residual")
    assert re.fullmatch(r"INV/2026/\d{5}", seen["name"])
    assert (seen["state"], seen["payment_state"], seen["posted_before"]) == ("posted", "not_paid", True)
    assert (seen["payment_reference"], seen["date"], seen["amount_residual"]) == (seen["name"], DAY, 11.3)
    assert _one(odoo, first, "display_name")["display_name"] == f"{seen['name']} ({made.name('invoice')})"
    assert _number(odoo, second) > _number(odoo, first)


def test_each_year_and_kind_counts_for_itself(odoo: Odoo, made: Made, partner: int) -> None:
    credit = _posted(odoo, made, partner, invoice_date=DAY, move_type="out_refund")
    earlier = _posted(odoo, made, partner, invoice_date="2019-12-31")
    assert re.fullmatch(r"RINV/2026/\d{5}", _one(odoo, credit, "name")["name"])
    assert _one(odoo, credit, "payment_reference") == {"payment_reference": False}
    assert re.fullmatch(r"INV/2019/\d{5}", _one(odoo, earlier, "name")["name"])


def test_without_a_day_it_is_of_the_day_of_posting(odoo: Odoo, made: Made, partner: int) -> None:
    move = _draft(made, partner)
    today = _one(odoo, move, "date")["date"]
    odoo.call("account.move", "action_post", [move])
    assert _one(odoo, move, "invoice_date", "date") == {"invoice_date": today, "date": today}


def test_an_invoice_of_nothing_is_paid(odoo: Odoo, made: Made, partner: int) -> None:
    move = _posted(odoo, made, partner, price=0.0)
    assert _one(odoo, move, "payment_state", "status_in_payment") == {"payment_state": "paid", "status_in_payment": "paid"}


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"partner_id": False}, "to validate the "),
        ({"price": -10.0}, "You cannot validate an invoice with a negative total amount."),
    ],
)
def test_what_cannot_be_posted(odoo: Odoo, made: Made, partner: int, values: dict[str, Any], text: str) -> None:
    good, bad = _draft(made, partner), _draft(made, **{"partner": partner, **values})
    with pytest.raises(Refused, match=re.escape(text)):
        odoo.call("account.move", "action_post", [good, bad])
    assert _one(odoo, good, "state") == {"state": "draft"}


def test_nothing_cannot_be_posted(odoo: Odoo, made: Made, partner: int) -> None:
    with pytest.raises(Refused, match=r"Even magicians can't post nothing!|You need to add a line before posting"):
        odoo.call("account.move", "action_post", [made.invoice(partner_id=partner)])


def test_a_currency_that_is_switched_off_cannot_be_posted(odoo: Odoo, made: Made, partner: int) -> None:
    (pound,) = odoo.search_read("res.currency", [("name", "=", "GBP")], ["active"])
    assert pound["active"] is False
    move = _draft(made, partner, currency_id=pound["id"])
    with pytest.raises(Refused, match="You cannot validate a document with an inactive currency: GBP"):
        odoo.call("account.move", "action_post", [move])


def test_only_drafts_are_posted(odoo: Odoo, made: Made, partner: int) -> None:
    move = _posted(odoo, made, partner)
    name = _one(odoo, move, "name")["name"]
    with pytest.raises(Refused, match=re.escape(f"The entry {name} (id {move}) must be in draft.")):
        odoo.call("account.move", "action_post", [move])


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"invoice_line_ids": [(0, 0, {"name": "y"})]}, "invoice_line_ids"),
        ({"line_ids": [(5, 0, 0)]}, "line_ids"),
        ({"invoice_date": DAY}, "invoice_date"),
        ({"date": DAY}, "date"),
        ({"invoice_payment_term_id": False}, "invoice_payment_term_id"),
        ({"fiscal_position_id": False}, "fiscal_position_id"),
        ({"partner_id": 1, "invoice_date": DAY, "ref": "x", "currency_id": 3}, "partner_id, invoice_date, currency_id"),
    ],
)
def test_what_a_posted_invoice_keeps(odoo: Odoo, made: Made, partner: int, values: dict[str, Any], names: str) -> None:
    move = _posted(odoo, made, partner)
    with pytest.raises(Refused) as refusal:
        odoo.write("account.move", [move], values)
    assert str(refusal.value).endswith(READ_ONLY + names)


def test_what_may_still_be_written(odoo: Odoo, made: Made, partner: int) -> None:
    move = _posted(odoo, made, partner)
    values = {"ref": made.name("later"), "invoice_date_due": "2026-07-01", "invoice_origin": "S1", "payment_reference": "p"}
    odoo.write("account.move", [move], values)
    assert _one(odoo, move, *values) == values


def test_lines_of_a_posted_invoice_stay_with_their_taxes(odoo: Odoo, made: Made, partner: int) -> None:
    (line,) = made.items(_posted(odoo, made, partner))
    with pytest.raises(Refused, match="You can't delete a posted journal item"):
        odoo.unlink("account.move.line", [line["id"]])
    with pytest.raises(Refused, match="You cannot modify the taxes related to a posted journal item"):
        odoo.write("account.move.line", [line["id"]], {"tax_ids": [(6, 0, [])]})


def test_a_price_written_past_the_invoice_is_booked_once_it_is_no_longer_posted(odoo: Odoo, made: Made, partner: int) -> None:
    move = _posted(odoo, made, partner)
    (line,) = made.items(move)
    odoo.write("account.move.line", [line["id"]], {"price_unit": 3.0})
    assert made.items(move, "price_unit")[0]["price_unit"] == 3.0
    assert _one(odoo, move, "amount_total") == {"amount_total": 11.3}
    odoo.call("account.move", "button_cancel", [move])
    assert _one(odoo, move, "amount_total") == {"amount_total": 3.39}


def test_posted_invoices_are_not_deleted(odoo: Odoo, made: Made, partner: int) -> None:
    move, draft = _posted(odoo, made, partner), _draft(made, partner)
    with pytest.raises(Refused, match="You can't delete a posted journal item"):
        odoo.unlink("account.move", [move, draft])
    assert odoo.call("account.move", "button_draft", [move]) is None
    odoo.unlink("account.move", [move, draft])
    assert odoo.search_read("account.move", [("id", "in", [move, draft])], ["id"]) == []


def test_back_to_draft_and_posted_again_it_keeps_its_number(odoo: Odoo, made: Made, partner: int) -> None:
    move = _posted(odoo, made, partner)
    name = _one(odoo, move, "name")["name"]
    odoo.call("account.move", "button_draft", [move])
    shown = f"Draft Invoice {name} ({made.name('invoice')})"
    assert _one(odoo, move, "state", "name", "display_name") == {"state": "draft", "name": name, "display_name": shown}
    with pytest.raises(Refused, match="Only posted/cancelled journal entries can be reset to draft"):
        odoo.call("account.move", "button_draft", [move])
    odoo.write("account.move", [move], {"invoice_line_ids": [(0, 0, {"name": "y", "price_unit": 1.0, "tax_ids": []})]})
    odoo.call("account.move", "action_post", [move])
    assert _one(odoo, move, "name", "amount_total") == {"name": name, "amount_total": 12.3}


def test_cancelled_they_are_neither_paid_nor_posted(odoo: Odoo, made: Made, partner: int) -> None:
    draft, posted = _draft(made, partner), _posted(odoo, made, partner)
    assert odoo.call("account.move", "button_cancel", [draft, posted]) is None
    for move in (draft, posted):
        assert _one(odoo, move, "state", "payment_state") == {"state": "cancel", "payment_state": "not_paid"}
    with pytest.raises(Refused, match="Only draft journal entries can be cancelled"):
        odoo.call("account.move", "button_cancel", [draft])
    with pytest.raises(Refused, match="must be in draft"):
        odoo.call("account.move", "action_post", [posted])
    odoo.call("account.move", "button_draft", [draft])
    assert _one(odoo, draft, "state") == {"state": "draft"}


def test_lines_of_a_cancelled_invoice_may_change_but_not_its_total(odoo: Odoo, made: Made, partner: int) -> None:
    move = _draft(made, partner)
    odoo.call("account.move", "button_cancel", [move])
    odoo.write("account.move", [move], {"invoice_line_ids": [(0, 0, {"name": "y", "price_unit": 1.0})]})
    assert _one(odoo, move, "amount_total") == {"amount_total": 11.3}
    odoo.unlink("account.move", [move])


def test_the_importer_may_post_too(importer: Odoo, made: Made, partner: int) -> None:
    move = _posted(importer, made, partner)
    importer.call("account.move", "button_draft", [move])
    importer.unlink("account.move", [move])


def test_nobody_is_asked_about_nothing(odoo: Odoo) -> None:
    assert odoo.call("account.move", "action_post", []) is False
    assert odoo.call("account.move", "button_draft", []) is None
