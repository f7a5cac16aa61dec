from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.acts.quote import quote
from fcb_pipelines.domain.errors import InvalidInput

PER_LINE, PER_TOTAL = "per_line", "per_total"


def a_line(price: str, **beside: Any) -> dict[str, Any]:
    return {"quantity": "1", "charge": {"model": "standard", "unit_price": price}, **beside}


def invoice(*lines: Any, **beside: Any) -> dict[str, Any]:
    return quote({"currency": "CAD", "lines": list(lines), "tax_rounding": PER_LINE, **beside})


def refused(*lines: Any, **beside: Any) -> str:
    with pytest.raises(InvalidInput) as refusal:
        invoice(*lines, **beside)
    return str(refusal.value)


def taxes(answer: dict[str, Any]) -> dict[str, str]:
    return {tax["rate"]: tax["tax"] for tax in answer["taxes"]}


def test_an_invoice_is_answered_with_its_lines_and_their_sums() -> None:
    lines = [a_line("100", discount={"percent": "10"}, tax_rate="13"), a_line("0.015")]
    assert invoice(*lines) == {
        "lines": [
            {
                "exact_amount": "90",
                "discount": "10",
                "net": "90.00",
                "tax": "11.70",
                "taxes": [{"rate": "13", "tax": "11.70"}],
            },
            {"exact_amount": "0.015", "discount": "0", "net": "0.02", "tax": "0.00", "taxes": []},
        ],
        "net": "90.02",
        "tax": "11.70",
        "taxes": [{"rate": "13", "net": "90.00", "tax": "11.70"}],
        "gross": "101.72",
    }


@pytest.mark.parametrize(("tax_rounding", "tax", "gross"), [(PER_LINE, "26.04", "226.08"), (PER_TOTAL, "26.01", "226.05")])
def test_twelve_lines_taxed_per_line_or_per_total(tax_rounding: str, tax: str, gross: str) -> None:
    answer = invoice(*[a_line("16.67", tax_rate="13")] * 12, tax_rounding=tax_rounding)
    assert (answer["net"], answer["tax"], answer["gross"]) == ("200.04", tax, gross)
    assert ["tax" in line for line in answer["lines"]] == [tax_rounding == PER_LINE] * 12


@pytest.mark.parametrize("tax_rounding", [PER_LINE, PER_TOTAL])
def test_each_component_is_rounded_by_itself(tax_rounding: str) -> None:
    answer = invoice(a_line("16.67", tax_rate=["5", "9.975"]), tax_rounding=tax_rounding)
    assert (taxes(answer), answer["tax"], answer["gross"]) == ({"5": "0.83", "9.975": "1.66"}, "2.49", "19.16")


def test_per_total_each_component_is_rounded_once_on_the_nets_that_bear_it() -> None:
    lines = [a_line("0.50", tax_rate=["5", "9.975"]), a_line("0.50", tax_rate="5.0"), a_line("0.50")]
    answer = invoice(*lines, tax_rounding=PER_TOTAL)
    assert answer["taxes"] == [{"rate": "5", "net": "1.00", "tax": "0.05"}, {"rate": "9.975", "net": "0.50", "tax": "0.05"}]
    assert taxes(invoice(*lines)) == {"5": "0.06", "9.975": "0.05"}


@pytest.mark.parametrize(
    ("tax_rounding", "rounding", "tax"),
    [
        (PER_LINE, "half_up", "0.15"),
        (PER_LINE, "half_even", "0.10"),
        (PER_TOTAL, "half_up", "0.13"),
        (PER_TOTAL, "half_even", "0.12"),
    ],
)
def test_taxes_are_rounded_the_way_that_is_asked_for(tax_rounding: str, rounding: str, tax: str) -> None:
    lines = [a_line("0.50", tax_rate=5)] * 5
    assert invoice(*lines, tax_rounding=tax_rounding, rounding=rounding)["tax"] == tax


def test_a_line_is_rounded_once_the_way_that_is_asked_for() -> None:
    assert invoice(*[a_line("0.125")] * 3)["net"] == "0.39"
    assert invoice(*[a_line("0.125")] * 3, rounding="half_even")["net"] == "0.36"
    assert invoice(a_line("0.015", discount="30"))["net"] == "0.01"


