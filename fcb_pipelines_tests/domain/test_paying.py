"""What records say that lines pay for, which lines nobody tells of, and who ever paid."""

from typing import Any

import pytest

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.causes.missing_in_source import may_have
from fcb_pipelines.domain.invoices import InvoiceStatus, LineKind
from fcb_pipelines.domain.matching import PaysFor
from fcb_pipelines.domain.paying import billed_at, payers, pays_for, untold
from fcb_pipelines_tests.builders import a_month, actual, an_invoice, day, evidence, expected

REFERENCE = evidence("line_reference", "i1", subject_kind="invoice", data={"line": 1, "subscriptions": ["s1", "s2", "s1"]})
CREDIT = evidence("credit_note", "i2", subject_kind="invoice", data={"original_invoice": "i1", "subscription": "s1"})
HEADER: dict[str, Any] = {
    "kind": LineKind.BALANCING,
    "charge": None,
    "ordinal": 0,
    "service_from": None,
    "service_to": None,
    "external_subscription_id": None,
}


def test_a_reference_names_each_subscription_once() -> None:
    assert pays_for([REFERENCE], []) == {"i1/1": PaysFor(subscriptions=("s1", "s2"), references=(REFERENCE.reference,))}


def test_a_reference_without_a_line_is_for_the_header_and_one_without_subscriptions_for_nothing() -> None:
    header = evidence("line_reference", "i1", data={"subscriptions": ["s1"]})
    empty = evidence("line_reference", "i3", data={"line": 1, "subscriptions": []})
    assert [*pays_for([header, empty], [])] == ["i1/0"]


def test_every_line_of_a_linked_credit_gives_back_what_it_is_linked_to() -> None:
    lines = [actual("-5", external_invoice_id="i2"), actual("-6", external_invoice_id="i2", ordinal=2), actual("7")]
    found = pays_for([CREDIT], lines)
    assert {key: (one.subscriptions, one.is_credit) for key, one in found.items()} == {
        "i2/1": (("s1",), True),
        "i2/2": (("s1",), True),
    }


def test_a_credit_that_is_referenced_too_keeps_both_records() -> None:
    named = evidence("line_reference", "i2", data={"line": 1, "subscriptions": ["s9"]})
    (found,) = pays_for([named, CREDIT], [actual("-5", external_invoice_id="i2")]).values()
    assert found == PaysFor(subscriptions=("s9",), references=(named.reference, CREDIT.reference), is_credit=True)


NOBODYS = actual("50", external_subscription_id=None)
NEXT_MONTH: dict[str, Any] = {"service_from": day("2026-05-01"), "service_to": day("2026-06-01")}


@pytest.mark.parametrize(
    ("line", "is_untold"),
    [
        (actual("70", **HEADER), True),
        (actual("70", service_from=None, service_to=None), True),
        (NOBODYS, True),
        (actual("70"), False),
        (actual("70", **{**HEADER, "kind": LineKind.ADD_ON}), False),
        (actual("70", **HEADER, counts=False), False),
        (actual("70", **{**HEADER, "external_invoice_id": "told"}), False),
    ],
)
def test_which_lines_nobody_tells_of(line: ActualLine, *, is_untold: bool) -> None:
    told = {"told/0": PaysFor(subscriptions=("s1",), references=())}
    assert ([*untold([line], told)] == ["u1"]) is is_untold


@pytest.mark.parametrize(
    ("line", "may"),
    [
        (actual("70", **HEADER, issued_at=day("2026-04-01")), True),
        (actual("70", **HEADER, issued_at=day("2026-06-01")), True),
        (actual("70", **HEADER, issued_at=day("2026-03-31")), False),
        (actual("70", **{**HEADER, "external_subscription_id": "s1"}, issued_at=day("2026-04-02")), True),
        (actual("70", **{**HEADER, "external_subscription_id": "s2"}, issued_at=day("2026-04-02")), False),
        (actual("70", "USD", **HEADER, issued_at=day("2026-04-02")), False),
        (NOBODYS, True),
        (actual("50", external_subscription_id=None, **NEXT_MONTH), False),
    ],
)
def test_which_of_them_may_have_an_instance(line: ActualLine, *, may: bool) -> None:
    assert may_have(expected("50"), a_month(untold={"u1": [line]})) == ([line] if may else [])


@pytest.mark.parametrize(
    ("invoice", "is_payer"),
    [
        (an_invoice("50"), True),
        (an_invoice("50", status=InvoiceStatus.PARTIALLY_PAID), True),
        (an_invoice("50", status=InvoiceStatus.OPEN), False),
        (an_invoice("0"), False),
    ],
)
def test_who_paid_is_nobodys_test(invoice: Any, *, is_payer: bool) -> None:
    assert (payers([invoice], []) == frozenset({"u1"})) is is_payer
    assert payers([], [evidence("payment_method", "u7")]) == {"u7"}


def test_a_charge_is_billed_when_its_first_invoice_says_so() -> None:
    lines = [
        actual("5", issued_at=day("2026-05-03")),
        actual("5", issued_at=day("2026-05-02"), external_subscription_id=None, external_invoice_id="i2"),
        actual("9", kind=LineKind.ADD_ON, charge=None, issued_at=day("2026-05-01")),
    ]
    told = {"i2/1": PaysFor(subscriptions=("s1",), references=())}
    assert billed_at(lines, told) == {("s1", "flat"): day("2026-05-02")}
