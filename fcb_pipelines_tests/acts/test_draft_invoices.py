"""Draft invoices on each Odoo: made once, kept up to date while they are drafts, read back, and never touched afterwards."""

from typing import Any, cast

import pytest

from fcb_pipelines.acts.inert import shadow_inert
from fcb_pipelines.acts.source import last_records
from fcb_pipelines.domain.drafted import Drafted
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.store import drafts as stored
from fcb_pipelines.store import imports, read_back, stages
from fcb_pipelines_tests.acts.chain import Chain
from fcb_pipelines_tests.acts.month import OVERAGE_OF_CENTS, Month
from fcb_pipelines_tests.source.small_host import FIRST, SECOND

KEY = f"{FIRST}/2026-04"


class PostedMeanwhile:
    """An Odoo in which somebody posts an invoice right before our next write."""

    def __init__(self, odoo: Odoo, move: int) -> None:
        self._odoo = odoo
        self._move = move

    def __getattr__(self, name: str) -> Any:
        if name in {"load", "write", "unlink"} and self._move:
            self._odoo.call("account.move", "action_post", [self._move])
            self._move = 0
        return getattr(self._odoo, name)


@pytest.fixture
def april(month: Month) -> Month:
    """Imported and rated."""
    month.imported()
    month.rated()
    return month


def counts(done: Drafted) -> tuple[int, ...]:
    """Created, changed, unchanged, removed, untouched, failed."""
    return done.created, done.changed, done.unchanged, len(done.removed), done.untouched, len(done.failed)


def stays_final(april: Month, differs: str, gone: str) -> None:
    """Whatever is used, and though nothing is due any more, the invoice is as it was, and the reasons are told."""
    before = april.the_move()
    done = april.drafted()
    assert (counts(done), done.differences) == ((0, 0, 0, 0, 1, 0), ())
    april.used(3_240_000)
    done = april.again()
    assert counts(done) == (0, 0, 0, 0, 1, 0)
    assert differs in why(done)["quantity"]
    april.host.run("UPDATE users SET is_internal = true")
    done = april.again()
    assert counts(done) == (0, 0, 0, 0, 0, 0)
    assert gone in why(done)["record"]
    assert april.the_move() == before


def why(done: Drafted) -> dict[str, str]:
    """The cause of each difference, by field."""
    return {one.field: one.why for one in done.differences}


def amounts(move: dict[str, Any]) -> tuple[str, ...]:
    return tuple(f"{move[name]:.2f}" for name in ("amount_untaxed", "amount_tax", "amount_total"))


def test_a_month_becomes_one_draft_a_subscription_that_says_what_it_bills(april: Month) -> None:
    done = april.drafted()
    assert counts(done) == (1, 0, 0, 0, 0, 0)
    assert {code: str(one.gross) for code, one in done.totals.items()} == {"CAD": "11.18 CAD"}
    assert done.differences == ()
    ((name, move),) = april.moves().items()
    assert name == f"invoice_{FIRST}=2f2026-04"
    assert (move["state"], move["move_type"], move["ref"]) == ("draft", "out_invoice", f"{FIRST} 2026-04")
    assert (move["partner_id"][0], move["currency_id"][1]) == (april.chain.ids("res.partner")[april.chain.xid("user_1")], "CAD")
    assert move["invoice_date"] is False, "it is issued when it is posted, not before"
    assert amounts(move) == ("9.89", "1.29", "11.18")
    flat, overage = april.lines(move)
    assert flat["name"] == "Small – 2026-04-01 to 2026-04-30 – flat price"
    assert (flat["quantity"], flat["price_unit"], flat["product_id"][1]) == (1, 9.14, "[s] Small")
    assert overage["name"].endswith("cpu_seconds overage: 3601000 used, 3239800 included, 0.0075 per 3600")
    assert (overage["quantity"], overage["price_unit"]) == (100.33, 0.0075)
    assert overage["product_id"][1] == "[s/cpu_seconds] Small – cpu_seconds overage"
    (tax,) = april.chain.odoo.search_read("account.tax", [("id", "in", flat["tax_ids"])], ["name"])
    assert (tax["name"], overage["tax_ids"]) == ("13% HST", flat["tax_ids"])
    assert shadow_inert(april.chain.odoo, april.chain.db, april.chain.service) == ()
    the_store_has(april, done)


