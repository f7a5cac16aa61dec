"""The charges of a plan as a mapping returns them."""

from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.domain.canonical import plan
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines.domain.rating import Graduated, Package, Standard
from fcb_pipelines_tests.domain.canonical_rows import plan_row

STORAGE = {"metric": "gb_hours", "charge": {"model": "package", "package_size": 100, "package_price": "3"}}


def test_a_plan_without_charges_has_the_one_of_its_columns() -> None:
    (only,) = plan(plan_row(charges=None), "CAD").metered
    assert (only.code, only.metric) == ("cpu_seconds", "cpu_seconds")
    assert only.charge == Standard(unit_price=Decimal("0.0075"), included_quantity=Decimal(3600), unit_batch=Decimal(3600))


def test_charges_stand_beside_that_of_the_columns_or_in_its_place() -> None:
    beside = plan(plan_row(charges=[STORAGE]), "CAD").metered
    assert [one.code for one in beside] == ["cpu_seconds", "gb_hours"]
    graduated = {"model": "graduated", "tiers": [{"up_to": None, "unit_price": "0.01"}]}
    own = [
        {"metric": "cpu_seconds", "charge": graduated},
        {"metric": "cpu_seconds", "charge": STORAGE["charge"], "code": "peak"},
    ]
    instead = plan(plan_row(charges=own), "CAD").metered
    assert [(one.code, type(one.charge)) for one in instead] == [("cpu_seconds", Graduated), ("peak", Package)]


def test_a_charge_says_how_long_its_quota_is_for_and_whether_it_is_shared_out() -> None:
    said = STORAGE | {"included_interval": "quarterly", "prorated": True, "interval": "monthly"}
    (_, storage) = plan(plan_row(charges=[said]), "CAD").metered
    assert (storage.included_interval, storage.is_prorated) == (Interval.QUARTERLY, True)


@pytest.mark.parametrize(
    ("charges", "said"),
    [
        ({}, "charges must be a list"),
        ([{"metric": "gb"}], "charge 1: it: missing key 'charge'"),
        ([STORAGE, {**STORAGE, "price": "1"}], "charge 2: it: unknown key 'price'"),
        ([{**STORAGE, "charge": {"model": "step"}}], "charge 1: charge: unknown model 'step'"),
        ([{**STORAGE, "prorated": "yes"}], "prorated must be true or false"),
        ([{**STORAGE, "interval": "yearly"}], "what is metered is billed by the month"),
        ([{**STORAGE, "included_interval": "weekly"}], "unknown billing cycle 'weekly'"),
        ([STORAGE, STORAGE], "has 2 charges called gb_hours: give each a code of its own"),
        ([{**STORAGE, "code": "a/b"}], "needs a code of letters, digits"),
        ([{**STORAGE, "code": "flat"}], "needs a code of letters, digits"),
        ([{**STORAGE, "metric": " "}], "a charge has no metric"),
        (
            [{"metric": "gb", "charge": {"model": "volume", "tiers": [{"up_to": None}]}, "included_interval": "yearly"}],
            "charge gb has no included quantity that could be that of a yearly time",
        ),
    ],
)
def test_charges_that_make_no_price_are_refused_with_their_place(charges: Any, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        plan(plan_row(charges=charges), "CAD")
    assert said in str(refused.value)
    assert "p-1" in str(refused.value)
