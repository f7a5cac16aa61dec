"""Connections to servers of the tests' own, with a key that can be told when it shows."""

from collections.abc import Callable
from contextlib import nullcontext

from fcb_pipelines.odoo.transport import Choice, OdooOver, connect
from fcb_pipelines.odoo.web import Slot

KEY = "a-key-that-must-not-show"
PAUSES = (0.5, 2.0)


class Slept(list[float]):
    """A sleep that only remembers."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def connected(
    url: str,
    transport: Choice,
    *,
    user: str = "user",
    key: str = KEY,
    timeout_seconds: float = 5.0,
    sleep: Callable[[float], None] | None = None,
    jitter: Callable[[float], float] = float,
    slot: Slot = nullcontext,
) -> OdooOver:
    """The port over one transport, without waiting between attempts."""
    return connect(
        url,
        "db",
        user,
        key,
        transport=transport,
        timeout_seconds=timeout_seconds,
        pauses_seconds=PAUSES,
        sleep=Slept() if sleep is None else sleep,
        jitter=jitter,
        slot=slot,
    )
