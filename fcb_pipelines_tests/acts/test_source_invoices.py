"""What the source billed beyond our model, on each Odoo: carried once, to the cent, and conserved."""

import json
from typing import Any

import pytest

from fcb_pipelines.acts.inert import shadow_inert
from fcb_pipelines.acts.source_invoices import source_invoices, source_invoices_conserved
from fcb_pipelines.domain.drafted import Drafted
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.services import LineRuleSetting
from fcb_pipelines.store import imports, read_back, stages
from fcb_pipelines_tests.acts.chain import Chain, silent
from fcb_pipelines_tests.acts.month import Month
from fcb_pipelines_tests.acts.test_draft_invoices import counts
from fcb_pipelines_tests.source.small_host import FIRST, SECOND

FEE = {"description": "Fee for set-up", "amount": "20.00"}


def billed(month: Month, invoice: str, subtotal: str, tax: str, *lines: dict[str, str], **values: Any) -> None:
    """Let the source have issued one more invoice in April, to the first customer if nothing else is said."""
    given = {"user": 1, "subscription": "", "status": "paid", "issued": "2026-04-09 12:00Z", **values}
    month.host.run(
        f"INSERT INTO invoices VALUES ('{invoice}', {given['user']}, '{given['subscription']}', '{given['issued']}', "
        f"'{given['status']}', 'CAD', {subtotal}, {tax}, {subtotal} + {tax}, '{invoice}', 'stripe', '{json.dumps(lines)}')"
    )


def carried(month: Month, *, odoo: Odoo | None = None, is_on: bool = True, dry_run: bool = False) -> Drafted:
    return source_invoices(month.work, odoo or month.chain.odoo, is_on=is_on, dry_run=dry_run, report=silent)


def again(month: Month) -> Drafted:
    month.snapshot()
    month.rated()
    return carried(month)


def conserved(month: Month) -> bool:
    found = source_invoices_conserved(month.work)
    return bool(found) and all(one.holds for one in found)


def amounts(move: dict[str, Any]) -> tuple[str, ...]:
    return tuple(f"{move[name]:.2f}" for name in ("amount_untaxed", "amount_tax", "amount_total"))


@pytest.fixture
def april(month: Month) -> Month:
    """A plan and a fee on one invoice, a credit, an odd tax, a header without items, a draft, and a plan of nobody.

    Its neighbours are rated too, so that what has no service range is known to be of none of them.
    """
    plan = {"description": "Small × 1", "amount": "9.14", "service_from": "2026-04-01", "service_to": "2026-05-01"}
    times = {each: f"{plan[each]}T00:00:00-04:00" for each in ("service_from", "service_to")}
    billed(month, "in_2", "29.14", "3.79", {**plan, **times}, FEE, subscription=FIRST)
    billed(month, "in_3", "-10.00", "-1.30", {"description": "Fee returned", "amount": "-10.00"})
    billed(month, "in_4", "5.00", "0.99", {"description": "Fee by hand", "amount": "5.00"})
    billed(month, "in_5", "7.77", "1.01")
    billed(month, "in_6", "99.00", "12.87", FEE, status="draft")
    billed(month, "in_7", "8.00", "1.04", {"description": "Small × 1", "amount": "8.00"}, user=2)
    month.imported()
    for key in ("2026-03", "2026-04", "2026-05"):
        month.of(key).rated()
    return month


def test_what_was_billed_beyond_our_model_is_carried_to_the_cent(april: Month) -> None:
    done = carried(april)
    assert (counts(done), done.differences) == ((5, 0, 0, 0, 0, 0), ())
    moves = {name.removeprefix("source_invoice_in=5f").removesuffix("=2f2026-04"): move for name, move in april.moves().items()}
    assert {name: (move["move_type"], *amounts(move)) for name, move in moves.items()} == {
        "2": ("out_invoice", "20.00", "2.60", "22.60"),
        "3": ("out_refund", "10.00", "1.30", "11.30"),
        "4": ("out_invoice", "5.99", "0.00", "5.99"),
        "5": ("out_invoice", "7.77", "1.01", "8.78"),
        "7": ("out_invoice", "8.00", "1.04", "9.04"),
    }
    assert {move["invoice_date"] for move in moves.values()} == {"2026-04-09"}
    assert {move["state"] for move in moves.values()} == {"draft"}
    assert moves["2"]["ref"] == "source invoice in_2 2026-04: one_off"
    assert [line["name"] for line in april.lines(moves["2"])] == ["[one_off] Fee for set-up"]
    assert [line["name"].partition("]")[0] for line in april.lines(moves["4"])] == ["[one_off", "[tax"]
    assert str(done.totals["CAD"].gross) == "35.11 CAD"
    assert conserved(april)
    the_store_has(april)


