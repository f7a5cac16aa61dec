"""The gate: everything that stands against taking a cohort live, from one place.

Owns: the record of an objection, its classes, and the rule that asks every kind of objection (domain/objections, one file
each). Does not own: reading what they need (acts/gate), acting on them (acts/flip).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Class(StrEnum):
    """On what an objection rests."""

    PROVEN = "proven"
    """The data say so."""
    ATTESTED = "attested"
    """A person would have to say that it is not so, or the one who did can no longer be relied on."""
    UNDECIDABLE = "undecidable"
    """Data are missing: somebody brings them or signs. Missing data never pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """One stated reason not to go live."""

    id: str
    """Of its kind, such as `never_compared`: the name of its file."""
    scope: str
    """What it is about: `service`, `customer 5`, `SUB-1001`, `SUB-1001/flat` or a row."""
    klass: Class
    words: str
    """For people, a sentence without a full stop."""
    evidence: tuple[str, ...] = ()
    """Records, rows, lines, Odoo's records that it rests on."""
    since: datetime | None = None
    """How long it has stood, where that is known."""
    what_to_do: str
    """A command, or what a person does."""
