"""What guards drafts on each Odoo: what objects to posting, what counts as billed, and what is final."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from fcb_pipelines.acts.draft_invoices import draft_invoices, draft_invoices_complete
from fcb_pipelines.acts.read_back import objections
from fcb_pipelines.domain.drafted import Drafted
from fcb_pipelines.domain.errors import InvalidInput, Refused, RuleViolation
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.store import read_back, stages
from fcb_pipelines_tests.acts.chain import silent
from fcb_pipelines_tests.acts.month import Month
from fcb_pipelines_tests.acts.test_draft_invoices import KEY, amounts, counts, stays_final, why


class Meanwhile:
    """An Odoo during whose first load something happens."""

    def __init__(self, odoo: Odoo, happens: Callable[[], object]) -> None:
        self._odoo, self._happens = odoo, happens

    def __getattr__(self, name: str) -> Any:
        if name == "load":
            self._happens()
        return getattr(self._odoo, name)


class Keeping:
    """An Odoo that lets nobody delete a line of an invoice."""

    def __init__(self, odoo: Odoo) -> None:
        self._odoo = odoo

    def __getattr__(self, name: str) -> Any:
        return getattr(self._odoo, name)

    def unlink(self, model: str, ids: Sequence[int]) -> None:
        if model == "account.move.line" and ids:
            raise Refused("the lock date was reached")
        self._odoo.unlink(model, ids)


@pytest.fixture
def april(month: Month) -> Month:
    """Imported, rated and drafted."""
    month.imported()
    month.rated()
    month.drafted()
    return month


def objected(month: Month) -> tuple[str, ...]:
    with month.chain.db.transaction() as conn:
        return objections(conn, month.chain.service.code, Part.DRAFT_INVOICES, month.key)


def gross(done: Drafted) -> dict[str, str]:
    return {code: str(one.gross) for code, one in done.totals.items()}


def is_complete(month: Month) -> bool:
    found = draft_invoices_complete(month.work)
    return all(one.holds for one in found.equations) and not found.missing


def act(month: Month, name: str) -> None:
    """Press a button of the invoice."""
    month.chain.odoo.call("account.move", name, [month.the_move()["id"]])


def test_what_is_drafted_as_it_is_due_objects_to_nothing(april: Month) -> None:
    assert objected(april) == ()
    assert is_complete(april)


def test_a_draft_that_could_not_be_made_objects_and_is_missing(april: Month) -> None:
    april.chain.odoo.unlink("account.move", [april.the_move()["id"]])
    april.host.run("UPDATE users SET state = 'BC'")
    done = april.again()
    assert (list(done.failed), done.differences, gross(done)) == ([KEY], (), {})
    (one,) = objected(april)
    assert f"has record none and not {KEY}: its charge" in one
    assert "no tax rates are listed for CA-BC" in one
    assert list(draft_invoices_complete(april.work).missing) == [KEY]
    assert not is_complete(april)


def test_a_cancelled_invoice_bills_nothing_and_objects(april: Month) -> None:
    act(april, "button_cancel")
    done = april.drafted()
    assert (counts(done), gross(done), set(why(done))) == ((0, 0, 0, 0, 1, 0), {}, {"state"})
    assert "nothing bills this" in why(done)["state"]
    assert not is_complete(april)
    april.host.run("UPDATE users SET is_internal = true")
    done = april.again()
    assert (counts(done), done.differences) == ((0, 0, 0, 0, 0, 0), ()), "nothing is due, and nothing bills it"
    act(april, "button_draft")


def test_what_was_drafted_of_a_month_that_was_rated_anew_is_void(april: Month) -> None:
    april.rated()
    assert objected(april) == (), "the same again is no other month"
    april.used(3_240_000)
    april.snapshot()
    april.rated()
    (one,) = objected(april)
    assert "or since the month was rated anew" in one
    april.drafted()
    assert objected(april) == ()


@pytest.mark.parametrize("stage", [stages.RATED_LINES, stages.EXPECTED_INVOICES])
def test_each_stage_that_comes_out_otherwise_voids_it(april: Month, stage: str) -> None:
    before = april.stage(stage)
    assert before is not None
    with april.chain.db.transaction() as conn:
        stages.record(conn, before)
    assert objected(april) == ()
    with april.chain.db.transaction() as conn:
        stages.record(conn, replace(before, content_hash="other"))
    assert objected(april)


def test_a_month_that_is_rated_while_it_is_drafted_stays_unread(april: Month) -> None:
    april.rated_with(3_240_000)
    meanwhile: Any = Meanwhile(april.chain.odoo, lambda: april.rated_with(0))
    with pytest.raises(RuleViolation, match="built anew meanwhile; run again: fcb invoices"):
        april.drafted(odoo=cast("Odoo", meanwhile))
    assert "never read back" in objected(april)[0]
    done = april.drafted()
    assert (counts(done), objected(april)) == ((0, 1, 0, 0, 0, 0), ())
    assert amounts(april.the_move()) == ("9.14", "1.19", "10.33")


def test_the_read_back_is_forgotten_before_anything_can_fail(april: Month) -> None:
    broken = april.of(april.key, odoo_taxes={"CA-ON/HST": "account.no_such_tax"})
    with pytest.raises(InvalidInput, match="no_such_tax"):
        broken.drafted()
    with april.chain.db.transaction() as conn:
        assert read_back.last(conn, april.chain.service.code, Part.DRAFT_INVOICES, april.key) is None


def test_a_line_that_odoo_does_not_let_go_fails_its_draft(april: Month) -> None:
    april.used(0)
    keeping: Any = Keeping(april.chain.odoo)
    done = april.again(odoo=cast("Odoo", keeping))
    assert counts(done) == (0, 0, 0, 0, 0, 1)
    assert "the lock date was reached" in done.failed[KEY]
    assert "Odoo refused to change it: " in why(done)["record"]
    assert "the lock date was reached" in why(done)["record"]
    assert gross(done) == {"CAD": "11.18 CAD"}, "it is what Odoo has, not what is due"
    assert len(april.lines(april.the_move())) == 2
    assert not is_complete(april)
    assert counts(april.drafted()) == (0, 1, 0, 0, 0, 0)


def test_an_invoice_that_was_posted_once_is_final_as_a_draft_too(april: Month) -> None:
    act(april, "action_post")
    act(april, "button_draft")
    stays_final(
        april, "it was posted once and reset to draft", "and it was posted once and reset to draft: delete or cancel it"
    )


def test_the_form_of_a_posted_invoice_is_no_difference(april: Month) -> None:
    act(april, "action_post")
    april.host.run("UPDATE plans SET name = 'Renamed'")
    done = april.again()
    assert (counts(done), done.differences) == ((0, 0, 0, 0, 1, 0), ())


def test_a_posted_credit_note_ends_a_difference(april: Month) -> None:
    act(april, "action_post")
    april.used(0)
    assert why(april.again()).keys() >= {"net", "tax", "gross"}
    assert not is_complete(april)
    credit = credited(april, 0.75)
    done = april.drafted()
    assert (done.differences, gross(done), is_complete(april)) == ((), {"CAD": "10.33 CAD"}, True)
    april.chain.odoo.call("account.move", "button_draft", [credit])
    april.chain.odoo.unlink("account.move", [credit])


def credited(month: Month, amount: float) -> int:
    """Post a credit note of so much before tax on the invoice."""
    odoo, move = month.chain.odoo, month.the_move()
    taxes = month.lines(move)[0]["tax_ids"]
    line = {"name": "Credit", "quantity": 1, "price_unit": amount, "tax_ids": [(6, 0, taxes)]}
    values = {
        "move_type": "out_refund",
        "partner_id": move["partner_id"][0],
        "currency_id": move["currency_id"][0],
        "reversed_entry_id": move["id"],
        "invoice_line_ids": [(0, 0, line)],
    }
    (made,) = odoo.call("account.move", "create", [values])
    odoo.call("account.move", "action_post", [made])
    return int(made)


def test_a_discount_that_somebody_gave_is_taken_back(april: Month) -> None:
    flat = next(line for line in april.lines(april.the_move()) if line["price_unit"] == 9.14)
    april.chain.odoo.write("account.move.line", [flat["id"]], {"discount": 50})
    assert amounts(april.the_move()) != ("9.89", "1.29", "11.18")
    done = april.drafted()
    assert (counts(done), done.differences) == ((0, 1, 0, 0, 0, 0), ())
    assert amounts(april.the_move()) == ("9.89", "1.29", "11.18")


def test_an_open_month_objects_until_it_was_drafted_closed(april: Month) -> None:
    early = replace(april.work, now=april.work.closes_at - timedelta(seconds=1))
    done = draft_invoices(early, april.chain.odoo, is_on=True, dry_run=False, report=silent)
    assert (counts(done), set(why(done))) == ((0, 0, 1, 0, 0, 0), {"month"})
    assert "charges may still come until 2026-05-02T00:00:00-04:00" in why(done)["month"]
    assert len(objected(april)) == 1
    closed = replace(april.work, now=april.work.closes_at)
    assert draft_invoices(closed, april.chain.odoo, is_on=True, dry_run=False, report=silent).differences == ()
    assert objected(april) == ()