def test_two_taxes_of_the_same_percent_are_two_taxes() -> None:
    answer = invoice(a_line("0.50", tax_rate=["9", "9"]), a_line("0.50", tax_rate="9"), tax_rounding=PER_TOTAL)
    assert answer["taxes"] == [{"rate": "9", "net": "1.00", "tax": "0.09"}, {"rate": "9", "net": "0.50", "tax": "0.05"}]


@pytest.mark.parametrize(
    ("discount", "exact", "taken", "net"),
    [
        ("10", "18", "2", "18.00"),
        (10, "18", "2", "18.00"),
        ({"percent": "12.5"}, "17.5", "2.5", "17.50"),
        ({"percent": "100"}, "0", "20", "0.00"),
        ({"percent": 0}, "20", "0", "20.00"),
        ({"amount": "5.00"}, "15", "5", "15.00"),
        ({"amount": "20.01"}, "0", "20", "0.00"),
        ({"amount": "0.005"}, "19.995", "0.005", "20.00"),
    ],
)
def test_a_discount_takes_off_a_line_at_most_what_it_costs(discount: object, exact: str, taken: str, net: str) -> None:
    (line,) = invoice(a_line("20", discount=discount))["lines"]
    assert (line["exact_amount"], line["discount"], line["net"]) == (exact, taken, net)


def test_a_line_is_divided_and_prorated_before_its_discount_and_rounded_after() -> None:
    march = {"period": ["2026-03-01", "2026-04-01"], "active": ["2026-03-15", None]}
    proration = {**march, "convention": "calendar_days", "timezone": "America/Toronto"}
    yearly = a_line("200", instalments=12, proration=proration)
    percent, amount = ({**yearly, "discount": discount} for discount in ({"percent": "50"}, {"amount": "9"}))
    answer = invoice(yearly, percent, amount, tax_rounding=PER_TOTAL)
    assert [line["net"] for line in answer["lines"]] == ["9.14", "4.57", "0.14"]
    assert {line["fraction"] for line in answer["lines"]} == {"0.548387096774"}
    assert answer["lines"][1]["exact_amount"] == "4.569892473118"


