"""Strict JSON: what every parser reads alike, and nothing else (RFC 8259, RFC 7493).

Owns: reading a body into Python values with exact numbers. Does not own: what the values mean (usage_body).
"""

import json
from decimal import Decimal
from typing import Any, NoReturn

from fcb_pipelines.domain.errors import InvalidInput


class NotStrict(InvalidInput):
    """A body that is not JSON, or that two parsers may read differently."""


def read(body: bytes) -> Any:
    """The value of a body in UTF-8; numbers become `Decimal` or int, exactly.

    Raises `NotStrict` for what is no JSON, for keys that come twice, NaN and infinities, NUL and lone surrogates in texts,
    numbers beyond measure, and nesting beyond what the machine bears.
    """
    try:
        text = body.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_unique, parse_float=_decimal, parse_int=_integer, parse_constant=_no_constant
        )
    except UnicodeDecodeError:
        raise NotStrict("the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise NotStrict(f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise NotStrict("the body is nested too deeply") from None
    if "\\u" in text and not is_clean(value):
        raise NotStrict("a text holds NUL or half of a surrogate pair")
    return value


def is_clean(value: Any) -> bool:
    """Whether all texts of a value can be stored."""
    if isinstance(value, str):
        return all(character != "\0" and not "\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, dict):
        return all(is_clean(each) for pair in value.items() for each in pair)
    return all(map(is_clean, value)) if isinstance(value, list) else True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotStrict(f"the key {twice[:50]!r} comes twice in one object")
    return found


MOST_DIGITS = 100
"""Of a number, and of its exponent either way."""


def _decimal(text: str) -> Decimal:
    return _exact(text)


def _integer(text: str) -> int:
    return int(_exact(text)) if len(text) <= MOST_DIGITS else _too_long()


def _exact(text: str) -> Decimal:
    if len(text) > MOST_DIGITS:
        _too_long()
    number = Decimal(text) if abs(_exponent(text)) <= MOST_DIGITS else None
    return _too_long() if number is None else number


def _exponent(text: str) -> int:
    return int(text.lower().partition("e")[2] or 0)


def _too_long() -> NoReturn:
    raise NotStrict(f"a number has more than {MOST_DIGITS} digits")


def _no_constant(name: str) -> NoReturn:
    raise NotStrict(f"{name} is no JSON")
