"""What counts as billed, which month a line belongs to, and how tax and balancing lines close an invoice."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.actual import (
    DATED_BY_ISSUE,
    EDITED_AFTER_ISSUE,
    STATUS_UNVERIFIED,
    TOTAL_MISMATCH,
    RuledTaxes,
    actual_lines,
    shared_tax,
)
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.invoices import Invoice, InvoiceStatus, LineKind
from fcb_pipelines.domain.money import Money, money, rounded, total
from fcb_pipelines.domain.paying import pays_for
from fcb_pipelines.domain.rows import Verdict
from fcb_pipelines_tests.builders import APRIL, TORONTO, a_line, an_invoice, day, evidence
from fcb_pipelines_tests.domain.explained import World, causes


def undecided(_: Invoice, __: Sequence[Money]) -> None:
    """No tax table."""


def ontario(_: Invoice, nets: Sequence[Money]) -> RuledTaxes:
    """13 % of each line, rounded by itself, and of all."""
    lines = [rounded(net.amount * Decimal("0.13"), net.currency) for net in nets]
    return RuledTaxes(lines=lines, total=rounded(total(nets, "CAD").amount * Decimal("0.13"), "CAD"))


CENTS = st.integers(-10_000_00, 10_000_00).map(lambda cents: Decimal(cents).scaleb(-2))


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        (InvoiceStatus.OPEN, True),
        (InvoiceStatus.PAID, True),
        (InvoiceStatus.PARTIALLY_PAID, True),
        (InvoiceStatus.UNCOLLECTIBLE, True),
        (InvoiceStatus.VOID, True),
        (InvoiceStatus.DRAFT, False),
        (InvoiceStatus.DELETED, False),
    ],
)
def test_which_invoices_count(status: InvoiceStatus, *, counts: bool) -> None:
    (line,) = actual_lines([an_invoice("50", a_line("50"), status=status)], [], {}, undecided)
    assert line.counts is counts
    assert (STATUS_UNVERIFIED in line.notes) == (status is InvoiceStatus.VOID)


@pytest.mark.parametrize(
    ("record", "is_confirmed"),
    [
        (evidence("void_confirmation", "i1", subject_kind="invoice"), True),
        (evidence("credit_note", "i9", subject_kind="invoice", data={"original_invoice": "i1"}), True),
        (evidence("reissue", "i9", subject_kind="invoice", data={"original_invoice": "i1"}), True),
        (evidence("credit_note", "i1", subject_kind="invoice", data={"original_invoice": "i0"}), False),
        (evidence("void_confirmation", "i1", subject_kind="subscription"), False),
        (evidence("discount", "i1", subject_kind="invoice"), False),
    ],
)
def test_a_void_counts_as_nothing_once_a_record_confirms_it(record: Evidence, *, is_confirmed: bool) -> None:
    invoice = an_invoice("50", a_line("50"), status=InvoiceStatus.VOID)
    assert [line.counts for line in actual_lines([invoice], [record], {}, undecided)] == [not is_confirmed]


REISSUE = evidence("reissue", "i2", subject_kind="invoice", data={"original_invoice": "i1"})
REVERSED = evidence("reissue", "i1", subject_kind="invoice", data={"original_invoice": "i2"})
CONFIRMED = evidence("void_confirmation", "i1", subject_kind="invoice")


@pytest.mark.parametrize(
    ("records", "statuses", "counting"),
    [
        ([REISSUE], ("open", "open"), ["i1", "i2"]),
        ([REISSUE], ("void", "open"), ["i2"]),
        ([REISSUE, CONFIRMED], ("open", "open"), ["i2"]),
        ([REISSUE, CONFIRMED], ("paid", "paid"), ["i2"]),
        ([CONFIRMED], ("open", "open"), ["i1", "i2"]),
        ([REISSUE, CONFIRMED], ("open", "draft"), ["i1"]),
        ([REISSUE, CONFIRMED], ("open", "void"), ["i1", "i2"]),
        (
            [REVERSED, replace(CONFIRMED, subject_id="i2")],
            ("open", "open"),
            ["i1", "i2"],
        ),
        (
            [REISSUE, CONFIRMED, replace(CONFIRMED, subject_id="i2"), REVERSED],
            ("open", "open"),
            ["i2"],
        ),
    ],
    ids=[
        "issued anew beside one that is open",
        "in the place of a void one",
        "confirmed",
        "confirmed of a paid one",
        "confirmed, and not issued anew",
        "issued anew as a draft",
        "issued anew and void itself",
        "the other one is issued anew",
        "each in the place of the other",
    ],
)
def test_of_a_chain_the_newest_counts_alone_once_it_is_confirmed(
    records: list[Evidence], statuses: tuple[str, str], counting: list[str]
) -> None:
    invoices = [
        an_invoice("50", a_line("50"), external_invoice_id=f"i{number}", status=InvoiceStatus(status))
        for number, status in enumerate(statuses, 1)
    ]
    lines = actual_lines(invoices, records, {}, undecided)
    assert [line.external_invoice_id for line in lines if line.counts] == counting


@pytest.mark.parametrize(
    ("records", "verdicts", "found"),
    [
        ([REISSUE], [Verdict.MATCH, Verdict.UNEXPLAINED], ["double_billed"]),
        ([REISSUE, CONFIRMED], [Verdict.MATCH], ["reissue"]),
    ],
)
def test_an_invoice_issued_anew_bills_twice_until_the_chain_is_confirmed(
    records: list[Evidence], verdicts: list[Verdict], found: list[str]
) -> None:
    invoices = [
        an_invoice(
            "50", a_line("50", service_from=APRIL.start, service_to=APRIL.end), external_invoice_id=key, issued_at=day(at)
        )
        for key, at in (("i1", "2026-04-01"), ("i2", "2026-04-09"))
    ]
    lines = actual_lines(invoices, records, {}, ontario)
    (row,) = World(evidence=records).rows(*(line for line in lines if line.counts))
    billed = [one for one in row.instances if one.actual is not None]
    assert ([one.verdict for one in billed], causes(billed[-1])) == (verdicts, found)


CREDIT = evidence("credit_note", "c1", subject_kind="invoice", data={"original_invoice": "i1", "subscription": "s1"})


@pytest.mark.parametrize(
    ("records", "given_back", "kind", "verdicts", "found"),
    [
        ([REISSUE, CREDIT], "-50", LineKind.CREDIT, [Verdict.EXPLAINED], ["credit_note", "reissue"]),
        ([REISSUE, CREDIT], "-50", LineKind.PLAN, [Verdict.EXPLAINED], ["credit_note", "reissue"]),
        ([REISSUE, CREDIT, CONFIRMED], "-50", LineKind.CREDIT, [Verdict.EXPLAINED], ["credit_note", "reissue"]),
        ([REISSUE, CREDIT], "-49.99", LineKind.CREDIT, [Verdict.UNEXPLAINED] * 2, ["double_billed"]),
        ([CREDIT], "-50", LineKind.CREDIT, [Verdict.UNEXPLAINED] * 2, ["double_billed"]),
    ],
    ids=["in full", "by a line of the plan", "and not owed either", "a cent less", "not issued anew"],
)
def test_an_invoice_that_was_given_back_in_full_and_issued_anew_bills_once(
    records: list[Evidence], given_back: str, kind: LineKind, verdicts: list[Verdict], found: list[str]
) -> None:
    span = {"service_from": APRIL.start, "service_to": APRIL.end}
    invoices = [
        an_invoice(net, a_line(net, of_kind, **span), external_invoice_id=key, issued_at=day(at))
        for key, at, net, of_kind in (
            ("i1", "2026-04-01", "50", LineKind.PLAN),
            ("c1", "2026-04-08", given_back, kind),
            ("i2", "2026-04-09", "50", LineKind.PLAN),
        )
    ]
    for in_order in (invoices, invoices[::-1]):
        lines = [line for line in actual_lines(in_order, records, {}, ontario) if line.counts]
        (row,) = World(evidence=records).rows(*lines, pays_for=pays_for(records, lines))
        billed = [one for one in row.instances if one.actual is not None]
        assert ([one.verdict for one in billed], sorted(causes(billed[-1]))) == (verdicts, found)
        assert total((line.net for line in lines), "CAD") == Money(100 + Decimal(given_back), "CAD"), (
            "the register has them all"
        )


def test_a_line_belongs_to_the_month_its_own_range_starts_in_whatever_its_issue_date() -> None:
    march = a_line("50", service_from=day("2026-03-01"), service_to=day("2026-04-01"))
    (line,) = actual_lines([an_invoice("50", march, issued_at=day("2026-05-03"))], [], {}, undecided)
    assert (line.period(TORONTO).key, DATED_BY_ISSUE in line.notes) == ("2026-03", False)


def test_a_line_without_a_range_goes_by_issue_date_and_says_so() -> None:
    (line,) = actual_lines([an_invoice("50", a_line("50"), issued_at=day("2026-05-03"))], [], {}, undecided)
    assert (line.period(TORONTO).key, DATED_BY_ISSUE in line.notes) == ("2026-05", True)


def test_only_plan_and_overage_lines_bill_a_charge() -> None:
    kinds = [LineKind.PLAN, LineKind.OVERAGE, LineKind.ADD_ON]
    lines = [a_line("1", kind, ordinal=number) for number, kind in enumerate(kinds, start=1)]
    assert [line.charge for line in actual_lines([an_invoice("3", *lines)], [], {}, undecided)] == [FLAT, "cpu_seconds", None]


@pytest.mark.parametrize(
    ("subtotal", "items", "balancing"),
    [("50", ["50"], None), ("50", [], "50"), ("50", ["49.99"], "0.01"), ("50", ["60", "-5"], "-5"), ("0", [], None)],
)
def test_a_balancing_line_closes_whatever_the_items_leave_open(subtotal: str, items: list[str], balancing: str | None) -> None:
    lines = [a_line(amount, ordinal=number) for number, amount in enumerate(items, start=1)]
    found = actual_lines([an_invoice(subtotal, *lines)], [], {}, undecided)
    closing = [line.net.amount for line in found if line.kind is LineKind.BALANCING]
    assert closing == ([Decimal(balancing)] if balancing else [])


@given(items=st.lists(CENTS, max_size=8), subtotal=CENTS, tax=CENTS)
def test_lines_always_sum_to_the_header(items: list[Decimal], subtotal: Decimal, tax: Decimal) -> None:
    lines = [a_line(str(amount), ordinal=number) for number, amount in enumerate(items, start=1)]
    found = actual_lines([an_invoice(str(subtotal), *lines, tax=tax)], [], {}, undecided)
    assert total((line.net for line in found), "CAD") == Money(subtotal, "CAD")
    if found or tax:
        assert total((line.tax for line in found), "CAD") == Money(tax, "CAD")


def test_tax_lines_are_tax_and_not_net() -> None:
    found = actual_lines([an_invoice("50", a_line("50"), a_line("6.50", LineKind.TAX, ordinal=2))], [], {}, undecided)
    assert [(line.kind, line.net, line.tax) for line in found] == [(LineKind.PLAN, money("50 CAD"), money("6.50 CAD"))]


def test_each_line_gets_its_rounded_share_of_the_tax() -> None:
    lines = (a_line("39.00"), a_line("11.46", ordinal=2))
    assert shared_tax(an_invoice("50.46", *lines), lines, None) == (money("5.07 CAD"), money("1.49 CAD"))


def test_tax_that_was_made_line_by_line_is_shared_that_way() -> None:
    nets = ("61.73", "65.27", "71.62")
    lines = tuple(a_line(net, ordinal=number) for number, net in enumerate(nets, start=1))
    invoice = an_invoice("198.62", *lines, tax=Decimal("25.82"))
    ruled = ontario(invoice, [Money(line.amount, "CAD") for line in lines])
    assert shared_tax(invoice, lines, ruled) == (money("8.02 CAD"), money("8.49 CAD"), money("9.31 CAD"))
    assert shared_tax(invoice, lines, None) != shared_tax(invoice, lines, ruled)


def test_a_header_that_does_not_add_up_is_marked() -> None:
    (line,) = actual_lines([an_invoice("50", a_line("50"), total=Decimal(60))], [], {}, undecided)
    assert TOTAL_MISMATCH in line.notes


def test_a_leftover_cent_of_tax_goes_to_the_largest_line() -> None:
    lines = (a_line("10"), a_line("10.01", ordinal=2), a_line("10", ordinal=3))
    assert shared_tax(an_invoice("30.01", *lines, tax=Decimal("0.10")), lines, None) == (
        money("0.03 CAD"),
        money("0.04 CAD"),
        money("0.03 CAD"),
    )


def test_an_amount_that_changed_after_it_was_final_is_marked() -> None:
    now, before = an_invoice("50", a_line("50")), an_invoice("49", a_line("49"))
    assert EDITED_AFTER_ISSUE in actual_lines([now], [], {"i1": before}, undecided)[0].notes
    assert EDITED_AFTER_ISSUE not in actual_lines([now], [], {"i1": now}, undecided)[0].notes
    draft = an_invoice("49", a_line("49"), status=InvoiceStatus.DRAFT)
    assert EDITED_AFTER_ISSUE not in actual_lines([now], [], {"i1": draft}, undecided)[0].notes
