"""Usage on the orders of an Odoo with subscriptions (its sandbox): Odoo invoices them, so nothing is drafted there."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fcb_pipelines.acts.draft_invoices import draft_invoices
from fcb_pipelines.acts.inert import shadow_inert
from fcb_pipelines.acts.source import last_records
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.local.postgres import in_database
from fcb_pipelines.store import read_back, stages
from fcb_pipelines_tests.acts.chain import Chain, silent
from fcb_pipelines_tests.acts.late import take_back, with_march_closed
from fcb_pipelines_tests.acts.month import Month, a_month
from fcb_pipelines_tests.acts.source_records import a_service
from fcb_pipelines_tests.acts.test_draft_invoices import counts, why
from fcb_pipelines_tests.acts.test_drafts_guarded import Meanwhile
from fcb_pipelines_tests.acts.usage_month import USAGE, Confirming, WithoutSubscriptions, confirm, kept, lines, order_of, shown
from fcb_pipelines_tests.kept import KeptStore
from fcb_pipelines_tests.odoo.editions import as_user, sandbox_of
from fcb_pipelines_tests.source.small_host import FIRST, SmallHost


@pytest.fixture(scope="module")
def enterprise(postgres_url: str) -> Iterator[str]:
    """The address of a sandbox of 19 Enterprise."""
    with sandbox_of(postgres_url, "enterprise-19", "usage_lines") as url:
        yield url


@pytest.fixture
def april(enterprise: str, store_database: str, fresh_database: str, tmp_path: Path) -> Month:
    """Imported with its orders, and rated."""
    chain = Chain(
        db=KeptStore(store_database),
        odoo=as_user(enterprise, "usage_lines", "importer"),
        service=a_service(f"t{secrets.token_hex(5)}"),
    )
    month = a_month(chain, SmallHost(fresh_database, tmp_path))
    month.imported()
    month.chain.subscriptions(last_records(chain.db, month.chain.service))
    month.rated()
    return replace(month, chain=replace(month.chain, odoo=as_user(enterprise, "usage_lines")))


def test_usage_goes_onto_the_order_and_the_flat_price_stays_its_own(april: Month) -> None:
    told = april.drafted(dry_run=True)
    done = april.drafted()
    assert (counts(done), done.differences, counts(told)) == ((1, 0, 0, 0, 0, 0), (), (1, 0, 0, 0, 0, 0))
    assert (done.part, str(done.totals["CAD"].net)) == (Part.USAGE_LINES, "0.75 CAD")
    assert april.moves() == {}
    there = lines(april)
    assert set(there) == {USAGE, f"subscription_{FIRST}_line"}
    usage = there[USAGE]
    assert (usage["product_uom_qty"], usage["price_unit"], usage["price_subtotal"]) == (100.33, 0.0075, 0.75)
    (tax,) = april.chain.odoo.search_read("account.tax", [("id", "in", usage["tax_ids"])], ["name"])
    assert tax["name"] == "13% HST"
    assert usage["product_id"][1] == "[s/cpu_seconds] Small – cpu_seconds overage"
    assert shadow_inert(april.chain.odoo, april.chain.db, april.chain.service) == ()
    with april.chain.db.transaction() as conn:
        parts = {part: read_back.last(conn, april.chain.service.code, part, "2026-04") for part in Part}
    assert {part: one.records for part, one in parts.items() if one} == {Part.USAGE_LINES: 1, Part.DRAFT_INVOICES: 0}
    assert april.stage(stages.ODOO_DRAFT_INVOICES) is not None
    assert counts(april.drafted()) == (0, 0, 1, 0, 0, 0)
    again = april.chain.subscriptions(last_records(april.chain.db, april.chain.service))
    assert (again.created, again.changed, again.failed) == (0, 0, 0), "the import of orders leaves usage alone"
    with april.chain.db.transaction() as conn:
        assert read_back.differences(conn, april.chain.service.code, Part.SUBSCRIPTIONS) == ()


def test_a_line_follows_what_is_rated_anew_until_it_is_gone(april: Month) -> None:
    april.drafted()
    april.used(3_240_000)
    done = april.again()
    assert (counts(done), done.differences) == ((0, 1, 0, 0, 0, 0), ())
    assert (lines(april)[USAGE]["product_uom_qty"], lines(april)[USAGE]["price_unit"]) == (900, 0.0075)
    april.used(0)
    done = april.again()
    assert (counts(done), done.removed) == ((0, 0, 0, 1, 0, 0), (april.chain.xid(USAGE),))
    assert set(lines(april)) == {f"subscription_{FIRST}_line"}


def test_the_line_of_a_confirmed_order_cannot_go_and_is_set_to_0(april: Month) -> None:
    april.drafted()
    confirm(april.chain.odoo, order_of(april))
    april.used(3_240_000)
    assert counts(april.again()) == (0, 1, 0, 0, 0, 0)
    price = lines(april)[USAGE]["price_unit"]
    april.used(0)
    done = april.again()
    assert (counts(done), done.removed, done.differences) == ((0, 0, 0, 1, 0, 0), (april.chain.xid(USAGE),), ())
    usage = lines(april)[USAGE]
    assert (usage["product_uom_qty"], usage["price_subtotal"], usage["price_unit"]) == (0, 0, price)
    assert (counts(done := april.drafted()), done.differences) == ((0, 0, 0, 0, 0, 0), ())
    april.used(3_240_000)
    assert counts(april.again()) == (0, 1, 0, 0, 0, 0)
    assert lines(april)[USAGE]["product_uom_qty"] == 900


def test_a_line_of_an_order_confirmed_meanwhile_is_named_and_set_to_0_by_the_next_run(april: Month) -> None:
    april.drafted()
    april.used(0)
    done = april.again(odoo=Confirming(april.chain.odoo, order_of(april)))
    assert (counts(done), done.removed, lines(april)[USAGE]["product_uom_qty"]) == ((0, 0, 0, 0, 0, 0), (), 100.33)
    (left,) = done.differences
    assert (left.external_id, left.stored) == (april.chain.xid(USAGE), lines(april)[USAGE]["name"])
    assert left.why.startswith("nothing is due for it any more, but Odoo keeps it: ")
    assert "Once a sales order is confirmed" in left.why
    assert kept(april)[Part.USAGE_LINES] == (left,)
    assert (len(april.drafted().removed), lines(april)[USAGE]["product_uom_qty"]) == (1, 0)


def test_a_line_that_odoo_does_not_let_us_set_to_0_is_named(april: Month) -> None:
    april.drafted()
    confirm(april.chain.odoo, order_of(april))
    april.chain.odoo.write("sale.order", [order_of(april)], {"locked": True})
    april.used(0)
    done = april.again()
    assert (counts(done), lines(april)[USAGE]["product_uom_qty"]) == ((0, 0, 0, 0, 0, 0), 100.33)
    assert "but Odoo keeps it" in why(done)["record"]
    assert "locked order" in why(done)["record"]


def test_a_line_that_was_invoiced_is_compared_and_never_written(april: Month, postgres_url: str) -> None:
    april.drafted()
    # The sandbox makes no invoices of orders; what they leave on a line is all that is looked at.
    with psycopg.connect(in_database(postgres_url, "usage_lines")) as conn:
        conn.execute("UPDATE sale_order_line SET qty_invoiced = 100.33 WHERE id = %s", [lines(april)[USAGE]["id"]])
    assert (counts(done := april.drafted()), done.differences) == ((0, 0, 0, 0, 1, 0), ())
    april.used(3_240_000)
    done = april.again()
    assert (counts(done), lines(april)[USAGE]["product_uom_qty"]) == ((0, 0, 0, 0, 1, 0), 100.33)
    assert "no longer a draft but 'invoiced'" in why(done)["quantity"]
    april.used(0)
    done = april.again()
    assert (counts(done), len(lines(april))) == ((0, 0, 0, 0, 0, 0), 2)
    assert "and it was invoiced: settle it by a credit note" in why(done)["record"]


def test_a_line_that_somebody_changed_is_put_right(april: Month) -> None:
    april.drafted()
    april.chain.odoo.write("sale.order.line", [lines(april)[USAGE]["id"]], {"price_unit": 2})
    done = april.drafted()
    assert (counts(done), done.differences) == ((0, 1, 0, 0, 0, 0), ())
    assert lines(april)[USAGE]["price_unit"] == 0.0075


def test_a_discount_that_somebody_gave_is_taken_back(april: Month) -> None:
    april.drafted()
    april.chain.odoo.write("sale.order.line", [lines(april)[USAGE]["id"]], {"discount": 10})
    done = april.drafted()
    assert (counts(done), done.differences, lines(april)[USAGE]["price_subtotal"]) == ((0, 1, 0, 0, 0, 0), (), 0.75)


def test_an_order_that_is_cancelled_or_missing_is_named(april: Month) -> None:
    order = april.chain.ids("sale.order")[april.chain.xid(f"subscription_{FIRST}")]
    april.chain.odoo.call("sale.order", "action_cancel", [order])
    assert "is cancelled in Odoo" in april.drafted().failed[f"{FIRST}/2026-04"]
    april.chain.odoo.unlink("sale.order", [order])
    assert "run the import" in april.drafted().failed[f"{FIRST}/2026-04"]


@pytest.mark.parametrize(
    ("state", "what"), [("4_paused", "paused"), ("5_renewed", "renewed by another order"), ("6_churn", "closed")]
)
def test_an_order_that_odoo_invoices_no_more_is_no_place_for_usage(april: Month, state: str, what: str) -> None:
    confirm(april.chain.odoo, order_of(april))
    april.chain.odoo.write("sale.order", [order_of(april)], {"subscription_state": state})
    done = april.drafted()
    assert done.failed == {
        f"{FIRST}/2026-04": f"the order of its subscription is {what} in Odoo, which invoices nothing put on it"
    }
    assert (counts(done), set(lines(april))) == ((0, 0, 0, 0, 0, 1), {f"subscription_{FIRST}_line"})
    (objecting,) = kept(april)[Part.USAGE_LINES]
    assert what in objecting.why


def test_a_line_left_on_an_order_that_was_closed_is_named_unless_it_was_invoiced_before(
    april: Month, postgres_url: str
) -> None:
    april.drafted()
    confirm(april.chain.odoo, order_of(april))
    april.chain.odoo.write("sale.order", [order_of(april)], {"subscription_state": "6_churn"})
    done = april.drafted()
    assert (counts(done), len(lines(april))) == ((0, 0, 0, 0, 0, 1), 2)
    assert "cannot be brought up to date: the order of its subscription is closed" in why(done)["record"]
    with psycopg.connect(in_database(postgres_url, "usage_lines")) as conn:
        conn.execute("UPDATE sale_order_line SET qty_invoiced = 100.33 WHERE id = %s", [lines(april)[USAGE]["id"]])
    assert (counts(done := april.drafted()), done.differences) == ((0, 0, 0, 0, 1, 0), ())


def test_drafts_of_before_odoo_had_subscriptions_are_removed(april: Month) -> None:
    assert april.drafted(odoo=WithoutSubscriptions(april.chain.odoo)).part is Part.DRAFT_INVOICES
    assert shown(april) == ["draft_invoices"]
    (draft,) = april.moves()
    told = april.drafted(dry_run=True)
    assert (counts(told), len(april.moves())) == ((1, 0, 0, 1, 0, 0), 1)
    done = april.drafted()
    assert (counts(done), done.removed, done.differences) == ((1, 0, 0, 1, 0, 0), (april.chain.xid(draft),), ())
    assert (april.moves(), USAGE in lines(april)) == ({}, True)
    assert shown(april) == ["usage_lines"]
    assert counts(april.drafted()) == (0, 0, 1, 0, 0, 0)


@pytest.mark.parametrize(
    ("acts", "reason"),
    [
        (("action_post",), "settle it by a credit note"),
        (("action_post", "button_draft"), "posted"),
    ],
)
def test_an_invoice_of_before_odoo_had_subscriptions_is_named_once_it_was_posted(
    april: Month, acts: tuple[str, ...], reason: str
) -> None:
    april.drafted(odoo=WithoutSubscriptions(april.chain.odoo))
    move = april.the_move()
    for each in acts:
        april.chain.odoo.call("account.move", each, [move["id"]])
    done = april.drafted()
    assert (counts(done), len(april.moves())) == ((1, 0, 0, 0, 0, 0), 1)
    (left,) = done.differences
    assert (left.external_id, left.stored) == (april.chain.xid(f"invoice_{FIRST}=2f2026-04"), move["ref"])
    assert left.why.startswith("Odoo itself invoices this subscription now")
    assert reason in left.why
    assert kept(april) == {Part.USAGE_LINES: (), Part.DRAFT_INVOICES: (left,)}


def test_an_invoice_of_before_that_was_cancelled_bills_nothing_and_stays(april: Month) -> None:
    april.drafted(odoo=WithoutSubscriptions(april.chain.odoo))
    april.chain.odoo.call("account.move", "button_cancel", [april.the_move()["id"]])
    done = april.drafted()
    assert (counts(done), done.differences, len(april.moves())) == ((1, 0, 0, 0, 0, 0), (), 1)


def test_a_draft_of_before_with_a_line_of_somebody_stays_and_is_named(april: Month) -> None:
    april.drafted(odoo=WithoutSubscriptions(april.chain.odoo))
    move = april.the_move()["id"]
    april.chain.odoo.write("account.move", [move], {"invoice_line_ids": [[0, 0, {"name": "Setup", "price_unit": 5}]]})
    done = april.drafted()
    assert (counts(done), len(april.moves())) == ((1, 0, 0, 0, 0, 0), 1)
    assert "somebody added lines" in why(done)["record"]


def test_usage_left_on_orders_is_named_where_invoices_are_drafted_again(april: Month, postgres_url: str) -> None:
    april.drafted()
    community = WithoutSubscriptions(april.chain.odoo)
    done = april.drafted(odoo=community)
    (left,) = done.differences
    assert (counts(done), left.external_id) == ((1, 0, 0, 0, 0, 0), april.chain.xid(USAGE))
    assert "delete it in Odoo, or set its quantity to 0" in left.why
    assert (kept(april), shown(april)) == ({Part.USAGE_LINES: (left,), Part.DRAFT_INVOICES: ()}, ["draft_invoices"])
    line = lines(april)[USAGE]["id"]
    with psycopg.connect(in_database(postgres_url, "usage_lines")) as conn:
        conn.execute("UPDATE sale_order_line SET qty_invoiced = 1 WHERE id = %s", [line])
    assert "settle it by a credit note" in why(april.drafted(odoo=community))["record"]
    april.chain.odoo.write("sale.order.line", [line], {"product_uom_qty": 0})
    done = april.drafted(odoo=community)
    assert (counts(done), done.differences) == ((0, 0, 1, 0, 0, 0), ())


def test_a_month_that_is_still_open_objects(april: Month) -> None:
    early = replace(april.work, now=april.work.closes_at - timedelta(seconds=1))
    draft_invoices(early, april.chain.odoo, is_on=True, dry_run=False, report=silent)
    (objecting,) = kept(april)[Part.USAGE_LINES]
    assert (objecting.field, objecting.stored) == ("month", "open")


def test_a_month_that_is_rated_anew_while_it_is_written_stays_unread(april: Month) -> None:
    april.drafted()
    april.rated_with(3_240_000)
    meanwhile: Any = Meanwhile(april.chain.odoo, lambda: april.rated_with(0))
    with pytest.raises(RuleViolation, match="built anew meanwhile"):
        april.drafted(odoo=meanwhile)
    with april.chain.db.transaction() as conn:
        assert read_back.last(conn, april.chain.service.code, Part.USAGE_LINES, "2026-04") is None


def test_what_is_given_back_of_a_closed_month_stands_below_0_on_the_order(april: Month) -> None:
    late = with_march_closed(april)
    take_back(late, "march")
    late.rated()
    done = late.drafted()
    assert (counts(done), done.differences) == ((1, 0, 0, 0, 0, 0), ())
    (line,) = (row for row in lines(late).values() if "fewer than billed before" in row["name"])
    assert (line["product_uom_qty"], line["price_unit"], line["price_subtotal"]) == (1, -75.0, -75.0)
