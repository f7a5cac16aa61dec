"""Claims: what can stand beside each other, and what cannot."""

from datetime import timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.claims import Biller, Claim, overlapping
from fcb_pipelines_tests.builders import day

START = day("2026-01-01")


def a_claim(first: int, end: int, *, charge: str = "flat", subscription: str = "s1", biller: Biller = Biller.SOURCE) -> Claim:
    return Claim(
        external_subscription_id=subscription,
        charge=charge,
        service_from=START + timedelta(days=first),
        service_to=START + timedelta(days=end),
        biller=biller,
        reference=f"{first}-{end}",
    )


@pytest.mark.parametrize(
    ("other", "is_overlapping"),
    [
        (a_claim(10, 20), True),
        (a_claim(10, 20, biller=Biller.ODOO), True),
        (a_claim(19, 30), True),
        (a_claim(12, 13), True),
        (a_claim(20, 30), False),
        (a_claim(0, 10), False),
        (a_claim(10, 20, charge="cpu_seconds"), False),
        (a_claim(10, 20, subscription="s2"), False),
    ],
)
def test_one_charge_has_one_biller_at_a_time(other: Claim, is_overlapping: bool) -> None:
    one = a_claim(10, 20)
    assert one.overlaps(other) is other.overlaps(one) is is_overlapping


@given(
    st.lists(
        st.builds(
            lambda first, length, charge: a_claim(first, first + length, charge=charge),
            st.integers(0, 40),
            st.integers(1, 9),
            st.sampled_from(["flat", "cpu_seconds"]),
        ),
        max_size=8,
    )
)
def test_claims_overlap_if_any_two_neighbours_do(claims: list[Claim]) -> None:
    assert bool(list(overlapping(claims))) is any(one.overlaps(other) for one, other in combinations(claims, 2))