def the_store_has(april: Month) -> None:
    code = april.chain.service.code
    with april.chain.db.transaction() as conn:
        records = imports.records(conn, code, Entity.SOURCE_INVOICE)
        compared = read_back.last(conn, code, Part.SOURCE_INVOICES, "2026-04")
    assert {one.source_id for one in records} == {f"in_{number}/2026-04" for number in (2, 3, 4, 5, 7)}
    assert compared is not None
    assert compared.records == 5
    assert april.stage(stages.ODOO_SOURCE_INVOICES) is not None


def test_a_second_run_changes_nothing_and_both_kinds_stand_beside_each_other(april: Month, least: Chain) -> None:
    assert counts(carried(april, odoo=least.odoo)) == (5, 0, 0, 0, 0, 0)
    april.drafted(odoo=least.odoo)
    before = april.moves()
    assert len(before) == 6
    assert counts(carried(april, odoo=least.odoo)) == (0, 0, 5, 0, 0, 0)
    assert counts(april.drafted()) == (0, 0, 1, 0, 0, 0)
    assert april.moves() == before
    april.chain.odoo.call("account.move", "action_post", [before["source_invoice_in=5f2=2f2026-04"]["id"]])
    (alive,) = shadow_inert(april.chain.odoo, april.chain.db, april.chain.service)
    assert alive.reason == "is an invoice of ours and posted"


def test_it_follows_the_source(april: Month) -> None:
    carried(april)
    credited = april.moves()["source_invoice_in=5f3=2f2026-04"]
    # Credited more than billed, no longer owed, edited: a credit note cannot become an invoice, so it is made anew.
    april.host.run(
        "UPDATE invoices SET subtotal = 10, tax = 1.30, total = 11.30, lines = '[]' WHERE external_invoice_id = 'in_3'",
        "UPDATE invoices SET status = 'deleted' WHERE external_invoice_id = 'in_5'",
        "UPDATE invoices SET tax = 0.65, total = 5.65 WHERE external_invoice_id = 'in_4'",
    )
    done = again(april)
    assert (counts(done), done.failed) == ((0, 2, 2, 1, 0, 0), {})
    moves = april.moves()
    billed_now = moves["source_invoice_in=5f3=2f2026-04"]
    assert (credited["move_type"], billed_now["move_type"], len(moves)) == ("out_refund", "out_invoice", 4)
    assert billed_now["id"] != credited["id"]
    assert len(april.lines(moves["source_invoice_in=5f4=2f2026-04"])) == 1
    assert done.differences == ()
    assert conserved(april)


def test_what_somebody_added_outlives_a_change_of_the_kind_of_document(april: Month) -> None:
    carried(april)
    credited = april.moves()["source_invoice_in=5f3=2f2026-04"]
    gift = (0, 0, {"name": "Gift", "quantity": 1, "price_unit": 5})
    april.chain.odoo.write("account.move", [credited["id"]], {"invoice_line_ids": [gift]})
    april.host.run(
        "UPDATE invoices SET subtotal = 10, tax = 1.30, total = 11.30, lines = '[]' WHERE external_invoice_id = 'in_3'"
    )
    done = again(april)
    still = april.moves()["source_invoice_in=5f3=2f2026-04"]
    assert (still["id"], still["move_type"]) == (credited["id"], "out_refund")
    assert "Gift" in {line["name"] for line in april.lines(still)}
    assert list(done.failed) == ["in_3/2026-04"]
    assert "somebody added lines to this one" in done.failed["in_3/2026-04"]
    assert "somebody added lines to this one" in next(iter(done.differences)).why


def test_lines_of_another_month_are_a_draft_of_that_month(april: Month) -> None:
    late = {**FEE, "service_from": "2026-03-01T00:00:00-05:00", "service_to": "2026-04-01T00:00:00-04:00"}
    billed(april, "in_8", "40.00", "5.20", late, FEE)
    april.snapshot()
    march = april.of("2026-03")
    for month, key in ((april, "2026-04"), (march, "2026-03")):
        month.rated()
        carried(month)
        assert amounts(april.moves()[f"source_invoice_in=5f8=2f{key}"])[2] == "22.60"
        assert conserved(month)


def test_one_that_could_not_be_read_is_named_and_breaks_the_sum(april: Month) -> None:
    april.host.run("UPDATE invoices SET external_user_id = NULL WHERE external_invoice_id = 'in_5'")
    done = again(april)
    assert (done.created, list(done.failed)) == (4, ["in_5/2026-04"])
    assert "could not be read" in done.failed["in_5/2026-04"]
    assert not conserved(april)


HELD = {
    "in_8/0/2026-04": "balancing line of 10.33 CAD",
    "in_9/1/2026-04": "proration line of 2.26 CAD",
    "in_10/1/2026-04": "credit line of -10.33 CAD",
}


