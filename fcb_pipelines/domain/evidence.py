"""Evidence: records of the source that say why an amount may differ from its list price.

Owns: the record's shape, when it holds, which data each kind must bring. Does not own: what a kind of record explains (causes).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from fcb_pipelines.domain.charges import read_charge
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import ZERO, Rounding, decimal
from fcb_pipelines.domain.plans import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One record about a subject, holding in `[valid_from, valid_to)`; an absent bound is open."""

    kind: str
    subject_kind: str
    subject_id: str
    valid_from: datetime | None
    valid_to: datetime | None
    data: Mapping[str, Any]
    reference: str

    def holds_at(self, moment: datetime) -> bool:
        """Whether the record holds at a moment."""
        return (self.valid_from is None or self.valid_from <= moment) and (self.valid_to is None or moment < self.valid_to)

    def number(self, key: str) -> Decimal | None:
        """An exact number of its data, or None; `check` has made sure that it is one."""
        value = self.data.get(key)
        return None if value is None else decimal(value)

    def percents(self) -> tuple[Decimal, ...]:
        """The percentages of its data, one for each component of a tax."""
        return tuple(decimal(each) for each in self.data.get("percents") or ())

    def interval(self, default: Interval, key: str = "interval") -> Interval:
        """A billing interval of its data."""
        value = self.data.get(key)
        return default if value is None else Interval.read(str(value))


def _number(value: object) -> None:
    if decimal(value) < ZERO:  # type: ignore[arg-type]
        raise InvalidInput("must not be negative")


def _count(value: object) -> None:
    number = decimal(value)  # type: ignore[arg-type]
    if number < 1 or number != int(number):
        raise InvalidInput("must be a whole number above 0")


def _interval(value: object) -> None:
    Interval.read(str(value))


def _above_zero(value: object) -> None:
    if decimal(value) <= ZERO:  # type: ignore[arg-type]
        raise InvalidInput("must be above 0")


def _percents(value: object) -> None:
    if not isinstance(value, list):
        raise InvalidInput("must be a list, with a percentage for each component of the tax")
    for each in value:
        _number(each)


def _mode(value: object) -> None:
    if value not in set(Rounding):
        raise InvalidInput(f"must be one of {', '.join(Rounding)}")


def _charge(value: object) -> None:
    read_charge(value)


def _names(value: object) -> None:
    if not isinstance(value, list) or not value or not all(isinstance(each, str) and each.strip() for each in value):
        raise InvalidInput('must be a list of at least one charge, such as ["flat"]')


Check = Callable[[object], None]

DATA: Mapping[str, Mapping[str, tuple[Check, bool]]] = {
    "contract_price": {"price": (_number, True), "interval": (_interval, False)},
    "plan_price": {"price": (_number, True), "interval": (_interval, False)},
    "list_interval": {"interval": (_interval, True)},
    "instalment": {"instalments": (_count, True)},
    "discount": {
        "percent": (_number, False),
        "amount": (_number, False),
        "max_uses": (_count, False),
        "charges": (_names, False),
    },
    "minimum": {"amount": (_number, True), "charges": (_names, False)},
    "maximum": {"amount": (_number, True), "charges": (_names, False)},
    "quota": {"included_quantity": (_number, True), "charges": (_names, False)},
    "charge": {"price": (_charge, True), "charges": (_names, False)},
    "exchange_rate": {"rate": (_above_zero, True)},
    "rounding": {"mode": (_mode, True)},
    "tax_inclusive": {"percents": (_percents, True)},
    "tax_rate": {"percents": (_percents, True)},
}
"""What the data of a kind brings: key → how it is checked, whether it must be there. Other kinds bring what they like."""


def check(record: Evidence) -> Evidence:
    """The record, if its data can be used; raises `InvalidInput` that names the key at fault."""
    for key, (checked, is_required) in DATA.get(record.kind, {}).items():
        value = record.data.get(key)
        if value is None:
            if is_required:
                raise InvalidInput(f"data has no {key!r}, which a record of kind {record.kind} needs")
            continue
        try:
            checked(value)
        except InvalidInput as error:
            raise InvalidInput(f"data: {key!r} is {value!r}: {error}") from error
    return record
