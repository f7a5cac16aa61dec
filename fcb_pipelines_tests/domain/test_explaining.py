"""Why an instance is as it is: exact predictions, records that contradict, siblings, taxes. Worked examples are marked W."""

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.case import OtherUsage
from fcb_pipelines.domain.conventions import Billed, Conventions, Families, Family
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.explaining import OUTSIDE_THE_MODEL
from fcb_pipelines.domain.history import BillingState, HistoryEntry
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.matching import PaysFor
from fcb_pipelines.domain.money import Money, Rounding, money
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines.domain.rows import Remedy, Status, Verdict
from fcb_pipelines.domain.tax import TaxRounding
from fcb_pipelines_tests.builders import APRIL, a_plan, a_subscription, actual, day, evidence
from fcb_pipelines_tests.domain.explained import World, causes

YEAR = evidence("list_interval", "p1", subject_kind="plan", data={"interval": "yearly"}, reference="plans/p1")
CONTRACT = evidence("contract_price", "s1", data={"price": "40.00"})
VERSION = evidence("plan_price", "p1", subject_kind="plan", data={"price": "48.00"})
PAUSED = evidence("inactive", "s1", valid_from=day("2026-04-11"))
COUPON = evidence("discount", "s1", data={"coupon": "TEN", "percent": "10"})
HUNDRED = a_plan(flat_prices={Interval.MONTHLY: Decimal(100)})


def lives(start: str = "2026-01-01", end: str | None = None, **changes: Any) -> Any:
    return a_subscription(started_at=day(start), ended_at=None if end is None else day(end), **changes)


def billed(net: str, **changes: Any) -> ActualLine:
    """April's flat price with the tax that follows from its net."""
    return actual(net, tax_fits=(TaxRounding.LINE, TaxRounding.TOTAL), **changes)


@pytest.mark.parametrize(
    ("world", "net", "found"),
    [
        (World(evidence=[CONTRACT]), "40.00", ["price_override"]),
        (World(evidence=[COUPON]), "45.00", ["discount"]),
        (World(evidence=[CONTRACT, COUPON]), "36.00", ["price_override", "discount"]),
        (World(evidence=[YEAR]), "4.17", ["billing_interval"]),
        (World(evidence=[YEAR, CONTRACT]), "40.00", ["price_override"]),
        (
            World(evidence=[evidence("plan_price", "p1", subject_kind="plan", data={"price": "48.00"})]),
            "48.00",
            ["plan_version"],
        ),
        (World(evidence=[evidence("instalment", "s1", data={"instalments": "3"})]), "16.67", ["instalment"]),
        (World(evidence=[evidence("discount", "u1", subject_kind="user", data={"amount": "7.50"})]), "42.50", ["discount"]),
    ],
)
def test_a_record_that_predicts_the_amount_exactly_explains_it(world: World, net: str, found: list[str]) -> None:
    instance = world.instance(billed(net))
    assert (instance.status, instance.verdict, causes(instance)) == (Status.DELTA, Verdict.EXPLAINED, found)
    assert instance.explanation.remedy is Remedy.FIX_MODEL
    assert instance.explanation.waterfall[-1].residual == money("0 CAD")
    assert all(finding.references for finding in instance.explanation.findings)


@pytest.mark.parametrize("cents", [-1, 1])
@pytest.mark.parametrize("records", [[CONTRACT], [COUPON], [CONTRACT, COUPON], [YEAR]])
def test_a_cent_more_or_less_is_unexplained(records: list[Evidence], cents: int) -> None:
    exact = {1: {"contract_price": "40.00", "discount": "45.00", "list_interval": "4.17"}.get(records[0].kind), 2: "36.00"}
    net = Decimal(exact[len(records)] or 0) + Decimal(cents).scaleb(-2)
    assert World(evidence=records).instance(billed(str(net))).verdict is Verdict.UNEXPLAINED


@pytest.mark.parametrize(
    "record",
    [
        evidence("contract_price", "s1", data={"price": "40.00"}, valid_from=day("2026-04-02")),
        evidence("contract_price", "s1", data={"price": "40.00"}, valid_to=day("2026-04-01")),
        evidence("contract_price", "s2", data={"price": "40.00"}),
        evidence("discount", "s1", data={"percent": "20"}, valid_to=day("2026-04-01")),
        evidence("discount", "s1", data={"percent": "20", "plans": ["p9"]}),
        evidence("discount", "s1", data={"percent": "20", "charges": ["cpu_seconds"]}),
    ],
)
def test_a_record_that_does_not_hold_then_or_there_explains_nothing(record: Evidence) -> None:
    assert World(evidence=[record]).instance(billed("40.00")).verdict is Verdict.UNEXPLAINED


