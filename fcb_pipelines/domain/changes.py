"""Changing another system by difference: what is wanted against what is there.

Owns: the comparison and its result. Does not own: what a record is made of, or how a change is applied (odoo).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

Value = str | int | Decimal | bool | None
Fields = Mapping[str, Value]
"""One record: field in our words → value; None where the record has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field that differs; `before` is None for a record that is to be created."""

    field: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What must be done for the wanted records to be there, by external id and in the order in which they are wanted."""

    create: Mapping[str, Fields]
    update: Mapping[str, tuple[FieldChange, ...]]
    """Only the fields that differ; what is present beyond the wanted fields is left alone."""
    unchanged: tuple[str, ...]
    extra: tuple[str, ...]
    """Present and no longer wanted, sorted; never touched by applying the changes."""

    @property
    def is_empty(self) -> bool:
        """Whether applying them would do nothing."""
        return not self.create and not self.update


def changes(wanted: Mapping[str, Fields], present: Mapping[str, Fields]) -> Changes:
    """Compare by external id and then field by field; what is not wanted is reported and never removed."""
    differing = {xid: _differing(fields, present[xid]) for xid, fields in wanted.items() if xid in present}
    return Changes(
        create={xid: fields for xid, fields in wanted.items() if xid not in present},
        update={xid: fields for xid, fields in differing.items() if fields},
        unchanged=tuple(xid for xid, fields in differing.items() if not fields),
        extra=tuple(sorted(present.keys() - wanted.keys())),
    )


def applied(made: Changes, present: Mapping[str, Fields]) -> dict[str, Fields]:
    """What is there once the changes were made."""
    after = {xid: {**present[xid], **{change.field: change.after for change in each}} for xid, each in made.update.items()}
    return {**present, **made.create, **after}


def _differing(wanted: Fields, present: Fields) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(field=name, before=present.get(name), after=value)
        for name, value in wanted.items()
        if present.get(name) != value
    )
