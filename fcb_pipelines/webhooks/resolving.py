"""The resolver of deliveries: names become addresses without holding up the loop.

Owns: the port, and the real resolver behind it. Does not own: threads (names), which addresses will do (egress).
"""

import asyncio
from typing import Protocol

from fcb_pipelines.webhooks.names import LOOK_UP_SECONDS, Lookups, Resolved, too_slow


class Resolver(Protocol):
    """What a delivery asks once an attempt."""

    async def addresses(self, host: str) -> Resolved:
        """Every address of a name, or why there is none; never raises, never takes longer than its time limit."""


class SystemResolver:
    """Asks the system, in threads of its own."""

    def __init__(self, lookups: Lookups | None = None, *, timeout_seconds: float = LOOK_UP_SECONDS) -> None:
        self._lookups = lookups or Lookups()
        self._timeout_seconds = timeout_seconds

    async def addresses(self, host: str) -> Resolved:
        """Every address that the system knows for a name."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await asyncio.wrap_future(self._lookups.begin(host))
        except TimeoutError:
            return too_slow(host, self._timeout_seconds)
