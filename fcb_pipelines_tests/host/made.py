"""Settings, clients and events with defaults, so that a test names only what it is about."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from fcb_host.client import UsageClient
from fcb_host.events import UsageEvent
from fcb_host.settings import Key, Settings
from fcb_pipelines_tests.host.central import KEY

NOWHERE = "http://127.0.0.1:9"
"""Nobody listens there."""
AT = datetime(2026, 5, 10, tzinfo=UTC)


def settings(path: Path, url: str = NOWHERE, **others: Any) -> Settings:
    given = {"sends_in_background": False, "linger_seconds": 0.01, "poll_seconds": 0.05} | others
    return Settings(is_enabled=True, url=url, key=Key(KEY), spool=path / "usage.spool", **given)


def event(key: str, quantity: Decimal | int | str | None = 1, *, subscription: str = "s-1", **others: Any) -> UsageEvent:
    given: dict[str, Any] = {"started_at": AT, "quantity": quantity} | others
    return UsageEvent(external_subscription_id=subscription, metric="cpu_seconds", idempotency_key=key, **given)


def at_once(most: float) -> float:
    """The chance that never waits."""
    return most * 0


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.seconds = AT.timestamp()

    def __call__(self) -> float:
        return self.seconds


@contextmanager
def client(
    path: Path, url: str = NOWHERE, *, on_refused: Any = None, clock: Any = None, **others: Any
) -> Iterator[UsageClient]:
    made = UsageClient(
        settings(path, url, **others), on_refused=on_refused, chance=at_once, **({} if clock is None else {"clock": clock})
    )
    try:
        yield made
    finally:
        made.close()
