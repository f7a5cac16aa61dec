"""Holding: which answers of the central side an event waits out, for how long, and when it is refused after all.

Owns: the one table of codes that may pass by themselves. Does not own: the rows (waiting), what else an answer means (sender).
"""

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fcb_host import waiting
from fcb_host.backoff import Backoff, Chance
from fcb_host.events import identity_of
from fcb_host.settings import Settings
from fcb_host.waiting import Waiting

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """How an event waits that was answered with one code: `backoff` apart, for so many days since that answer came first.

    Other answers in between do not begin that time anew: an event whose answers alternate would be held for ever.
    """

    backoff: Backoff
    days: Callable[[Settings], float]


HOLDS: Mapping[str, Hold] = {
    # Nobody told the central side of the subscription yet.
    "unknown_subscription": Hold(
        backoff=Backoff(first_seconds=120.0, most_seconds=21_600.0, least_seconds=30.0),
        days=lambda settings: settings.unknown_subscription_days,
    ),
    # The clock here is ahead, or usage was told before its time: that comes.
    "in_the_future": Hold(
        backoff=Backoff(first_seconds=60.0, most_seconds=3600.0, least_seconds=30.0),
        days=lambda settings: settings.in_the_future_days,
    ),
    # What it takes back may be on its way from another process; see `until` for what waits here.
    "nothing_to_void": Hold(
        backoff=Backoff(first_seconds=30.0, most_seconds=900.0, least_seconds=5.0),
        days=lambda _settings: 1 / 24,
    ),
}


def until(conn: sqlite3.Connection, event: Waiting, *, code: str, settings: Settings, chance: Chance, now: int) -> int | None:
    """When an event that was answered with this code is sent again; None where it is refused now.

    One that takes back an event of this spool waits as long as that one does: refused before, it would leave that one counted.
    A void takes back no void, so that voids which name each other, or themselves, do not wait for each other.
    """
    hold = HOLDS.get(code)
    if hold is None:
        return None
    is_over = now - event.since(code, now) >= round(hold.days(settings) * _DAY_MS)
    if is_over and not _takes_back_what_waits(conn, event):
        return None
    return now + round(1000 * hold.backoff.wait(event.attempts + 1, chance))


def _takes_back_what_waits(conn: sqlite3.Connection, event: Waiting) -> bool:
    said = json.loads(event.body)
    if "voids" not in said:
        return False
    return waiting.can_be_taken_back(conn, identity_of(said["external_subscription_id"], said["metric"], said["voids"]))
