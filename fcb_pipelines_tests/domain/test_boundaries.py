"""Boundaries: where the source ends Odoo begins, without a gap and without an overlap, and never on nobody's word."""

from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.boundaries import (
    DOUBTFUL,
    ENDED,
    GAP,
    WITHIN_RANGE,
    Boundary,
    Settled,
    Signed,
    billed_on,
    boundary,
)
from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.conventions import Billed, Conventions, Families, Family, Months
from fcb_pipelines.domain.flip_plans import Proof
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.period import Period, period_of, periods
from fcb_pipelines.domain.plans import CPU_SECONDS, Interval
from fcb_pipelines.domain.source_bills import BilledRange, ChargeBills, Doubt
from fcb_pipelines.domain.terms import Terms
from fcb_pipelines_tests.builders import TORONTO, a_plan, a_subscription, day, evidence, the_terms
from fcb_pipelines_tests.domain.boundary_cases import JULY, PRICES, SCOPE, known


def billed(start: str, end: str, issued: str | None = None) -> ChargeBills:
    """One range that the source billed, in advance unless said otherwise."""
    last = BilledRange(
        service_from=day(start),
        service_to=day(end),
        line_key="i1/1",
        issued_at=day(issued or start),
        net=money("50 CAD"),
        is_shared=False,
    )
    return ChargeBills(ranges=(last,))


def free(*months: str) -> tuple[Settled, ...]:
    """Each month from the first to the last, as a reconciled month that says that nothing is due for it."""
    every = periods(Period(months[0], TORONTO), Period(months[-1], TORONTO))
    return tuple(Settled(service_from=one.start, service_to=one.end, reference="row") for one in every)


def flat(
    final_usage: Biller = Biller.SOURCE, *, not_before: Period = JULY, terms: Terms | None = None, **changes: Any
) -> Boundary:
    return boundary(known(FLAT, terms, **changes), not_before, final_usage)


def usage(final_usage: Biller = Biller.SOURCE, **changes: Any) -> Boundary:
    return boundary(known(CPU_SECONDS, **changes), JULY, final_usage)


def yearly(**changes: Any) -> Terms:
    one = a_subscription(interval=Interval.YEARLY, started_at=day("2026-01-10"), **changes)
    return the_terms(subscription=one, plan=a_plan(flat_prices=PRICES))


def told(found: Boundary) -> list[str]:
    return [note.partition(":")[0] for note in found.notes]


def test_a_year_that_is_paid_is_not_billed_again() -> None:
    """600 paid on 2026-01-10: a flip in July bills the next year, on 2027-01-10."""
    found = flat(terms=yearly(), bills=billed("2026-01-10", "2027-01-10"))
    assert (found.at, found.proof, found.reference) == (day("2027-01-10"), Proof.INVOICE_LINE, "i1/1")
    assert found.first is not None
    assert (found.first.service_from, found.first.due_at) == (day("2027-01-10"), day("2027-01-10"))
    assert found.first.exact == 600
    assert (found.notes, found.final_from) == ((), None)


def test_junes_overage_is_left_to_the_source_by_name() -> None:
    found = usage(bills=billed("2026-05-01", "2026-06-01", "2026-06-02"))
    assert (found.at, found.final_from, found.final_biller) == (day("2026-07-01"), day("2026-06-01"), Biller.SOURCE)
    assert (found.proof, found.reference, found.notes) == (Proof.INVOICE_LINE, "i1/1", ())
    assert found.first is not None
    assert (found.first.service_from, found.first.due_at) == (day("2026-07-01"), day("2026-08-01"))


def test_or_odoo_bills_junes_overage_from_where_the_last_bill_ends() -> None:
    found = usage(Biller.ODOO, bills=billed("2026-05-01", "2026-06-01", "2026-06-02"))
    assert (found.at, found.final_from, found.final_biller) == (day("2026-06-01"), None, Biller.ODOO)
    assert found.first is not None
    assert (found.first.service_from, found.first.due_at) == (day("2026-06-01"), day("2026-07-01"))


@given(final=st.sampled_from(list(Biller)), months=st.integers(0, 9))
def test_what_was_used_is_billed_by_one_and_never_by_nobody(final: Biller, months: int) -> None:
    """From the source's last bill on, every moment of a year has one biller."""
    last = period_of(day("2026-02-01"), TORONTO)
    for _ in range(months):
        last = last.next()
    found = usage(final, bills=billed("2026-01-01", last.start.date().isoformat()))
    parts = [(last.start, found.at)] if found.final_from is not None else []
    assert found.final_from in {None, last.start}
    assert found.at == (last.start if final is Biller.ODOO else max(last.start, JULY.start))
    assert found.first is not None
    billed_by_somebody = [*parts, (found.first.service_from, found.first.service_to)]
    assert billed_by_somebody[0][0] == last.start
    assert all(one[1] == following[0] for one, following in pairwise(billed_by_somebody))


