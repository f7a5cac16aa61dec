"""Going live where orders run as subscriptions: plan and dates before the confirmation, and the way back in the other order.

On the sandbox of Enterprise alone, whose rules are documented or assumed and were measured on no server. Here too it is proved
that whatever answer is lost, asking again ends where it would have ended.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
import pytest

from fcb_pipelines.domain.errors import OutcomeUnknown, Refused, RuleViolation
from fcb_pipelines.local.postgres import in_database
from fcb_pipelines.odoo import live
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import PLAN_MODEL, detect
from fcb_pipelines.odoo.flip_settings import flip_settings
from fcb_pipelines.odoo.order_now import OrderNow, order_now, others_live
from fcb_pipelines.odoo.pictures import picture
from fcb_pipelines.odoo.sandbox.app import create_app
from fcb_pipelines.odoo.sandbox.edition import EDITIONS
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines_tests.odoo.billed import MOVES, ORDERS, Billed, billing
from fcb_pipelines_tests.odoo.editions import NOW, USERS, names_of
from fcb_pipelines_tests.odoo.losing import Losing, losing
from fcb_pipelines_tests.odoo.made import Made

DATABASE = "odoo_flipped"
START, NEXT = date(2026, 7, 1), date(2026, 8, 1)


@dataclass(frozen=True, kw_only=True)
class Way:
    """An Odoo Enterprise, the way to it on which answers are lost, and its monthly plan."""

    odoo: Odoo
    lost: Losing
    plan: int


@pytest.fixture(scope="module")
def way(postgres_url: str) -> Iterator[Way]:
    """A sandbox with a database of its own."""
    with psycopg.connect(postgres_url, autocommit=True) as conn, ExitStack() as stack:
        conn.execute(f"CREATE DATABASE {DATABASE}".encode())
        stack.callback(conn.execute, f"DROP DATABASE {DATABASE} WITH (FORCE)".encode())
        app = create_app(in_database(postgres_url, DATABASE), USERS, clock=lambda: NOW, edition=EDITIONS["enterprise-19"])
        url, lost = stack.enter_context(losing(app))
        odoo = connect(url, DATABASE, "admin", USERS["admin"], transport="jsonrpc")
        (plan,) = odoo.search_read(PLAN_MODEL, [("name", "=", "Monthly")], ["id"])
        yield Way(odoo=odoo, lost=lost, plan=plan["id"])


@pytest.fixture
def billed(way: Way) -> Iterator[Billed]:
    """What a customer is billed there, by the period."""
    made = Made(way.odoo, f"t{secrets.token_hex(5)}", names_of(way.odoo, f"{DATABASE}"))
    with billing(way.odoo, made) as records:
        way.odoo.write("product.product", [records.product], {"recurring_invoice": True})
        yield records
    made.remove()


def subscribed(way: Way, order: int) -> None:
    live.run_as_subscription(way.odoo, order, plan_id=way.plan, start_on=START, next_invoice_on=NEXT)


def gone_live(way: Way, order: int) -> OrderNow:
    subscribed(way, order)
    live.confirm(way.odoo, order)
    return order_now(way.odoo, order)


def test_a_plan_and_its_dates_come_before_the_confirmation(way: Way, billed: Billed) -> None:
    order = billed.order()
    with pytest.raises(Refused, match="a recurring product and no recurring plan"):
        live.confirm(way.odoo, order)
    subscribed(way, order)
    drafted = order_now(way.odoo, order)
    assert (drafted.state, drafted.subscription_state) == ("draft", "1_draft")
    now = gone_live(way, order)
    assert (now.state, now.subscription_state) == ("sale", "3_progress")
    assert (now.plan_id, now.start_on, now.next_invoice_on, now.token_id) == (way.plan, START, NEXT, None)
    assert gone_live(way, order) == now


def test_plan_and_dates_are_written_at_once_and_only_where_they_differ(way: Way, billed: Billed) -> None:
    order = billed.order()
    before = way.lost.seen
    subscribed(way, order)
    subscribed(way, order)
    assert way.lost.seen == before + 1
    live.run_as_subscription(way.odoo, order, plan_id=way.plan, start_on=START, next_invoice_on=START)
    assert (way.lost.seen, order_now(way.odoo, order).next_invoice_on) == (before + 2, START)


def test_an_order_without_anything_sold_by_the_period_is_no_subscription(way: Way, billed: Billed) -> None:
    way.odoo.write("product.product", [billed.product], {"recurring_invoice": False})
    order = billed.order()
    subscribed(way, order)
    with pytest.raises(Refused, match="a recurring plan and no recurring product"):
        live.confirm(way.odoo, order)
    assert order_now(way.odoo, order).state == "draft"


def test_a_token_is_attached_and_detached(way: Way, billed: Billed) -> None:
    order, token = billed.order(), billed.token()
    for _ in range(2):
        live.attach_token(way.odoo, order, token)
        assert order_now(way.odoo, order).token_id == token
    for _ in range(2):
        live.detach_token(way.odoo, order)
        assert order_now(way.odoo, order).token_id is None


def test_a_token_of_the_company_above_a_contact_is_the_customers(way: Way, billed: Billed) -> None:
    token = billed.token()
    contact = billed.made.partner("contact", parent_id=billed.partner)
    order = billed.made.order(contact, [{"product_id": billed.product}])
    live.attach_token(way.odoo, order, token)
    assert order_now(way.odoo, order).token_id == token


def test_no_token_of_somebody_else_and_none_that_is_archived_or_gone_is_attached(way: Way, billed: Billed) -> None:
    order, archived = billed.order(), billed.token()
    foreign = billed.token(partner=billed.made.partner("other"))
    way.odoo.write("payment.token", [archived], {"active": False})
    for token, words in ((foreign, "somebody else"), (archived, "is archived, gone"), (2**31 - 1, "is archived, gone")):
        with pytest.raises(RuleViolation, match=words):
            live.attach_token(way.odoo, order, token)
    assert order_now(way.odoo, order).token_id is None


def test_the_way_back_leaves_a_quotation_that_is_no_subscription(way: Way, billed: Billed) -> None:
    order, token = billed.order(), billed.token()
    before = picture(way.odoo, [order], [billed.partner])
    gone_live(way, order)
    live.attach_token(way.odoo, order, token)
    for _ in range(2):
        live.detach_token(way.odoo, order)
        live.back_to_draft(way.odoo, order)
        live.not_a_subscription(way.odoo, order)
    after = picture(way.odoo, [order], [billed.partner])
    assert (after["orders"], after["order_lines"]) == (before["orders"], before["order_lines"])


def test_a_plan_is_not_taken_from_an_order_that_runs(way: Way, billed: Billed) -> None:
    order = billed.order()
    now = gone_live(way, order)
    with pytest.raises(Refused, match="a recurring product and no recurring plan"):
        live.not_a_subscription(way.odoo, order)
    assert order_now(way.odoo, order) == now


def test_a_subscription_of_others_that_runs_is_told_and_one_that_ended_is_not(way: Way, billed: Billed) -> None:
    order = billed.order()
    subscribed(way, order)
    assert others_live(way.odoo, [billed.partner], []) == {}
    now = gone_live(way, order)
    assert others_live(way.odoo, [billed.partner], []) == {billed.partner: (f"subscription {now.name}",)}
    assert others_live(way.odoo, [billed.partner], [order]) == {}
    way.odoo.write(ORDERS, [order], {"subscription_state": "6_churn"})
    assert others_live(way.odoo, [billed.partner], []) == {billed.partner: (f"order {now.name}, still to be invoiced",)}


def test_recurring_plans_say_when_they_close_and_whether_they_mail(way: Way) -> None:
    template = way.odoo.call("mail.template", "create", {"name": "Your invoice"})
    way.odoo.write(PLAN_MODEL, [way.plan], {"auto_close_limit": 0, "invoice_mail_template_id": template})
    plans = flip_settings(way.odoo, detect(way.odoo)).plans or ()
    assert {each.name: (each.closes_after_days, each.is_mailed) for each in plans} == {
        "Monthly": (None, True),
        "Quarterly": (15, False),
        "Yearly": (15, False),
    }


@dataclass(frozen=True, kw_only=True)
class Case:
    """A running order or a quotation, a draft invoice, and a token."""

    way: Way
    order: int
    move: int
    token: int


def _go_live(case: Case) -> Any:
    now = gone_live(case.way, case.order)
    return now.state, now.plan_id, now.start_on, now.next_invoice_on


def _charge(case: Case) -> Any:
    live.attach_token(case.way.odoo, case.order, case.token)
    return order_now(case.way.odoo, case.order).token_id == case.token


def _credit(case: Case) -> Any:
    live.post(case.way.odoo, [case.move])
    note = live.credit(case.way.odoo, case.move, f"fcb.lost_credit_{case.move}", reason="x", on=START)
    notes = case.way.odoo.search_read(MOVES, [("reversed_entry_id", "=", case.move)], ["id", "state"])
    return [(row["id"] == note, row["state"]) for row in notes]


def _back(case: Case) -> Any:
    live.back_to_draft(case.way.odoo, case.order)
    live.not_a_subscription(case.way.odoo, case.order)
    now = order_now(case.way.odoo, case.order)
    return now.state, now.is_locked, now.plan_id


@pytest.mark.parametrize(("act", "is_running"), [(_go_live, False), (_charge, False), (_credit, False), (_back, True)])
def test_whichever_answer_is_lost_asking_again_ends_where_it_would_have(
    way: Way, billed: Billed, act: Callable[[Case], Any], is_running: bool
) -> None:
    def case() -> Case:
        one = Case(way=way, order=billed.order(), move=billed.draft(), token=billed.token())
        if is_running:
            gone_live(way, one.order)
            way.odoo.call(ORDERS, "action_lock", [one.order])
        return one

    first = case()
    at = way.lost.seen
    expected = act(first)
    calls = way.lost.seen - at
    assert calls
    for number in range(1, calls + 1):
        one = case()
        way.lost.lose = way.lost.seen + number
        # What may be done twice without harm, the port itself asks again.
        with suppress(OutcomeUnknown):
            act(one)
        assert way.lost.seen >= way.lost.lose
        assert act(one) == expected
