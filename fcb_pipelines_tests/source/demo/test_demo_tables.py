"""The text tables in which the demo is written down."""

from datetime import UTC, date, datetime

import pytest

from fcb_pipelines.source.demo.tables import cells, given, invoice_id, subscriptions_in, toronto, toronto_day


def test_a_table_is_read_by_its_first_line() -> None:
    table = """
    id | name
    1  | Web M × 3

    2  | -
    """
    assert cells(table) == ({"id": "1", "name": "Web M × 3"}, {"id": "2", "name": "-"})


@pytest.mark.parametrize("row", ["1", "1 | two | three"], ids=["a cell missing", "a cell too many"])
def test_a_row_that_does_not_fit_its_columns_is_refused(row: str) -> None:
    with pytest.raises(ValueError, match="zip"):
        cells(f"id | name\n{row}")


@pytest.mark.parametrize(("cell", "value"), [("-", None), ("0.00", "0.00"), ("-5.80", "-5.80")])
def test_only_a_dash_alone_is_nothing(cell: str, value: str | None) -> None:
    assert given(cell) == value


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("1001", [1001]), ("1001-1003", [1001, 1002, 1003]), ("1001-1002 1030", [1001, 1002, 1030]), ("", [])],
)
def test_ranges_of_subscriptions_include_both_ends(text: str, numbers: list[int]) -> None:
    assert subscriptions_in(text) == tuple(f"SUB-{number}" for number in numbers)


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2026-03-08 01:59", datetime(2026, 3, 8, 6, 59, tzinfo=UTC)),
        ("2026-03-08 03:00", datetime(2026, 3, 8, 7, 0, tzinfo=UTC)),
        ("2026-04-01 00:00", datetime(2026, 4, 1, 4, 0, tzinfo=UTC)),
    ],
    ids=["winter", "the first minute of summer", "summer"],
)
def test_local_times_know_summer_time(local: str, utc: datetime) -> None:
    assert toronto(local).astimezone(UTC) == utc


def test_a_day_is_the_local_one() -> None:
    assert toronto_day("2024-12-31 23:30") == date(2024, 12, 31)


def test_invoice_ids_are_stable_and_distinct() -> None:
    assert str(invoice_id("0001")) == "dd23bd2f-343d-58f7-a81a-61f8d3c1dd26"
    assert len({invoice_id(f"{number:04d}") for number in range(1, 31)}) == 30