@pytest.mark.parametrize(
    ("given_", "at", "proof", "notes"),
    [
        ({"bills": billed("2026-06-01", "2026-07-01")}, "2026-07-01", Proof.INVOICE_LINE, []),
        ({"bills": billed("2026-05-01", "2026-06-01")}, "2026-06-01", Proof.INVOICE_LINE, [GAP]),
        ({"bills": billed("2026-07-01", "2026-08-01")}, "2026-08-01", Proof.INVOICE_LINE, []),
        ({"signed": Signed(paid_through=JULY.start, attestation_id="T-1", made_at=SCOPE)}, "2026-07-01", Proof.SIGNED, []),
        (
            {
                "bills": billed("2026-07-01", "2026-08-01"),
                "signed": Signed(paid_through=JULY.start, attestation_id="T-1", made_at=SCOPE),
            },
            "2026-08-01",
            Proof.INVOICE_LINE,
            [],
        ),
        (
            {
                "bills": billed("2026-05-01", "2026-06-01"),
                "signed": Signed(paid_through=JULY.start, attestation_id="T-1", made_at=SCOPE),
            },
            "2026-07-01",
            Proof.SIGNED,
            [],
        ),
        ({"settled": free("2026-01", "2026-06")}, "2026-07-01", Proof.NOTHING_DUE, []),
        ({"settled": free("2026-02", "2026-06")}, "2026-01-01", Proof.BEGINNING, [GAP]),
        (
            {"bills": billed("2026-04-01", "2026-05-01"), "settled": free("2026-05", "2026-06")},
            "2026-07-01",
            Proof.NOTHING_DUE,
            [],
        ),
        ({"bills": billed("2026-04-01", "2026-05-01"), "settled": free("2026-06")}, "2026-05-01", Proof.INVOICE_LINE, [GAP]),
        ({}, "2026-01-01", Proof.BEGINNING, [GAP]),
        ({"in_scope_from": day("2026-03-01")}, "2026-07-01", Proof.UNPROVED, []),
        ({"in_scope_from": day("2026-03-01"), "source_word": day("2026-09-01")}, "2026-09-01", Proof.UNPROVED, []),
        ({"bills": billed("2026-06-01", "2026-06-21")}, "2026-06-21", Proof.INVOICE_LINE, [GAP, WITHIN_RANGE]),
        ({"bills": billed("2026-07-01", "2026-07-21")}, "2026-07-21", Proof.INVOICE_LINE, [WITHIN_RANGE]),
    ],
    ids=[
        "line",
        "gap",
        "ahead",
        "signed",
        "line later",
        "signed later",
        "not due",
        "not due later",
        "then not due",
        "then due",
        "never",
        "unseen",
        "word",
        "gap in",
        "in",
    ],
)
def test_how_a_boundary_in_advance_is_known(given_: dict[str, Any], at: str, proof: Proof, notes: list[str]) -> None:
    found = flat(**given_)
    assert (found.at, found.proof, told(found)) == (day(at), proof, notes)
    assert found.reference == {Proof.INVOICE_LINE: "i1/1", Proof.SIGNED: "T-1", Proof.NOTHING_DUE: "row"}.get(proof, "")


@pytest.mark.parametrize(
    ("started", "at", "proof"),
    [("2026-07-01", "2026-07-01", Proof.BEGINNING), ("2026-07-20", "2026-07-20", Proof.BEGINNING)],
)
def test_what_begins_with_odoo_begins_at_its_beginning(started: str, at: str, proof: Proof) -> None:
    terms = the_terms(subscription=a_subscription(started_at=day(started) + timedelta(hours=9)))
    for found in (flat(terms=terms), usage(terms=terms), usage(Biller.ODOO, terms=terms)):
        assert (found.at, found.proof, found.notes, found.final_from) == (day(at), proof, (), None)
        assert found.first is not None
        assert found.first.service_from == day(at)