def test_a_coupon_holds_as_often_as_it_may_be_used() -> None:
    uses = [evidence("discount", f"s{n}", data={"coupon": "ONE", "percent": "20", "max_uses": "1"}) for n in (1, 2)]
    both = World(a_subscription(external_subscription_id="s2"), evidence=uses)
    assert World(evidence=uses).instance(billed("40.00")).verdict is Verdict.EXPLAINED
    assert both.instance(billed("40.00", external_subscription_id="s2")).verdict is Verdict.UNEXPLAINED


def test_a_record_that_was_not_followed_contradicts_what_fits() -> None:
    """The price of the contract was billed and the coupon that holds was not taken off: somebody owes the customer."""
    assert World(evidence=[CONTRACT, COUPON]).instance(billed("40.00")).verdict is Verdict.UNEXPLAINED


@pytest.mark.parametrize(
    ("world", "start", "net", "found"),
    [
        (World(lives("2026-04-14")), "2026-04-14", "28.33", "proration"),
        (World(lives(end="2026-04-11")), "2026-04-01", "16.67", "ended_early"),
        (
            World(lives(), evidence=[evidence("inactive", "s1", valid_from=day("2026-04-11"))]),
            "2026-04-01",
            "16.67",
            "proration",
        ),
    ],
)
def test_a_part_of_the_range_is_explained_by_when_it_lived(world: World, start: str, net: str, found: str) -> None:
    instance = world.instance(billed(net, service_from=day(start)))
    assert (instance.verdict, causes(instance)) == (Verdict.EXPLAINED, [found])
    assert "proration = calendar_days" in instance.explanation.findings[0].conventions


def test_w_a_share_that_only_fits_is_no_proration_of_what_was_active_all_month() -> None:
    """W: 109.68 = 200 × 17/31, but active all month."""
    plan = a_plan(flat_prices={Interval.MONTHLY: Decimal(200)})
    march = World(lives(), plans=[plan])
    instance = march.instance(billed("113.33"))
    assert (instance.verdict, causes(instance)) == (Verdict.UNEXPLAINED, [])
    assert [each.words for each in instance.explanation.suggestions][:1] == ["17 of 30 days"]
    assert all(Decimal(each.chance) > 0 for each in instance.explanation.suggestions)


def test_w_nine_fourteen_is_a_year_in_twelve_parts_from_the_fifteenth() -> None:
    """W: 9.14 of 200.00; only with the records of the interval and of the start."""
    march = Period("2026-03", APRIL.zone)
    plan = a_plan(flat_prices={Interval.MONTHLY: Decimal(200)})
    line = billed("9.14", service_from=day("2026-03-15"), service_to=day("2026-04-01"))
    with_both = World(lives("2026-03-15"), plans=[plan], evidence=[YEAR], period=march).instance(line)
    assert (with_both.verdict, causes(with_both)) == (Verdict.EXPLAINED, ["billing_interval", "proration"])
    assert World(lives("2026-03-15"), plans=[plan], period=march).instance(line).verdict is Verdict.UNEXPLAINED
    whole = billed("9.14", service_from=day("2026-03-01"), service_to=day("2026-04-01"))
    assert World(lives(), plans=[plan], evidence=[YEAR], period=march).instance(whole).verdict is Verdict.UNEXPLAINED
    adopted = World(lives("2026-03-15"), plans=[plan], adopted=[YEAR], period=march, proration=Proration.CALENDAR_DAYS)
    assert adopted.instance(line).verdict is Verdict.MATCH


def test_an_adopted_term_is_a_match_and_no_cause_any_more() -> None:
    found = World(adopted=[CONTRACT]).instance(billed("40.00"))
    assert (found.status, found.verdict, causes(found)) == (Status.MATCH, Verdict.MATCH, [])


def changed(plan: str, at: str) -> HistoryEntry:
    return HistoryEntry(subject_kind="subscription", subject_id="s1", field="plan", value=plan, valid_from=day(at))


