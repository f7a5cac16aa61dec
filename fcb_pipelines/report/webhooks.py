"""The pages of messages to endpoints, as HTML that works without a script.

Owns: what they say, their addresses. Does not own: the figures (acts/messages), who may see them, how a page is sent (api).

What receivers answered is escaped by the templates, and holds no control character (acts/messages).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from fcb_pipelines.acts.messages import Board, Shown, Wanted, answer_text, body_text
from fcb_pipelines.domain.endpoints import FACTS
from fcb_pipelines.domain.messages import MessageType
from fcb_pipelines.domain.standing import WORDS, Standing
from fcb_pipelines.report.amounts import NOTHING, counted, time
from fcb_pipelines.report.links import STYLE
from fcb_pipelines.report.pages import environment
from fcb_pipelines.services import Service
from fcb_pipelines.webhooks.checking import place

PLACE = "/webhooks"
MOST_MESSAGES = 100
"""Of one page."""
FILTERS = (Standing.WAITING, Standing.HELD, Standing.DELIVERED, Standing.DEAD)
COUNTED = (Standing.DELIVERED, Standing.WAITING, Standing.HELD, Standing.DEAD)


class Links:
    """Addresses on the server."""

    def board(self, *, standing: str = "", subscription: str = "", wanted: Wanted | None = None, page: int = 1) -> str:
        """The list of messages, narrowed."""
        if wanted is not None:
            standing, subscription = wanted.standing or "", wanted.subscription or ""
        kind = wanted.type or "" if wanted is not None else ""
        asked = {"standing": standing, "type": kind, "subscription": subscription, "page": str(page) if page > 1 else ""}
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{PLACE}?{query}" if query else PLACE

    def message(self, message_id: str) -> str:
        """A message's own page."""
        return f"{PLACE}/messages/{quote(message_id, safe='')}"

    def style(self) -> str:
        """The style sheet."""
        return f"/{STYLE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What every page needs."""

    service: Service
    is_on: bool
    """Whether messages are sent at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A number with what it counts."""

    name: str
    count: int
    note: str
    look: str
    href: str | None = None


def overview(around: Around, board: Board, wanted: Wanted, messages: Sequence[Shown], page: int) -> str:
    """Endpoints and the latest messages that are wanted; of `messages` one more than is shown says that there are more."""
    return _page(
        "webhooks.html",
        around,
        here=wanted.standing or "all",
        board=board,
        wanted=wanted,
        messages=messages[:MOST_MESSAGES],
        has_more=len(messages) > MOST_MESSAGES,
        page=page,
        banner=_look(around, board),
        sentence=sentence(around, board),
        tiles=_tiles(board),
        types=tuple(MessageType),
        every=len(FACTS),
        every_standing=tuple(Standing),
        counted_standings=COUNTED,
    )


def message(around: Around, found: Shown) -> str:
    """A message with every attempt."""
    standings = [one.standing for one in found.sent]
    is_well = bool(standings) and set(standings) == {Standing.DELIVERED}
    return _page(
        "message.html",
        around,
        here="message",
        it=found.message,
        body=body_text(found.message),
        sent=found.sent,
        banner="ready" if is_well else "not-ready" if Standing.DEAD in standings else "",
        sentence=_sentence_of(found),
    )


def sentence(around: Around, board: Board) -> str:
    """How messages stand, in a sentence."""
    dead, held = board.count(Standing.DEAD), board.count(Standing.HELD)
    if not around.is_on:
        return "Off: messages are recorded, and nothing is sent."
    if not board.endpoints:
        return "There is no endpoint: messages go nowhere."
    parts = [f"{counted(dead, 'message was', 'messages were')} given up"] if dead else []
    parts += [f"{counted(held, 'is', 'are')} held for a disabled endpoint"] if held else []
    failing = sum(one.endpoint.failing_since is not None and one.endpoint.disabled_at is None for one in board.endpoints)
    parts += [f"{counted(failing, 'endpoint fails', 'endpoints fail')}"] if failing else []
    if parts:
        return f"{'; '.join(parts)}."
    return (
        f"All is well: {counted(board.due, 'message is', 'messages are')} due." if board.due else "All is well: nothing is due."
    )


def _sentence_of(found: Shown) -> str:
    if not found.sent:
        return "It goes nowhere."
    counts = {standing: sum(one.standing is standing for one in found.sent) for standing in Standing}
    if len(found.sent) == 1:
        (one,) = found.sent
        tried = f" after {counted(one.delivery.attempts, 'attempt')}" if one.delivery.attempts else ""
        return f"{one.standing.value.capitalize()}{tried}: {WORDS[one.standing]}."
    said = "; ".join(f"{one.value} at {counted(count, 'endpoint')}" for one, count in counts.items() if count)
    return f"{said.capitalize()}."


def _look(around: Around, board: Board) -> str:
    if board.count(Standing.DEAD):
        return "not-ready"
    is_worrying = board.count(Standing.HELD) or any(one.endpoint.failing_since for one in board.endpoints)
    return "held" if is_worrying or not around.is_on else "ready" if board.endpoints else ""


def _tiles(board: Board) -> tuple[Tile, ...]:
    notes = {
        Standing.DELIVERED: "answered 2xx",
        Standing.WAITING: f"{board.due:,} due now",
        Standing.HELD: "their endpoint is disabled",
        Standing.DEAD: "given up after the last attempt",
    }
    looks = {Standing.DELIVERED: "match", Standing.WAITING: "waiting", Standing.HELD: "held", Standing.DEAD: "unexplained"}
    counts = tuple(
        Tile(
            name=one.value.capitalize(),
            count=board.count(one),
            note=notes[one],
            look=looks[one],
            href=Links().board(standing=one.value),
        )
        for one in COUNTED
    )
    return (*counts, Tile(name="Notices untold", count=board.untold.count, note="to an operator", look=""))


def _page(template: str, around: Around, **shown: Any) -> str:
    zone = around.service.zone
    common = {"links": Links(), "service": around.service, "zone": zone, "standings": FILTERS}
    words = {
        "place": place,
        "next_try": lambda one: _next_try(one, zone),
        "answer_text": answer_text,
        "standing_words": WORDS,
        "moment": moment,
    }
    return environment().get_template(template).render(**common, **words, **shown)


def _next_try(found: Shown, zone: ZoneInfo) -> str:
    waiting = [one.delivery.next_try_at for one in found.sent if one.standing is Standing.WAITING]
    return time(min(waiting), zone) if waiting else NOTHING


def moment(at: datetime, zone: ZoneInfo) -> str:
    """A time in the billing timezone, to the second, with its offset."""
    local = at.astimezone(zone)
    offset = local.strftime("%z")
    return f"{local:%Y-%m-%d %H:%M:%S} {offset[:3]}:{offset[3:]}"
