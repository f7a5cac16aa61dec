"""Findings: what `fcb doctor` looked at, how it is, and what to do about it.

Owns: the record. Does not own: what is looked at (source/check, odoo/check, acts/doctor).
"""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at, and what was found."""

    level: Level
    about: str
    """A file, a file and a column such as `users.sql: email`, a variable, or a part of Odoo."""
    message: str
    """For the operator: what was read, or what is wrong and what mends it."""


def ok(about: str, message: str) -> Finding:
    """Nothing to do."""
    return Finding(level=Level.OK, about=about, message=message)


def warning(about: str, message: str) -> Finding:
    """The work goes on, and somebody should look."""
    return Finding(level=Level.WARNING, about=about, message=message)


def error(about: str, message: str) -> Finding:
    """The work cannot go on before this is mended."""
    return Finding(level=Level.ERROR, about=about, message=message)
