"""Quotas of a month, a quarter, a year: what counts in a month, and that all months together come to one bill."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.conventions import Conventions, Families, Family
from fcb_pipelines.domain.expected import RatedLine, usage_lines
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.plans import Interval, MeteredCharge
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines.domain.quotas import Used
from fcb_pipelines.domain.rating import Charge, Graduated, Package, Standard, Tier, Volume
from fcb_pipelines.domain.terms import QUOTA_UNKNOWN, unpriced
from fcb_pipelines_tests.builders import APRIL, TORONTO, a_plan, a_subscription, day, the_terms

METRIC = "requests"
A_HUNDRED = Standard(unit_price=Decimal(2), included_quantity=Decimal(100))


def used(of_month: Mapping[str, object], other: Mapping[str, object] | None = None) -> Used:
    """Units of the month by metric, and of other months by month; one that is not there was never metered."""
    others = {key: Decimal(str(units)) for key, units in (other or {}).items()}
    return Used(of_month={metric: Decimal(str(units)) for metric, units in of_month.items()}, of=lambda _, key: others.get(key))


def line(
    charge: Charge,
    told: Used,
    period: Period = APRIL,
    *,
    life: Mapping[str, Any] | None = None,
    convention: Proration = Proration.NONE,
    **beside: Any,
) -> RatedLine:
    """The line of one charge beside that of the plan's columns."""
    plan = a_plan(charges=(MeteredCharge(metric=METRIC, charge=charge, **beside),))
    families = Families(service=Family(conventions=Conventions(quota_proration=convention)))
    terms = the_terms(plan=plan, subscription=a_subscription(**(life or {})), families=families)
    return next(one for one in usage_lines(terms, period, told) if one.charge == (beside.get("code") or METRIC))


@pytest.mark.parametrize(
    ("charge", "quantity", "exact"),
    [
        (A_HUNDRED, "130", Fraction(60)),
        (Package(package_size=Decimal(50), package_price=Decimal(3), included_quantity=Decimal(100)), "151", Fraction(6)),
        (
            Graduated(tiers=(Tier(up_to=Decimal(100), unit_price=Decimal(1)), Tier(up_to=None, unit_price=Decimal("0.5")))),
            "130",
            Fraction(115),
        ),
        (
            Volume(tiers=(Tier(up_to=Decimal(100), unit_price=Decimal(1)), Tier(up_to=None, unit_price=Decimal("0.5")))),
            "130",
            Fraction(65),
        ),
        (Standard(unit_price=Decimal(2), minimum_amount=Decimal(25)), "0", Fraction(25)),
        (Standard(unit_price=Decimal(2), maximum_amount=Decimal(25)), "130", Fraction(25)),
    ],
)
def test_every_charge_model_prices_a_metric_beside_the_first_one(charge: Charge, quantity: str, exact: Fraction) -> None:
    found = line(charge, used({METRIC: quantity, "cpu_seconds": 7200}))
    assert (found.exact, found.quantity, found.pricing.charge) == (exact, Decimal(quantity), charge)
    assert found.is_by_unit is isinstance(charge, Standard)
    assert found.line_key == "s1/requests/2026-04-01"


def test_two_charges_of_a_metric_are_two_instances_with_names_of_their_own() -> None:
    peak = MeteredCharge(metric=METRIC, code="peak", charge=Standard(unit_price=Decimal(1)))
    plan = a_plan(charges=(MeteredCharge(metric=METRIC, charge=A_HUNDRED), peak))
    found = list(usage_lines(the_terms(plan=plan), APRIL, used({METRIC: 130, "cpu_seconds": 3601})))
    assert [(one.charge, one.exact) for one in found] == [
        ("cpu_seconds", Fraction("0.0075") / 3600),
        ("peak", Fraction(130)),
        ("requests", Fraction(60)),
    ]
    assert [one.pricing.metric for one in found] == ["cpu_seconds", METRIC, METRIC]