def billed_doubtfully(april: Month) -> None:
    """What may be the flat price that our draft bills: a bare header, a proration with a fee, a credit with its re-issue."""
    remaining = {"description": "Remaining time on Small", "amount": "2.00"}
    billed(april, "in_8", "9.14", "1.19", subscription=FIRST)
    billed(april, "in_9", "22.00", "2.86", remaining, FEE, subscription=FIRST)
    billed(april, "in_10", "-9.14", "-1.19", {"description": "Credit for Small", "amount": "-9.14"}, subscription=FIRST)
    billed(april, "in_11", "9.14", "1.19", {"description": "Small × 1", "amount": "9.14"}, subscription=FIRST)


def test_what_a_draft_of_ours_may_bill_too_is_held_back_and_shown(month: Month) -> None:
    rules = (
        LineRuleSetting(pattern="^Remaining", kind=LineKind.PRORATION),
        LineRuleSetting(pattern="^Credit", kind=LineKind.CREDIT),
    )
    april = month.of("2026-04", line_rules=(*rules, *month.chain.service.line_rules))
    billed_doubtfully(april)
    april.imported()
    april.rated()
    done = carried(april)
    assert (counts(done), list(april.moves())) == ((1, 0, 0, 0, 0, 3), ["source_invoice_in=5f9=2f2026-04"])
    assert done.failed.keys() == HELD.keys()
    for key, what in HELD.items():
        assert f"{what} may be the flat price of {FIRST} that our draft of 2026-04 bills" in done.failed[key]
    (found,) = source_invoices_conserved(april.work)
    assert found.what == "lines billed = represented 10.33 + drafted 22.60 + held back 2.26"
    assert (str(found.left), found.holds) == ("35.19", True)


def test_a_draft_of_what_is_held_back_since_is_removed(april: Month) -> None:
    carried(april)
    april.host.run(f"UPDATE invoices SET external_subscription_id = '{FIRST}' WHERE external_invoice_id = 'in_5'")
    done = again(april)
    assert (len(done.removed), list(done.failed)) == (1, ["in_5/0/2026-04"])
    assert "source_invoice_in=5f5=2f2026-04" not in april.moves()
    assert conserved(april)


def test_a_neighbouring_month_that_nobody_rated_holds_back_what_may_be_its_own(month: Month) -> None:
    billed(month, "in_7", "8.00", "1.04", {"description": "Small × 1", "amount": "8.00"}, user=2)
    month.imported()
    month.rated()
    assert f"may be a charge, of unknown amount, of {SECOND}, or of" in carried(month).failed["in_7/1/2026-04"]
    for key in ("2026-03", "2026-05"):
        month.of(key).rated()
    assert (carried(month).created, conserved(month)) == (1, True)


def test_a_year_that_an_earlier_month_bills_holds_back_its_instalments(month: Month) -> None:
    part = {"description": "Small × 1", "amount": "12.00"}
    times = {"service_from": "2026-04-01T00:00:00-04:00", "service_to": "2026-05-01T00:00:00-04:00"}
    billed(month, "in_7", "12.00", "1.56", {**part, **times}, user=2, subscription=SECOND)
    month.host.run(f"UPDATE subscriptions SET started_at = '2026-03-10 04:00Z' WHERE external_subscription_id = '{SECOND}'")
    month.imported()
    for key in ("2026-03", "2026-04"):
        month.of(key).rated()
    assert f"may be the flat price of {SECOND} that our draft of 2026-03 bills" in carried(month).failed["in_7/1/2026-04"]


def test_what_the_source_bills_in_a_trial_is_carried(month: Month) -> None:
    plan = {"description": "Small × 1", "amount": "9.14"}
    times = {"service_from": "2026-04-01T00:00:00-04:00", "service_to": "2026-05-01T00:00:00-04:00"}
    billed(month, "in_2", "9.14", "1.19", {**plan, **times}, subscription=FIRST)
    month.host.run(f"INSERT INTO evidence VALUES ('trial', 'subscription', '{FIRST}', NULL, NULL, '{{}}', 'trial 1')")
    month.imported()
    month.rated()
    assert (str(carried(month).totals["CAD"].gross), conserved(month)) == ("10.33 CAD", True)


def test_parts_of_a_cent_are_named_and_break_the_sum(april: Month) -> None:
    april.host.run("UPDATE invoices SET subtotal = 10.005, total = 11.015 WHERE external_invoice_id = 'in_5'")
    done = again(april)
    assert "the net of its line 0 is 10.005 CAD" in done.failed["in_5/2026-04"]
    assert not conserved(april)


def test_it_is_off_until_it_is_switched_on(april: Month) -> None:
    with pytest.raises(RuleViolation, match="FCB_ODOO_SOURCE_INVOICES=true"):
        carried(april, is_on=False)
    shown = carried(april, is_on=False, dry_run=True)
    assert (shown.created, str(shown.totals["CAD"].gross), april.moves()) == (5, "35.11 CAD", {})