def test_a_plan_that_changed_in_the_range_costs_each_part_at_its_own_price() -> None:
    plans = [a_plan(), a_plan(external_plan_id="p2", flat_prices={Interval.MONTHLY: Decimal(80)})]
    world = World(lives(external_plan_id="p2"), plans=plans, history=[changed("p1", "2026-01-01"), changed("p2", "2026-04-16")])
    pair = [
        billed("50"),
        billed("-25", kind=LineKind.PRORATION, charge=None, ordinal=2, service_from=day("2026-04-16")),
        billed("40", kind=LineKind.PRORATION, charge=None, ordinal=3, service_from=day("2026-04-16")),
    ]
    instance = world.instance(*pair)
    assert instance.actual is not None
    assert (instance.actual.net, instance.verdict, causes(instance)) == (money("65 CAD"), Verdict.EXPLAINED, ["plan_change"])
    assert instance.expected is not None
    assert instance.expected.net == money("50 CAD"), "the price that held at the start"


def test_siblings_that_are_billed_otherwise_undo_a_term_of_their_plan() -> None:
    three = [a_subscription(external_subscription_id=f"s{n}") for n in (1, 2, 3)]
    world = World(*three, evidence=[YEAR])
    lines = [
        billed(net, external_subscription_id=f"s{n}", external_invoice_id=f"i{n}")
        for n, net in ((1, "4.17"), (2, "50"), (3, "50"))
    ]
    assert world.instance(lines[0]).verdict is Verdict.EXPLAINED
    assert world.instance(*lines).verdict is Verdict.UNEXPLAINED


def test_the_convention_that_fits_most_siblings_holds_for_all() -> None:
    three = [lives("2026-04-14", external_subscription_id=f"s{n}") for n in (1, 2, 3)]
    months = [evidence("inactive", "s3", valid_from=day("2026-04-20"), valid_to=day("2026-04-21"))]
    amounts = {"s1": "28.33", "s2": "28.33", "s3": "26.67"}
    lines = [
        billed(net, external_subscription_id=key, external_invoice_id=key, service_from=day("2026-04-14"))
        for key, net in amounts.items()
    ]
    rows = World(*three, evidence=months).rows(*lines)
    found = {row.external_subscription_id: row.instances[0].explanation.findings for row in rows}
    assert {"proration = calendar_days"} <= set(found["s1"][0].conventions)


USAGE_LINE = {"charge": "cpu_seconds", "kind": LineKind.OVERAGE, "ordinal": 2}


@pytest.mark.parametrize("cause", ["timezone_boundary", "usage_missing", "usage_duplicate", "usage_late"])
def test_w_usage_counted_otherwise_is_rated_again_with_its_quota(cause: str) -> None:
    """W: an hour less is worth 0.0075 with the quota, not 0.015: 10,000 hours are billed as 9,999, one of them included."""
    used, other = 10_000 * 3600, 9_000 * 3600
    told = OtherUsage(cause=cause, quantity=Fraction(other), words="as counted there", references=("usage/s1/e1",))
    world = World(used=str(used), usage=[told])
    assert world.instance(billed("74.99", **USAGE_LINE), charge="cpu_seconds").verdict is Verdict.MATCH
    again = world.instance(billed("67.49", **USAGE_LINE), charge="cpu_seconds")
    assert (again.verdict, causes(again)) == (Verdict.EXPLAINED, [cause])
    alone = world.instance(billed("67.50", **USAGE_LINE), charge="cpu_seconds")
    assert alone.verdict is Verdict.UNEXPLAINED, "priced without the quota"


@pytest.mark.parametrize(
    ("kind", "data", "used", "net"),
    [
        ("minimum", {"amount": "9.00"}, "36000", "9.00"),
        ("maximum", {"amount": "5.00"}, "36000000", "5.00"),
        ("quota", {"included_quantity": "18000000"}, "36000000", "37.50"),
    ],
)
def test_a_rule_on_the_charge_explains_usage(kind: str, data: dict[str, str], used: str, net: str) -> None:
    world = World(used=used, evidence=[evidence(kind, "p1", subject_kind="plan", data=data)])
    found = world.instance(billed(net, **USAGE_LINE), charge="cpu_seconds")
    assert (found.verdict, causes(found)) == (Verdict.EXPLAINED, [kind])


