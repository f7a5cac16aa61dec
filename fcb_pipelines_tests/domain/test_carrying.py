"""Which lines are carried: money is never on two drafts, and held back only where it could be."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.actual import DATED_BY_ISSUE, ActualLine
from fcb_pipelines.domain.carrying import Ours, Standing, is_billed, judged
from fcb_pipelines.domain.expected import UNRATED, ExpectedLine
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.plans import CPU_SECONDS
from fcb_pipelines_tests.builders import APRIL, actual, day, expected

CARRIED, REPRESENTED, HELD_BACK = Standing
OTHERS = tuple(
    kind for kind in LineKind if kind not in {LineKind.ONE_OFF, LineKind.ADD_ON, LineKind.PLAN, LineKind.OVERAGE, LineKind.TAX}
)
"""Kinds that say neither a charge of ours nor that it is none."""

DUE = expected("50")
FREE = expected("0", is_due=False)
UNKNOWN = expected(None, is_due=True)
NOT_TAXED = expected("50", tax=None)
USAGE = expected("3", charge=CPU_SECONDS)
NO_USAGE = expected("0", charge=CPU_SECONDS, is_due=False)
UNRATED_LINE = expected(None, charge=UNRATED, is_due=True)
MAY, MARCH = APRIL.next(), APRIL.previous()


def of(month: Any, charge: ExpectedLine) -> ExpectedLine:
    """The same charge in another month."""
    return replace(charge, service_from=month.start, service_to=month.end)


YEAR = replace(DUE, service_from=day("2026-01-01"), service_to=day("2027-01-01"))


def line(kind: LineKind = LineKind.PLAN, *, net: str = "50", is_dated: bool = True, **changes: Any) -> ActualLine:
    """A line of s1 of April, by its own range or by its issue."""
    given_: dict[str, Any] = {"kind": kind, "charge": {LineKind.PLAN: "flat", LineKind.OVERAGE: CPU_SECONDS}.get(kind)}
    if not is_dated:
        given_ |= {"service_from": None, "service_to": None, "notes": (DATED_BY_ISSUE,)}
    return actual(net, **given_ | changes)


def of_nobody(kind: LineKind, *, is_dated: bool = True) -> ActualLine:
    return line(kind, is_dated=is_dated, external_subscription_id=None)


def standing(found: ActualLine, *ours: ExpectedLine) -> Standing:
    return judged(found, Ours(APRIL, ours)).standing


PLAN, OVERAGE, PRORATION = LineKind.PLAN, LineKind.OVERAGE, LineKind.PRORATION


@pytest.mark.parametrize(
    ("found", "ours", "where"),
    [
        # No charge of ours bills these.
        (line(LineKind.ONE_OFF), [DUE, USAGE], CARRIED),
        (line(LineKind.ADD_ON, is_dated=False), [DUE, UNRATED_LINE], CARRIED),
        # The charge itself: what our draft bills, or will once its amount is known.
        (line(), [DUE], REPRESENTED),
        (line(external_invoice_id="second claim"), [DUE], REPRESENTED),
        (line(service_to=day("2026-04-15")), [DUE], REPRESENTED),
        (line(), [UNKNOWN], REPRESENTED),
        (line(), [replace(UNKNOWN, is_due=False)], REPRESENTED),
        (line(), [NOT_TAXED], REPRESENTED),
        (line(OVERAGE), [USAGE, DUE], REPRESENTED),
        (line(), [UNRATED_LINE], REPRESENTED),
        (line(OVERAGE), [UNRATED_LINE], REPRESENTED),
        # It exists and nothing is due for it, so that no draft of ours has it: a trial, a free plan, an internal account.
        (line(), [FREE], CARRIED),
        (line(), [FREE, USAGE], CARRIED),
        (line(), [replace(FREE, tax=None)], CARRIED),
        (line(OVERAGE), [DUE, NO_USAGE], CARRIED),
        # Without its charge in the month it may be another of the same subscription.
        (line(), [USAGE], HELD_BACK),
        (line(OVERAGE), [DUE], HELD_BACK),
        (line(), [NO_USAGE], CARRIED),
        (line(), [], CARRIED),
        # A yearly price that is billed in instalments.
        (line(), [YEAR], HELD_BACK),
        (line(), [YEAR, NO_USAGE], HELD_BACK),
        (line(), [replace(YEAR, is_due=False)], CARRIED),
        (line(), [replace(YEAR, service_to=APRIL.start)], CARRIED),
        # Dated by issue it may be of a neighbouring month, whatever of its own is not due here.
        (line(is_dated=False), [of(MAY, DUE)], HELD_BACK),
        (line(is_dated=False), [of(MARCH, UNRATED_LINE)], HELD_BACK),
        (line(is_dated=False), [FREE, of(MARCH, DUE)], HELD_BACK),
        (line(OVERAGE, is_dated=False), [NO_USAGE, of(MARCH, USAGE)], HELD_BACK),
        (line(OVERAGE, is_dated=False), [NO_USAGE, of(MARCH, DUE)], CARRIED),
        (line(is_dated=False), [of(MAY, FREE)], CARRIED),
        (line(is_dated=False), [DUE, of(MAY, DUE)], REPRESENTED),
        (line(), [of(MAY, DUE), of(MARCH, DUE)], CARRIED),
        # Another subscription raises no doubt; none may be any of the customer's, but a header alone is carried as it is.
        (line(external_subscription_id="s2"), [DUE], CARRIED),
        (of_nobody(PLAN), [DUE], HELD_BACK),
        (of_nobody(PLAN), [USAGE], CARRIED),
        (of_nobody(OVERAGE), [UNRATED_LINE], HELD_BACK),
        (of_nobody(PRORATION), [DUE], HELD_BACK),
        (of_nobody(PLAN, is_dated=False), [of(MAY, DUE)], HELD_BACK),
        (of_nobody(PLAN), [replace(DUE, external_user_id="u2")], CARRIED),
        (of_nobody(LineKind.BALANCING, is_dated=False), [DUE, UNRATED_LINE], CARRIED),
        (of_nobody(LineKind.CREDIT), [USAGE], HELD_BACK),
        (of_nobody(LineKind.DISCOUNT), [FREE], CARRIED),
        (of_nobody(LineKind.UNKNOWN), [DUE], HELD_BACK),
        (replace(of_nobody(LineKind.UNKNOWN), ordinal=-1), [DUE], CARRIED),
    ],
)
def test_where_a_line_is(found: ActualLine, ours: list[ExpectedLine], where: Standing) -> None:
    assert standing(found, *ours) is where


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize(
    ("ours", "where"),
    [
        ([], CARRIED),
        ([FREE, NO_USAGE], CARRIED),
        ([FREE, USAGE], HELD_BACK),
        ([DUE], HELD_BACK),
        ([UNKNOWN], HELD_BACK),
        ([UNRATED_LINE], HELD_BACK),
        ([YEAR], HELD_BACK),
        ([of(MAY, DUE)], CARRIED),
    ],
)
def test_what_says_no_charge_may_be_any_of_its_subscription(kind: LineKind, ours: list[ExpectedLine], where: Standing) -> None:
    assert standing(line(kind), *ours) is where
    assert standing(line(kind, external_subscription_id="s2"), *ours) is CARRIED


@pytest.mark.parametrize("kind", OTHERS)
def test_what_says_no_month_either_may_be_of_the_next_one(kind: LineKind) -> None:
    assert standing(line(kind, is_dated=False), of(MAY, USAGE)) is HELD_BACK


@pytest.mark.parametrize(
    ("found", "ours", "reason"),
    [
        (
            line(LineKind.CREDIT),
            [of(MAY, DUE), USAGE, DUE],
            "its credit line of 56.50 CAD may be the flat price of s1 that our draft of 2026-04 bills: decide the row in the "
            "reconciliation first",
        ),
        (line(), [USAGE], "may be the cpu_seconds of s1 that our draft of 2026-04 bills"),
        (line(), [YEAR], "may be the flat price of s1 that our draft of 2026-01 bills"),
        (
            of_nobody(PLAN),
            [DUE],
            "may be the flat price of s1, or of another subscription, as the invoice names none, that our",
        ),
        (line(is_dated=False), [of(MAY, UNRATED_LINE)], "may be a charge, of unknown amount, of s1 that our draft of 2026-05"),
    ],
)
def test_what_is_held_back_says_why(found: ActualLine, ours: list[ExpectedLine], reason: str) -> None:
    ours = [replace(each, line_key=f"s1/{each.charge}/{each.service_from:%Y-%m}") for each in reversed(ours)]
    assert reason in judged(found, Ours(APRIL, ours)).reason
    assert judged(line(), Ours(APRIL, [DUE])).reason == ""


@pytest.mark.parametrize(
    ("found", "is_money"),
    [
        (line(), True),
        (line(counts=False), False),
        (line(net="0"), False),
        (line(net="0", tax=money("1.30 CAD")), True),
    ],
)
def test_only_billed_money_is_looked_at(found: ActualLine, is_money: bool) -> None:
    assert is_billed(found) is is_money


charges = st.lists(st.sampled_from([DUE, FREE, UNKNOWN, USAGE, NO_USAGE, UNRATED_LINE, YEAR, of(MAY, DUE), of(MARCH, USAGE)]))


@given(st.sampled_from(LineKind), st.booleans(), charges)
def test_nothing_is_carried_that_a_draft_of_the_month_may_bill(
    kind: LineKind, is_dated: bool, ours: list[ExpectedLine]
) -> None:
    found = line(kind, is_dated=is_dated)
    billed = {each.charge for each in ours if each.service_from in APRIL and each.is_due}
    if standing(found, *ours) is CARRIED and kind not in {LineKind.ONE_OFF, LineKind.ADD_ON}:
        has_own = found.charge is not None and found.charge in {each.charge for each in ours if each.service_from in APRIL}
        assert not billed or (has_own and not billed & {found.charge, UNRATED})