def the_store_has(april: Month, done: Drafted) -> None:
    """Where the draft is, what was compared, and what the drafting did."""
    stage = april.stage(stages.ODOO_DRAFT_INVOICES)
    with april.chain.db.transaction() as conn:
        (record,) = imports.records(conn, april.chain.service.code, Entity.INVOICE)
        compared = read_back.last(conn, april.chain.service.code, Part.DRAFT_INVOICES, "2026-04")
        (kept,) = stored.last(conn, april.chain.service.code, "2026-04")
    assert (record.source_id, record.model) == (KEY, "account.move")
    assert compared is not None
    assert (compared.records, stage is not None) == (1, True)
    assert kept.outcome == done.as_json()
    assert kept.outcome["totals"] == {"CAD": {"net": "9.89", "tax": "1.29", "gross": "11.18"}}


def test_a_second_run_changes_nothing_by_any_user(april: Month, least: Chain) -> None:
    april.drafted()
    before, stage = april.moves(), april.stage(stages.ODOO_DRAFT_INVOICES)
    for odoo in (april.chain.odoo, least.odoo):
        again = april.drafted(odoo=odoo)
        assert (counts(again), again.diff, again.differences) == ((0, 0, 1, 0, 0, 0), (), ())
    assert april.moves() == before
    assert april.stage(stages.ODOO_DRAFT_INVOICES) == stage


def test_the_user_with_the_least_rights_can_do_it_all(april: Month, least: Chain) -> None:
    assert counts(april.drafted(odoo=least.odoo)) == (1, 0, 0, 0, 0, 0)
    april.used(3_240_000)
    assert counts(april.again(odoo=least.odoo)) == (0, 1, 0, 0, 0, 0)
    april.used(0)
    assert counts(april.again(odoo=least.odoo)) == (0, 1, 0, 0, 0, 0)
    april.host.run("UPDATE users SET is_internal = true")
    assert counts(april.again(odoo=least.odoo)) == (0, 0, 0, 1, 0, 0)
    assert april.moves() == {}


def test_a_draft_follows_what_is_rated_anew(april: Month) -> None:
    april.drafted()
    before = {line["id"] for line in april.lines(april.the_move())}
    april.used(3_240_000)
    done = april.again()
    assert (counts(done), done.differences) == ((0, 1, 0, 0, 0, 0), ())
    flat, overage = april.lines(april.the_move())
    assert {flat["id"], overage["id"]} == before, "lines are changed in place"
    assert (overage["quantity"], overage["price_unit"], overage["price_subtotal"]) == (900, 0.0075, 6.75)
    april.used(0)
    done = april.again()
    assert (counts(done), done.differences) == ((0, 1, 0, 0, 0, 0), ())
    assert [line["id"] for line in april.lines(april.the_move())] == [flat["id"]]
    april.used(3_240_000)
    assert counts(april.again()) == (0, 1, 0, 0, 0, 0)
    assert amounts(april.the_move()) == ("15.89", "2.07", "17.96")


def test_a_draft_of_nothing_is_deleted_and_named(april: Month) -> None:
    april.drafted()
    april.host.run("UPDATE users SET is_internal = true")
    done = april.again()
    assert (counts(done), done.removed) == ((0, 0, 0, 1, 0, 0), (april.chain.xid(f"invoice_{FIRST}=2f2026-04"),))
    assert april.moves() == {}
    with april.chain.db.transaction() as conn:
        assert imports.records(conn, april.chain.service.code, Entity.INVOICE) == ()
    assert counts(april.drafted()) == (0, 0, 0, 0, 0, 0)


