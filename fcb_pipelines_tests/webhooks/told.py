"""What was told, read from the outbox; every body is held against its published schema."""

import json
from collections.abc import Collection
from typing import Any

from fcb_pipelines.domain.messages import MessageType
from fcb_pipelines.store import outbox
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.webhooks.schemas import wrong


def told(db: Database, service: str, *, types: Collection[MessageType] = tuple(MessageType)) -> list[dict[str, Any]]:
    """The bodies of the messages of a service, by subscription and in the order in which they were numbered."""
    with db.transaction() as conn:
        found = outbox.latest(conn, service, limit=10_000)
    found = tuple(sorted(found, key=lambda one: (one.external_subscription_id or "", one.sequence)))
    bodies = [json.loads(one.body) for one in found if one.type in types]
    assert [wrong(each) for each in bodies] == [[] for _ in bodies]
    return bodies
