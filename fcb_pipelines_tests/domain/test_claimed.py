"""What Odoo claims: the source has nothing to bill for it, and what it bills all the same is never explained."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.case import Records
from fcb_pipelines.domain.claimed import apart, as_record, claims_of
from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.reconciliation import RowOwner, reconcile
from fcb_pipelines.domain.rows import Remedy, Row, Status, Verdict
from fcb_pipelines_tests.builders import APRIL, NOW, a_month, actual, day, expected

S1 = RowOwner(external_subscription_id="s1", external_user_id="u1", currency="CAD")


def claim(
    start: datetime = APRIL.start, end: datetime = APRIL.end, biller: Biller = Biller.ODOO, charge: str = "flat"
) -> Claim:
    return Claim(
        external_subscription_id="s1", charge=charge, service_from=start, service_to=end, biller=biller, reference="F-1"
    )


def records(*claims: Claim) -> Records:
    return Records([as_record(one, number) for number, one in enumerate(claims, start=7)])


def row(*billed: ActualLine, claims: Records) -> Row:
    month = a_month(as_of=NOW, records=claims)
    (only,) = reconcile("demo/2026-04", [S1], [expected("50")], billed, month)
    return only


def test_what_odoo_claims_and_the_source_does_not_bill_is_explained() -> None:
    found = row(claims=records(claim()))
    (one,) = found.instances
    assert (found.status, found.verdict, one.explanation.remedy) == (Status.ONLY_EXPECTED, Verdict.EXPLAINED, Remedy.NONE)
    (finding,) = one.explanation.findings
    assert (finding.cause, finding.references) == ("billed_by_odoo", ("claim/7",))
    assert found.sentence == "Not billed, 50.00 CAD expected (flat): Odoo bills it since its flip (F-1)."


@pytest.mark.parametrize("amount", ["50", "49.99", "0.01"])
def test_what_the_source_bills_of_it_is_double_billed_and_never_explained(amount: str) -> None:
    """Also where it is the very amount that we expect: the instance that it seems to be for is Odoo's."""
    found = row(actual(amount), claims=records(claim()))
    ours, theirs = found.instances
    assert (found.verdict, ours.verdict, theirs.verdict) == (Verdict.UNEXPLAINED, Verdict.EXPLAINED, Verdict.UNEXPLAINED)
    (finding,) = theirs.explanation.findings
    assert (finding.cause, theirs.explanation.remedy) == ("double_billed", Remedy.FIX_SOURCE)
    assert finding.references == ("i1/1", "claim/7")
    assert found.abs_difference == money("50 CAD") + money(f"{amount} CAD")


HALF = day("2026-04-15")


@pytest.mark.parametrize(
    ("claims", "verdict"),
    [
        ([claim(biller=Biller.SOURCE)], Verdict.MATCH),
        ([claim(charge="cpu_seconds")], Verdict.MATCH),
        ([claim(APRIL.end, day("2026-05-01") + timedelta(days=31))], Verdict.MATCH),
        ([claim(HALF, APRIL.end)], Verdict.UNEXPLAINED),
        ([claim(APRIL.start, HALF), claim(HALF, APRIL.end)], Verdict.UNEXPLAINED),
    ],
)
def test_only_odoos_claim_on_that_charge_and_time_says_anything(claims: list[Claim], verdict: Verdict) -> None:
    assert row(actual("50"), claims=records(*claims)).verdict is verdict


@pytest.mark.parametrize(
    ("claims", "explained"),
    [
        ([], False),
        ([claim(HALF, APRIL.end)], False),
        ([claim(APRIL.start, HALF)], False),
        ([claim(APRIL.start, HALF), claim(HALF + timedelta(days=1), APRIL.end)], False),
        ([claim(APRIL.start, HALF), claim(HALF, APRIL.end)], True),
        ([claim(APRIL.start - timedelta(days=30), APRIL.end + timedelta(days=30))], True),
        ([claim(biller=Biller.SOURCE)], False),
    ],
)
def test_a_claim_on_a_part_explains_nothing(claims: list[Claim], *, explained: bool) -> None:
    assert (row(claims=records(*claims)).verdict is Verdict.EXPLAINED) is explained
    assert bool(claims_of(records(*claims), expected("50"))) is explained


@pytest.mark.parametrize(
    "line",
    [
        actual("-50", kind=LineKind.CREDIT),
        actual("50", service_from=None, service_to=None),
        actual("50", external_subscription_id="s2"),
        actual("5", charge=None, kind=LineKind.ONE_OFF),
    ],
)
def test_what_gives_back_or_bills_something_else_is_no_second_bill(line: ActualLine) -> None:
    assert apart([expected("50")], [line], records(claim())).doubled == ()


def test_nothing_due_stays_nothing_due_whoever_bills_it() -> None:
    month = a_month(as_of=NOW, records=records(claim()))
    (found,) = reconcile("demo/2026-04", [S1], [expected("0")], [], month)
    assert found.verdict is Verdict.NOTHING_DUE


DAYS = st.integers(-5, 35)


@given(spans=st.lists(st.tuples(DAYS, DAYS, st.sampled_from(Biller)), max_size=5), is_billed=st.booleans())
def test_every_line_and_instance_is_in_one_place(spans: list[tuple[int, int, Biller]], *, is_billed: bool) -> None:
    claims = [
        claim(APRIL.start + timedelta(days=first), APRIL.start + timedelta(days=end), biller)
        for first, end, biller in spans
        if first < end
    ]
    told = apart([expected("50")], [actual("50")] * is_billed, records(*claims))
    assert len(told.expected) + len(told.claimed) == 1
    assert len(told.lines) + len(told.doubled) == is_billed
    assert not (told.claimed and told.lines), "what Odoo claims as a whole no line of the source can pay for"
