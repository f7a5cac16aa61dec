"""Source bills: what a line proves, what gives a range back, and what leaves a doubt."""

from collections.abc import Mapping
from typing import Any

import pytest

from fcb_pipelines.domain.actual import CREDITED_AND_ISSUED_ANEW, STATUS_UNVERIFIED, ActualLine
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.matching import PaysFor
from fcb_pipelines.domain.plans import CPU_SECONDS
from fcb_pipelines.domain.source_bills import ChargeBills, source_bills
from fcb_pipelines_tests.builders import actual, day

NO_RANGE: dict[str, Any] = {"service_from": None, "service_to": None}
PRORATED: dict[str, Any] = {"kind": LineKind.PRORATION, "charge": None}


def ranged(net: str, start: str, end: str, invoice: str = "i1", **changes: Any) -> ActualLine:
    return actual(net, service_from=day(start), service_to=day(end), external_invoice_id=invoice, **changes)


def april(net: str, invoice: str, **changes: Any) -> ActualLine:
    return ranged(net, "2026-04-01", "2026-05-01", invoice, **changes)


def flat(*lines: ActualLine, told: Mapping[str, PaysFor] | None = None) -> ChargeBills:
    return source_bills(lines, told or {}).of("s1", ["u1"], FLAT)


def ends(found: ChargeBills) -> list[str]:
    return [one.service_to.date().isoformat() for one in found.ranges]


MARCH = ranged("50", "2026-03-01", "2026-04-01", "i0")
APRIL = april("50", "i1")


@pytest.mark.parametrize(
    ("lines", "billed"),
    [
        ([MARCH, APRIL], ["2026-04-01", "2026-05-01"]),
        ([MARCH, april("50", "i1", counts=False)], ["2026-04-01"]),
        ([MARCH, april("50", "i1", external_subscription_id="s2")], ["2026-04-01"]),
        ([MARCH, april("50", "i1", kind=LineKind.ADD_ON, charge=None)], ["2026-04-01"]),
        ([MARCH, april("50", "i1", kind=LineKind.OVERAGE, charge=CPU_SECONDS)], ["2026-04-01"]),
        ([MARCH, APRIL, april("-50", "c1", kind=LineKind.CREDIT, charge=None)], ["2026-04-01"]),
        ([MARCH, APRIL, april("-50", "c1")], ["2026-04-01"]),
        ([MARCH, APRIL, april("-5", "c1", kind=LineKind.CREDIT, charge=None)], ["2026-04-01", "2026-05-01"]),
        ([MARCH, APRIL, april("-50", "d1", kind=LineKind.DISCOUNT, charge=None)], ["2026-04-01", "2026-05-01"]),
        ([MARCH, april("0", "i1")], ["2026-04-01", "2026-05-01"]),
        ([MARCH, ranged("12", "2026-04-20", "2026-05-01", "i1", **PRORATED)], ["2026-04-01", "2026-05-01"]),
    ],
    ids=[
        "lines",
        "not counted",
        "other's",
        "add-on",
        "usage",
        "credited",
        "credited as plan",
        "in part",
        "free",
        "zero",
        "began",
    ],
)
def test_what_lines_prove(lines: list[ActualLine], billed: list[str]) -> None:
    assert ends(flat(*lines)) == billed


def test_of_a_chain_of_reissues_the_newest_proves_the_range() -> None:
    chain = {"notes": (CREDITED_AND_ISSUED_ANEW,)}
    credit = april("-50", "i2", kind=LineKind.CREDIT, charge=None, issued_at=day("2026-04-10"), **chain)
    found = flat(april("50", "i1", **chain), credit, april("45", "i3", issued_at=day("2026-04-11"), **chain))
    assert [(one.line_key, str(one.net)) for one in found.ranges] == [("i3/1", "45.00 CAD")]
    assert not found.doubts


def test_a_plan_change_within_a_range_leaves_its_end() -> None:
    unused = ranged("-25", "2026-04-16", "2026-05-01", "i2", **PRORATED)
    found = flat(APRIL, unused, ranged("40", "2026-04-16", "2026-05-01", "i2", ordinal=2, **PRORATED))
    assert found.last is not None
    assert (found.last.service_from, found.last.service_to) == (day("2026-04-01"), day("2026-05-01"))
    assert not found.doubts


def test_a_consolidated_line_proves_only_what_a_record_says() -> None:
    line = april("100", "i1", external_subscription_id=None)
    told = {"i1/1": PaysFor(subscriptions=("s1", "s2"), references=("desk/1",))}
    found = flat(line, told=told)
    assert (ends(found), found.ranges[0].is_shared, found.doubts) == (["2026-05-01"], True, ())
    untold = flat(line)
    assert (ends(untold), [one.words for one in untold.doubts]) == (
        [],
        ["line i1/1 names no subscription, and no record says for which it is"],
    )


@pytest.mark.parametrize(
    ("changes", "is_open"),
    [
        (NO_RANGE | {"issued_at": day("2026-05-02")}, True),
        (NO_RANGE | {"issued_at": day("2026-03-28")}, False),
        (NO_RANGE | {"issued_at": day("2026-05-02"), "external_subscription_id": None, "kind": LineKind.BALANCING}, True),
        (NO_RANGE | {"issued_at": day("2026-05-02"), "kind": LineKind.ONE_OFF, "charge": None}, False),
        (NO_RANGE | {"issued_at": day("2026-05-02"), "kind": LineKind.OVERAGE, "charge": CPU_SECONDS}, False),
        (NO_RANGE | {"issued_at": day("2026-05-02"), "external_user_id": "u2", "external_subscription_id": None}, False),
        ({"service_from": day("2026-05-01"), "service_to": day("2026-06-01"), "notes": (STATUS_UNVERIFIED,)}, True),
        ({"service_from": day("2026-03-01"), "service_to": day("2026-04-01"), "notes": (STATUS_UNVERIFIED,)}, False),
        ({"service_from": day("2026-05-01"), "service_to": day("2026-06-01"), "external_subscription_id": None}, True),
        ({"service_from": day("2026-04-11"), "kind": LineKind.CREDIT, "charge": None, "net": "-30"}, True),
    ],
    ids=["later", "earlier", "header", "one-off", "usage", "other's", "void", "old void", "untold", "given back in part"],
)
def test_what_leaves_a_doubt_about_the_time_after_the_last_range(changes: dict[str, Any], is_open: bool) -> None:
    given = dict(changes)
    found = flat(APRIL, actual(given.pop("net", "50"), external_invoice_id="i9", **given))
    last = found.last
    assert last is not None
    assert last.service_to == day("2026-05-01")
    assert any(one.is_open(last.service_to, last.issued_at) for one in found.doubts) is is_open


def test_a_line_without_a_range_is_not_for_what_begins_long_after_it() -> None:
    year = ranged("600", "2026-01-10", "2027-01-10", "i1", issued_at=day("2026-01-10"))
    lump = actual("50", external_invoice_id="i9", issued_at=day("2026-05-02"), **NO_RANGE)
    (doubt,) = flat(year, lump).doubts
    assert not doubt.is_open(day("2027-01-10"), day("2026-01-10"))
    assert doubt.is_open(day("2026-06-01"), day("2026-01-10"))


def test_lines_of_whoever_owned_it_before_leave_doubts_too() -> None:
    lump = actual("50", external_user_id="u0", external_subscription_id=None, **NO_RANGE)
    bills = source_bills([lump], {})
    assert bills.of("s1", ["u1", "u0"], FLAT).doubts
    assert not bills.of("s1", ["u1"], FLAT).doubts
