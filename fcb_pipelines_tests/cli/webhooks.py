"""What tests of the commands for webhooks share: settings under which messages go to receivers on this machine."""

import json
from typing import Any

import pytest

from fcb_pipelines.acts.outbox import put
from fcb_pipelines.domain.messages import Message, MessageType, News
from fcb_pipelines.store.database import Database
from fcb_pipelines.webhook_settings import new_key
from fcb_pipelines_tests.cli.conftest import Fcb
from fcb_pipelines_tests.conftest import NOW

KEY = new_key()
SERVICE = "shop"


def local(monkeypatch: pytest.MonkeyPatch, *, is_on: bool = True, **further: str) -> None:
    """Allow receivers on this machine, with a key to seal under."""
    given = {"FCB_WEBHOOKS": str(is_on).lower(), "FCB_WEBHOOK_KEYS": KEY, "FCB_WEBHOOK_ALLOW_HTTP_LOCAL": "true", **further}
    for name, value in given.items():
        monkeypatch.setenv(name, value)


def added(fcb: Fcb, url: str, *args: str) -> tuple[str, str]:
    """An endpoint by the command, and its secret."""
    done = fcb("endpoints", "add", url, *args)
    assert done.returncode == 0, done.stderr
    return done.stderr.split()[0], done.stdout.strip()


def told(db: Database, *subscriptions: str, **data: Any) -> tuple[Message, ...]:
    """A failed payment of each."""
    news = [
        News(type=MessageType.PAYMENT_FAILED, external_subscription_id=one, occurred_at=NOW, data={"amount": "9.99", **data})
        for one in subscriptions
    ]
    with db.transaction() as conn:
        return put(conn, SERVICE, news, NOW)


def shown(fcb: Fcb, message_id: str) -> Any:
    """A message as `fcb messages show --json` has it."""
    done = fcb("messages", "show", message_id, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def tried_again(db: Database, times: int = 1) -> None:
    """Let what waits be due now, as though so much time had gone by, so many attempts short of the last."""
    with db.transaction() as conn:
        conn.execute("UPDATE delivery SET next_try_at = clock_timestamp() WHERE state = 'waiting'")
        if times > 1:
            conn.execute("UPDATE delivery SET attempts = attempts + %s WHERE state = 'waiting'", [times - 1])
