"""How much one key may ask: requests a second, with a burst as large.

Owns: the buckets of this process. Does not own: what a refused caller is told (app).
"""

import math
import threading
from collections.abc import Callable


class Limits:
    """A token bucket for each key (RFC 6585, section 4); for any number of threads."""

    def __init__(self, per_second: int, clock: Callable[[], float]) -> None:
        """The clock is in seconds and only goes forward."""
        self._per_second, self._clock = per_second, clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait_seconds(self, key_id: str) -> int:
        """Take one request from a key's bucket: 0, or in how many seconds there will be one again."""
        now = self._clock()
        with self._lock:
            left, at = self._buckets.get(key_id, (float(self._per_second), now))
            left = min(self._per_second, left + (now - at) * self._per_second)
            is_free = left >= 1
            self._buckets[key_id] = (left - 1 if is_free else left, now)
        return 0 if is_free else max(1, math.ceil((1 - left) / self._per_second))