def test_an_invoice_without_taxes_needs_no_tax_rounding() -> None:
    answer = quote({"currency": "JPY", "lines": [a_line("7.5")]})
    assert answer == {
        "lines": [{"exact_amount": "7.5", "discount": "0", "net": "8"}],
        "net": "8",
        "tax": "0",
        "taxes": [],
        "gross": "8",
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("x", "line 2: the line must be an object, is 'x'"),
        (a_line("1", currency="CAD"), "line 2: the line: unknown key 'currency'; known are quantity, charge, instalments"),
        ({"quantity": "1"}, "line 2: the line: missing key 'charge'"),
        (a_line("-1"), "line 2: unit_price must not be negative"),
        ({**a_line("1"), "quantity": "x"}, "line 2: quantity: 'x' is not a decimal number"),
        (a_line("1", proration={}), "line 2: proration: missing key 'period'"),
        (a_line("1", instalments=0), "line 2: instalments must be a whole number"),
        (a_line("1", discount=None), "line 2: discount: percent is null"),
        (a_line("1", discount={}), 'line 2: discount must have one key: write {"percent": "10"} or {"amount": "5.00"}'),
        (a_line("1", discount={"percent": 1, "amount": 1}), "line 2: discount must have one key"),
        (a_line("1", discount={"percents": 1}), "line 2: discount: unknown key 'percents'; known are percent, amount"),
        (a_line("1", discount="100.01"), "line 2: discount: percent is 100.01: write a number from 0 to 100"),
        (a_line("1", discount={"amount": "-1"}), "line 2: discount: amount must not be negative, is -1"),
        (a_line("1", discount={"amount": "x"}), "line 2: discount: amount: 'x' is not a decimal number"),
        (a_line("1", tax_rate=[]), "line 2: tax_rate is an empty list: leave the key out"),
        (
            a_line("1", tax_rate="13%"),
            "line 2: tax_rate: '13%' is not a decimal number: write a number from 0 to 100, such as \"13\"",
        ),
        (a_line("1", tax_rate="-5"), "line 2: tax_rate is -5: write a number from 0 to 100"),
        (a_line("1", tax_rate=["5", "113"]), "line 2: tax_rate is 113"),
        (a_line("1", tax_rate=None), "line 2: tax_rate is null"),
        (a_line("1", tax_rate={"GST": 5}), "line 2: tax_rate must be an exact number"),
    ],
)
def test_a_line_that_cannot_be_priced_is_refused_with_its_number_and_key(line: object, reason: str) -> None:
    assert reason in refused(a_line("1"), line)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lines": []}, "lines must be a list of at least one line, is []"),
        ({"lines": {"quantity": 1}}, "lines must be a list of at least one line"),
        ({"currency": "XYZ"}, "currency 'XYZ' is not known"),
        ({"currency": None}, "currency must be text"),
        ({"rounding": "up"}, "rounding must be half_up or half_even, is 'up'"),
        ({"tax_rounding": "line"}, "tax_rounding must be per_line or per_total, is 'line'"),
        ({"quantity": "1"}, "the invoice: unknown key 'quantity'; known are currency, lines, tax_rounding, rounding"),
        ({"lines": [a_line("9e89")] * 2}, "a number has more than 90 digits"),
    ],
)
def test_an_invoice_that_cannot_be_read_is_refused_by_key(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        quote({"currency": "CAD", "tax_rounding": PER_LINE, "lines": [a_line("1")], **changes})
    assert str(refusal.value).startswith(reason)


def test_taxes_are_never_rounded_by_a_convention_that_nobody_declared() -> None:
    with pytest.raises(InvalidInput, match="missing key 'tax_rounding': lines have a tax_rate, so write per_line or per_total"):
        quote({"currency": "CAD", "lines": [a_line("1", tax_rate="13")]})


RATES = st.lists(st.sampled_from(["5", "9.975", "13", "0"]), min_size=1, max_size=3)
LINES = st.builds(
    lambda price, discount, rates: a_line(str(price), discount=discount, **({"tax_rate": rates} if rates else {})),
    st.decimals(0, 1000, places=4),
    st.fixed_dictionaries({"percent": st.sampled_from(["0", "10", "33.333"])})
    | st.fixed_dictionaries({"amount": st.decimals(0, 50, places=3).map(str)}),
    RATES | st.none(),
)


@given(
    lines=st.lists(LINES, min_size=1, max_size=6),
    at=st.sampled_from([PER_LINE, PER_TOTAL]),
    rounding=st.sampled_from(["half_up", "half_even"]),
)
def test_the_written_sums_hold_to_the_cent(lines: list[dict[str, Any]], at: str, rounding: str) -> None:
    answer = invoice(*lines, tax_rounding=at, rounding=rounding)
    assert Decimal(answer["net"]) == sum(Decimal(line["net"]) for line in answer["lines"])
    assert Decimal(answer["tax"]) == sum(Decimal(tax["tax"]) for tax in answer["taxes"])
    assert Decimal(answer["gross"]) == Decimal(answer["net"]) + Decimal(answer["tax"])
    if at == PER_LINE:
        assert Decimal(answer["tax"]) == sum(Decimal(line["tax"]) for line in answer["lines"])
        assert all(Decimal(line["tax"]) == sum(Decimal(tax["tax"]) for tax in line["taxes"]) for line in answer["lines"])


@given(lines=st.lists(LINES, min_size=1, max_size=6), at=st.sampled_from([PER_LINE, PER_TOTAL]), order=st.randoms())
def test_the_order_of_lines_changes_no_sum(lines: list[dict[str, Any]], at: str, order: Any) -> None:
    shuffled = sorted(lines, key=lambda _: order.random())
    one, other = (invoice(*these, tax_rounding=at) for these in (lines, shuffled))
    assert [one[key] for key in ("net", "tax", "gross")] == [other[key] for key in ("net", "tax", "gross")]
    assert sorted(map(str, one["taxes"])) == sorted(map(str, other["taxes"]))
