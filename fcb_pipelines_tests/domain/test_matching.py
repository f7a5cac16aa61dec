"""Which lines and instances belong together, pass by pass, and what is left over and why."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.instances import INTERNAL
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.matching import (
    AMBIGUOUS,
    CURRENCY_MISMATCH,
    DOUBLE_BILLED,
    PARTNER_MISMATCH,
    Matched,
    Pass,
    PaysFor,
    matched,
)
from fcb_pipelines_tests.builders import actual, day, expected

ONE = expected("50")
TWO = expected("30", line_key="s2/flat/2026-04-01", external_subscription_id="s2")
USAGE = expected("5", line_key="s1/cpu_seconds/2026-04-01", charge="cpu_seconds", due_at=day("2026-05-01"))
NO_RANGE: dict[str, Any] = {"service_from": None, "service_to": None, "issued_at": day("2026-04-02")}
HEADER: dict[str, Any] = {**NO_RANGE, "kind": LineKind.BALANCING, "charge": None, "ordinal": 0}


def together(found: Matched) -> list[tuple[Pass, list[str], list[str]]]:
    """Pass, instances and lines of each group."""
    return [(met.by, [one.line_key for one in met.expected], [line.line_key for line in met.lines]) for met in found.met]


def names(*subscriptions: str, **changes: object) -> PaysFor:
    return PaysFor(subscriptions=subscriptions, references=("note/1",), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "by"),
    [
        (actual("50"), Pass.INSTANCE),
        (actual("20", service_to=day("2026-04-11")), Pass.RANGE),
        (actual("20", service_from=day("2026-03-20"), service_to=day("2026-04-20")), Pass.RANGE),
        (actual("-8", kind=LineKind.CREDIT, charge=None, service_from=day("2026-04-20")), Pass.RANGE),
        (actual("50", **HEADER), Pass.SUBSCRIPTION),
        (actual("50", **NO_RANGE), Pass.SUBSCRIPTION),
    ],
    ids=["the same range", "a part of it", "a range that reaches in", "a credit", "a header", "a line without a range"],
)
def test_a_line_that_names_a_subscription_meets_its_instance(line: ActualLine, by: Pass) -> None:
    assert together(matched([ONE, TWO], [line])) == [(by, [ONE.line_key], [line.line_key])]


@pytest.mark.parametrize(
    "line",
    [
        actual("50", service_from=day("2026-02-01"), service_to=day("2026-03-01")),
        actual("50", kind=LineKind.ADD_ON, charge=None),
        actual("50", kind=LineKind.UNKNOWN, charge=None),
        actual("50", **{**HEADER, "issued_at": day("2026-03-31")}),
        actual("50", external_subscription_id=None),
        actual("50", external_subscription_id="s9"),
    ],
    ids=["another time", "an add-on", "an unknown kind", "issued before it was due", "nobody's", "another's"],
)
def test_what_says_nothing_of_an_instance_meets_none(line: ActualLine) -> None:
    found = matched([ONE, TWO], [line])
    assert (found.met, [left.notes for left in found.left]) == ((), [()])


def test_a_header_is_not_for_usage_that_was_not_due_yet() -> None:
    found = matched([ONE, USAGE], [actual("50", **HEADER)])
    assert together(found) == [(Pass.SUBSCRIPTION, [ONE.line_key], ["i1/0"])]
    assert found.absent == (USAGE,)


def test_a_record_names_the_instances_that_a_line_pays_for() -> None:
    line = actual("80", external_subscription_id=None)
    found = matched([ONE, TWO], [line], {"i1/1": names("s1", "s2")})
    assert together(found) == [(Pass.REFERENCE, [ONE.line_key, TWO.line_key], ["i1/1"])]


@pytest.mark.parametrize("named", [("s1", "s9"), ("s9",)])
def test_a_record_that_names_what_is_not_due_places_nothing(named: tuple[str, ...]) -> None:
    found = matched([ONE, TWO], [actual("80", external_subscription_id=None)], {"i1/1": names(*named)})
    assert found.met == ()


def test_lines_that_share_an_instance_are_one_group() -> None:
    lines = [
        actual("80", external_subscription_id=None),
        actual("-10", external_subscription_id=None, ordinal=2, kind=LineKind.DISCOUNT, charge=None),
    ]
    found = matched([ONE, TWO], lines, {"i1/1": names("s1", "s2"), "i1/2": names("s2")})
    assert together(found) == [(Pass.REFERENCE, [ONE.line_key, TWO.line_key], ["i1/1", "i1/2"])]


@pytest.mark.parametrize(
    ("second", "notes"),
    [
        ({"external_subscription_id": "s1"}, (DOUBLE_BILLED,)),
        ({"external_subscription_id": None}, (DOUBLE_BILLED,)),
        ({**HEADER}, (DOUBLE_BILLED,)),
    ],
    ids=["by its id", "by a record", "a header"],
)
def test_a_second_invoice_on_an_instance_is_left_over(second: dict[str, Any], notes: tuple[str, ...]) -> None:
    again = actual("50", **{"external_invoice_id": "i2", "issued_at": day("2026-04-09"), **second})
    found = matched([ONE], [actual("50"), again], {again.line_key: names("s1")})
    (left,) = found.left
    assert (left.line, left.notes) == (again, notes)
    assert left.claimed_by is not None
    assert left.claimed_by.external_invoice_id == "i1"


def test_two_invoices_for_ranges_that_lie_apart_bill_an_instance_together() -> None:
    first = actual("20", service_to=day("2026-04-16"))
    second = actual("25", service_from=day("2026-04-16"), external_invoice_id="i2")
    assert together(matched([ONE], [first, second])) == [(Pass.RANGE, [ONE.line_key], ["i1/1", "i2/1"])]


@pytest.mark.parametrize(
    ("changes", "note"),
    [({"external_user_id": "u2"}, PARTNER_MISMATCH), ({"currency": "USD"}, CURRENCY_MISMATCH)],
)
@pytest.mark.parametrize("beside", [{}, {"external_subscription_id": None}, HEADER], ids=["range", "record", "header"])
def test_another_partner_or_currency_is_left_over_with_the_reason(
    changes: dict[str, str], note: str, beside: dict[str, Any]
) -> None:
    line = actual("50", changes.get("currency", "CAD"), **{**beside, **{k: v for k, v in changes.items() if k != "currency"}})
    found = matched([ONE], [line], {line.line_key: names("s1")})
    assert [left.notes for left in found.left] == [(note,)]
    assert found.absent == (ONE,)


PLANS = {ONE.line_key: "p1", TWO.line_key: "p1"}


@pytest.mark.parametrize(
    ("quantity", "expected_lines", "is_met"),
    [
        (Decimal(2), [ONE, TWO], True),
        (None, [ONE], True),
        (None, [ONE, TWO], False),
        (Decimal(3), [ONE, TWO], False),
    ],
)
def test_a_product_meets_as_many_instances_as_its_quantity_says(
    quantity: Decimal | None, expected_lines: Sequence[ExpectedLine], *, is_met: bool
) -> None:
    line = actual("80", external_subscription_id=None, product="p1", quantity=quantity)
    found = matched(expected_lines, [line], plans=PLANS)
    if is_met:
        assert together(found) == [(Pass.PRODUCT, [one.line_key for one in expected_lines], ["i1/1"])]
    else:
        assert [left.notes for left in found.left] == [(AMBIGUOUS,)]


TOTAL: dict[str, Any] = {**HEADER, "external_subscription_id": None}


def test_one_header_meets_all_that_is_due_of_the_customer_and_open() -> None:
    lines = [actual("50"), actual("30", **{**TOTAL, "external_invoice_id": "i2"})]
    third = expected("9", line_key="s3/flat/2026-04-01", external_subscription_id="s3", external_user_id="u2")
    found = matched([ONE, TWO, third, USAGE], lines)
    assert together(found) == [(Pass.INSTANCE, [ONE.line_key], ["i1/1"]), (Pass.TOTAL, [TWO.line_key], ["i2/0"])]
    assert set(found.absent) == {third, USAGE}


def test_two_headers_are_for_nobody_can_tell_what() -> None:
    lines = [actual("50", **TOTAL), actual("30", **{**TOTAL, "external_invoice_id": "i2"})]
    assert matched([ONE, TWO], lines).met == ()


def test_a_header_of_which_a_record_tells_is_not_held_against_a_total() -> None:
    assert matched([ONE], [actual("50", **TOTAL)], {"i1/0": names("s9")}).met == ()


def test_nothing_is_due_of_an_internal_account_so_no_line_is_for_that() -> None:
    own = expected("0", notes=(INTERNAL,))
    found = matched([own], [actual("50")])
    assert (found.met, found.absent, len(found.left)) == ((), (own,), 1)
