"""Lines of overage that name their charge, and records that mean one charge of several."""

from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.domain.actual import ActualLine, RuledTaxes, actual_lines
from fcb_pipelines.domain.canonical import evidence as read_evidence
from fcb_pipelines.domain.canonical import invoice
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.invoices import LineKind, LineRule
from fcb_pipelines.domain.money import rounded, total
from fcb_pipelines.domain.plans import CPU_SECONDS, MeteredCharge
from fcb_pipelines.domain.quotas import Used
from fcb_pipelines.domain.rating import Standard
from fcb_pipelines.domain.rows import Status, Verdict
from fcb_pipelines_tests.builders import APRIL, a_plan, evidence
from fcb_pipelines_tests.domain.canonical_rows import evidence_row, invoice_row
from fcb_pipelines_tests.domain.explained import World, causes

MEMORY = "memory_gb_hours"
PER_HOUR = MeteredCharge(metric=MEMORY, charge=Standard(unit_price=Decimal("0.01"), included_quantity=Decimal(100)))
PEAK = MeteredCharge(metric=MEMORY, code="peak", charge=Standard(unit_price=Decimal("0.02")))
RULES = (
    LineRule(kind=LineKind.OVERAGE, charge=MEMORY, product="prod-memory"),
    LineRule(kind=LineKind.OVERAGE, charge="peak", pattern="^Peak memory"),
    LineRule(kind=LineKind.OVERAGE, pattern="^CPU"),
    LineRule(kind=LineKind.PLAN, pattern="^Basic"),
)


class Host(World):
    """A host that meters memory too: 1,100 GB hours of it in April."""

    def used_by(self) -> Used:
        return Used(of_month={CPU_SECONDS: self.used, MEMORY: Decimal(1100)})


def host(**changes: Any) -> Host:
    return Host(plans=[a_plan(charges=(PER_HOUR, PEAK))], used="7200", **changes)


def line(amount: str, description: str = "", **changes: Any) -> dict[str, Any]:
    times = {"service_from": APRIL.start.isoformat(), "service_to": APRIL.end.isoformat()}
    return {"description": description, "quantity": None, "amount": amount, "kind": None, **times, **changes}


def billed(*lines: dict[str, Any]) -> tuple[ActualLine, ...]:
    """Lines of one invoice as a mapping returns them, taxed line by line."""
    subtotal = sum((Decimal(each["amount"]) for each in lines), Decimal(0))
    taxes = [rounded(Decimal(each["amount"]) * 13 / 100, "CAD") for each in lines]
    tax = total(taxes, "CAD")
    row = invoice_row(
        external_user_id="u1",
        external_subscription_id="s1",
        issued_at="2026-05-01T04:00:00+00:00",
        subtotal=str(subtotal),
        tax=str(tax.amount),
        total=str(subtotal + tax.amount),
        lines=list(lines),
    )
    return actual_lines([invoice(row, RULES)], (), {}, lambda _invoice, _nets: RuledTaxes(lines=taxes, total=tax))


@pytest.mark.parametrize(
    ("given", "charge"),
    [
        (line("1", "CPU overage"), CPU_SECONDS),
        (line("1", "CPU overage", charge=MEMORY), MEMORY),
        (line("1", "Memory", product="prod-memory"), MEMORY),
        (line("1", "Memory", product="prod-memory", charge="peak"), "peak"),
        (line("1", "Peak memory"), "peak"),
        (line("1", kind="overage"), CPU_SECONDS),
        (line("1", kind="overage", charge=MEMORY), MEMORY),
        (line("1", "Peak memory", kind="overage"), CPU_SECONDS),
        (line("1", "Basic"), "flat"),
        (line("1", "Basic", charge=MEMORY), "flat"),
        (line("1", "Backup", charge=MEMORY), None),
    ],
)
def test_overage_is_of_the_charge_that_the_mapping_or_a_rule_names(given: dict[str, Any], charge: str | None) -> None:
    (found,) = billed(given)
    assert found.charge == charge


def test_each_charge_is_met_by_its_own_line() -> None:
    lines = billed(line("0.01", "CPU overage"), line("10.00", product="prod-memory"), line("22.00", "Peak memory"))
    (row,) = host().rows(*lines)
    found = {one.charge: (one.status, str(one.difference)) for one in row.instances if one.charge != "flat"}
    assert found == dict.fromkeys([CPU_SECONDS, MEMORY, "peak"], (Status.MATCH, "0.00 CAD"))


def test_a_line_of_another_charge_pays_for_none_of_the_others() -> None:
    (row,) = host().rows(*billed(line("10.00", "CPU overage")))
    found = {one.charge: one.status for one in row.instances if one.charge != "flat"}
    assert found == {CPU_SECONDS: Status.DELTA, MEMORY: Status.ONLY_EXPECTED, "peak": Status.ONLY_EXPECTED}


@pytest.mark.parametrize("kind", [LineKind.PLAN, LineKind.ADD_ON])
def test_only_overage_is_for_a_metered_charge(kind: LineKind) -> None:
    with pytest.raises(InvalidInput, match="only overage is for a metered charge"):
        LineRule(kind=kind, charge=MEMORY, pattern="x")


@pytest.mark.parametrize(
    ("kind", "data", "amount"),
    [
        ("minimum", {"amount": "15.00"}, "15.00"),
        ("maximum", {"amount": "4.00"}, "4.00"),
        ("quota", {"included_quantity": "600"}, "5.00"),
        ("charge", {"price": {"model": "standard", "unit_price": "0.03"}}, "33.00"),
    ],
)
@pytest.mark.parametrize("about", [("s1", "subscription"), ("p1", "plan")])
def test_a_record_that_names_a_charge_applies_to_it_alone(
    kind: str, data: dict[str, Any], amount: str, about: tuple[str, str]
) -> None:
    records = [
        evidence(kind, about[0], subject_kind=about[1], data={**data, "charges": charges}, reference=str(charges))
        for charges in ([MEMORY], ["flat"])
    ]
    lines = billed(line(amount, product="prod-memory"), line("22.00", "Peak memory"), line("0.01", "CPU overage"))
    (row,) = host(evidence=records).rows(*lines)
    found = {one.charge: (one.verdict, causes(one)) for one in row.instances if one.charge != "flat"}
    cause = "tier" if kind == "charge" else kind
    assert found == {
        CPU_SECONDS: (Verdict.MATCH, []),
        MEMORY: (Verdict.EXPLAINED, [cause]),
        "peak": (Verdict.MATCH, []),
    }


def test_what_the_subscription_has_comes_before_its_plans_and_what_names_nothing_means_each() -> None:
    of_plan = evidence("minimum", "p1", subject_kind="plan", data={"amount": "30"})
    own = evidence("minimum", "s1", data={"amount": "15", "charges": [MEMORY]})
    lines = billed(line("15", product="prod-memory"), line("30", "Peak memory"), line("30", "CPU overage"))
    (row,) = host(evidence=[of_plan, own]).rows(*lines)
    assert {one.verdict for one in row.instances if one.charge != "flat"} == {Verdict.EXPLAINED}


@pytest.mark.parametrize("charges", ["memory_gb_hours", [], [""], [1], {"memory_gb_hours": True}])
def test_charges_are_a_list_of_names(charges: object) -> None:
    with pytest.raises(InvalidInput, match="must be a list of at least one charge"):
        read_evidence(evidence_row(kind="minimum", data={"amount": "1", "charges": charges}))
