"""The gate: each objection alone, none of none, and what can only make it say more."""

import pkgutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fcb_pipelines.domain import objections as folder
from fcb_pipelines.domain.gate import Class, against, for_information, kinds, objections
from fcb_pipelines.domain.gate_facts import GateFacts
from fcb_pipelines_tests.domain.flip_alone import (
    ALONE,
    OF_CHARGING,
    Change,
    before,
    changed,
    with_facts,
    with_odoo,
    with_source,
)
from fcb_pipelines_tests.domain.flip_facts import NOW, UNKNOWN, base, charging

QUICKLY = settings(max_examples=60, deadline=None)
"""Each asks every kind twice; how long one takes says nothing."""
KINDS = {kind.id: kind for kind in kinds()}
DOCS = Path(__file__).parents[2] / "docs" / "gate.md"


def said(facts: GateFacts) -> set[str]:
    return {one.id for one in objections(facts)}


def test_every_file_of_the_folder_is_a_kind_by_its_name_and_has_a_case_of_its_own() -> None:
    files = [found.name for found in pkgutil.iter_modules(folder.__path__)]
    assert [kind.id for kind in kinds()] == files
    assert set(ALONE) == set(files)


@pytest.mark.parametrize("facts", [base(), charging()])
def test_nothing_stands_against_what_is_as_it_must_be(facts: GateFacts) -> None:
    assert objections(facts) == ()
    assert for_information(facts) == ()


@pytest.mark.parametrize("kind", sorted(ALONE))
def test_each_kind_alone(kind: str) -> None:
    found = objections(ALONE[kind](before(kind)))
    assert {one.id for one in found} == {kind}
    for one in found:
        assert one.klass in KINDS[kind].classes
        assert one.words
        assert not one.words.endswith(".")
        assert one.what_to_do
        assert one.scope


@pytest.mark.parametrize("kind", sorted(OF_CHARGING - {"not_live"}))
def test_what_only_charging_asks_is_told_before_the_flip_and_does_not_stand_in_its_way(kind: str) -> None:
    facts = ALONE[kind](base())
    assert said(facts) == set()
    assert kind in {one.id for one in for_information(facts)}


MISSING: dict[str, tuple[Change, set[str]]] = {
    "replanned": (with_facts(replanned=UNKNOWN), {"terms_changed"}),
    "elsewhere": (with_facts(elsewhere=UNKNOWN), {"already_live"}),
    "last_closed": (with_facts(last_closed=None), {"period_not_closed"}),
    "periods": (with_facts(periods=()), {"period_not_closed", "too_few_clean_periods", "never_compared"}),
    "attestations": (with_facts(attestations=()), {"receiver", "not_rehearsed"}),
    "snapshot": (with_facts(snapshot=UNKNOWN), {"snapshot_too_old"}),
    "subscriptions": (with_facts(subscriptions={}), {"ending"}),
    "billing": (with_source(billing=UNKNOWN), {"ending", "source_not_stopped"}),
    "status": (with_source(status="hibernating"), {"ending"}),
    "links": (with_facts(links={}), {"partner_unlinked"}),
    "disputes": (with_facts(disputes=UNKNOWN), {"open_dispute"}),
    "unpaid": (with_facts(unpaid=UNKNOWN), {"past_due"}),
    "uncovered": (with_facts(uncovered=UNKNOWN), {"coverage"}),
    "unknown_lines": (with_facts(unknown_lines=UNKNOWN), {"unknown_line_kind"}),
    "claims": (with_facts(claims=UNKNOWN), {"claimed_otherwise"}),
    "balances": (with_facts(balances=UNKNOWN), {"balance_unequal"}),
    "no balances": (with_facts(balances=()), {"balance_unequal"}),
    "usage": (with_facts(usage_seen_at=None), {"feed_silent"}),
    "alarms": (with_facts(alarms=UNKNOWN), {"alarm_open"}),
    "stopped": (with_facts(stopped=UNKNOWN), {"stopped"}),
    "logs": (with_facts(broken_logs=UNKNOWN), {"audit_broken"}),
    "orders": (with_odoo(orders=UNKNOWN), {"order_missing", "preview_differs", "partner_moved"}),
    "an order": (with_odoo(orders={}), {"order_missing", "preview_differs", "partner_moved"}),
    "others": (with_odoo(others_live=UNKNOWN), {"other_live_order"}),
    "settings": (with_odoo(settings=UNKNOWN), {"odoo_setting"}),
    "inert": (with_odoo(not_inert=UNKNOWN), {"not_inert"}),
}
"""What can be missing, with what is said then."""