@pytest.mark.parametrize(
    ("tax", "fits", "declared", "verdict", "found"),
    [
        ("11.70", (TaxRounding.LINE, TaxRounding.TOTAL), TaxRounding.LINE, Verdict.EXPLAINED, ["discount"]),
        ("13.00", (), TaxRounding.LINE, Verdict.UNEXPLAINED, ["discount"]),
        ("11.71", (TaxRounding.TOTAL,), TaxRounding.LINE, Verdict.EXPLAINED, ["discount", "tax_rounding"]),
        ("11.71", (TaxRounding.TOTAL,), TaxRounding.TOTAL, Verdict.EXPLAINED, ["discount"]),
    ],
)
def test_w_tax_is_held_against_the_net_that_was_billed(
    tax: str, fits: tuple[str, ...], declared: TaxRounding, verdict: Verdict, found: list[str]
) -> None:
    """W: expected 100 + 13.00 against 90 + 13.00 hides a tax of 11.70."""
    world = World(plans=[HUNDRED], evidence=[COUPON])
    line = actual("90", tax=money(f"{tax} CAD"), tax_fits=fits)
    instance = world.instance(line, tax_rounding=declared)
    assert (instance.verdict, causes(instance)) == (verdict, found)
    if verdict is Verdict.UNEXPLAINED:
        assert "tax" in instance.explanation.missing[0]


def test_a_share_of_tax_that_is_a_cent_off_is_a_match_where_the_whole_is_right() -> None:
    line = actual("50", tax=money("6.51 CAD"), tax_fits=(TaxRounding.TOTAL,))
    found = World().instance(line, tax_rounding=TaxRounding.TOTAL)
    assert (found.status, found.verdict) == (Status.MATCH, Verdict.MATCH)


TWO = [a_subscription(external_subscription_id=f"s{n}") for n in (1, 2)]
BOTH = {"i1/1": PaysFor(subscriptions=("s1", "s2"), references=("note/1",))}


@pytest.mark.parametrize(
    ("records", "net", "verdicts"),
    [
        ([], "100", {"s1": Verdict.EXPLAINED, "s2": Verdict.EXPLAINED}),
        ([CONTRACT], "90", {"s1": Verdict.EXPLAINED, "s2": Verdict.EXPLAINED}),
        ([CONTRACT], "100", {"s1": Verdict.EXPLAINED, "s2": Verdict.EXPLAINED}),
        ([CONTRACT], "95", {"s1": Verdict.UNEXPLAINED, "s2": Verdict.UNEXPLAINED, None: Verdict.UNEXPLAINED}),
    ],
)
def test_a_line_for_several_is_taken_apart_only_as_a_whole(
    records: list[Evidence], net: str, verdicts: dict[str | None, Verdict]
) -> None:
    rows = World(*TWO, evidence=records).rows(billed(net, external_subscription_id=None), pays_for=BOTH)
    assert {row.external_subscription_id: row.verdict for row in rows} == verdicts
    assert sum((row.actual.net.amount for row in rows if row.actual), Decimal(0)) == Decimal(net)


HEADER: dict[str, Any] = {
    "kind": LineKind.BALANCING,
    "charge": None,
    "ordinal": 0,
    "service_from": None,
    "service_to": None,
    "external_subscription_id": None,
}


def test_a_total_explains_in_total_only_and_a_cent_off_nothing() -> None:
    fits = World(*TWO).rows(billed("100", **HEADER))
    assert {row.verdict for row in fits} == {Verdict.EXPLAINED}
    assert all(one.explanation.is_in_total for row in fits for one in row.instances if one.expected and one.is_due)
    off = World(*TWO).rows(billed("100.01", **HEADER))
    assert {row.verdict for row in off} == {Verdict.UNEXPLAINED}
    assert len(off) == 3


@pytest.mark.parametrize(
    ("paid_through", "untold", "found"),
    [
        (None, False, ["missing_in_source"]),
        (None, True, []),
        ("2026-04-01", True, ["missing_in_source"]),
        ("2026-03-15", True, ["missing_in_source"]),
        ("2026-05-01", False, []),
        ("2026-05-01", True, []),
    ],
)
def test_a_leak_is_named_only_where_no_record_and_no_invoice_may_say_otherwise(
    paid_through: str | None, found: list[str], *, untold: bool
) -> None:
    state = BillingState(
        external_subscription_id="s1",
        biller="stripe",
        auto_renew=True,
        paid_through=None if paid_through is None else day(paid_through),
        cancel_at=None,
        provider_id=None,
    )
    line = actual("70", **{**HEADER, "issued_at": day("2026-05-02")})
    instance = World().instance(billing_states={"s1": state}, untold={"u1": [line]} if untold else {})
    assert (instance.status, instance.verdict, causes(instance)) == (Status.ONLY_EXPECTED, Verdict.UNEXPLAINED, found)
    if untold and not found:
        assert "i1" in instance.explanation.missing[0]


