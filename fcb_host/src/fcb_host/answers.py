"""Answers: what the central side said to a batch, and what that means.

Owns: the reading of an answer, as values. Pure. Does not own: how it came here (transport), what is done about it (sender).

A 200 is believed only if it is whole: as many results as events, in their order, each with a known status. Anything else may or
may not have been stored, and is asked again, which the identity of an event makes harmless.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fcb_host.backoff import retry_after

ACCEPTED, DUPLICATE, CONFLICT, REJECTED = "accepted", "duplicate", "conflict", "rejected"
STORED = frozenset({ACCEPTED, DUPLICATE})

_OK = 200
_BATCH_REFUSED = frozenset({400, 413, 422})
_KEY_REFUSED = frozenset({401, 403})
_MOST_REASON = 500
_CODE = re.compile(r"[a-z][a-z_]{0,39}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one event."""

    status: str
    code: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """One result per event, in order."""

    results: tuple[Result, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRefused:
    """The request was refused as a whole; some event of it may be why."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRefused:
    """Nothing is taken with this key: only a person can help."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """Not done, or nobody knows: ask again, not before so many seconds."""

    reason: str
    after_seconds: float = 0.0
    is_broken_off: bool = False
    """Whether it is an answer of which the end is missing."""


Answer = Results | BatchRefused | KeyRefused | Unanswered


def read(status: int, headers: Mapping[str, str], content: bytes, *, keys: Sequence[str], now: float) -> Answer:
    """What an answer to events with these idempotency keys means."""
    if status == _OK:
        return _results(content, keys)
    if status in _BATCH_REFUSED:
        return BatchRefused(code=f"http_{status}", reason=_problem(status, content))
    if status in _KEY_REFUSED:
        return KeyRefused(reason=_problem(status, content))
    return Unanswered(reason=_problem(status, content), after_seconds=retry_after(headers.get("retry-after"), now))


def broken_off(status: int, why: str = "") -> Unanswered:
    """An answer of which the end is missing: somebody answered, and the events may be stored."""
    return Unanswered(reason=f"HTTP {status}, but its answer broke off{f' ({why})' if why else ''}", is_broken_off=True)


def without(secret: str, answer: Answer) -> Answer:
    """The answer with every repetition of a secret taken out of what people are shown."""
    if isinstance(answer, Results):
        return Results(tuple(_without(secret, result) if result.reason else result for result in answer.results))
    return replace(answer, reason=answer.reason.replace(secret, "…"))


def _without(secret: str, result: Result) -> Result:
    return replace(result, reason=result.reason.replace(secret, "…"))


def _results(content: bytes, keys: Sequence[str]) -> Results | Unanswered:
    said = _json(content)
    if said is None and content.lstrip().startswith(b"{"):
        return broken_off(_OK)
    results = said.get("results") if isinstance(said, dict) else None
    if not isinstance(results, list) or len(results) != len(keys):
        return Unanswered(reason="a 200 without one result per event")
    read_results = tuple(_result(result, key) for result, key in zip(results, keys, strict=True))
    whole = tuple(result for result in read_results if result is not None)
    if len(whole) != len(keys):
        return Unanswered(reason="a 200 whose results are not those of the events")
    return Results(whole)


def _result(said: Any, key: str) -> Result | None:
    if not isinstance(said, dict) or said.get("idempotency_key") != key:
        return None
    status = said.get("status")
    if status not in (ACCEPTED, DUPLICATE, CONFLICT, REJECTED):
        return None
    code = said.get("code")
    where = f" ({said['pointer']})" if said.get("pointer") else ""
    return Result(
        status=status,
        code=str(code) if isinstance(code, str) and _CODE.fullmatch(code) else status,
        reason=_short(f"{said.get('reason') or ''}{where}"),
    )


def _problem(status: int, content: bytes) -> str:
    """The status, and of a problem document its title, detail and errors."""
    said = _json(content)
    if not isinstance(said, dict):
        return f"HTTP {status}"
    title, detail = said.get("title"), said.get("detail")
    if isinstance(title, str) and isinstance(detail, str) and detail.rstrip(".") == title:
        detail = None
    parts = [title, detail, json.dumps(said["errors"]) if said.get("errors") else None]
    return _short(": ".join((f"HTTP {status}", *(part for part in parts if isinstance(part, str) and part))))


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _short(text: object) -> str:
    """Text for a person, without what moves a terminal's cursor."""
    return "".join(character if character.isprintable() else " " for character in str(text))[:_MOST_REASON]