def test_a_trial_is_no_gap_and_ends_where_something_is_due() -> None:
    trial = evidence("trial", "s1", valid_from=day("2026-05-20"), valid_to=day("2026-07-10"))
    terms = the_terms(subscription=a_subscription(started_at=day("2026-05-20")), evidence=(trial,))
    found = flat(terms=terms)
    assert (found.at, found.proof, found.notes) == (day("2026-07-01"), Proof.NOTHING_DUE, ())
    later = flat(terms=terms, not_before=Period("2026-09", TORONTO))
    assert (later.at, told(later)) == (day("2026-08-01"), [GAP])


@pytest.mark.parametrize("charge", [FLAT, CPU_SECONDS])
@pytest.mark.parametrize("final", list(Biller))
def test_a_line_that_may_have_billed_more_leaves_it_unproved(charge: str, final: Biller) -> None:
    doubt = Doubt(line_key="i9/0", issued_at=day("2026-07-03"), service_to=None, words="line i9/0 has no service range")
    bills = ChargeBills(ranges=billed("2026-06-01", "2026-07-01").ranges, doubts=(doubt,))
    found = boundary(known(charge, bills=bills), JULY, final)
    assert (found.at, found.proof, found.reference) == (day("2026-07-01"), Proof.UNPROVED, "")
    assert found.notes == (f"{DOUBTFUL}: line i9/0 has no service range",)
    for made_at, proof in ((day("2026-07-02"), Proof.UNPROVED), (day("2026-07-04"), Proof.SIGNED)):
        signed = Signed(paid_through=day("2026-08-01"), attestation_id="T-1", made_at=made_at)
        assert boundary(known(charge, bills=bills, signed=signed), JULY, final).proof is proof


def test_who_signed_knew_what_had_come_by_then() -> None:
    """A line for several, of a range that ends later, that was there when it was signed is not for this one."""
    doubt = Doubt(line_key="i9/1", issued_at=day("2026-06-20"), service_to=day("2026-09-01"), words="line i9/1 names nobody")
    bills = ChargeBills(doubts=(doubt,))
    for made_at, proof in ((day("2026-06-19"), Proof.UNPROVED), (day("2026-06-21"), Proof.SIGNED)):
        signed = Signed(paid_through=JULY.start, attestation_id="T-1", made_at=made_at)
        assert flat(bills=bills, signed=signed).proof is proof


def test_what_nothing_is_due_for_reaches_back_no_further_than_to_what_is_open() -> None:
    """May is due and was billed by nobody: that nothing is due for June bills no May."""
    found = usage(bills=billed("2026-04-01", "2026-05-01"), settled=free("2026-06"))
    assert (found.at, found.final_from, found.proof) == (JULY.start, day("2026-05-01"), Proof.INVOICE_LINE)
    signed = Signed(paid_through=day("2026-06-01"), attestation_id="T-1", made_at=SCOPE)
    said = usage(bills=billed("2026-04-01", "2026-05-01"), settled=free("2026-06"), signed=signed)
    assert (said.at, said.final_from, said.proof) == (JULY.start, None, Proof.NOTHING_DUE)


@pytest.mark.parametrize(
    ("first", "at", "proof"),
    [("2026-03", "2026-07-01", Proof.NOTHING_DUE), ("2026-04", "2026-07-01", Proof.UNPROVED)],
    ids=["from where our sight begins", "a month later"],
)
def test_of_what_began_before_our_sight_every_month_within_it_counts(first: str, at: str, proof: Proof) -> None:
    found = usage(settled=free(first, "2026-06"), in_scope_from=day("2026-03-01"))
    assert (found.at, found.proof) == (day(at), proof)


def test_where_no_range_of_ours_lies_nothing_is_open() -> None:
    """It came to a metered plan in June: of the time before there is nothing to bill."""
    ranges = known(CPU_SECONDS).ranges
    found = usage(ranges=lambda month: ranges(month) if month.key >= "2026-06" else [], settled=free("2026-06"))
    assert (found.at, found.final_from, found.proof) == (JULY.start, None, Proof.NOTHING_DUE)


LEFT = day("2026-05-01")
"""From when on usage was left to the source."""