@pytest.mark.parametrize(("as_of", "verdict"), [("2026-05-01", Verdict.EXPLAINED), ("2026-05-02", Verdict.UNEXPLAINED)])
def test_what_may_still_be_billed_is_no_leak(as_of: str, verdict: Verdict) -> None:
    found = World().instance(as_of=day(as_of))
    assert (found.verdict, causes(found)) == (
        verdict,
        ["not_issued_yet"] if verdict is Verdict.EXPLAINED else ["missing_in_source"],
    )


@pytest.mark.parametrize(("as_of", "found"), [("2027-04-02", ["not_issued_yet"]), ("2027-04-03", ["missing_in_source"])])
def test_what_is_due_at_the_end_of_a_year_is_no_leak_before_that_and_its_lag(as_of: str, found: list[str]) -> None:
    world = World(lives("2026-04-02", interval=Interval.YEARLY))
    world.families = Families(service=Family(conventions=Conventions(billed=Billed.IN_ARREARS)))
    instance = world.instance(as_of=day(as_of), lag=timedelta(days=1))
    assert causes(instance) == found
    if found == ["not_issued_yet"]:
        assert instance.explanation.findings[0].words == "due and not billed yet; its invoice must be there on 2027-04-03"


def test_the_waterfall_rounds_as_its_family_does() -> None:
    coupon = evidence("discount", "s1", data={"percent": "50"})
    world = World(plans=[a_plan(flat_prices={Interval.MONTHLY: Decimal("0.25")})], evidence=[coupon])
    world.families = Families(service=Family(conventions=Conventions(rounding=Rounding.HALF_EVEN)))
    instance = world.instance(billed("0.12"))
    assert (instance.verdict, causes(instance)) == (Verdict.EXPLAINED, ["discount"])
    assert [(str(one.amount), str(one.residual)) for one in instance.explanation.waterfall] == [("0.12 CAD", "0.00 CAD")]


@pytest.mark.parametrize(
    ("provider", "verdict", "found"),
    [("in_1", Verdict.EXPLAINED, "copied_twice"), ("in_2", Verdict.UNEXPLAINED, "double_billed")],
)
def test_a_second_bill_is_a_copy_only_by_the_providers_id(provider: str, verdict: Verdict, found: str) -> None:
    lines = [billed("50", provider_id="in_1"), billed("50", external_invoice_id="i2", provider_id=provider)]
    (row,) = World().rows(*lines)
    second = row.instances[-1]
    assert (second.verdict, causes(second), second.explanation.remedy) == (verdict, [found], Remedy.FIX_SOURCE)


@pytest.mark.parametrize(("paying", "verdict"), [(frozenset(), Verdict.EXPLAINED), (frozenset({"u1"}), Verdict.UNEXPLAINED)])
def test_a_test_account_explains_unless_it_ever_paid(paying: frozenset[str], verdict: Verdict) -> None:
    (row,) = (
        row
        for row in World().rows(billed("9", external_subscription_id=None), internal=frozenset({"u1"}), paying=paying)
        if row.line_key
    )
    assert row.verdict is verdict


def test_a_line_outside_the_model_is_carried_and_asks_for_a_successor() -> None:
    line = actual("15", kind=LineKind.ADD_ON, charge=None, external_subscription_id=None)
    (row,) = (row for row in World().rows(line) if row.line_key)
    assert (row.verdict, causes(row.instances[0]), row.remedy) == (Verdict.CARRIED, [OUTSIDE_THE_MODEL], Remedy.CARRY)


def test_unknown_terms_explain_nothing() -> None:
    plan = a_plan(valid_from=datetime(2026, 6, 1, tzinfo=APRIL.zone))
    found = World(plans=[plan], evidence=[CONTRACT]).instance(billed("40.00"))
    assert (found.verdict, found.expected) == (Verdict.UNEXPLAINED, None)
    assert "terms" in found.explanation.missing[0]


@given(net=st.integers(1, 20_000).map(lambda cents: Decimal(cents).scaleb(-2)))
def test_a_random_amount_is_explained_only_where_it_is_what_the_records_predict(net: Decimal) -> None:
    world = World(lives("2026-04-14"), evidence=[CONTRACT, COUPON])
    found = world.instance(billed(str(net), service_from=day("2026-04-14")))
    predicted = {Money(Decimal(text), "CAD") for text in ("36.00", "20.40")}
    own = money("50 CAD")
    assert (found.verdict is Verdict.UNEXPLAINED) == (Money(net, "CAD") not in {*predicted, own})
