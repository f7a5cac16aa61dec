"""Charges as JSON: read strictly, written so that reading gives the same charge again."""

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.charges import read_charge, read_pricing, write_charge, write_pricing
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import Rounding
from fcb_pipelines.domain.pricing import Discount, Metered, Quota
from fcb_pipelines.domain.rating import Charge, Graduated, Package, Standard, Tier, Volume

TIERS = (Tier(up_to=Decimal("1000"), unit_price=Decimal("0.10")), Tier(up_to=None, flat_amount=Decimal(2)))


@pytest.mark.parametrize(
    ("charge", "written"),
    [
        (
            Standard(unit_price=Decimal("0.0075"), unit_batch=Decimal(3600)),
            {"model": "standard", "unit_price": "0.0075", "included_quantity": "0", "unit_batch": "3600"},
        ),
        (
            Package(package_size=Decimal("1E+3"), package_price=Decimal(4), maximum_amount=Decimal(9)),
            {
                "model": "package",
                "maximum_amount": "9",
                "package_size": "1000",
                "package_price": "4",
                "included_quantity": "0",
            },
        ),
        (
            Graduated(tiers=TIERS, minimum_amount=Decimal(5)),
            {
                "model": "graduated",
                "minimum_amount": "5",
                "tiers": [
                    {"up_to": "1000", "unit_price": "0.1", "flat_amount": "0"},
                    {"up_to": None, "unit_price": "0", "flat_amount": "2"},
                ],
            },
        ),
    ],
)
def test_a_charge_is_written_in_full_and_its_limits_only_where_it_has_them(charge: Charge, written: dict[str, Any]) -> None:
    assert write_charge(charge) == written
    assert read_charge(written) == charge


PRICES = st.decimals(min_value=0, max_value=10**9, allow_nan=False, allow_infinity=False)
MODELS: list[type[Charge]] = [Standard, Package, Graduated, Volume]


@st.composite
def charges(draw: st.DrawFn) -> Charge:
    both, model = sorted((draw(PRICES), draw(PRICES))), draw(st.sampled_from(MODELS))
    limits = draw(st.sampled_from([{}, {"minimum_amount": both[0]}, {"minimum_amount": both[0], "maximum_amount": both[1]}]))
    if model is Standard:
        return Standard(unit_price=draw(PRICES), included_quantity=draw(PRICES), unit_batch=draw(PRICES) + 1, **limits)
    if model is Package:
        return Package(package_price=draw(PRICES), included_quantity=draw(PRICES), package_size=draw(PRICES) + 1, **limits)
    bounds = [*sorted(draw(st.sets(st.integers(0, 10**6), max_size=4))), None]
    tiers = (Tier(up_to=None if each is None else Decimal(each), unit_price=draw(PRICES)) for each in bounds)
    return (Graduated if model is Graduated else Volume)(tiers=tuple(tiers), **limits)


@given(charges())
def test_what_is_written_and_kept_as_json_reads_as_the_same_charge(charge: Charge) -> None:
    assert read_charge(json.loads(json.dumps(write_charge(charge)))) == charge


SHARES = st.fractions(0, 1)
DISCOUNTS = st.one_of(
    st.builds(Discount, percent=st.decimals(0, 100, places=3)),
    st.builds(Discount, amount=PRICES),
    st.builds(Discount, factor=SHARES),
    st.builds(Discount, rounded=st.tuples(st.integers(0, 6), st.sampled_from(Rounding))),
)
QUOTAS = st.builds(
    Quota, share=SHARES, used_before=st.fractions(0, 10**9), months=st.sampled_from([(), ("2026-03",), ("2026-03", "2026-04")])
)


@given(charges(), PRICES, SHARES, st.lists(DISCOUNTS, max_size=3), QUOTAS)
def test_what_an_amount_was_priced_from_is_kept_whole(
    charge: Charge, quantity: Decimal, share: Fraction, discounts: list[Discount], quota: Quota
) -> None:
    pricing = Metered(
        charge=charge,
        quantity=Fraction(quantity),
        share=share,
        discounts=tuple(discounts),
        quota=quota,
        metric="requests",
    )
    assert read_pricing(json.loads(json.dumps(write_pricing(pricing))), quantity) == pricing


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ([], "charge must be an object, is []"),
        ({"unit_price": "1"}, "charge: missing key 'model'"),
        ({"model": "flat"}, "charge: unknown model 'flat'; known are standard, package, graduated, volume"),
        (
            {"model": "standard", "unit_price": 0.5},
            'charge: unit_price must be an exact number, written as text such as "12.50"',
        ),
        ({"model": "standard", "unit_price": None}, "charge: unit_price is null: leave the key out or give a number"),
        ({"model": "standard"}, "charge: missing key 'unit_price'"),
        ({"model": "volume", "tiers": [{"up_to": None, "price": "1"}]}, "tier 1: unknown key 'price'"),
    ],
)
def test_a_charge_that_says_something_else_is_refused(written: object, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_charge(written)
    assert said in str(refused.value)
