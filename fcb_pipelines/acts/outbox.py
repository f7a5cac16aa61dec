"""The outbox: what others must hear of a fact becomes a message in the transaction of the fact.

Owns: the act `put`. Does not own: which facts are told and what is said of them (the acts of those facts, acts/news), sending
(delivery).
"""

import secrets
from collections.abc import Iterable
from datetime import datetime

from fcb_pipelines.domain.messages import ID_BYTES, Message, News, id_of, message
from fcb_pipelines.store import outbox as store
from fcb_pipelines.store.database import Connection


def put(
    conn: Connection, service: str, news: Iterable[News], now: datetime, *, only_to: str | None = None
) -> tuple[Message, ...]:
    """Keep news as messages for every endpoint of the service that hears of them, or only for one; call it late.

    Until the transaction ends, whoever has news of the same subscription waits. Those of several subscriptions are numbered in
    one order, so that two who tell of the same ones wait for each other only.
    """
    made = []
    for one in sorted(news, key=lambda each: each.external_subscription_id or ""):
        number = store.next_sequence(conn, service, one.external_subscription_id)
        identity = id_of(secrets.token_bytes(ID_BYTES))
        made.append(message(service, one, message_id=identity, sequence=number, recorded_at=now))
        store.add(conn, made[-1], only_to=only_to)
    return tuple(made)
