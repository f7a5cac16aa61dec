from typing import Any

import pytest

from fcb_pipelines.acts.quote import quote
from fcb_pipelines.domain.errors import InvalidInput

FROM_THE_15TH = {
    "period": ["2026-03-01", "2026-04-01"],
    "active": ["2026-03-15", None],
    "convention": "calendar_days",
    "timezone": "America/Toronto",
}


def asked(price: str = "200", **beside: Any) -> dict[str, Any]:
    return quote({"quantity": "1", "currency": "CAD", "charge": {"model": "standard", "unit_price": price}, **beside})


def prorated(**changes: object) -> dict[str, Any]:
    return asked(proration={**FROM_THE_15TH, **changes})


def refused(**beside: Any) -> str:
    with pytest.raises(InvalidInput) as refusal:
        asked(**beside)
    return str(refusal.value)


def refused_proration(**changes: object) -> str:
    return refused(proration={**FROM_THE_15TH, **changes})


@pytest.mark.parametrize(
    ("price", "instalments", "exact", "amount"),
    [
        ("200", {}, "109.677419354839", "109.68"),
        ("200", {"instalments": 12}, "9.139784946237", "9.14"),
        ("50", {"instalments": "3"}, "9.139784946237", "9.14"),
        ("16.67", {"instalments": 1}, "9.141612903226", "9.14"),
    ],
)
def test_a_price_for_17_of_31_days(price: str, instalments: dict[str, Any], exact: str, amount: str) -> None:
    answer = asked(price, proration=FROM_THE_15TH, **instalments)
    assert answer == {
        "exact_amount": exact,
        "amount": amount,
        "fraction": "0.548387096774",
        "lines": [{"quantity": "1", "unit_price": exact, "amount": exact}],
    }


def test_instalments_alone_divide_a_price_exactly_until_it_is_rounded() -> None:
    answer = asked("200", instalments=12)
    assert (answer["exact_amount"], answer["amount"]) == ("16.666666666667", "16.67")
    assert asked("2e40", instalments="1e40")["amount"] == "2.00"
    assert "fraction" not in answer


@pytest.mark.parametrize(
    ("changes", "fraction"),
    [
        ({"active": ["2026-01-01", None]}, "1.000000000000"),
        ({"active": ["2026-04-01", None]}, "0.000000000000"),
        ({"active": ["2026-03-16", "2026-03-17"]}, "0.032258064516"),
        ({"active": ["2026-03-16", "2026-03-17"], "convention": "calendar_days_inclusive"}, "0.064516129032"),
        ({"convention": "calendar_days_inclusive"}, "0.548387096774"),
        ({"convention": "fixed_30_days"}, "0.566666666667"),
        ({"convention": "none"}, "1.000000000000"),
        ({"active": ["2026-03-08", "2026-03-09"], "convention": "seconds"}, "0.030955585464"),
        ({"active": ["2026-03-08", "2026-03-09"], "convention": "seconds", "timezone": "UTC"}, "0.032258064516"),
        ({"active": ["2026-03-15T03:59:59Z", None]}, "0.580645161290"),
        ({"active": ["2026-03-15T04:00Z", None]}, "0.548387096774"),
        ({"active": ["2026-03-15T03:59:59Z", None], "timezone": "UTC"}, "0.548387096774"),
        ({"active": ["2026-03-14 23:59:59.999999", None]}, "0.580645161290"),
        ({"active": ["2026-03-14T23:30-04:00", "2026-03-16T00:00:00-04:00"]}, "0.064516129032"),
        ({"period": ["2026-03-10T10:00", "2026-04-10T10:00"]}, "0.838709677419"),
        (
            {"period": ["2011-12-01", "2012-01-01"], "active": ["2011-12-31", None], "timezone": "Pacific/Apia"},
            "0.032258064516",
        ),
        ({"period": ["2026-01-01", "2027-01-01"], "active": ["2026-12-01", None]}, "0.084931506849"),
    ],
)
def test_the_share_is_told_with_twelve_decimals(changes: dict[str, Any], fraction: str) -> None:
    assert prorated(**changes)["fraction"] == fraction


def test_minimum_and_maximum_are_prorated_with_the_price() -> None:
    charge = {"model": "standard", "unit_price": "1", "minimum_amount": "31"}
    answer: dict[str, Any] = quote({"quantity": "3", "currency": "CAD", "charge": charge, "proration": FROM_THE_15TH})
    assert answer["amount"] == "17.00"
    assert [line["amount"] for line in answer["lines"]] == ["1.645161290323", "15.354838709677"]


@pytest.mark.parametrize(("rounding", "amount"), [("half_up", "0.13"), ("half_even", "0.12")])
def test_half_a_cent_goes_the_way_that_is_asked_for(rounding: str, amount: str) -> None:
    assert asked("0.125", rounding=rounding)["amount"] == amount
    assert asked("1.5", instalments=12, rounding=rounding)["amount"] == amount
    assert asked("0.125")["amount"] == "0.13"