def test_other_months_are_left_alone(april: Month) -> None:
    april.drafted()
    march = april.of("2026-03")
    march.rated()
    assert counts(march.drafted()) == (1, 0, 0, 0, 0, 0)
    assert set(april.moves()) == {f"invoice_{FIRST}=2f2026-03", f"invoice_{FIRST}=2f2026-04"}
    april.host.run("UPDATE users SET is_internal = true")
    april.again()
    assert set(april.moves()) == {f"invoice_{FIRST}=2f2026-03"}


def test_what_somebody_did_to_a_draft_is_undone_or_named(april: Month) -> None:
    april.drafted()
    odoo, move = april.chain.odoo, april.the_move()
    flat, overage = april.lines(move)
    odoo.write("account.move.line", [flat["id"]], {"price_unit": 1, "quantity": 3})
    odoo.unlink("account.move.line", [overage["id"]])
    odoo.write("account.move", [move["id"]], {"invoice_line_ids": [(0, 0, {"name": "Gift", "quantity": 1, "price_unit": -5})]})
    done = april.drafted()
    assert counts(done) == (0, 1, 0, 0, 0, 0)
    gift, *ours = sorted(april.lines(april.the_move()), key=lambda line: line["name"] != "Gift")
    assert {(line["quantity"], line["price_unit"]) for line in ours} == {(1, 9.14), (100.33, 0.0075)}
    assert f"line {gift['id']}" in why(done), "what is not ours is not ours to remove"
    assert why(done)["net"] == "it holds other lines than those of ours"
    april.host.run("UPDATE users SET is_internal = true")
    done = april.again()
    assert (counts(done), len(april.moves())) == ((0, 0, 0, 0, 0, 0), 1)
    assert "somebody added lines to it: delete it in Odoo" in why(done)["record"]


def test_a_draft_that_somebody_deleted_comes_back_once(april: Month) -> None:
    april.drafted()
    april.chain.odoo.unlink("account.move", [april.the_move()["id"]])
    assert counts(april.drafted()) == (1, 0, 0, 0, 0, 0)
    assert len(april.moves()) == 1


def test_a_posted_invoice_is_compared_and_never_written(april: Month) -> None:
    april.drafted()
    april.chain.odoo.call("account.move", "action_post", [april.the_move()["id"]])
    (alive,) = shadow_inert(april.chain.odoo, april.chain.db, april.chain.service)
    assert alive.reason == "is an invoice of ours and posted"
    gone = "nothing is due for it any more, and it is no longer a draft but 'posted'"
    stays_final(april, "no longer a draft but 'posted'", gone)


def test_an_invoice_posted_between_our_reading_and_writing_is_refused_and_named(april: Month) -> None:
    april.drafted()
    meanwhile: Any = PostedMeanwhile(april.chain.odoo, april.the_move()["id"])
    april.used(3_240_000)
    done = april.again(odoo=cast("Odoo", meanwhile))
    assert list(done.failed) == [KEY]
    assert "no longer a draft but 'posted'" in why(done)["quantity"]
    assert amounts(april.the_move()) == ("9.89", "1.29", "11.18")
    assert [line["price_subtotal"] for line in april.lines(april.the_move())] == [9.14, 0.75]


def test_cents_that_odoo_rounds_otherwise_are_named_before_and_after(april: Month) -> None:
    april.used(OVERAGE_OF_CENTS)
    april.snapshot()
    april.rated()
    with rounding(april.chain.odoo, "round_globally"):
        told, done = april.drafted(dry_run=True), april.drafted()
    assert set(why(done)) == {"tax", "gross"}
    assert all("Odoo rounds taxes globally: net 9.27 CAD, tax 1.20 CAD" in each for each in why(done).values())
    assert told.differences == done.differences
    with april.chain.db.transaction() as conn:
        found = read_back.differences(conn, april.chain.service.code, Part.DRAFT_INVOICES, "2026-04")
    assert {one.field for one in found} == {"tax", "gross"}
    with rounding(april.chain.odoo, "round_per_line"):
        done = april.drafted()
        assert (counts(done), done.differences) == ((0, 1, 0, 0, 0, 0), ()), "it is made anew, because Odoo keeps its totals"
        assert counts(april.drafted()) == (0, 0, 1, 0, 0, 0)
    assert amounts(april.the_move()) == ("9.27", "1.21", "10.48")


