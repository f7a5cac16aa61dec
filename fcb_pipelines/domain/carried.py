"""Carried lines: what the source bills outside the model, who bills it after the flip, and what only seems to be billed once.

Owns: what makes two lines the same item, when an item recurs, and successors. Does not own: which lines are carried
(explaining), storage (store/successors).
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.errors import InvalidInput

RECURS = "recurs"
"""A carried line that is billed again and again, or for a time with an end: no one-off, whatever its kind says."""

Item = tuple[str, str]
"""Customer, and what is billed: the source's product, else the description without its numbers and dates."""

_NUMBERS = re.compile(r"\d[\d.,:/-]*")
_BLANKS = re.compile(r"[\s×x*]+")
_MONTHS = re.compile(r"\b(january|february|march|april|may|june|july|august|september|october|november|december)\b")


def item_of(line: ActualLine) -> Item:
    """What a carried line bills of whom, the same in each month."""
    if line.product is not None:
        return line.external_user_id, f"product {line.product}"
    words = _MONTHS.sub(" ", _NUMBERS.sub(" ", line.description.casefold()))
    return line.external_user_id, f"{line.kind}: {_BLANKS.sub(' ', words).strip(' -–—,;:()')}"


def recurring(lines: Iterable[ActualLine], zone: ZoneInfo) -> frozenset[Item]:
    """The items that are billed in two of three months in a row."""
    months: dict[Item, set[int]] = defaultdict(set)
    for line in lines:
        if line.counts:
            key = line.period(zone).key
            months[item_of(line)].add(int(key[:4]) * 12 + int(key[5:]))
    return frozenset(item for item, found in months.items() if any({each + 1, each + 2} & found for each in found))


class Heir(StrEnum):
    """Who bills a carried item after the flip."""

    ODOO = "odoo"
    """A recurring line in Odoo."""
    SOURCE = "source"
    """The source keeps billing it; its owner sees to that."""
    ENDED = "ended"
    """Nobody: it ended on a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor:
    """What a person said of an item; of several the last counts."""

    external_user_id: str
    item: str
    heir: Heir
    owner: str | None
    """Who answers for what the source keeps billing."""
    ended_on: date | None
    """The first day on which nothing of it is due any more."""
    text: str
    author: str
    made_at: datetime

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise InvalidInput("say in words why: --text")
        if (self.heir is Heir.SOURCE) != bool(self.owner and self.owner.strip()):
            raise InvalidInput("an owner is named where the source keeps billing it, and only there: --source OWNER")
        if (self.heir is Heir.ENDED) != (self.ended_on is not None):
            raise InvalidInput("a day is named where it ended, and only there: --ended YYYY-MM-DD")

    def covers(self, line: ActualLine, zone: ZoneInfo) -> bool:
        """Whether it says what becomes of a line: of one for a time after the end it does not, for that was to be none."""
        started = (line.service_from or line.issued_at).astimezone(zone).date()
        return self.ended_on is None or started < self.ended_on

    def __str__(self) -> str:
        said = {
            Heir.ODOO: "a recurring line in Odoo",
            Heir.SOURCE: f"the source keeps billing it, {self.owner} answers for it",
            Heir.ENDED: f"ended on {self.ended_on}",
        }
        return said[self.heir]
