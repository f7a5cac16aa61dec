"""What is asked of a cohort itself: its orders, boundaries, ends, debts, balances and taxes, at the edges of each rule."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from fcb_pipelines.domain.boundaries import DOUBTFUL, ENDED, GAP
from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.domain.gate import Class, Objection, objections
from fcb_pipelines.domain.gate_facts import GateFacts, Uncovered, UnpaidInvoice
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.objections.source_not_stopped import is_stopped
from fcb_pipelines.domain.partners import LinkState
from fcb_pipelines.domain.rows import Remedy, Verdict
from fcb_pipelines_tests.builders import day
from fcb_pipelines_tests.domain.flip_alone import (
    ALONE,
    noted,
    odd,
    with_charge,
    with_instance,
    with_odoo,
    with_planned,
    with_source,
)
from fcb_pipelines_tests.domain.flip_facts import (
    NOW,
    OLD,
    a_balance,
    a_bill,
    an_order,
    base,
    explained,
    linked,
    matched,
    stopped_billing,
)
from fcb_pipelines_tests.signed import an_instance


def said(facts: GateFacts) -> set[str]:
    return {one.id for one in objections(facts)}


def only(facts: GateFacts) -> Objection:
    (found,) = objections(facts)
    return found


# Odoo's order and the source's last bill.


@pytest.mark.parametrize(
    "changes_of_order", [{"net": money("20.00 CAD")}, {"tax": money("2.59 CAD")}, {"net": money("19.99 USD")}]
)
def test_odoos_order_must_come_to_what_is_planned_net_and_tax(changes_of_order: dict[str, Any]) -> None:
    found = only(with_odoo(orders={"s1": an_order(**changes_of_order)})(base()))
    assert (found.id, found.klass, found.evidence) == ("preview_differs", Class.PROVEN, ("sale.order 21",))


def test_an_order_of_another_partner_bills_somebody_else() -> None:
    assert only(with_odoo(orders={"s1": an_order(partner_id=12)})(base())).id == "partner_moved"


def test_an_order_that_somebody_cancelled_is_no_draft() -> None:
    assert "no draft but 'cancel'" in only(with_odoo(orders={"s1": an_order(state="cancel")})(base())).words


@pytest.mark.parametrize("bill", [None, a_bill("19.99")])
def test_no_last_bill_and_an_equal_one_are_no_difference(bill: Any) -> None:
    assert said(with_charge(last_bill=bill)(base())) == set()


def test_a_bill_in_another_currency_is_another_bill() -> None:
    bill = replace(a_bill("19.99"), net=money("19.99 USD"))
    assert only(with_charge(last_bill=bill)(base())).id == "preview_differs"


# Boundaries and claims.


def a_claim(start: str, end: str, biller: Biller = Biller.SOURCE, charge: str = "flat") -> Claim:
    return Claim(
        external_subscription_id="s1",
        charge=charge,
        service_from=day(start),
        service_to=day(end),
        biller=biller,
        reference="i1/1",
    )


@pytest.mark.parametrize(
    ("claim", "is_in_the_way"),
    [
        (a_claim("2026-06-01", "2026-07-01"), False),
        (a_claim("2026-06-01", "2026-07-02"), True),
        (a_claim("2026-07-31", "2026-09-01"), True),
        (a_claim("2026-08-01", "2026-09-01"), False),
        (a_claim("2026-07-01", "2026-08-01", Biller.ODOO), True),
        (a_claim("2026-07-01", "2026-08-01", charge="requests"), False),
    ],
)
def test_no_claim_may_overlap_odoos_first_range(claim: Claim, *, is_in_the_way: bool) -> None:
    assert said(base(claims=(claim,))) == ({"claimed_otherwise"} if is_in_the_way else set())


def test_a_year_that_the_source_billed_in_advance_is_not_billed_again_from_july_on() -> None:
    year = matched("2026-05", net="600.00", service_from=day("2026-01-10"), service_to=day("2027-01-10"))
    found = [one for one in objections(with_instance(year, "2026-05")(base())) if one.id == "claimed_otherwise"]
    assert [(one.scope, one.klass) for one in found] == [("s1/flat", Class.PROVEN)]
    assert "past the boundary of 2026-07-01" in found[0].words


def test_a_year_that_was_not_billed_is_not_in_the_way() -> None:
    year = an_instance("600.00", None, period="2026-05", service_to=day("2027-01-10"), verdict=Verdict.EXPLAINED)
    assert "claimed_otherwise" not in said(with_instance(year, "2026-05")(base()))


def test_what_is_used_in_june_is_not_left_to_nobody() -> None:
    """Usage in arrears: the source bills up to the boundary, and that is no gap."""
    assert said(with_charge("cpu_seconds", final_from=day("2026-06-01"))(base())) == set()


def test_usage_that_odoo_bills_from_the_sources_last_bill_on_is_no_gap() -> None:
    usage = with_charge("cpu_seconds", boundary=day("2026-06-15"), final_biller=Biller.ODOO)(base())
    assert "gap_before_start" not in said(usage)


@pytest.mark.parametrize(
    ("note", "kind"), [(f"{GAP}: nobody bills June", "gap_before_start"), (f"{ENDED}: it has no range", "ending")]
)
def test_what_the_plan_notes_of_a_boundary_stands_against_it(note: str, kind: str) -> None:
    assert said(noted(note)(base())) == {kind}


def test_what_makes_a_boundary_doubtful_is_told() -> None:
    doubt = f"{DOUBTFUL}: line i7/0 has no service range"
    facts = with_charge(notes=(doubt,))(ALONE["boundary_unproved"](base()))
    assert only(facts).words.endswith("is a guess: line i7/0 has no service range")


# Ends, disputes, debts.


@pytest.mark.parametrize(
    ("ends", "is_too_early"), [("2026-07-20", True), ("2026-08-01", True), ("2026-08-02", False), ("2026-05-01", True)]
)
@pytest.mark.parametrize("how", ["ended_at", "cancel_at"])
def test_an_end_within_odoos_first_range_is_too_early(how: str, ends: str, *, is_too_early: bool) -> None:
    at = day(ends)
    change = with_source(ended_at=at) if how == "ended_at" else with_source(billing=stopped_billing(cancel_at=at))
    assert said(change(base())) == ({"ending"} if is_too_early else set())


@pytest.mark.parametrize(("status", "klass"), [("cancelled", Class.PROVEN), ("paused", Class.UNDECIDABLE)])
def test_a_status_says_that_it_ended_or_nobody_knows_what_it_says(status: str, klass: Class) -> None:
    assert only(with_source(status=status)(base())).klass is klass


@pytest.mark.parametrize(
    ("changes_of_state", "is_so"),
    [({}, True), ({"auto_renew": True}, False), ({"auto_renew": True, "biller": " Odoo "}, True)],
)
def test_when_the_source_counts_as_stopped(changes_of_state: dict[str, Any], *, is_so: bool) -> None:
    assert is_stopped(stopped_billing(**changes_of_state)) is is_so


@pytest.mark.parametrize(
    ("issued_at", "is_past_due"), [(NOW - timedelta(days=30), False), (NOW - timedelta(days=30, minutes=1), True)]
)
def test_an_invoice_is_past_due_after_the_days_that_are_declared(issued_at: datetime, *, is_past_due: bool) -> None:
    one = UnpaidInvoice(
        external_user_id="u1", external_invoice_id="i5", issued_at=issued_at, amount=money("1.00 CAD"), status="open"
    )
    assert said(base(unpaid=(one,))) == ({"past_due"} if is_past_due else set())
    assert said(base(unpaid=(replace(one, external_user_id="u2"),))) == set()


# Partners, balances, taxes, coverage.


def test_a_link_that_nobody_decided_is_none() -> None:
    undecided = replace(linked(), state=LinkState.AMBIGUOUS)
    assert said(base(links={"u1": undecided})) == {"partner_unlinked"}


def test_two_customers_who_are_one_partner_are_no_objection_where_both_are_judged() -> None:
    both = {"u1": linked("u1"), "u2": linked("u2")}
    facts = base(customers=("u1", "u2"), links=both, neighbours={"u1": ("u2",)})
    assert said(facts) == set()
    assert said(replace(facts, customers=("u1",))) == {"partner_linked_twice"}


def test_the_balances_of_one_partner_are_compared_in_one_sum() -> None:
    both = {"u1": linked("u1"), "u2": linked("u2")}
    facts = base(customers=("u1", "u2"), links=both, balances=(a_balance("4.00", "10.00"), a_balance("6.00", "10.00", "u2")))
    assert said(facts) == set()
    assert said(replace(facts, links={"u1": linked("u1"), "u2": linked("u2", 12)})) == {"balance_unequal"}
    untold = replace(facts, balances=(a_balance("4.00", "10.00"), a_balance(None, "10.00", "u2")))
    assert only(untold).klass is Class.UNDECIDABLE


def test_a_balance_in_a_currency_that_is_billed_must_be_told() -> None:
    euros = with_charge(
        first_net=money("19.99 EUR"), first_tax=money("2.60 EUR"), last_bill=replace(a_bill("1"), net=money("19.99 EUR"))
    )
    found = objections(with_odoo(orders={"s1": an_order(net=money("19.99 EUR"), tax=money("2.60 EUR"))})(euros(base())))
    assert [(one.id, one.klass) for one in found] == [("balance_unequal", Class.UNDECIDABLE)]
    assert "EUR" in found[0].words


@pytest.mark.parametrize(("net", "kinds"), [("19.99 CAD", {"tax_undecided"}), ("0.00 CAD", set())])
def test_the_tax_on_nothing_is_nothing(net: str, kinds: set[str]) -> None:
    facts = with_charge(first_net=money(net), first_tax=None, last_bill=None)(base())
    order = an_order(net=money(net), tax=money("0.00 CAD"))
    assert said(with_odoo(orders={"s1": order})(facts)) == kinds


def test_of_what_the_rows_do_not_hold_the_share_is_told_and_cut() -> None:
    one = Uncovered(period=OLD, external_user_id="u1", reference="i8/1", net=money("-0.01 CAD"), because="was billed since")
    facts = with_instance(matched(OLD, "requests", "1000.00"))(base(uncovered=(one,)))
    assert only(facts).words == "covered is 0.9999 of the money of customer u1 in 2026-04: i8/1 was billed since"
    assert said(replace(facts, uncovered=(replace(one, external_user_id="u2"),))) == set()


def test_who_was_alive_and_has_no_row_is_not_covered() -> None:
    alive = Uncovered(period=OLD, external_user_id="u1", reference="s7", net=None, because="was alive and has no row")
    assert only(base(uncovered=(alive,))).words.startswith("not covered are 1 due subscriptions of customer u1")


# What an undecided row is called.


def test_the_total_of_an_invoice_makes_no_subscription_ready() -> None:
    in_total = odd(Verdict.EXPLAINED, explained("consolidated_invoice", Remedy.NONE, is_in_total=True))
    assert "explained by the total of an invoice alone" in only(in_total(base())).words
    elsewhere = with_planned(lambda one: replace(one, external_subscription_id="s2"))
    assert "unexplained" not in said(elsewhere(in_total(base())))


@pytest.mark.parametrize("kind", ["double_billed", "unknown_line_kind"])
def test_an_undecided_line_is_named_once_by_the_kind_that_says_most_of_it(kind: str) -> None:
    unknown = an_instance(None, "3.00", period=OLD, charge="unknown", is_due=False)
    line = replace(unknown, evidence=(replace(unknown.evidence[0], reference="i7/1"),))
    change = with_instance(line) if kind == "unknown_line_kind" else (lambda facts: facts)
    assert said(change(ALONE[kind](base()))) == {kind}
