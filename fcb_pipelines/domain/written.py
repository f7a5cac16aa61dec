"""Strict reading of what a request or a record has written: every refusal names the key at fault.

Owns: keys, objects, texts, exact numbers, words to choose from. Does not own: what any key means (its callers).
"""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from enum import StrEnum
from reprlib import repr as shortened
from typing import TypeVar

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import decimal

Word = TypeVar("Word", bound=StrEnum)
Read = TypeVar("Read")


def check_keys(what: str, written: Mapping[str, object], *, required: Collection[str], optional: Collection[str] = ()) -> None:
    """Refuse a key that is not known, then one that is missing."""
    known = [*required, *optional]
    for key in written:
        if key not in known:
            raise InvalidInput(f"{what}: unknown key {shortened(key)}; known are {', '.join(known)}")
    for key in required:
        if key not in written:
            raise InvalidInput(f"{what}: missing key {key!r}")


def mapping(what: str, value: object) -> Mapping[str, object]:
    """An object of JSON."""
    if not isinstance(value, dict):
        raise InvalidInput(f"{what} must be an object, is {shortened(value)}")
    return value


def text(what: str, value: object) -> str:
    """A text of JSON."""
    if not isinstance(value, str):
        raise InvalidInput(f"{what} must be text, is {shortened(value)}")
    return value


def number(what: str, value: object) -> Decimal:
    """An exact number, as JSON or as text."""
    if value is None:
        raise InvalidInput(f"{what} is null: leave the key out or give a number")
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise InvalidInput(f'{what} must be an exact number, written as text such as "12.50", is {shortened(value)}')
    try:
        return decimal(value)
    except InvalidInput as error:
        raise InvalidInput(f"{what}: {error}") from error


def word(what: str, value: object, words: type[Word]) -> Word:
    """One of the words of an enumeration."""
    known = [one.value for one in words]
    if value not in known:
        raise InvalidInput(f"{what} must be {', '.join(known[:-1])} or {known[-1]}, is {shortened(value)}")
    return words(value)


def within(what: str, read: Callable[[], Read]) -> Read:
    """Read something, with the place it stands at in front of every refusal."""
    try:
        return read()
    except InvalidInput as error:
        raise InvalidInput(f"{what}: {error}") from error
