"""What is asked of months and of the plan: clean months, what was never compared, what changed since, at the edges."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.flip_plans import SubscriptionPlan
from fcb_pipelines.domain.gate import Class, Objection, objections
from fcb_pipelines.domain.gate_facts import GateFacts
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.objections.terms_changed import changes
from fcb_pipelines.domain.rows import Instance, Status, Verdict
from fcb_pipelines_tests.builders import day
from fcb_pipelines_tests.domain.flip_alone import (
    ALONE,
    Change,
    replanned,
    with_charge,
    with_facts,
    with_odoo,
    without,
)
from fcb_pipelines_tests.domain.flip_facts import (
    MONTHS,
    NOW,
    a_period,
    an_order,
    base,
    matched,
    the_plan,
)
from fcb_pipelines_tests.flips import a_charge, a_term
from fcb_pipelines_tests.signed import a_row, an_instance

LAST, NEXT, NINTH = MONTHS[-1], "2026-07", day("2026-07-09").date()
UNDER_WAY = with_facts(under_way=frozenset({"s1"}))


def said(facts: GateFacts) -> set[str]:
    return {one.id for one in objections(facts)}


def only(facts: GateFacts) -> Objection:
    (found,) = objections(facts)
    return found


def with_period(period: str, **changes: Any) -> Change:
    """A month otherwise."""

    def change(facts: GateFacts) -> GateFacts:
        found = (replace(one, **changes) if one.period == period else one for one in facts.periods)
        return replace(facts, periods=tuple(found))

    return change


# Clean months.


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"settings_hash": "others"}, "made under other reviewed rules"),
        ({"rule_version": "0"}, "made under rules 0, now 1"),
        ({"rows": ()}, "nothing of theirs is in it"),
        ({"rows": a_period(LAST, an_instance(period=LAST, verdict=Verdict.UNEXPLAINED)).rows}, "1 unexplained"),
    ],
)
def test_a_month_is_not_clean(changes: dict[str, Any], words: str) -> None:
    found = [one for one in objections(with_period(LAST, **changes)(base())) if one.id == "too_few_clean_periods"]
    assert len(found) == 1
    assert f"0 clean periods in a row of the 2 that are asked for, up to {LAST} ({LAST}: " in found[0].words
    assert words in found[0].words


@pytest.mark.parametrize(("asked", "is_enough"), [(1, True), (3, True), (4, False)])
def test_as_many_clean_months_as_are_asked_for(asked: int, *, is_enough: bool) -> None:
    facts = base(rules=replace(base().rules, clean_periods=asked))
    assert said(facts) == (set() if is_enough else {"too_few_clean_periods"})


def test_a_month_that_was_never_run_ends_the_row_of_clean_ones() -> None:
    facts = base()
    assert said(replace(facts, periods=(facts.periods[0], facts.periods[2]))) == {"too_few_clean_periods"}


def test_a_month_that_is_still_open_is_neither_clean_nor_in_the_way() -> None:
    not_yet = a_row(an_instance("19.99", None, period=NEXT, verdict=Verdict.EXPLAINED))
    still_open = a_period(NEXT, rows=(not_yet,), was_closed=False, settings_hash="others")
    assert said(base(periods=(*base().periods, still_open))) == set()


def test_the_last_month_that_closed_must_have_been_run_since() -> None:
    facts = with_period(LAST, was_closed=False)(base())
    assert only(facts).id == "period_not_closed"
    assert only(facts).evidence == (LAST,)


def test_where_only_what_differs_was_read_no_row_is_no_gap() -> None:
    facts = replace(with_period(LAST, rows=(), is_whole=False)(base()), plan=None)
    assert said(facts) == set()


# Never compared.


@pytest.mark.parametrize(
    "last",
    [
        replace(matched(LAST), actual=None),
        an_instance("19.99", None, period=LAST, status=Status.ONLY_EXPECTED, verdict=Verdict.EXPLAINED),
        an_instance("19.99", "0.00", period=LAST, verdict=Verdict.EXPLAINED),
    ],
)
def test_what_was_last_due_must_have_been_held_against_a_bill_that_is_not_zero(last: Any) -> None:
    facts = base()
    months = (*facts.periods[:2], a_period(LAST))
    rows = tuple(replace(row, instances=(last, row.instances[1])) for row in months[2].rows)
    found = only(replace(facts, periods=(*months[:2], replace(months[2], rows=rows))))
    assert (found.id, found.klass, found.scope) == ("never_compared", Class.UNDECIDABLE, "s1/flat")
    assert "(last due 2026-06-01)" in found.words


def with_flat(facts: GateFacts, one: Instance) -> GateFacts:
    """In the last month this instance of the flat price and no other."""
    last = facts.periods[-1]
    row = replace(last.rows[0], instances=(one, last.rows[0].instances[1]))
    return with_period(LAST, rows=(row,))(facts)


def test_a_month_in_which_nothing_was_due_says_nothing_of_what_was_last_compared() -> None:
    assert said(with_flat(base(), replace(matched(LAST), is_due=False, actual=None))) == set()


def test_a_month_that_is_not_over_says_nothing_of_it_either() -> None:
    early = an_instance("19.99", None, period=LAST, status=Status.ONLY_EXPECTED, verdict=Verdict.EXPLAINED)
    facts = with_period(LAST, was_closed=False)(with_flat(base(), early))
    assert said(replace(facts, last_closed="2026-05")) == set()


def test_what_odoo_bills_from_the_boundary_on_proves_nothing_of_itself() -> None:
    live = a_row(an_instance("19.99", None, period=NEXT, status=Status.ONLY_EXPECTED, verdict=Verdict.EXPLAINED))
    after = a_period(NEXT, rows=(live,))
    assert said(base(periods=(*base().periods, after), last_closed=NEXT)) == set()
    assert said(with_charge(boundary=day("2026-08-01"))(base(periods=(*base().periods, after), last_closed=NEXT))) == {
        "never_compared"
    }


def test_a_yearly_price_that_nobody_saw_billed_needs_a_signature_for_exactly_its_amount() -> None:
    facts = with_charge(first_net=money("600.00 CAD"), last_bill=None)(without("flat")(base()))
    found = next(one for one in objections(facts) if one.id == "never_compared")
    assert "fcb attest preview s1/flat --value '600.00 CAD'" in found.what_to_do


# What the plan says, and what it says now.


CHANGES: dict[str, tuple[Callable[[SubscriptionPlan], SubscriptionPlan], str]] = {
    "partner": (lambda one: replace(one, partner_id=12), "partner id was 11 and is 12"),
    "token": (lambda one: replace(one, token_id=None), "token id was 31 and is none"),
    "term": (lambda one: replace(one, terms_ending=(a_term(),)), "terms ending was none and is"),
    "day": (
        lambda one: replace(one, next_invoice_on=day("2026-07-09").date()),
        "next invoice on was 2026-07-01 and is 2026-07-09",
    ),
    "charge gone": (lambda one: replace(one, charges=one.charges[:1]), "there is no such charge any more"),
    "charge new": (lambda one: replace(one, charges=(*one.charges, a_charge(charge="requests"))), "there is such a charge now"),
    "amount": (
        lambda one: replace(one, charges=(replace(one.charges[0], first_net=money("20.00 CAD")), one.charges[1])),
        "first net was 19.99 CAD and is 20.00 CAD",
    ),
}


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_every_change_of_the_plan_is_told(name: str) -> None:
    change, words = CHANGES[name]
    found = only(replanned(change)(base()))
    assert found.id == "terms_changed"
    assert found.words.startswith(words)


@pytest.mark.parametrize(
    ("changes_of_plan", "words"),
    [
        ({"settings_hash": "others"}, "settings hash was settings and is others"),
        ({"not_before": "2026-08"}, "not before was 2026-07 and is 2026-08"),
        ({"rule_version": "2"}, "rule version was 1 and is 2"),
        ({"final_usage": Biller.ODOO}, "final usage was source and is odoo"),
        ({"left_out": {"s9": "it ended"}}, "left out was {} and is {'s9': 'it ended'}"),
        ({"subscriptions": ()}, "it belongs to the cohort no more"),
    ],
)
def test_what_holds_for_the_whole_cohort_is_told_too(changes_of_plan: dict[str, Any], words: str) -> None:
    assert only(base(replanned=replace(the_plan(), **changes_of_plan))).words == words


def test_whoever_joins_the_cohort_is_told() -> None:
    (one,) = the_plan().subscriptions
    found = only(base(replanned=replace(the_plan(), subscriptions=(one, replace(one, external_subscription_id="s2")))))
    assert (found.scope, found.words) == ("s2", "it belongs to the cohort now")


def test_when_and_from_which_snapshot_it_was_planned_is_no_change() -> None:
    assert list(changes(the_plan(), replace(the_plan(), made_at=NOW, snapshot_id=9))) == []


OF_THE_FLIP_ITSELF = {
    "already_live": ALONE["already_live"],
    "terms_changed": ALONE["terms_changed"],
    "order_missing": with_odoo(orders={"s1": an_order(state="sale")}),
    "claimed_otherwise": ALONE["claimed_otherwise"],
    "gap_before_start": ALONE["gap_before_start"],
    "boundary_unproved": ALONE["boundary_unproved"],
    "boundary_within_range": ALONE["boundary_within_range"],
}


@pytest.mark.parametrize("kind", sorted(OF_THE_FLIP_ITSELF))
def test_what_the_flip_itself_changed_does_not_keep_it_from_its_end(kind: str) -> None:
    facts = OF_THE_FLIP_ITSELF[kind](base())
    assert said(facts) == {kind}
    assert said(UNDER_WAY(facts)) == set()


def test_of_a_cohort_that_is_half_way_only_the_other_half_is_asked() -> None:
    (one,) = the_plan().subscriptions
    plan = replace(the_plan(), subscriptions=(one, replace(one, external_subscription_id="s2")))
    both = base(
        plan=plan, replanned=replace(plan, subscriptions=()), elsewhere=frozenset({"s1", "s2"}), under_way=frozenset({"s1"})
    )
    facts = with_odoo(orders={"s1": an_order(state="sale"), "s2": an_order(state="sale")})(both)
    asked = {"already_live", "order_missing", "terms_changed"}
    assert {(found.id, found.scope) for found in objections(facts) if found.id in asked} == {(kind, "s2") for kind in asked}


@pytest.mark.parametrize("kind", ["stopped", "unexplained", "snapshot_too_old", "source_not_stopped", "preview_differs"])
def test_what_it_did_not_change_does(kind: str) -> None:
    assert said(UNDER_WAY(ALONE[kind](base()))) == {kind}
