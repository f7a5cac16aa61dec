"""What makes an order live and takes it back, on each Odoo: done once however often it is asked for."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.odoo import live
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.order_now import order_now
from fcb_pipelines_tests.odoo.billed import MOVES, ORDERS, Billed
from fcb_pipelines_tests.odoo.editions import Names
from fcb_pipelines_tests.odoo.made import AT_ONCE


def state(odoo: Odoo, order: int) -> str:
    return order_now(odoo, order).state


def cancelled(odoo: Odoo, order: int) -> None:
    odoo.call(ORDERS, "action_cancel", [order], context=AT_ONCE)


def sent(odoo: Odoo, order: int) -> None:
    odoo.write(ORDERS, [order], {"state": "sent"})


def running(odoo: Odoo, order: int) -> None:
    odoo.call(ORDERS, "action_confirm", [order])


def locked(odoo: Odoo, order: int) -> None:
    running(odoo, order)
    odoo.call(ORDERS, "action_lock", [order])


def untouched(_odoo: Odoo, _order: int) -> None: ...


@pytest.mark.parametrize("before", [untouched, sent, running, locked])
def test_an_order_is_confirmed_once(importer: Odoo, billed: Billed, before: Callable[[Odoo, int], None]) -> None:
    order = billed.order()
    before(importer, order)
    for _ in range(2):
        live.confirm(importer, order)
        assert state(importer, order) == "sale"


def test_what_is_cancelled_or_gone_is_not_confirmed(odoo: Odoo, billed: Billed) -> None:
    order = billed.order()
    cancelled(odoo, order)
    with pytest.raises(RuleViolation, match="is cancel: make it a quotation again"):
        live.confirm(odoo, order)
    odoo.unlink(ORDERS, [order])
    with pytest.raises(RuleViolation, match="is not in Odoo any more"):
        live.confirm(odoo, order)


@pytest.mark.parametrize("before", [untouched, sent, running, locked, cancelled])
def test_an_order_becomes_a_quotation_again_from_wherever_it_stands(
    importer: Odoo, billed: Billed, before: Callable[[Odoo, int], None]
) -> None:
    order = billed.order()
    before(importer, order)
    for _ in range(2):
        live.back_to_draft(importer, order)
        now = order_now(importer, order)
        assert (now.state, now.is_locked) == ("draft", False)


def test_its_draft_invoices_are_cancelled_and_its_posted_ones_stay(odoo: Odoo, billed: Billed) -> None:
    order = billed.running()
    draft, posted = (billed.invoice_of(order) for _ in range(2))
    odoo.call(MOVES, "action_post", [posted])
    live.back_to_draft(odoo, order)
    assert (billed.move(draft, "state"), billed.move(posted, "state")) == ({"state": "cancel"}, {"state": "posted"})
    assert order_now(odoo, order).invoices == (draft, posted)


def test_without_subscriptions_there_is_no_plan_and_no_token(odoo: Odoo, billed: Billed) -> None:
    order, day = billed.order(), date(2026, 7, 1)
    with pytest.raises(RuleViolation, match="cannot run as a subscription: this Odoo has no app Subscriptions"):
        live.run_as_subscription(odoo, order, plan_id=1, start_on=day, next_invoice_on=day)
    with pytest.raises(RuleViolation, match="cannot have a payment token"):
        live.attach_token(odoo, order, billed.token())
    before = order_now(odoo, order)
    live.not_a_subscription(odoo, order)
    live.detach_token(odoo, order)
    assert order_now(odoo, order) == before


def test_only_drafts_are_posted_and_what_cannot_be_is_told(importer: Odoo, billed: Billed) -> None:
    draft, bad = billed.draft(), billed.draft(partner_id=False)
    posted, stopped, gone = billed.posted(), billed.draft(), billed.draft()
    importer.call(MOVES, "button_cancel", [stopped])
    importer.unlink(MOVES, [gone])
    done = live.post(importer, [draft, bad, posted, stopped, gone])
    assert done.ids == {draft, posted}
    assert {each: reason.split(" is ")[-1] for each, reason in done.refused.items() if each != bad} == {
        stopped: "cancelled",
        gone: "not in Odoo any more",
    }
    assert "to validate the" in done.refused[bad]
    again = live.post(importer, [draft, posted])
    assert again == live.Posted(ids=frozenset({draft, posted}), refused={})


@pytest.mark.parametrize("auto_post", ["at_date", "monthly", "quarterly", "yearly"])
def test_what_posts_itself_is_not_posted(odoo: Odoo, billed: Billed, auto_post: str) -> None:
    move = billed.draft(auto_post=auto_post)
    done = live.post(odoo, [move])
    assert not done.ids
    assert done.refused == {move: f"it posts itself (auto_post is {auto_post}): set Auto-post to No"}
    assert billed.move(move, "state") == {"state": "draft"}


def test_nothing_is_posted_of_nothing(odoo: Odoo) -> None:
    assert live.post(odoo, []) == live.Posted(ids=frozenset(), refused={})


def test_an_order_without_a_product_is_refused_in_odoos_words(odoo: Odoo, billed: Billed, names: Names) -> None:
    order = billed.made.order(billed.partner, [{"name": "x", "price_unit": 1.0}])
    said: Any = names.either("Some order lines are missing a product", "missing a product, you cannot confirm it")
    with pytest.raises(Exception, match=said):
        live.confirm(odoo, order)
    assert state(odoo, order) == "draft"