@pytest.mark.parametrize("name", sorted(MISSING))
def test_what_nobody_knows_is_never_a_pass(name: str) -> None:
    change, expected = MISSING[name]
    found = objections(change(base()))
    assert {one.id for one in found} == expected
    # What a person would have to say, or a month that was never run, is no gap in the data.
    of_data = [one for one in found if one.id not in {"period_not_closed", "too_few_clean_periods"} and name != "attestations"]
    assert name == "subscriptions" or {one.klass for one in of_data} <= {Class.UNDECIDABLE}


def test_who_is_live_is_no_pass_either_where_nobody_knows() -> None:
    assert said(replace(charging(), live=UNKNOWN)) == {"not_live"}


FLIP_KINDS = sorted(set(ALONE) - OF_CHARGING)


@QUICKLY
@given(st.sets(st.sampled_from(FLIP_KINDS), max_size=6), st.sampled_from(sorted(MISSING)))
def test_missing_data_never_take_an_objection_away(true: set[str], missing: str) -> None:
    facts = changed(base(), sorted(true))
    more = MISSING[missing][0](facts)
    lost = said(facts) - said(more)
    # What takes months away takes away what was wrong in them, and says so by itself.
    of_months = {"unexplained", "double_billed", "fix_model", "fix_source", "carried_without_successor"}
    # A subscription that is not in the source is that, whoever bills it.
    of_source = {"source_not_stopped"}
    assert lost <= (of_months if missing == "periods" else of_source if missing == "subscriptions" else set())
    assert not lost or said(more)


@QUICKLY
@given(st.sets(st.sampled_from(FLIP_KINDS), max_size=8))
def test_no_objection_hides_another(true: set[str]) -> None:
    hidden = {one for other, each in HIDDEN_BY.items() if other in true for one in each}
    assert said(changed(base(), sorted(true))) >= true - hidden


OF_CHARGES = {
    "boundary_unproved",
    "boundary_within_range",
    "claimed_otherwise",
    "gap_before_start",
    "never_compared",
    "preview_differs",
    "term_changes_unknown",
}
HIDDEN_BY = {"not_planned": OF_CHARGES, "term_changes_unknown": {"preview_differs"}}
"""Kind → those that cannot be asked where it is true: nothing is there that could differ."""


@QUICKLY
@given(st.sets(st.sampled_from(FLIP_KINDS), max_size=8), st.randoms(use_true_random=False))
def test_asking_again_says_the_same(true: set[str], order: object) -> None:
    assert objections(changed(base(), sorted(true))) == objections(changed(base(), sorted(true)))


def test_without_a_plan_each_customer_is_judged_alone_and_the_service_once() -> None:
    facts = replace(ALONE["stopped"](ALONE["unexplained"](base())), customers=("u1", "u2"), plan=None)
    found = against(facts)
    assert {one.id for one in found.service} == {"stopped"}
    assert {one.id for one in found.customers["u1"]} == {"unexplained"}
    assert {one.id for one in found.customers["u2"]} == {"partner_unlinked", "too_few_clean_periods"}


def test_what_nobody_can_tell_of_anybody_is_told_once() -> None:
    both = replace(with_facts(uncovered=UNKNOWN)(base()), customers=("u1", "u2"), plan=None)
    found = against(both)
    assert [one.id for one in found.service] == ["coverage"]
    assert "coverage" not in {one.id for each in found.customers.values() for one in each}


def test_what_is_asked_of_a_plan_alone_is_not_asked_without_one() -> None:
    nothing_read = with_odoo(others_live=UNKNOWN, orders=UNKNOWN)(with_facts(claims=UNKNOWN, elsewhere=UNKNOWN)(base()))
    assert against(replace(nothing_read, plan=None)).service == ()


def test_the_document_has_a_row_for_every_kind() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for kind in kinds():
        classes = ", ".join(kind.classes)
        assert f"| `{kind.id}` | {classes} | {kind.asks} | {kind.clears} |" in text


def test_what_is_long_ago_is_told_since_when() -> None:
    (found,) = objections(ALONE["snapshot_too_old"](base()))
    assert found.since == NOW - timedelta(hours=25)
