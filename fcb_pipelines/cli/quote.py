"""`fcb quote`: prices quantities and invoices read from standard input, one JSON answer a line.

Owns: strict JSON, telling one request from the next in a stream. Does not own: what a request means (acts/quote).
A request is a line, or an object spread over several lines; a line that opens a request ends one that was never closed.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from reprlib import repr as shortened

import click

from fcb_pipelines.acts.quote import quote as answer
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import decimal

MOST_LINES = 10_000
"""Lines over which one request may be spread; one that is never closed must not draw a big file into memory."""

_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}"]')
_WEIGHTS = {"{": 1, "[": 1, "}": -1, "]": -1, '"': -1_000_000_000}
"""How deep each token leads into an object; a lone quote opens a string that the next line cannot close."""

_OPENS = re.compile(r'\{.*"(?:quantity|currency|charge)"\s*:')
_OPENS_AMONG_LINES = re.compile(r'\{.*"currency"\s*:')
"""What opens a request after `lines` of an invoice, which may each stand on a line of their own and have no currency."""


@click.command()
def quote() -> None:
    """Price quantities under a charge, or whole invoices, without touching any data.

    Reads {"quantity": "21", "currency": "CAD", "charge": {"model": "standard", "unit_price": "0.5"}} from standard input, one
    such object or many as JSON Lines, and writes one line for each: the exact and the rounded amount, or an error.
    Models are standard, package, graduated and volume. Beside a charge may stand "instalments": 12 and "proration":
    {"period": ["2026-03-01", "2026-04-01"], "active": ["2026-03-15", null], "convention": "calendar_days", "timezone":
    "America/Toronto"}. An invoice is {"currency": "CAD", "tax_rounding": "per_line", "lines": [{"quantity", "charge",
    "discount", "tax_rate"}]}. docs/rows.md has every key. Exit code 1 if any request failed, 2 without input.
    """
    asked = failed = 0
    for request in requests(sys.stdin.buffer):
        reply = _reply(request)
        asked += 1
        failed += "error" in reply
        click.echo(json.dumps(reply, separators=(",", ":")))
    if not asked:
        raise click.UsageError("no input: write requests to standard input, such as  fcb quote < requests.jsonl")
    if failed:
        raise SystemExit(1)


def requests(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Cut a stream into requests, holding no more than the one at hand; blank lines are no requests.

    An object that nothing closes is one broken request if it is all there is, else each of its lines is one.
    """
    held: list[bytes] = []
    depth, is_first, opens = 0, True, _OPENS
    for line in lines:
        text = line.decode("utf-8", "replace").strip("\ufeff \t\r\n")
        if not text:
            continue
        if opens.match(text):
            yield from held
            held, depth, is_first, opens = [], 0, is_first and not held, _OPENS
        held.append(line)
        opens = _OPENS_AMONG_LINES if '"lines"' in text else opens
        depth += sum(_WEIGHTS.get(token, 0) for token in _TOKENS.findall(text))
        if depth <= 0 or not (len(held) > 1 or text.startswith("{")) or len(held) > MOST_LINES:
            yield from [b"".join(held)] if depth == 0 else held
            held, depth, is_first, opens = [], 0, False, _OPENS
    yield from [b"".join(held)] if held and is_first else held


def _reply(request: bytes) -> dict[str, object]:
    try:
        return answer(_parsed(request))
    except InvalidInput as error:
        return {"error": str(error)}


def _parsed(request: bytes) -> dict[str, object]:
    try:
        value: object = json.loads(
            request.decode("utf-8-sig").strip(),
            parse_int=decimal,
            parse_float=decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_without_duplicates,
        )
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidInput(f"a request must be a JSON object, is {shortened(value)}")
    return value


def _refuse_constant(name: str) -> object:
    raise InvalidInput(f"{name} is not a number in JSON")


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result: dict[str, object] = {}
    for key, value in pairs:
        if key in result:
            raise InvalidInput(f"key {shortened(key)} is given twice")
        result[key] = value
    return result
