"""Crediting an invoice, on each Odoo: one credit note however often it is asked for, and never more than the invoice."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.domain.errors import Refused, RuleViolation
from fcb_pipelines.domain.money import Money
from fcb_pipelines.odoo import live
from fcb_pipelines.odoo.balances import balances
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.credit_notes import draft_of
from fcb_pipelines_tests.odoo.billed import MOVES, Billed

ON = date(2026, 6, 1)
STANDING = ("state", "payment_state", "amount_residual")


def credited(odoo: Odoo, billed: Billed, move: int, name: str = "credit") -> int:
    return live.credit(odoo, move, billed.made.xid(name), reason="flip undone", on=ON)


def drafted(odoo: Odoo, billed: Billed, move: int) -> int:
    return draft_of(odoo, move, billed.made.xid("credit"), reason="flip undone", on=ON)


def standing(billed: Billed, move: int) -> tuple[Any, ...]:
    return tuple(billed.move(move, *STANDING).values())


def notes_of(odoo: Odoo, move: int) -> list[int]:
    return [row["id"] for row in odoo.search_read(MOVES, [("reversed_entry_id", "=", move)], ["id"])]


def test_an_invoice_is_credited_once(importer: Odoo, billed: Billed) -> None:
    move = billed.posted()
    note = credited(importer, billed, move)
    assert credited(importer, billed, move) == note
    assert notes_of(importer, move) == [note]
    assert (standing(billed, move), standing(billed, note)) == (("posted", "reversed", 0.0), ("posted", "paid", 0.0))
    seen = billed.move(note, "move_type", "amount_untaxed", "amount_tax", "amount_total", "invoice_date", "date", "ref")
    number = billed.move(move, "name")["name"]
    assert tuple(seen.values()) == ("out_refund", 10.0, 1.3, 11.3, "2026-06-01", "2026-06-01", f"{number}: flip undone")


def test_a_credit_note_has_the_lines_of_its_invoice(odoo: Odoo, billed: Billed) -> None:
    made = billed.made
    lines: list[dict[str, Any]] = [
        {"display_type": "line_section", "name": "a section"},
        {
            "product_id": billed.product,
            "name": "a",
            "quantity": 3,
            "price_unit": 1.25,
            "tax_ids": [(6, 0, [made.tax("13% HST")])],
        },
        {"name": "b", "price_unit": 10.0, "discount": 10, "tax_ids": [(6, 0, [])]},
        {"display_type": "line_note", "name": "a note"},
    ]
    move = made.invoice(lines, partner_id=billed.partner)
    odoo.call(MOVES, "action_post", [move])
    note = credited(odoo, billed, move)
    names = ("display_type", "name", "product_id", "quantity", "price_unit", "discount", "tax_ids", "price_subtotal")
    kinds = ("product", "line_section", "line_note")
    of_move, of_note = (
        [{name: row[name] for name in names} for row in made.items(each, *names, kinds=kinds)] for each in (move, note)
    )
    assert of_note == of_move
    assert len(of_note) == len(lines)


def test_what_was_billed_of_an_order_is_to_be_billed_again(odoo: Odoo, billed: Billed) -> None:
    order = billed.running()
    move = billed.invoice_of(order)
    odoo.call(MOVES, "action_post", [move])
    assert billed.made.lines(order, "qty_invoiced")[0]["qty_invoiced"] == 1.0
    note = credited(odoo, billed, move)
    assert billed.made.lines(order, "qty_invoiced")[0]["qty_invoiced"] == 0.0
    (now,) = odoo.search_read("sale.order", [("id", "=", order)], ["invoice_ids", "invoice_status"])
    assert (sorted(now["invoice_ids"]), now["invoice_status"]) == ([move, note], "to invoice")


@pytest.mark.parametrize(
    ("paid", "of_move", "of_note"),
    [(4.0, ("posted", "paid", 0.0), ("posted", "partial", 4.0)), (None, ("posted", "paid", 0.0), ("posted", "not_paid", 11.3))],
)
def test_what_was_paid_of_it_is_then_the_customers(
    odoo: Odoo, billed: Billed, paid: float | None, of_move: tuple[Any, ...], of_note: tuple[Any, ...]
) -> None:
    move = billed.posted()
    billed.pay(move, paid)
    note = credited(odoo, billed, move)
    assert (standing(billed, move), standing(billed, note)) == (of_move, of_note)
    kept = Money(Decimal(str(of_note[2])), "CAD")
    assert balances(odoo, [billed.partner]) == {(billed.partner, "CAD"): kept}


def test_a_credit_note_that_is_open_is_matched_with_an_invoice_that_opens_again(odoo: Odoo, billed: Billed) -> None:
    move = billed.posted()
    payment = billed.pay(move)
    note = credited(odoo, billed, move)
    odoo.call("account.payment", "action_cancel", [payment])
    assert billed.move(move, "payment_state") == {"payment_state": "not_paid"}
    assert credited(odoo, billed, move) == note
    assert (standing(billed, move)[1:], standing(billed, note)[1:]) == (("reversed", 0.0), ("paid", 0.0))


def test_what_began_is_ended(odoo: Odoo, billed: Billed) -> None:
    move = billed.posted()
    note = drafted(odoo, billed, move)
    assert drafted(odoo, billed, move) == note
    assert credited(odoo, billed, move) == note
    assert standing(billed, move) == ("posted", "reversed", 0.0)


def test_odoo_itself_matches_a_credit_note_that_is_posted(odoo: Odoo, billed: Billed) -> None:
    move = billed.posted()
    odoo.call(MOVES, "action_post", [drafted(odoo, billed, move)])
    assert standing(billed, move) == ("posted", "reversed", 0.0)


def test_somebody_elses_credit_note_is_not_doubled(odoo: Odoo, billed: Billed) -> None:
    move = billed.posted()
    credited(odoo, billed, move, "first")
    with pytest.raises(RuleViolation, match=r"has a credit note already that is not ours \(RINV/2026/\d+\)"):
        credited(odoo, billed, move, "second")
    assert len(notes_of(odoo, move)) == 1


def test_a_cancelled_credit_note_of_others_is_none(odoo: Odoo, billed: Billed) -> None:
    move = billed.posted()
    other = drafted(odoo, billed, move)
    odoo.call(MOVES, "button_cancel", [other])
    with pytest.raises(RuleViolation, match="is cancelled, or reverses another invoice"):
        credited(odoo, billed, move)
    assert credited(odoo, billed, move, "second") != other


def test_a_draft_that_somebody_changed_is_not_posted(odoo: Odoo, billed: Billed) -> None:
    move = billed.posted()
    note = drafted(odoo, billed, move)
    odoo.write(MOVES, [note], {"invoice_line_ids": [(0, 0, {"name": "more", "price_unit": 1.0, "tax_ids": [(6, 0, [])]})]})
    with pytest.raises(RuleViolation, match=r"amount_untaxed 11.0, not 10.0; amount_total 12.3, not 11.3: nothing was posted"):
        credited(odoo, billed, move)
    assert standing(billed, note)[0] == "draft"


def test_only_posted_invoices_are_credited(odoo: Odoo, billed: Billed) -> None:
    note = credited(odoo, billed, billed.posted())
    for move in (billed.draft(), note, 2**31 - 1):
        with pytest.raises(RuleViolation, match="is no posted invoice"):
            credited(odoo, billed, move, "another")


def test_a_note_that_odoo_refuses_to_make_is_told(odoo: Odoo, billed: Billed) -> None:
    move = billed.posted()
    taken = billed.made.xid("taken")
    odoo.load("res.partner", ["id", "name"], [[taken, billed.made.name("taken")]])
    with pytest.raises(Refused, match="no credit note of INV/2026/"):
        live.credit(odoo, move, taken, reason="x", on=ON)
    assert notes_of(odoo, move) == []
