"""Pictures of what Odoo has, on each Odoo: the same twice, and after a way there and back only what must remain."""

import json
from datetime import date
from typing import Any

from fcb_pipelines.domain.pictures import Picture, differences, faults
from fcb_pipelines.odoo import live
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.pictures import picture
from fcb_pipelines_tests.odoo.billed import MOVES, Billed
from fcb_pipelines_tests.odoo.editions import Names


def taken(odoo: Odoo, billed: Billed, *orders: int) -> Picture:
    return picture(odoo, orders, [billed.partner])


def plainly(value: Any) -> Any:
    """The same through JSON, which takes no decimal and no date; a float would be told."""
    return json.loads(json.dumps(value), parse_float=lambda text: f"a float {text}")


def test_a_picture_is_json_without_floats_and_secrets_and_twice_the_same(importer: Odoo, billed: Billed) -> None:
    order, move = billed.running(0.1), billed.ours("invoice_1", 19.99)
    token = billed.token()
    seen = taken(importer, billed, order)
    assert plainly(seen) == seen
    assert "a-secret" not in json.dumps(seen)
    assert seen["orders"][str(order)]["amount_untaxed"] == "0.1"
    assert seen["tokens"] == {str(token): {"display_name": "•••• 4242", "partner_id": billed.partner, "active": True}}
    assert (set(seen["partners"]), set(seen["moves"])) == ({str(billed.partner)}, {str(move)})
    assert seen["moves"][str(move)]["amount_total"] == "22.59"
    assert differences(seen, taken(importer, billed, order)) == ()


def test_what_is_not_ours_is_not_in_it(importer: Odoo, billed: Billed) -> None:
    billed.draft()
    billed.ours("elsewhere", xid=billed.made.xid("invoice_1").replace("fcb.", "elsewhere."))
    seen = taken(importer, billed)
    assert (seen["orders"], seen["order_lines"], seen["moves"], seen["move_lines"]) == ({}, {}, {}, {})


def test_confirmed_and_back_leaves_the_moment_of_confirmation(odoo: Odoo, billed: Billed, names: Names) -> None:
    order = billed.order()
    odoo.write("sale.order", [order], {"date_order": "2026-05-01 08:00:00"})
    before = taken(odoo, billed, order)
    live.confirm(odoo, order)
    assert {each.field for each in faults(differences(before, taken(odoo, billed, order)))} == {"state", "invoice_status"}
    live.back_to_draft(odoo, order)
    found = differences(before, taken(odoo, billed, order))
    assert {each.field for each in found} == names.either({"date_order"}, {"date_order", "message_partner_ids"})
    assert faults(found) == ()


def test_billed_and_taken_back_leaves_what_is_in_the_books(odoo: Odoo, billed: Billed) -> None:
    order = billed.order()
    before = taken(odoo, billed, order)
    live.confirm(odoo, order)
    move, unsent = billed.invoice_of(order), billed.invoice_of(order)
    ours = billed.ours("invoice_1")
    live.post(odoo, [move])
    for each in (move, ours):
        live.credit(odoo, each, billed.made.xid(f"credit_{each}"), reason="flip undone", on=date(2026, 6, 1))
    live.back_to_draft(odoo, order)
    found = differences(before, taken(odoo, billed, order))
    assert faults(found) == ()
    assert {each.kind for each in found} == {"orders", "moves", "move_lines"}
    moves = {each.record: each.after["state"] for each in found if each.kind == "moves"}
    assert (len(moves), moves[str(unsent)]) == (5, "cancel")
    assert set(moves.values()) == {"posted", "cancel"}


def test_a_draft_that_was_left_behind_and_a_price_that_changed_are_faults(odoo: Odoo, billed: Billed) -> None:
    order = billed.order()
    before = taken(odoo, billed, order)
    draft = billed.invoice_of(order)
    (line,) = billed.made.lines(order, "id")
    odoo.write("sale.order.line", [line["id"]], {"price_unit": 13.0, "product_uom_qty": 1})
    found = faults(differences(before, taken(odoo, billed, order)))
    assert {(each.kind, each.record) for each in found if not each.field} >= {("moves", str(draft))}
    assert [(each.before, each.after) for each in found if each.field == "price_unit"] == [("12", "13")]


def test_what_no_flip_writes_is_shown_and_is_no_fault(odoo: Odoo, billed: Billed) -> None:
    """A month's draft for comparison, and a card that the customer brought in or took out."""
    order, draft, token = billed.order(), billed.ours("invoice_1", is_posted=False), billed.token()
    before = taken(odoo, billed, order)
    odoo.unlink(MOVES, [draft])
    odoo.unlink("payment.token", [token])
    other, card = billed.ours("invoice_2", is_posted=False), billed.token("1881")
    found = differences(before, taken(odoo, billed, order))
    assert faults(found) == ()
    kept = {(each.kind, each.record, each.after is None) for each in found if not each.field and each.kind != "move_lines"}
    assert kept == {
        ("moves", str(draft), True),
        ("moves", str(other), False),
        ("tokens", str(token), True),
        ("tokens", str(card), False),
    }


def test_a_posted_invoice_that_is_gone_or_a_draft_again_is_a_fault(odoo: Odoo, billed: Billed) -> None:
    move = billed.ours("invoice_1")
    before = taken(odoo, billed)
    odoo.call(MOVES, "button_draft", [move])
    found = faults(differences(before, taken(odoo, billed)))
    assert [(each.record, each.before, each.after) for each in found if each.field == "state"] == [
        (str(move), "posted", "draft")
    ]
    odoo.unlink(MOVES, [move])
    found = faults(differences(before, taken(odoo, billed)))
    assert {each.kind for each in found} == {"moves", "move_lines"}
    assert all(each.after is None for each in found)
