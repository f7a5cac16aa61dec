"""The form in which the demo's data is written down: text tables for people, rows for Postgres.

Owns: reading a text table, local times. Does not own: any row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import NAMESPACE_DNS, UUID, uuid5
from zoneinfo import ZoneInfo

TORONTO = ZoneInfo("America/Toronto")
HOST = uuid5(NAMESPACE_DNS, "nexacloud.example")

Row = Sequence[object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows of one table of the demo's database, to be copied in the order of `columns`."""

    name: str
    columns: tuple[str, ...]
    rows: Iterable[Row]


def cells(text: str) -> tuple[dict[str, str], ...]:
    """The rows of a text table by column; the first line names the columns, `|` separates them.

    Raises `ValueError` for a row that has more or fewer cells than there are columns.
    """
    header, *rows = (_split(line) for line in text.strip().splitlines() if line.strip())
    return tuple(dict(zip(header, row, strict=True)) for row in rows)


def given(cell: str) -> str | None:
    """What a cell holds; `-` is nothing."""
    return None if cell == "-" else cell


def toronto(text: str) -> datetime:
    """A local time of the demo's city, such as `2026-03-15 09:12`, as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=TORONTO)


def toronto_day(text: str) -> date:
    """The local calendar day of a time written as for `toronto`."""
    return datetime.fromisoformat(text).date()


def subscriptions_in(cell: str) -> tuple[str, ...]:
    """Subscription ids from `1001-1003 1007`: ranges include both ends."""
    bounds = (part.split("-") for part in cell.split())
    return tuple(
        f"SUB-{number}" for first, *last in bounds for number in range(int(first), int(last[0] if last else first) + 1)
    )


def invoice_id(number: str) -> UUID:
    """The id of the invoice with a number, the same in every copy of the demo."""
    return uuid5(HOST, f"invoice {number}")


def _split(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]
