from decimal import Decimal
from fractions import Fraction
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.money import Rounding, round_half_up, rounded
from fcb_pipelines.domain.rating import Charge, Graduated, Package, Standard, Tier, Volume, rate

QUANTITIES = st.decimals(0, 10**6, places=6)
PRICES = st.decimals(0, 1000, places=6)
POSITIVE = st.decimals("0.000001", 10**4, places=6)


@st.composite
def limits(draw: st.DrawFn) -> tuple[Decimal | None, Decimal | None]:
    low, high = sorted((draw(PRICES), draw(PRICES)))
    return draw(st.sampled_from([(None, None), (low, None), (None, high), (low, high), (low, low)]))


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    bounds = sorted(draw(st.sets(st.decimals(0, 1000, places=2), max_size=4)))
    return tuple(Tier(up_to=bound, unit_price=draw(PRICES), flat_amount=draw(PRICES)) for bound in [*bounds, None])


@st.composite
def cumulative(draw: st.DrawFn) -> Charge:
    """Any charge but a volume one: more usage never costs less."""
    low, high = draw(limits())
    model = draw(st.sampled_from([Standard, Package, Graduated]))
    if model is Standard:
        unit_price, quota, batch = draw(PRICES), draw(QUANTITIES), draw(POSITIVE)
        return Standard(
            unit_price=unit_price, included_quantity=quota, unit_batch=batch, minimum_amount=low, maximum_amount=high
        )
    if model is Package:
        size, price, quota = draw(POSITIVE), draw(PRICES), draw(QUANTITIES)
        return Package(package_size=size, package_price=price, included_quantity=quota, minimum_amount=low, maximum_amount=high)
    return Graduated(tiers=draw(tiers()), minimum_amount=low, maximum_amount=high)


@st.composite
def volumes(draw: st.DrawFn) -> Charge:
    low, high = draw(limits())
    return Volume(tiers=draw(tiers()), minimum_amount=low, maximum_amount=high)


CHARGES = cumulative() | volumes()


@given(charge=cumulative(), first=QUANTITIES, second=QUANTITIES)
def test_more_usage_never_costs_less(charge: Charge, first: Decimal, second: Decimal) -> None:
    less, more = (rate(charge, quantity).exact for quantity in sorted((first, second)))
    assert less <= more
    for rounding in Rounding:
        assert rounded(less, "CAD", rounding) <= rounded(more, "CAD", rounding)


@st.composite
def per_unit(draw: st.DrawFn) -> Charge:
    """Any charge of one price for every unit: no quota, no package, no tier that is entered, no limit."""
    price, batch = draw(PRICES), draw(POSITIVE)
    bounds = sorted(draw(st.sets(st.decimals(0, 1000, places=2), max_size=3)))
    tiers = tuple(Tier(up_to=bound, unit_price=price) for bound in [*bounds, None])
    charges = [Standard(unit_price=price, unit_batch=batch), Graduated(tiers=tiers), Volume(tiers=tiers)]
    return draw(st.sampled_from(charges))


@given(charge=per_unit(), parts=st.lists(QUANTITIES, min_size=1, max_size=6))
def test_splitting_a_quantity_changes_no_total_of_a_price_per_unit(charge: Charge, parts: list[Decimal]) -> None:
    whole = rate(charge, sum(parts, Decimal(0))).exact
    assert sum((rate(charge, part).exact for part in parts), Fraction(0)) == whole


@given(charge=CHARGES, parts=st.lists(QUANTITIES, min_size=1, max_size=6), order=st.randoms(use_true_random=False))
def test_what_a_total_is_made_of_changes_no_price(charge: Charge, parts: list[Decimal], order: Random) -> None:
    shuffled = sorted(parts, key=lambda _: order.random())
    assert rate(charge, sum(shuffled, Decimal(0))) == rate(charge, sum(map(Fraction, parts), Fraction(0)))


def test_more_usage_may_cost_less_by_volume() -> None:
    charge = Volume(tiers=(Tier(up_to=Decimal(10), unit_price=Decimal(2)), Tier(up_to=None, unit_price=Decimal(1))))
    assert rate(charge, Decimal(11)).exact < rate(charge, Decimal(10)).exact


@given(charge=CHARGES, quantity=QUANTITIES)
def test_the_lines_add_up_to_the_exact_amount(charge: Charge, quantity: Decimal) -> None:
    rated = rate(charge, quantity)
    assert sum((line.quantity * line.unit_price for line in rated.lines), Fraction(0)) == rated.exact


@given(charge=CHARGES, quantity=QUANTITIES)
def test_the_amount_stays_between_minimum_and_maximum(charge: Charge, quantity: Decimal) -> None:
    exact = rate(charge, quantity).exact
    assert charge.minimum_amount is None or exact >= charge.minimum_amount
    assert charge.maximum_amount is None or exact <= charge.maximum_amount


@given(charge=CHARGES, quantity=QUANTITIES, currency=st.sampled_from(["CAD", "JPY"]))
def test_the_amount_is_the_exact_one_rounded_once(charge: Charge, quantity: Decimal, currency: str) -> None:
    rated = rate(charge, quantity)
    amount = rated.amount(currency).amount
    assert amount == round_half_up(rated.exact, 0 if currency == "JPY" else 2)
    assert abs(Fraction(amount) - rated.exact) <= Fraction(1, 2 if currency == "JPY" else 200)


@given(parts=tiers(), quantity=QUANTITIES, cut=st.decimals("0.01", 1000, places=2))
def test_cutting_a_graduated_tier_in_two_changes_no_price(parts: tuple[Tier, ...], quantity: Decimal, cut: Decimal) -> None:
    holder = next(number for number, tier in enumerate(parts) if tier.reaches(Fraction(cut)))
    whole = parts[holder]
    left = Tier(up_to=cut, unit_price=whole.unit_price, flat_amount=whole.flat_amount)
    right = Tier(up_to=whole.up_to, unit_price=whole.unit_price)
    halves = () if whole.up_to == cut else (right,)
    divided = (*parts[:holder], left, *halves, *parts[holder + 1 :])
    assert rate(Graduated(tiers=divided), quantity).exact == rate(Graduated(tiers=parts), quantity).exact


@given(price=PRICES, quantity=QUANTITIES)
def test_all_models_agree_on_a_plain_price_per_unit(price: Decimal, quantity: Decimal) -> None:
    one_tier = (Tier(up_to=None, unit_price=price),)
    charges = (Standard(unit_price=price), Graduated(tiers=one_tier), Volume(tiers=one_tier))
    assert {rate(charge, quantity).exact for charge in charges} == {Fraction(price) * Fraction(quantity)}


@given(size=POSITIVE, quantity=QUANTITIES)
def test_packages_hold_the_quantity_and_not_one_package_more(size: Decimal, quantity: Decimal) -> None:
    packages = rate(Package(package_size=size, package_price=Decimal(1)), quantity).exact
    assert packages.denominator == 1
    assert (packages - 1) * Fraction(size) < Fraction(quantity) <= packages * Fraction(size)
