"""A trace: what one row rests on, step by step, down to usage events and rows of the source.

Owns: the shape of a step, what was found while steps are walked, and how quantities and rows are told in words. Does not own:
what rests on what (acts/trace), how it is printed (cli/trace).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.money import exact_text


class Kind(StrEnum):
    """What a step is."""

    ROW = "row"
    REVISION = "revision"
    SNAPSHOT = "snapshot"
    CHARGE = "charge"
    BILLED = "billed"
    INVOICE_LINE = "invoice_line"
    INVOICE = "invoice"
    EXPECTED = "expected"
    PRICE = "price"
    CAUSE = "cause"
    ROUNDING = "rounding"
    TAX = "tax"
    ADJUSTMENT = "adjustment"
    DIFFERENCE = "difference"
    FINDING = "finding"
    WATERFALL = "waterfall"
    SOURCE_ROW = "source_row"
    EVIDENCE = "evidence"
    TERM = "term"
    USAGE = "usage"
    FEED = "feed"
    EVENT = "event"
    DECISIONS = "decisions"
    ACCEPTANCE = "acceptance"
    SUCCESSOR = "successor"
    AUDIT = "audit"
    ODOO = "odoo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step back from a row, with what it rests on."""

    kind: Kind
    says: str
    """For people."""
    reference: str = ""
    """What names it: the id of a row, a record of the source, an event, an invoice line."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """For programs, as JSON has it: amounts and quantities are text."""
    wrong: str = ""
    """What does not add up."""
    untraced: str = ""
    """What cannot be traced any further, and why."""
    rests_on: Iterable["Step"] = ()
    """May be read only once: single events are read while they are shown."""


@dataclass(slots=True)
class Found:
    """What steps said while they were walked."""

    wrong: list[str] = field(default_factory=list)
    untraced: list[str] = field(default_factory=list)

    def look_at(self, step: Step) -> None:
        """Keep what is wrong with a step, or cannot be traced."""
        for said, kept in ((step.wrong, self.wrong), (step.untraced, self.untraced)):
            if said:
                kept.append(f"{step.reference}: {said}" if step.reference else said)


def walked(root: Step, found: Found) -> Iterator[tuple[Step, tuple[bool, ...]]]:
    """Every step, each before what it rests on; with it, of its ancestors and of itself, whether others follow beside it."""
    found.look_at(root)
    yield root, ()
    yield from _below(root.rests_on, (), found)


def _below(steps: Iterable[Step], above: tuple[bool, ...], found: Found) -> Iterator[tuple[Step, tuple[bool, ...]]]:
    for step, has_more in followed(steps):
        place = (*above, has_more)
        found.look_at(step)
        yield step, place
        yield from _below(step.rests_on, place, found)


def followed(steps: Iterable[Step]) -> Iterator[tuple[Step, bool]]:
    """Each step, and whether another one follows; none is read before the one ahead of it was taken but one."""
    waiting: Step | None = None
    for step in steps:
        if waiting is not None:
            yield waiting, True
        waiting = step
    if waiting is not None:
        yield waiting, False


def grouped(value: Decimal | Fraction) -> str:
    """A number in groups of three: `7,560,000`, `100.5`."""
    whole, point, rest = exact_text(-value if value < 0 else value).partition(".")
    return f"{'-' * (value < 0)}{int(whole):,}{point}{rest}"


def printable(text: str) -> str:
    """What a source's texts say, on one line and without what a terminal takes for an order."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else " " if each.isspace() else "\N{REPLACEMENT CHARACTER}" for each in text)


def printable_lines(text: str) -> str:
    """The same of a text of several lines, which it keeps."""
    return "\n".join(map(printable, text.splitlines()))


def on_day(moment: datetime, zone: ZoneInfo) -> str:
    """The day of a moment in a zone."""
    return moment.astimezone(zone).date().isoformat()


def at_time(moment: datetime, zone: ZoneInfo) -> str:
    """A moment as JSON has it, in a zone."""
    return moment.astimezone(zone).isoformat()


def told(row: Mapping[str, Any], *, but: Collection[str] = ()) -> str:
    """What a row of the source says: `currency CAD, price_monthly 24`; what it leaves empty is left out."""
    return ", ".join(f"{name} {_value(value)}" for name, value in row.items() if name not in but and not _is_blank(value))


def _is_blank(value: object) -> bool:
    return value is None or value in ("", [], {})


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return f"({told(value)})"
    if isinstance(value, list):
        return f"[{'; '.join(map(_value, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
