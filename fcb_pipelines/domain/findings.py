"""Findings: what `fcb doctor` looked at, how it is, what to do about it, and what it could do itself.

Owns: the records. Does not own: what is looked at (source/check, odoo/check, acts/doctor), applying a remedy (odoo/remedies).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Setting = str | int | bool
"""A value that a remedy writes or looks for."""


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One thing that a remedy writes: to records that exist, or one of its own by external id."""

    model: str
    values: Mapping[str, Setting]
    where: tuple[tuple[str, str, Setting], ...] = ()
    """Which records: field, operator, value."""
    external_id: str | None = None
    """Of the record that is made if it is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What `fcb doctor --fix` would write; nothing is ever written without it."""

    words: str
    influence: str
    """What else it changes on a server that other people use."""
    writes: tuple[Write, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at, and what was found."""

    level: Level
    about: str
    """A file, a file and a column such as `users.sql: email`, a variable, or a part of Odoo."""
    message: str
    """For the operator: what was read, or what is wrong and what mends it."""
    remedy: Remedy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """What became of a remedy."""

    about: str
    is_applied: bool
    message: str
    """What was written and read back, or why not and who may."""


def ok(about: str, message: str) -> Finding:
    """Nothing to do."""
    return Finding(level=Level.OK, about=about, message=message)


def warning(about: str, message: str, remedy: Remedy | None = None) -> Finding:
    """The work goes on, and somebody should look."""
    return Finding(level=Level.WARNING, about=about, message=message, remedy=remedy)


def error(about: str, message: str, remedy: Remedy | None = None) -> Finding:
    """The work cannot go on before this is mended."""
    return Finding(level=Level.ERROR, about=about, message=message, remedy=remedy)