def test_a_metric_that_no_charge_prices_is_named_and_nothing_else() -> None:
    plan = a_plan(charges=(MeteredCharge(metric=METRIC, charge=A_HUNDRED),))
    told = used({"gb": 3, METRIC: 1, "cpu_seconds": 1, "calls": 0})
    assert list(unpriced(the_terms(plan=plan), APRIL, told)) == ["gb"]


def test_outside_its_life_only_what_was_used_is_charged() -> None:
    plan = a_plan(charges=(MeteredCharge(metric=METRIC, charge=A_HUNDRED),))
    terms = the_terms(plan=plan, subscription=a_subscription(ended_at=day("2026-02-01")))
    assert [one.charge for one in usage_lines(terms, APRIL, used({METRIC: 130}))] == [METRIC]


@pytest.mark.parametrize(
    ("interval", "started", "month", "earlier", "included"),
    [
        (Interval.MONTHLY, "2026-01-01", "2026-05", {}, 100),
        (Interval.QUARTERLY, "2026-01-01", "2026-04", {}, 100),
        (Interval.QUARTERLY, "2026-01-01", "2026-05", {"2026-04": 30}, 70),
        (Interval.QUARTERLY, "2026-01-01", "2026-06", {"2026-04": 30, "2026-05": 20}, 50),
        (Interval.QUARTERLY, "2026-01-01", "2026-06", {"2026-04": 300, "2026-05": 0}, 0),
        # The quota's time begins with the anchor's month, and not before the subscription.
        (Interval.QUARTERLY, "2026-02-28", "2026-05", {}, 100),
        (Interval.QUARTERLY, "2026-02-28", "2026-04", {"2026-02": 1, "2026-03": 2}, 97),
        (
            Interval.YEARLY,
            "2025-04-10",
            "2026-03",
            {f"2025-{month:02}": 1 for month in range(4, 13)} | {"2026-01": 1, "2026-02": 1},
            89,
        ),
        (Interval.YEARLY, "2025-04-10", "2026-04", {}, 100),
    ],
)
def test_what_is_left_of_a_quota(
    interval: Interval, started: str, month: str, earlier: Mapping[str, int], included: int
) -> None:
    told, life = used({METRIC: 130}, earlier), {"started_at": day(started)}
    found = line(A_HUNDRED, told, Period(month, TORONTO), life=life, included_interval=interval)
    assert (found.included_quantity, found.exact) == (Decimal(included), Fraction(2 * (130 - included)))


def test_an_anchor_of_its_own_moves_the_quotas_time() -> None:
    life = {"started_at": day("2026-04-10"), "billing_anchor": day("2026-02-20")}
    found = line(A_HUNDRED, used({METRIC: 130}, {}), APRIL, life=life, included_interval=Interval.QUARTERLY)
    assert (found.included_quantity, found.pricing.quota.months) == (Decimal(100), ("2026-04",))


def test_what_is_left_is_unknown_where_an_earlier_month_was_never_metered() -> None:
    found = line(
        A_HUNDRED, used({METRIC: 130}, {"2026-04": 3}), Period("2026-06", TORONTO), included_interval=Interval.QUARTERLY
    )
    assert (found.exact, found.is_due) == (None, True)
    assert found.notes[0] == (f"{QUOTA_UNKNOWN}: its included quantity counts from 2026-04 on, and 2026-05 was never metered")


