"""Records as JSON and back: what is kept of a plan is exactly the plan.

Owns: how a record of frozen dataclasses is written without floats, and read again by the types of its fields. Does not own:
which records are kept (store).

Times keep their offset, amounts are text such as `12.50 CAD`, an enumeration is its value: what is read is what was written.
"""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import Money, money

_Record = TypeVar("_Record")


def as_json(value: Any) -> Any:
    """A record, or what stands in one, as JSON has it; raises `InvalidInput` for a type that would not be read as it was."""
    if isinstance(value, Money | Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value):
        return {each.name: as_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [as_json(each) for each in value]
    if value is None or isinstance(value, str | bool | int):
        return value.value if isinstance(value, StrEnum) else value
    raise InvalidInput(f"a record keeps no {type(value).__name__}")


def read(kind: type[_Record], value: Any) -> _Record:
    """The record of a kind that `as_json` wrote; raises `InvalidInput` for anything else."""
    try:
        found = _read(kind, value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"this is no {kind.__name__} as it was written: {error}") from error
    assert isinstance(found, kind)  # noqa: S101 - read by that very type
    return found


def _read(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else _read(next(each for each in get_args(kind) if each is not type(None)), value)
    if origin is tuple:
        return tuple(_read(get_args(kind)[0], each) for each in value)
    if origin is not None:
        key_kind, value_kind = get_args(kind)
        return {_read(key_kind, key): _read(value_kind, each) for key, each in value.items()}
    if is_dataclass(kind) and kind is not Money:
        hints = get_type_hints(kind)
        return kind(**{each.name: _read(hints[each.name], value[each.name]) for each in fields(kind)})  # type: ignore[operator]
    return _plain(kind, value)


def _plain(kind: Any, value: Any) -> Any:
    if kind is Money:
        return money(value)
    if kind in (date, datetime):
        return kind.fromisoformat(value)
    if kind in (str, int, bool, Any):
        return value
    return kind(value)