@pytest.mark.parametrize(
    ("given_", "to", "reference"),
    [
        ({}, "2026-05-01", ""),
        ({"bills": billed("2026-04-01", "2026-05-01")}, "2026-05-01", ""),
        ({"bills": billed("2026-05-01", "2026-06-01")}, "2026-06-01", "i1/1"),
        ({"bills": billed("2026-05-01", "2026-06-01"), "settled": free("2026-06")}, "2026-07-01", "row"),
        ({"bills": billed("2026-06-01", "2026-07-01"), "settled": free("2026-05")}, "2026-07-01", "i1/1"),
        ({"bills": billed("2026-06-01", "2026-07-01")}, "2026-05-01", ""),
        ({"bills": billed("2026-04-01", "2026-05-15"), "settled": free("2026-06")}, "2026-05-15", "i1/1"),
        ({"settled": free("2026-06")}, "2026-05-01", ""),
        ({"settled": free("2026-05", "2026-06")}, "2026-07-01", "row"),
        ({"signed": Signed(paid_through=JULY.start, attestation_id="T-1", made_at=SCOPE)}, "2026-07-01", "T-1"),
        (
            {
                "bills": billed("2026-06-01", "2026-07-01"),
                "signed": Signed(paid_through=day("2026-06-01"), attestation_id="T-1", made_at=SCOPE),
            },
            "2026-07-01",
            "i1/1",
        ),
    ],
    ids=["nothing", "before", "billed", "then free", "first free", "later", "in part", "free later", "free", "signed", "both"],
)
def test_what_was_left_to_the_source_is_billed_as_far_as_nothing_is_open(
    given_: dict[str, Any], to: str, reference: str
) -> None:
    assert billed_on(known(CPU_SECONDS, **given_), LEFT, TORONTO) == (day(to), reference)


def test_what_may_have_been_billed_otherwise_is_not_known_to_be_billed() -> None:
    doubt = Doubt(line_key="i9/0", issued_at=day("2026-07-03"), service_to=None, words="line i9/0 has no service range")
    bills = ChargeBills(ranges=billed("2026-05-01", "2026-06-01").ranges, doubts=(doubt,))
    assert billed_on(known(CPU_SECONDS, bills=bills), LEFT, TORONTO) is None


@given(every=st.lists(st.sampled_from(["billed", "free", "open"]), min_size=1, max_size=8))
def test_it_is_billed_up_to_the_first_month_that_is_open(every: list[str]) -> None:
    months = list(periods(period_of(LEFT, TORONTO), Period("2026-12", TORONTO)))[: len(every)]
    of = {word: [one for one, each in zip(months, every, strict=True) if each == word] for word in ("billed", "free", "open")}
    ranges = [billed(str(one.start.date()), str(one.end.date())).ranges[0] for one in of["billed"]]
    settled = tuple(Settled(service_from=one.start, service_to=one.end, reference="row") for one in of["free"])
    found = billed_on(known(CPU_SECONDS, bills=ChargeBills(ranges=tuple(ranges)), settled=settled), LEFT, TORONTO)
    assert found is not None
    assert found[0] == (of["open"][0].start if of["open"] else months[-1].end)


def test_what_ended_has_no_range_left() -> None:
    terms = the_terms(subscription=a_subscription(ended_at=day("2026-07-01")))
    found = flat(terms=terms, bills=billed("2026-06-01", "2026-07-01"))
    assert (found.first, told(found)) == (None, [ENDED])


def test_a_flat_price_in_arrears_is_left_to_the_source_up_to_a_range_of_its_own() -> None:
    families = Families(service=Family(conventions=Conventions(billed=Billed.IN_ARREARS, months=Months.ANCHORED)))
    terms = the_terms(subscription=a_subscription(started_at=day("2026-01-10")), families=families)
    found = flat(terms=terms, is_in_arrears=True, bills=billed("2026-04-10", "2026-05-10"))
    assert (found.at, found.final_from) == (day("2026-07-10"), day("2026-05-10"))
    assert found.first is not None
    assert (found.first.service_from, found.first.due_at) == (day("2026-07-10"), day("2026-08-10"))
    by_odoo = flat(Biller.ODOO, terms=terms, is_in_arrears=True, bills=billed("2026-04-10", "2026-05-10"))
    assert (by_odoo.at, by_odoo.final_from) == (day("2026-05-10"), None)


def test_the_moment_of_a_boundary_is_one_whatever_the_zone_it_is_told_in() -> None:
    utc = partial(datetime.astimezone, tz=None)
    found = flat(bills=ChargeBills(ranges=tuple(_moved(one, utc) for one in billed("2026-06-01", "2026-07-01").ranges)))
    assert (found.at, found.notes) == (JULY.start, ())


def _moved(one: BilledRange, to: Any) -> BilledRange:
    return BilledRange(
        service_from=to(one.service_from),
        service_to=to(one.service_to),
        line_key=one.line_key,
        issued_at=one.issued_at,
        net=one.net,
        is_shared=False,
    )