class rounding:  # noqa: N801
    """Let the company round taxes so for a while."""

    def __init__(self, odoo: Odoo, way: str) -> None:
        (user,) = odoo.search_read("res.users", [("id", "=", odoo.user_id())], ["company_id"])
        self._odoo, self._way, self._company = odoo, way, user["company_id"][0]
        (row,) = odoo.search_read("res.company", [("id", "=", self._company)], ["tax_calculation_rounding_method"])
        self._before = row["tax_calculation_rounding_method"]

    def __enter__(self) -> None:
        self._odoo.write("res.company", [self._company], {"tax_calculation_rounding_method": self._way})

    def __exit__(self, *_: object) -> None:
        self._odoo.write("res.company", [self._company], {"tax_calculation_rounding_method": self._before})


BOTH_DUE = f"UPDATE subscriptions SET billing_interval = 'monthly' WHERE external_subscription_id = '{SECOND}'"


HARM = {
    "UPDATE account_link SET state = 'unlinked', odoo_id = NULL, reason = ''": "customer 2 is not linked to a partner in Odoo",
    "UPDATE account_link SET state = 'linked', odoo_id = 999999999": "partner 999999999 of customer 2 is gone",
    "UPDATE expected_line SET tax = NULL, gross = NULL, notes = '{tax_undecided: no place}'": "flat: tax_undecided: no place",
    "UPDATE expected_line SET currency = 'CHF'": "no active currency CHF",
    "UPDATE expected_line SET net = -net, tax = -tax, gross = -gross": "an invoice below 0",
    """UPDATE expected_line SET tax_components = '[{"component": "HST", "percent": "12", "amount": "1"}]'""": "of 12 %",
}


def test_bad_ones_are_named_and_stop_no_other(month: Month) -> None:
    month.host.run(BOTH_DUE, "UPDATE plans SET price_monthly = 20 WHERE external_plan_id = 'l'")
    month.imported()
    for harm, reason in HARM.items():
        month.rated()
        if harm.startswith("UPDATE expected_line"):
            month.chain.partners(last_records(month.chain.db, month.chain.service))
        with month.chain.db.transaction() as conn:
            conn.execute(f"{harm} WHERE external_user_id = '2'".encode())
        done = month.drafted(dry_run="12 %" not in reason)
        assert (done.created, list(done.failed)) == (1, [f"{SECOND}/2026-04"]), harm
        assert reason in done.failed[f"{SECOND}/2026-04"]
    assert list(month.moves()) == [f"invoice_{FIRST}=2f2026-04"]


def test_a_draft_that_can_no_longer_be_made_stays_and_is_named(april: Month) -> None:
    april.drafted()
    april.host.run("UPDATE users SET state = 'BC'")
    done = april.again()
    assert counts(done) == (0, 0, 0, 0, 0, 1)
    assert "no tax rates are listed for CA-BC" in done.failed[KEY]
    assert "it is of an earlier run and cannot be brought up to date" in why(done)["record"]
    assert len(april.moves()) == 1


def test_it_is_off_until_it_is_switched_on(april: Month) -> None:
    with pytest.raises(RuleViolation, match="FCB_ODOO_DRAFT_INVOICES=true"):
        april.drafted(is_on=False)
    shown = april.drafted(is_on=False, dry_run=True)
    assert (counts(shown), str(shown.totals["CAD"].gross)) == ((1, 0, 0, 0, 0, 0), "11.18 CAD")
    assert len(shown.diff) == 3
    assert april.moves() == {}
    assert april.stage(stages.ODOO_DRAFT_INVOICES) is None


def test_a_month_must_be_rated_and_the_import_must_not_run(month: Month) -> None:
    month.imported()
    with pytest.raises(RuleViolation, match=r"expected_invoices, rated_lines of .* were never built"):
        month.drafted()
    month.rated()
    with imports.exclusive_import(month.chain.db, month.chain.service.code):
        with pytest.raises(RuleViolation, match="another import"):
            month.drafted()
        assert month.drafted(dry_run=True).created == 1