@pytest.mark.parametrize(
    ("active", "zone", "instead"),
    [
        ("2026-03-08T02:30", "America/Toronto", ["2026-03-08T03:30:00-04:00"]),
        ("2026-11-01T01:30", "America/Toronto", ["2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00"]),
        ("2026-04-05 01:45", "Australia/Lord_Howe", ["2026-04-05T01:45:00+11:00", "2026-04-05T01:45:00+10:30"]),
        ("2011-12-30T12:00", "Pacific/Apia", ["2011-12-31T12:00:00+14:00"]),
        ("2011-12-30", "Pacific/Apia", ["2011-12-31"]),
    ],
)
def test_a_time_that_the_clocks_skip_or_show_twice_is_refused_with_what_to_write(
    active: str, zone: str, instead: list[str]
) -> None:
    period = [f"{active[:8]}01", f"{int(active[:4]) + 1}-01-01"]
    reason = refused_proration(period=period, active=[active, None], timezone=zone)
    assert reason.startswith("proration: active: ")
    assert zone in reason
    for written in instead:
        assert written in reason
        assert prorated(period=period, active=[written, None], timezone=zone)["fraction"] > "0"


def test_a_day_whose_midnight_the_clocks_skipped_starts_when_they_went_on() -> None:
    beirut: dict[str, Any] = {"convention": "seconds", "timezone": "Asia/Beirut"}
    day, hours = (
        prorated(active=active, **beirut) for active in (["2026-03-29", "2026-03-30"], ["2026-03-29T01:00", "2026-03-30"])
    )
    assert day["fraction"] == hours["fraction"] == "0.030955585464"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"timezone": "Toronto"}, "proration: timezone 'Toronto' is not known: write a name such as America/Toronto or UTC"),
        ({"timezone": "America"}, "proration: timezone 'America' is not known"),
        ({"timezone": "localtime"}, "proration: timezone 'localtime' is not known"),
        ({"timezone": "\0"}, "is not known: write a name"),
        ({"timezone": "x" * 5000}, "is not known: write a name"),
        ({"timezone": ""}, "proration: timezone '' is not known"),
        ({"timezone": "../UTC"}, "proration: timezone '../UTC' is not known"),
        ({"timezone": 5}, "proration: timezone must be text, is 5"),
        (
            {"convention": "days"},
            "proration: convention must be none, calendar_days, calendar_days_inclusive, fixed_30_days or",
        ),
        ({"convention": ["none"]}, "proration: convention must be none"),
        ({"period": "2026-03"}, "proration: period must be a list of two times, such as ["),
        ({"period": ["2026-03-01"]}, "proration: period must be a list of two times"),
        ({"active": ["2026-03-01", None, None]}, "proration: active must be a list of two times"),
        ({"active": None}, "proration: active must be a list of two times"),
        ({"active": {}}, "proration: active must be a list of two times"),
        ({"period": ["2026-03-01", None]}, "proration: period: only the end of active may be null"),
        ({"active": [None, None]}, "proration: active: only the end of active may be null"),
        ({"active": [20260315, None]}, "proration: active: a time must be text, is 20260315"),
        ({"period": ["2026-04-01", "2026-03-01"]}, "proration: period must end after it starts"),
        ({"active": ["2026-03-15", "2026-03-15"]}, "proration: active must end after it starts"),
        (
            {"period": ["2026-03-01", "2026-03-20"], "convention": "fixed_30_days"},
            "proration: a service range from 2026-03-01 to",
        ),
    ],
)
def test_a_proration_that_cannot_be_meant_is_refused_by_name(changes: dict[str, Any], reason: str) -> None:
    assert reason in refused_proration(**changes)


@pytest.mark.parametrize(
    "written",
    [
        "15.3.2026",
        "2026-3-15",
        "20260315",
        "2026-03",
        "2026-W12-1",
        "2026-02-30",
        "2026-03-15T24:30",
        "2026-03-15T12",
        "2026-03-15T12:00+4",
        "2026-03-15T12:00:00.1234567",
        "0001-01-01",
        "9999-12-31T23:59:59-23:00",
        "2026-03-1５",
        " 2026-03-15",
        "",
    ],
)
def test_a_time_in_any_other_form_is_refused_with_one_that_is_right(written: str) -> None:
    reason = refused_proration(active=[written, None])
    assert reason.startswith(f"proration: active: {written!r} is not a time: write a day")
    assert "such as 2026-03-15, or a time such as 2026-03-15T14:00:00-04:00" in reason


@pytest.mark.parametrize("key", ["period", "active", "convention", "timezone"])
def test_a_key_of_a_proration_that_is_missing_or_unknown_is_named(key: str) -> None:
    rest = {name: value for name, value in FROM_THE_15TH.items() if name != key}
    assert refused(proration=rest) == f"proration: missing key '{key}'"
    assert f"proration: unknown key '{key}s'; known are period, active" in refused_proration(**{f"{key}s": "x"})


@pytest.mark.parametrize(
    ("beside", "reason"),
    [
        ({"instalments": 0}, "instalments must be a whole number from 1 on, such as 12, is 0"),
        ({"instalments": "-12"}, "is -12"),
        ({"instalments": "1.5"}, "is 1.5"),
        ({"instalments": f"{10**40}.5"}, "0.5"),
        ({"instalments": None}, "instalments is null: leave the key out"),
        ({"instalments": "twelve"}, "instalments: 'twelve' is not a decimal number"),
        ({"rounding": "up"}, "rounding must be half_up or half_even, is 'up'"),
        ({"rounding": None}, "rounding must be half_up or half_even, is None"),
        ({"proration": None}, "proration must be an object, is None"),
        ({"discount": "10"}, 'discount belongs to a line of an invoice: write {"currency": …'),
        ({"tax_rate": "13"}, "tax_rate belongs to a line of an invoice"),
        ({"prorate": {}}, "unknown key 'prorate'; known are quantity, currency, charge, instalments, proration, rounding"),
    ],
)
def test_what_stands_beside_a_charge_is_refused_by_name(beside: dict[str, Any], reason: str) -> None:
    assert reason in refused(**beside)
