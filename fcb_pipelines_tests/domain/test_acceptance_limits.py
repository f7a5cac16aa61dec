"""What needs a second person: sums per person, customer, currency and 30 days, however they are split."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.acceptance_limits import WINDOW, exposure, over_limit
from fcb_pipelines.domain.acceptances import Acceptance, Kind, Signature
from fcb_pipelines.domain.money import money
from fcb_pipelines_tests.signed import NOW, worth

LIMITS = {"CAD": Decimal("100.00"), "USD": Decimal(0)}
CENTS = st.integers(1, 20_000)


def needs(new: list[Acceptance], before: list[Acceptance] | None = None) -> bool:
    return bool(over_limit(new, before or [], LIMITS, at=NOW))


@pytest.mark.parametrize(
    ("amount", "second"),
    [
        ("100.00 CAD", False),
        ("100.01 CAD", True),
        ("0.00 USD", False),
        ("0.01 USD", True),
        ("0.01 EUR", True),
        ("0.00 EUR", True),
    ],
)
def test_up_to_the_limit_one_person_may_and_without_a_limit_nobody(amount: str, second: bool) -> None:
    assert needs([worth(amount)]) is second


@pytest.mark.parametrize(
    ("before", "second"),
    [
        (worth("60.00 CAD", "A-0"), True),
        (worth("59.99 CAD", "A-0"), False),
        (worth("60.00 CAD", "A-0", author=" ADA"), True),
        (worth("60.00 CAD", "A-0", author="grace"), False),
        (worth("60.00 CAD", "A-0", customer="u2"), False),
        (worth("60.00 USD", "A-0"), False),
        (worth("60.00 CAD", "A-0", needs_approval=True), True),
        (worth("60.00 CAD", "A-0", needs_approval=True, approval=Signature(person="grace", at=NOW)), True),
        (worth("60.00 CAD", "A-0", expires_on=date(2026, 6, 1), made_at=NOW - timedelta(days=9)), True),
        (replace(worth("60.00 CAD", "A-0"), withdrawal=Signature(person="ada", at=NOW)), False),
        (worth("60.00 CAD", "A-0", made_at=NOW - WINDOW + timedelta(microseconds=1)), True),
        (worth("60.00 CAD", "A-0", made_at=NOW - WINDOW), False),
        (worth("60.00 CAD", "A-0", made_at=NOW + timedelta(hours=1)), True),
    ],
)
def test_what_was_signed_before_counts(before: Acceptance, second: bool) -> None:
    assert needs([worth("40.01 CAD")], [before]) is second


def test_it_says_of_whom_how_much_and_the_limit() -> None:
    two = [worth("60.00 CAD"), worth("41.00 CAD", "A-2"), worth("1.00 EUR", "A-3", customer="u2")]
    assert [str(one) for one in over_limit(two, [], LIMITS, at=NOW)] == [
        "101.00 CAD of customer u1 within 30 days, above the limit of 100.00 CAD",
        "1.00 EUR of customer u2 within 30 days, and EUR has no limit",
    ]
    (zero,) = over_limit([worth("0.01 USD")], [], LIMITS, at=NOW)
    assert str(zero).endswith("above the limit of 0.00 USD")


@given(st.lists(CENTS, min_size=1, max_size=8), st.data())
def test_no_split_goes_around_the_limit(cents: list[int], data: st.DataObject) -> None:
    parts = [worth(f"{Decimal(each).scaleb(-2)} CAD", f"A-{n}") for n, each in enumerate(cents)]
    is_over = sum(cents) > 10_000
    assert needs(parts) is is_over
    # One after the other, in any order: whoever reaches the limit last needs a second person.
    one_by_one = data.draw(st.permutations(parts))
    assert any(needs([one], one_by_one[:n]) for n, one in enumerate(one_by_one)) is is_over
    assert needs([one_by_one[-1]], one_by_one[:-1]) is is_over


@given(st.lists(CENTS, min_size=1, max_size=6), st.lists(CENTS, min_size=1, max_size=6))
def test_another_customers_and_another_persons_amounts_change_nothing(mine: list[int], others: list[int]) -> None:
    new = [worth(f"{Decimal(each).scaleb(-2)} CAD", f"A-{n}") for n, each in enumerate(mine)]
    of_others = [worth(f"{Decimal(each).scaleb(-2)} CAD", f"B-{n}", customer="u2") for n, each in enumerate(others)]
    by_others = [worth(f"{Decimal(each).scaleb(-2)} CAD", f"C-{n}", author="grace") for n, each in enumerate(others)]
    assert needs(new, [*of_others, *by_others]) is needs(new)


@pytest.mark.parametrize(
    ("kind", "expires", "sum_"),
    [
        (Kind.ROW, "2027-06-01", "9.14"),
        (Kind.STANDING, "2026-06-01", "9.14"),
        (Kind.STANDING, "2026-06-02", "18.28"),
        (Kind.STANDING, "2027-01-01", "73.12"),
        (Kind.STANDING, "2027-05-02", "118.82"),
        (Kind.STANDING, "2026-03-01", "9.14"),
    ],
)
def test_a_standing_one_counts_every_month_that_it_may_come_to(kind: Kind, expires: str, sum_: str) -> None:
    assert exposure(money("9.14 CAD"), kind, "2026-05", date.fromisoformat(expires)) == money(f"{sum_} CAD")
