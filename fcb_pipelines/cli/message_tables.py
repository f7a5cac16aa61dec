"""How `fcb messages` shows messages: as a table, one in full with every attempt, and for programs.

Owns: their words. Does not own: what is shown (acts/messages). What a receiver answered is made harmless for a terminal.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table

from fcb_pipelines.acts.messages import Sent, Shown, answer_text, body_text
from fcb_pipelines.cli.endpoint_tables import minute
from fcb_pipelines.domain.standing import WORDS, Standing
from fcb_pipelines.domain.trace import printable
from fcb_pipelines.store.deliveries import StoredAttempt
from fcb_pipelines.webhooks.checking import place

MOST_SHOWN = 600
"""Characters of an answer on a terminal; all that is kept is in --json."""


def table(found: Iterable[Shown]) -> Table:
    """Messages, one a row."""
    made = Table(title="Messages")
    for name in ("message", "type", "subscription", "no.", "recorded", "stands", "next try"):
        made.add_column(name, no_wrap=name in {"message", "recorded"}, justify="right" if name == "no." else "left")
    for one in found:
        it = one.message
        about = escape(printable(it.external_subscription_id or "–"))
        made.add_row(
            it.message_id, it.type, about, str(it.sequence), minute(it.recorded_at), stands(one), minute(next_try(one))
        )
    return made


def stands(one: Shown) -> str:
    """How a message stands at its endpoints together."""
    counts = Counter(each.standing for each in one.sent)
    if len(one.sent) == 1:
        return next(iter(counts))
    return ", ".join(f"{counts[standing]} {standing}" for standing in Standing if counts[standing]) or "goes nowhere"


def next_try(one: Shown) -> datetime | None:
    """When it is tried next anywhere."""
    return min((each.delivery.next_try_at for each in one.sent if each.standing is Standing.WAITING), default=None)


def detail(found: Shown) -> Iterator[str]:
    """A message in full, a line each."""
    it = found.message
    about = f" about {printable(it.external_subscription_id)}" if it.external_subscription_id else ""
    yield f"{it.message_id}: {it.type}{about}, number {it.sequence} there"
    yield f"  happened {minute(it.occurred_at)}, recorded {minute(it.recorded_at)}"
    yield from (f"  {line}" for line in body_text(it).splitlines())
    if not found.sent:
        yield "it goes nowhere: no endpoint heard of its type when it was recorded"
    for one in found.sent:
        yield from _of_endpoint(one)


def attempt_lines(one: StoredAttempt) -> Iterator[str]:
    """An attempt with the beginning of its answer."""
    it = one.attempt
    where = f" at {it.address}" if it.address else ""
    late = "; late: another sender had taken the message, so this changed nothing" if one.is_late else ""
    asked = f"; it asks to wait: {printable(it.retry_after)}" if it.retry_after else ""
    yield f"{it.started_at:%Y-%m-%d %H:%M:%S}Z  {printable(it.words)} after {it.milliseconds:,} ms{where}{asked}{late}"
    shown = answer_text(it.answer)
    cut = shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}… ({len(it.answer):,} bytes)"
    yield from (f"    {line}" for line in cut.splitlines())


def as_json(found: Shown) -> dict[str, Any]:
    """A message for programs."""
    it = found.message
    return {
        "message_id": it.message_id,
        "service": it.service,
        "type": it.type.value,
        "external_subscription_id": it.external_subscription_id,
        "sequence": it.sequence,
        "occurred_at": it.occurred_at.isoformat(),
        "recorded_at": it.recorded_at.isoformat(),
        "body": json.loads(it.body),
        "sent": [_sent_as_json(one) for one in found.sent],
    }


def attempt_as_json(one: StoredAttempt) -> dict[str, Any]:
    """An attempt for programs."""
    it = one.attempt
    return {
        "started_at": it.started_at.isoformat(),
        "milliseconds": it.milliseconds,
        "status": it.status,
        "failure": it.failure,
        "retry_after": it.retry_after,
        "address": it.address,
        "answer": answer_text(it.answer),
        "is_late": one.is_late,
    }


def _sent_as_json(one: Sent) -> dict[str, Any]:
    is_waiting = one.standing is Standing.WAITING
    return {
        "endpoint_id": one.endpoint.endpoint_id,
        "state": one.standing.value,
        "attempts": [attempt_as_json(each) for each in one.attempts],
        "attempts_made": one.delivery.attempts,
        "next_try_at": one.delivery.next_try_at.isoformat() if is_waiting else None,
        "ended_at": None if one.delivery.ended_at is None else one.delivery.ended_at.isoformat(),
    }


def _of_endpoint(one: Sent) -> Iterator[str]:
    following = f", next try {one.delivery.next_try_at:%Y-%m-%d %H:%M:%S}Z" if one.standing is Standing.WAITING else ""
    yield ""
    yield f"{printable(one.endpoint.words)} at {printable(place(one.endpoint.url))}: {one.standing}{following}"
    yield f"  {WORDS[one.standing]}"
    for number, each in enumerate(one.attempts, start=1):
        first, *rest = attempt_lines(each)
        yield f"  {number:>2}  {first}"
        yield from (f"    {line}" for line in rest)
