"""Opening balances: what the source's records come to, and that nothing passes for equal that nobody told."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.balances import NO_RECORDS, Comparison, compared, source_balances
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.money import money
from fcb_pipelines_tests.builders import NOW, day, evidence

CUSTOMERS = {"u1": "CAD"}
MAY = day("2026-05-01")


def record(kind: str, amount: Any, user: str = "u1", **data: Any) -> Evidence:
    when = {"valid_from": data.pop("on", MAY), "valid_to": data.pop("until", None)}
    reference = f"{kind}/{amount}"
    return evidence(kind, user, subject_kind="user", data={"amount": amount, **data}, reference=reference, **when)


@pytest.mark.parametrize(
    ("records", "amount"),
    [
        ([record("account_credit", "50.00", invoice="i1")], "0"),
        ([record("account_credit", "50.00")], "50"),
        ([record("deposit", "100"), record("account_credit", "20"), record("unapplied_payment", "0.05")], "120.05"),
        ([record("account_credit", "50", until=MAY)], "0"),
        ([record("account_credit", "50", on=day("2027-01-01"))], "0"),
        ([record("balance", "70"), record("deposit", "30", on=day("2026-04-01"))], "70"),
        ([record("balance", "70"), record("deposit", "30", on=day("2026-05-02"))], "100"),
        ([record("balance", "70"), record("deposit", "30")], None),
        ([record("balance", "70"), record("balance", "71")], None),
        ([record("balance", "70"), record("balance", "71", on=day("2026-05-02"))], "71"),
        ([record("balance", "-12")], "-12"),
        ([record("deposit", None)], None),
        ([record("deposit", "a lot")], None),
        ([record("deposit", "5", user="u2")], "0"),
    ],
)
def test_what_records_come_to(records: list[Evidence], amount: str | None) -> None:
    told = source_balances(records, CUSTOMERS, NOW)["u1", "CAD"]
    assert told.amount == (None if amount is None else money(f"{amount} CAD"))
    assert (told.amount is None) == bool(told.why)


def test_a_source_without_any_such_record_tells_no_balance_of_anybody() -> None:
    told = source_balances([evidence("trial", "s1")], CUSTOMERS, NOW)
    assert (told["u1", "CAD"].amount, told["u1", "CAD"].why) == (None, NO_RECORDS)
    assert {one.comparison for one in compared(told, {})} == {Comparison.NOT_KNOWN}
    assert {one.comparison for one in compared(told, {("u1", "USD"): money("5 USD")})} == {Comparison.NOT_KNOWN}


def test_each_currency_has_a_balance_of_its_own() -> None:
    records = [record("deposit", "5"), record("deposit", "7", currency="USD"), record("deposit", "9", currency="XXX")]
    told = source_balances(records, CUSTOMERS, NOW)
    assert {currency: str(one.amount) for (_, currency), one in told.items()} == {
        "CAD": "5.00 CAD",
        "USD": "7.00 USD",
        "XXX": "None",
    }


@pytest.mark.parametrize(
    ("source", "odoo", "found"),
    [
        ("50", "50", Comparison.EQUAL),
        ("0", None, Comparison.EQUAL),
        ("50", None, Comparison.DIFFERENT),
        ("50", "49.99", Comparison.DIFFERENT),
        ("50", "-50", Comparison.DIFFERENT),
    ],
)
def test_both_sides_to_the_cent(source: str, odoo: str | None, found: Comparison) -> None:
    told = source_balances([record("deposit", source)], CUSTOMERS, NOW)
    there = {} if odoo is None else {("u1", "CAD"): money(f"{odoo} CAD")}
    (one,) = compared(told, there)
    assert (one.comparison, one.references) == (found, (f"deposit/{source}",))


def test_what_only_odoo_has_differs_and_who_has_no_partner_is_not_known() -> None:
    told = source_balances([record("deposit", "5", user="u2")], CUSTOMERS, NOW)
    cad, usd = compared(told, {("u1", "USD"): money("5 USD")})
    assert (cad.comparison, usd.comparison) == (Comparison.EQUAL, Comparison.DIFFERENT)
    (alone,) = compared(told, {}, without_partner=["u1"])
    assert (alone.comparison, alone.why) == (Comparison.NOT_KNOWN, "the customer has no partner in Odoo")


@given(amounts=st.lists(st.decimals(-1000, 1000, places=2), min_size=1, max_size=6))
def test_the_order_of_movements_changes_nothing(amounts: list[Decimal]) -> None:
    records = [record("deposit", str(each)) for each in amounts]
    told = [source_balances(each, CUSTOMERS, NOW)["u1", "CAD"].amount for each in (records, records[::-1])]
    assert told[0] == told[1] == money(f"{sum(amounts)} CAD")