@pytest.mark.parametrize(
    ("convention", "life", "interval", "month", "share"),
    [
        (Proration.CALENDAR_DAYS, {"started_at": day("2026-04-16")}, Interval.MONTHLY, "2026-04", Fraction(15, 30)),
        (Proration.CALENDAR_DAYS, {"started_at": day("2026-04-16")}, Interval.MONTHLY, "2026-05", Fraction(1)),
        (Proration.CALENDAR_DAYS, {"ended_at": day("2026-04-16")}, Interval.MONTHLY, "2026-04", Fraction(15, 30)),
        (Proration.CALENDAR_DAYS_INCLUSIVE, {"ended_at": day("2026-04-16")}, Interval.MONTHLY, "2026-04", Fraction(16, 30)),
        (Proration.FIXED_30_DAYS, {"started_at": day("2026-05-15")}, Interval.MONTHLY, "2026-05", Fraction(17, 30)),
        (Proration.NONE, {"started_at": day("2026-04-16")}, Interval.MONTHLY, "2026-04", Fraction(1)),
        # A quarter from April to June, of which the life began on 16 April: in each of its months the same part.
        (Proration.CALENDAR_DAYS, {"started_at": day("2026-04-16")}, Interval.QUARTERLY, "2026-04", Fraction(76, 91)),
        (Proration.CALENDAR_DAYS, {"started_at": day("2026-04-16")}, Interval.QUARTERLY, "2026-06", Fraction(76, 91)),
        # An end counts from the month on in which it lies: before, nobody knew of it.
        (Proration.CALENDAR_DAYS, {"ended_at": day("2026-06-10")}, Interval.QUARTERLY, "2026-05", Fraction(1)),
        (Proration.CALENDAR_DAYS, {"ended_at": day("2026-06-10")}, Interval.QUARTERLY, "2026-06", Fraction(70, 91)),
    ],
)
def test_a_part_of_a_quotas_time_has_a_part_of_it_by_the_convention(
    convention: Proration, life: Mapping[str, Any], interval: Interval, month: str, share: Fraction
) -> None:
    told = used({METRIC: 130}, {"2026-04": 0, "2026-05": 0})
    found = line(A_HUNDRED, told, Period(month, TORONTO), life=life, convention=convention, included_interval=interval)
    assert found.exact == 2 * (130 - 100 * share)


def test_a_charge_may_keep_its_quota_whole_where_others_are_shared_out() -> None:
    life = {"started_at": day("2026-04-16")}
    days = Proration.CALENDAR_DAYS
    told = used({METRIC: 130, "cpu_seconds": 1801})
    assert line(A_HUNDRED, told, life=life, convention=days, is_prorated=False).exact == 60
    assert line(A_HUNDRED, told, life=life, convention=days, is_prorated=True).exact == 160
    terms = the_terms(
        subscription=a_subscription(**life),
        families=Families(service=Family(conventions=Conventions(quota_proration=Proration.CALENDAR_DAYS))),
    )
    (cpu,) = usage_lines(terms, APRIL, told)
    assert (cpu.included_quantity, cpu.exact) == (Decimal(1800), Fraction("0.0075") / 3600), "that of the plan's columns too"


def test_a_quota_that_is_shared_out_by_no_declared_convention_is_not_guessed() -> None:
    found = line(A_HUNDRED, used({METRIC: 130}), life={"started_at": day("2026-04-16")}, is_prorated=True)
    assert found.exact is None
    assert "fcb.toml declares no quota_proration" in found.notes[0]


quantities = st.lists(st.decimals(0, 10**6, places=3), min_size=12, max_size=12)


@given(quantities, st.sampled_from([Interval.QUARTERLY, Interval.YEARLY]))
def test_the_months_of_a_quotas_time_come_to_what_one_bill_of_it_would(units: list[Decimal], interval: Interval) -> None:
    keys = [f"2026-{month:02}" for month in range(1, 13)]
    other = dict(zip(keys, units, strict=True))
    lines = [
        line(A_HUNDRED, used({METRIC: other[key]}, other), Period(key, TORONTO), included_interval=interval) for key in keys
    ]
    for first in range(0, 12, interval.months):
        exact = [one.exact for one in lines[first : first + interval.months]]
        together = sum(map(Fraction, units[first : first + interval.months]))
        assert sum(amount for amount in exact if amount is not None) == 2 * max(Fraction(0), together - 100)
