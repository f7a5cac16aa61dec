"""Usage on the orders of an Odoo with subscriptions (its sandbox): Odoo invoices them, so nothing is drafted there."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fcb_pipelines.acts.inert import shadow_inert
from fcb_pipelines.acts.source import last_records
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.local.postgres import in_database
from fcb_pipelines.store import read_back, stages
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.acts.chain import Chain
from fcb_pipelines_tests.acts.month import Month, a_month
from fcb_pipelines_tests.acts.source_records import a_service
from fcb_pipelines_tests.acts.test_draft_invoices import counts, why
from fcb_pipelines_tests.odoo.editions import as_user, sandbox_of
from fcb_pipelines_tests.source.small_host import FIRST, SmallHost

FIELDS = ("name", "product_uom_qty", "price_unit", "price_subtotal", "product_id", "tax_ids", "order_id")


@pytest.fixture(scope="module")
def enterprise(postgres_url: str) -> Iterator[str]:
    """The address of a sandbox of 19 Enterprise."""
    with sandbox_of(postgres_url, "enterprise-19", "usage_lines") as url:
        yield url


@pytest.fixture
def april(enterprise: str, store_database: str, fresh_database: str, tmp_path: Path) -> Month:
    """Imported with its orders, and rated."""
    chain = Chain(
        db=Database(store_database),
        odoo=as_user(enterprise, "usage_lines", "importer"),
        service=a_service(f"t{secrets.token_hex(5)}"),
    )
    month = a_month(chain, SmallHost(fresh_database, tmp_path))
    month.imported()
    month.chain.subscriptions(last_records(chain.db, month.chain.service))
    month.rated()
    return replace(month, chain=replace(month.chain, odoo=as_user(enterprise, "usage_lines")))


def lines(month: Month) -> dict[str, dict[str, Any]]:
    """What stands on the first customer's order, by external id without its prefix."""
    order = month.chain.ids("sale.order")[month.chain.xid(f"subscription_{FIRST}")]
    ids = {odoo_id: xid for xid, odoo_id in month.chain.ids("sale.order.line").items()}
    rows = month.chain.odoo.search_read("sale.order.line", [("order_id", "=", order)], FIELDS)
    return {ids[row["id"]].removeprefix(f"fcb.{month.chain.service.code}_"): row for row in rows}


USAGE = f"invoice_{FIRST}=2f2026-04_cpu=5fseconds=2f2026-04-01"


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


def test_the_line_of_a_confirmed_order_cannot_go_and_is_named(april: Month) -> None:
    april.drafted()
    april.chain.odoo.call("sale.order", "action_confirm", [lines(april)[USAGE]["order_id"][0]])
    april.used(3_240_000)
    assert counts(april.again()) == (0, 1, 0, 0, 0, 0)
    april.used(0)
    done = april.again()
    assert counts(done) == (0, 0, 0, 0, 0, 0)
    assert "set its quantity to 0" in why(done)["record"]


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


def test_an_order_that_is_cancelled_or_missing_is_named(april: Month) -> None:
    order = april.chain.ids("sale.order")[april.chain.xid(f"subscription_{FIRST}")]
    april.chain.odoo.call("sale.order", "action_cancel", [order])
    assert "is cancelled in Odoo" in april.drafted().failed[f"{FIRST}/2026-04"]
    april.chain.odoo.unlink("sale.order", [order])
    assert "run the import" in april.drafted().failed[f"{FIRST}/2026-04"]
