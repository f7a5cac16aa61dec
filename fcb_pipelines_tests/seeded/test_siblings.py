"""What holds for a plan or a family holds for all of it: a row that its siblings contradict is not explained."""

from datetime import timedelta
from decimal import Decimal

import pytest

from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines.domain.rows import Remedy, Verdict
from fcb_pipelines_tests.seeded.flat_plants import billed, ended, inactive, listed_yearly, made, started
from fcb_pipelines_tests.seeded.generator import empty
from fcb_pipelines_tests.seeded.harness import reconciled, sides
from fcb_pipelines_tests.seeded.host import Host
from fcb_pipelines_tests.seeded.measures import Measured, measure

TWO = Decimal(2)


def a_host(convention: Proration, declared: Proration, seed: int = 1) -> Host:
    host = empty(seed, declared=declared)
    host.convention = convention
    return host


def measured(host: Host) -> Measured:
    return measure(reconciled(sides(host.world())), host.truths)


@pytest.mark.parametrize("declared", [each for each in Proration if each is not Proration.NONE])
@pytest.mark.parametrize("feature", [started, ended])
def test_a_source_that_shares_nothing_out_is_told_from_us_who_do(declared: Proration, feature: object) -> None:
    host = a_host(Proration.NONE, declared)
    for price in ("p000", "p001", "p003"):
        billed(made(host, host.plans[price], feature), "whole")  # type: ignore[arg-type]
    found = measured(host)
    assert (found.explainable, found.right) == (3, 3), str(found)


@pytest.mark.parametrize(("convention", "other"), [(a, b) for a in Proration for b in Proration if a is not b])
def test_one_row_by_another_convention_than_its_family_is_not_explained(convention: Proration, other: Proration) -> None:
    host = a_host(convention, convention)
    for price in ("p000", "p001", "p003"):
        billed(made(host, host.plans[price], ended), "sibling")
    host.convention = other
    draft = made(host, host.plans["p000"], ended)
    host.bill(draft.one, draft.net)
    host.told(draft.key, FLAT, "another convention", Verdict.UNEXPLAINED)
    found = measured(host)
    assert (found.planted, found.unseen, found.invented, found.missed) == (1, [], [], []), str(found)


@pytest.mark.parametrize(("followed", "verdict"), [(2, Verdict.EXPLAINED), (1, Verdict.UNEXPLAINED), (0, Verdict.UNEXPLAINED)])
def test_a_listed_interval_holds_if_more_rows_follow_it_than_not(followed: int, verdict: Verdict) -> None:
    """One row is billed for a year in parts; one more is billed as listed, against so many that follow."""
    host = a_host(Proration.NONE, Proration.NONE)
    plan = listed_yearly(host, "240")
    for _ in range(followed):
        host.bill((draft := made(host, plan)).one, draft.net)
    ours = host.subscribe(plan)
    host.bill(ours, plan.flat_price(ours.interval))
    rows = {row.external_subscription_id: row for row in reconciled(sides(host.world()))}
    assert {rows[f"s{number:05d}"].verdict for number in range(followed)} in ({verdict}, set())
    assert rows[ours.external_subscription_id].verdict is Verdict.MATCH


def test_the_steps_are_those_of_the_convention_that_siblings_follow() -> None:
    """Two units for 15 days and three for ten are 60 of 30 days, and two whole months if nothing is shared out."""
    host = a_host(Proration.FIXED_30_DAYS, Proration.SECONDS)
    for price in ("p000", "p001", "p003"):
        billed(made(host, host.plans[price], ended), "sibling")
    draft = made(host, host.plans["p003"])
    change, pause = host.first + timedelta(days=15), (host.first + timedelta(days=20), host.first + timedelta(days=26))
    host.became(draft.one, "quantity", 2, host.first - timedelta(days=40))
    host.became(draft.one, "quantity", 3, change)
    draft.change(
        "quantity_change",
        lambda bill: bill.from_day(bill.first, quantity=TWO).from_day(change, quantity=TWO + 1),
        is_known=True,
    )
    host.record("inactive", draft.key, since=pause[0], until=pause[1])
    draft.change("proration", lambda bill: bill.without(*pause))
    assert draft.effects(Proration.NONE, known_alone=False)[0] == draft.effects(Proration.FIXED_30_DAYS, known_alone=False)[0]
    billed(draft, "the same by none")
    found = measured(host)
    assert (found.right, found.missed) == (4, []), str(found)


def test_a_pause_alone_is_explained_by_the_convention_that_fits() -> None:
    host = a_host(Proration.CALENDAR_DAYS, Proration.NONE)
    billed(made(host, host.plans["p000"], inactive), "paused")
    found = measured(host)
    assert (found.explainable, found.right) == (1, 1), str(found)
    (truth,) = host.truths.values()
    assert (set(truth.causes), truth.remedy) == ({"proration"}, Remedy.FIX_MODEL)
