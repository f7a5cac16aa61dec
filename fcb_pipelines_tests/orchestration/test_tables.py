"""Tables in the page: every column of any row, the first rows of many."""

from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.assets.shell import MOST_ROWS, table

Row = dict[str, Any]


@pytest.mark.parametrize(
    ("rows", "columns", "records"),
    [
        ([], ["nothing"], []),
        ([{"a": 1}], ["a"], [{"a": 1}]),
        ([{"a": Decimal("1.50")}, {"a": None}], ["a"], [{"a": "1.50"}, {"a": None}]),
        ([{"a": 1}, {"b": 2, "a": 3}], ["a", "b"], [{"a": 1, "b": None}, {"a": 3, "b": 2}]),
    ],
)
def test_a_table_has_every_column_of_any_row(rows: list[Row], columns: list[str], records: list[Row]) -> None:
    shown = table(rows)
    assert [column.name for column in shown.schema.columns] == columns
    assert [record.data for record in shown.records] == records


def test_a_table_shows_only_the_first_rows() -> None:
    assert len(table({"n": n} for n in range(MOST_ROWS + 1)).records) == MOST_ROWS
