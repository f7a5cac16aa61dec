"""How `fcb endpoints` shows endpoints: as a table, one in full, and for programs.

Owns: their words. Does not own: what is shown (acts/messages).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.markup import escape
from rich.table import Table

from fcb_pipelines.acts.messages import EndpointShown
from fcb_pipelines.domain.endpoints import FACTS, Endpoint
from fcb_pipelines.domain.standing import Standing
from fcb_pipelines.domain.trace import printable, printable_lines
from fcb_pipelines.webhooks.checking import place

SHOWN = (Standing.WAITING, Standing.HELD, Standing.DEAD, Standing.DELIVERED)
Times = Sequence[tuple[datetime, datetime | None]]


def table(found: Iterable[EndpointShown]) -> Table:
    """Endpoints, one a row."""
    made = Table(title="Endpoints")
    for name in ("endpoint", "where", "hears of", "state", *(one.value for one in SHOWN)):
        made.add_column(name, no_wrap=name == "endpoint", justify="right" if name in set(SHOWN) else "left")
    for one in found:
        counts = (f"{one.counts.counts[standing]:,}" for standing in SHOWN)
        where = "\n".join(filter(None, (place(one.endpoint.url), one.endpoint.description)))
        words = (printable_lines(where), _types(one.endpoint), _state(one.endpoint))
        made.add_row(one.endpoint.endpoint_id, *map(escape, words), *counts)
    return made


def detail(found: EndpointShown, secrets: Times) -> Iterator[str]:
    """An endpoint in full, a line each."""
    one = found.endpoint
    yield f"{one.endpoint_id} of {one.service}"
    yield f"  address      {printable(one.url)}"
    if one.description:
        yield f"  description  {printable(one.description)}"
    yield f"  hears of     {', '.join(one.types)}"
    yield f"  added        {minute(one.created_at)} by {printable(one.created_by)}"
    yield f"  state        {_state(one)}"
    for made_at, until in secrets:
        yield f"  secret       made {minute(made_at)}" + (f", signs until {minute(until)}" if until else "")
    counts = ", ".join(f"{found.counts.counts[standing]:,} {standing}" for standing in SHOWN)
    yield f"  messages     {counts}; {found.counts.due:,} due"


def as_json(found: EndpointShown, secrets: Times | None = None) -> dict[str, Any]:
    """An endpoint for programs."""
    one, overdue = found.endpoint, found.counts.overdue
    shown: dict[str, Any] = {
        name: getattr(one, name) for name in ("endpoint_id", "service", "url", "description", "created_by")
    }
    for name in ("created_at", "failing_since", "disabled_at"):
        shown[name] = _iso(getattr(one, name))
    shown |= {"types": [each.value for each in one.types], "disabled_because": one.disabled_because}
    shown |= {"counts": {each.value: count for each, count in found.counts.counts.items()}}
    shown |= {"due": found.counts.due, "overdue_seconds": None if overdue is None else round(overdue.total_seconds())}
    if secrets is not None:
        shown["secrets"] = [{"made_at": _iso(made), "signs_until": _iso(until)} for made, until in secrets]
    return shown


def minute(at: datetime | None) -> str:
    """A time in UTC, to the minute."""
    return "–" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def _types(one: Endpoint) -> str:
    return "everything" if set(one.types) == set(FACTS) else "\n".join(one.types)


def _state(one: Endpoint) -> str:
    if one.disabled_at is not None:
        return f"disabled {minute(one.disabled_at)}: {printable(one.disabled_because or '')}"
    return "enabled" if one.failing_since is None else f"failing since {minute(one.failing_since)}"


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()
