from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.adjustments import BilledUsage, LateUsage, adjustment, of_terms
from fcb_pipelines.domain.expected import RatedLine, usage_lines
from fcb_pipelines.domain.instances import IN_TRIAL, TERM_UNKNOWN
from fcb_pipelines.domain.money import rounded
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.quotas import NOTHING_USED, cpu
from fcb_pipelines.domain.terms import Terms
from fcb_pipelines_tests.builders import TORONTO, a_subscription, day, evidence, the_terms

MARCH, MAY = Period("2026-03", TORONTO), Period("2026-05", TORONTO)
quantities = st.decimals(0, 10**9, places=6)


def rated(terms: Terms) -> Callable[[Decimal], RatedLine | None]:
    return of_terms(terms, MARCH, terms.plan.metered[0], NOTHING_USED)


def march(terms: Terms, used: Decimal) -> RatedLine | None:
    return next(usage_lines(terms, MARCH, cpu(used)), None)


def late(old: str, new: str) -> LateUsage:
    return LateUsage(
        of_period="2026-03",
        external_subscription_id="s1",
        metric="cpu_seconds",
        old_quantity=Decimal(old),
        new_quantity=Decimal(new),
        old_events=1,
        new_events=2,
    )


@pytest.mark.parametrize(
    ("old", "new", "nets", "between"),
    [
        # 3,600 s are included, a core-hour costs 0.0075: 100 core-hours more are 0.75.
        ("0", "363600", ("0.00", "0.75"), "0.75"),
        ("363600", "0", ("0.75", "0.00"), "-0.75"),
        ("363600", "723600", ("0.75", "1.50"), "0.75"),
        # Not priced alone: what lies within the quota costs nothing.
        ("0", "3600", ("0.00", "0.00"), "0.00"),
        ("3000", "6000", ("0.00", "0.01"), "0.01"),
        # 0.0045 → 0.00 and 0.0090 → 0.01: each bill is rounded, not the 0.0045 that lie between them.
        ("5760", "7920", ("0.00", "0.01"), "0.01"),
    ],
)
def test_both_sides_are_rated_and_rounded_as_bills(old: str, new: str, nets: tuple[str, str], between: str) -> None:
    found = adjustment(rated(the_terms()), late(old, new), MAY)
    assert found.old_net is not None
    assert found.new_net is not None
    assert (str(found.old_net.amount), str(found.new_net.amount)) == nets
    assert found.line.exact == Fraction(between)
    assert found.line.is_due == (Decimal(between) != 0)


def test_the_line_is_of_its_month_and_of_its_bill() -> None:
    line = adjustment(rated(the_terms()), late("10", "20.5"), MAY).line
    plain = march(the_terms(), Decimal(0))
    assert plain is not None
    assert (line.service_from, line.service_to, line.due_at) == (plain.service_from, plain.service_to, plain.due_at)
    assert line.line_key == f"{plain.line_key}/adjusted-in-2026-05"
    assert (line.adjusts, line.quantity, line.charge) == ("2026-03", Decimal("10.5"), "cpu_seconds")
    assert line.notes[0] == "late usage of 2026-03: 10 → 20.5 cpu_seconds"


@given(st.lists(quantities, min_size=2, max_size=6))
def test_all_bills_together_are_what_one_would_have_been(told: list[Decimal]) -> None:
    first = march(the_terms(), told[0])
    last = march(the_terms(), told[-1])
    assert first is not None
    assert last is not None
    assert first.exact is not None
    assert last.exact is not None
    billed = Fraction(rounded(first.exact, "CAD").amount)
    for old, new in pairwise(told):
        exact = adjustment(rated(the_terms()), late(str(old), str(new)), MAY).line.exact
        assert exact is not None
        billed += exact
    assert billed == Fraction(rounded(last.exact, "CAD").amount)


def test_use_of_a_month_without_a_bill_is_adjusted_whole() -> None:
    ended = a_subscription(ended_at=day("2026-02-01"))
    found = adjustment(rated(the_terms(subscription=ended)), late("0", "363600"), MAY)
    assert found.old_net is not None
    assert (found.old_net.amount, found.line.exact) == (Decimal("0.00"), Fraction("0.75"))
    assert "usage_outside_life" in found.line.notes


def test_nothing_is_due_in_a_trial_whatever_comes_late() -> None:
    trial = (evidence("trial", "s1"),)
    found = adjustment(rated(the_terms(evidence=trial)), late("0", "363600"), MAY)
    assert (found.line.exact, found.line.is_due) == (Fraction(0), False)
    assert IN_TRIAL in found.line.notes


def test_without_terms_of_the_month_the_amount_is_unknown_and_due() -> None:
    found = adjustment(rated(the_terms(terms_from=None)), late("0", "363600"), MAY)
    assert (found.old_net, found.new_net, found.line.exact, found.line.is_due) == (None, None, None, True)
    assert TERM_UNKNOWN in found.line.notes


def test_nothing_is_known_of_a_bill_either_that_had_nothing_while_terms_are_unknown() -> None:
    ended = a_subscription(ended_at=day("2026-02-01"))
    found = adjustment(rated(the_terms(subscription=ended, terms_from=None)), late("0", "363600"), MAY)
    assert (found.old_net, found.new_net) == (None, None)


@given(quantities, quantities, quantities)
def test_what_was_billed_is_rated_as_it_was_billed(billed: Decimal, old: Decimal, new: Decimal) -> None:
    line = march(the_terms(), billed)
    assert line is not None
    by_bill = adjustment(BilledUsage(line=line, external_user_id="u1").line_of, late(str(old), str(new)), MAY)
    assert by_bill == adjustment(rated(the_terms()), late(str(old), str(new)), MAY)


def test_nothing_is_due_for_late_usage_of_a_bill_on_which_nothing_was() -> None:
    line = march(the_terms(evidence=(evidence("trial", "s1"),)), Decimal(0))
    assert line is not None
    found = adjustment(BilledUsage(line=line, external_user_id="u1").line_of, late("0", "363600"), MAY)
    assert (found.line.exact, found.line.is_due) == (Fraction(0), False)
