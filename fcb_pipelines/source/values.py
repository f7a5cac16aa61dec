"""Values of the source: from the text that Postgres prints to exact Python values, and from those to JSON.

Owns: the meaning of times, exact numbers, the lines of an invoice. Does not own: which columns there are (columns), rules on
what a value may be (domain).
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fcb_pipelines.domain.errors import InvalidInput, InvalidSettings
from fcb_pipelines.domain.money import decimal, plain
from fcb_pipelines.domain.period import midnight
from fcb_pipelines.services import Service, TimeMeaning
from fcb_pipelines.source.columns import Column, Kind

Convert = Callable[[str], Any]

_UNSTORABLE = re.compile(r"(?<!\\)(?:\\\\)*\\u0000|[\ud800-\udfff]")
"""What JSON text may hold and jsonb refuses: an escaped NUL, and one half of a surrogate pair."""


def converter(column: Column, service: Service) -> Convert:
    """How the Postgres text of a column becomes a value; the function raises `InvalidInput` for a text that cannot."""
    if column.kind is Kind.TIME:
        return _time_reader(column.path, service)
    if column.path == "invoices.lines":
        return _lines_reader(service)
    plain_readers: dict[Kind, Convert] = {
        Kind.TEXT: str,
        Kind.NUMERIC: decimal,
        Kind.BOOL: lambda text: text == "t",
        Kind.JSON: exact_json,
    }
    return plain_readers[column.kind]


def instant(text: str, meaning: TimeMeaning | None) -> datetime:
    """Read an ISO time as an instant in UTC.

    A `date` is local midnight of its calendar day in the declared zone. Where a naive local time happens twice (clocks going
    back) it is the first of the two. Raises `ValueError` for what is no time and for a naive time that nobody declared.
    """
    moment = datetime.fromisoformat(text)
    if meaning is None:
        if moment.tzinfo is None:
            raise ValueError(f"{text} has no timezone")
        return moment.astimezone(UTC)
    if meaning.kind == "date":
        local = moment if moment.tzinfo is None else moment.astimezone(meaning.zone)
        return midnight(local.date(), meaning.zone).astimezone(UTC)
    return (moment.replace(tzinfo=meaning.zone) if moment.tzinfo is None else moment).astimezone(UTC)


def declaration(service: Service, path: str, *, is_date: bool) -> str:
    """What an operator adds to `fcb.toml` for a time that the source leaves open, after looking at what it really means."""
    kind = "date" if is_date else "instant"
    lines = f'[services.{service.code}.times]\n"{path}" = {{ kind = "{kind}", zone = "{service.zone.key}" }}'
    return f"which names no instant; say in fcb.toml what it means, such as\n{lines}"


def exact_json(text: str) -> Any:
    """Read JSON without floats: a number with a point or an exponent stays the text that it was."""
    try:
        value = json.loads(text, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{text[:80]!r} is not JSON") from error
    if _UNSTORABLE.search(json.dumps(value, ensure_ascii=False)):
        raise InvalidInput("holds a NUL or half a character, which Postgres cannot store in jsonb")
    return value


def jsonable(value: Any) -> Any:
    """A value as the store keeps it: numbers as exact decimal text, instants as ISO 8601 text in UTC."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value


def _time_reader(path: str, service: Service) -> Convert:
    meaning = service.times.get(path)

    def read(text: str) -> datetime:
        try:
            return instant(text, meaning)
        except (ValueError, OverflowError) as error:
            raise InvalidInput(f"{text!r} is not a time that a calendar knows") from error

    return read


def _lines_reader(service: Service) -> Convert:
    def read(text: str) -> list[dict[str, Any]]:
        lines = exact_json(text)
        if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
            raise InvalidInput("is not a JSON array of objects")
        return [_line(line, service) for line in lines]

    return read


def _line(line: dict[str, Any], service: Service) -> dict[str, Any]:
    numbers = {name: plain(decimal(line[name])) for name in ("quantity", "amount") if line.get(name) is not None}
    times = {
        name: _line_time(line[name], f"invoices.{name}", service)
        for name in ("service_from", "service_to")
        if line.get(name) is not None
    }
    return {**line, **numbers, **times}


def _line_time(value: object, path: str, service: Service) -> str:
    meaning = service.times.get(path)
    try:
        text = value if isinstance(value, str) else ""
        is_naive = datetime.fromisoformat(text).tzinfo is None
        if is_naive and meaning is None:
            said = declaration(service, path, is_date=len(text) == len("YYYY-MM-DD"))
            raise InvalidSettings(f"invoices.sql: column lines: {path} is {text}, {said}")
        return instant(text, meaning).isoformat()
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"{path} {value!r} is not a time that a calendar knows") from error
