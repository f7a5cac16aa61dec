"""Backoff: how long to wait after an attempt that did not succeed.

Owns: the lengths. Pure but for chance, which is handed in. Does not own: who waits (sender) and where it is remembered (spool).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

Chance = Callable[[float], float]
"""Some number from 0 to the one given."""

LONGEST_ASKED_SECONDS = 3600.0
"""The central side may ask for this much patience; asked for more, we come back after this."""


def full_jitter(most: float) -> float:
    """Anything from 0 to `most`, all alike likely: many hosts that failed at once do not come back at once."""
    return random.uniform(0.0, most)  # noqa: S311 (no secret hangs on it)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits up to a length that doubles from `first_seconds` to `most_seconds`, and never below `least_seconds`."""

    first_seconds: float
    most_seconds: float
    least_seconds: float = 0.0

    def wait(self, failures: int, chance: Chance) -> float:
        """The seconds to wait after so many failures in a row, at least one."""
        longest = min(self.most_seconds, self.first_seconds * 2.0 ** min(failures - 1, 60))
        return max(self.least_seconds, chance(longest))


UNREACHABLE = Backoff(first_seconds=1.0, most_seconds=300.0)
"""Connection errors, timeouts, 429, 5xx and answers that make no sense."""
KEY_REFUSED = Backoff(first_seconds=60.0, most_seconds=900.0, least_seconds=30.0)
"""401 and 403: only a person can help, and will not within a second."""


def retry_after(header: str | None, now: float) -> float:
    """The seconds that a Retry-After header asks for, bounded; 0 without one or with one that makes no sense."""
    if header is None:
        return 0.0
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), LONGEST_ASKED_SECONDS)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    aware: datetime = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return min(max(aware.timestamp() - now, 0.0), LONGEST_ASKED_SECONDS)
