"""The outbox in our store: messages, written in the transaction of the fact that they tell, each with where it goes.

Owns: tables `message`, `message_sequence`, and the rows of `delivery` that a new message makes; the caller owns the
transaction. Does not own: which facts become messages (acts), sending (store/deliveries).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import dict_row

from fcb_pipelines.domain.messages import Message, MessageType
from fcb_pipelines.domain.standing import Standing
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.standings import STANDING

_COLUMNS: LiteralString = "message_id, service, type, subject, sequence, occurred_at, recorded_at, body"
# Whoever draws a number holds it until the fact is committed: numbers rise in the order in which facts become visible.
NEXT = """
    INSERT INTO message_sequence (service, subject, last) VALUES (%(service)s, %(subject)s, 1)
    ON CONFLICT (service, subject) DO UPDATE SET last = message_sequence.last + 1
    RETURNING last
"""
ADD = f"""
    INSERT INTO message ({_COLUMNS})
    VALUES (%(message_id)s, %(service)s, %(type)s, %(subject)s, %(sequence)s, %(occurred_at)s, %(recorded_at)s, %(body)s)
"""  # noqa: S608 - the column list is ours
# A disabled endpoint has them held, not dropped.
ADDRESS = """
    INSERT INTO delivery (message_id, endpoint_id, next_try_at)
    SELECT %(message_id)s, endpoint_id, clock_timestamp()
      FROM webhook_endpoint WHERE service = %(service)s AND removed_at IS NULL AND %(type)s = ANY(types)
"""
ADDRESS_ONE = """
    INSERT INTO delivery (message_id, endpoint_id, next_try_at) VALUES (%(message_id)s, %(endpoint_id)s, clock_timestamp())
"""
ONE = f"SELECT {_COLUMNS} FROM message WHERE service = %s AND message_id = %s"  # noqa: S608 - the column list is ours
LATEST = f"""
    SELECT {_COLUMNS} FROM message
     WHERE service = %(service)s AND (%(subject)s::text IS NULL OR subject = %(subject)s)
       AND (%(type)s::text IS NULL OR type = %(type)s)
       AND (%(standing)s::text IS NULL OR message_id IN (
            SELECT d.message_id FROM delivery d JOIN webhook_endpoint e USING (endpoint_id)
             WHERE e.service = %(service)s AND {STANDING} = %(standing)s))
     ORDER BY recorded_at DESC, sequence DESC, message_id LIMIT %(limit)s OFFSET %(skipped)s
"""  # noqa: S608 - the column list is ours


def next_sequence(conn: Connection, service: str, external_subscription_id: str | None) -> int:
    """The next number of messages about a subscription, or about none; others wait for it until the transaction ends."""
    row = conn.execute(NEXT, {"service": service, "subject": external_subscription_id or ""}).fetchone()
    assert row is not None  # noqa: S101 - an INSERT … RETURNING answers one row
    return int(row[0])


def add(conn: Connection, message: Message, *, only_to: str | None = None) -> None:
    """Keep a message, and that it goes to each endpoint of the service that hears of its type, or only to one."""
    given = {name: getattr(message, name) for name in Message.__dataclass_fields__}
    given |= {"type": message.type.value, "subject": message.external_subscription_id or "", "endpoint_id": only_to}
    conn.execute(ADD, given)
    conn.execute(ADDRESS if only_to is None else ADDRESS_ONE, given)


def message(conn: Connection, service: str, message_id: str) -> Message | None:
    """A message of a service, or None."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(ONE, [service, message_id]).fetchone()
    return None if row is None else _message(row)


def latest(
    conn: Connection,
    service: str,
    *,
    subscription: str | None = None,
    type_: MessageType | None = None,
    standing: Standing | None = None,
    limit: int = 100,
    skipped: int = 0,
) -> tuple[Message, ...]:
    """The latest messages of a service, the newest first; those of a subscription, of a type, or that stand so somewhere."""
    given = {"service": service, "subject": subscription, "type": type_, "standing": standing}
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(map(_message, cursor.execute(LATEST, {**given, "limit": limit, "skipped": skipped})))


def recorded_between(conn: Connection, service: str, since: datetime, until: datetime) -> int:
    """How many messages were recorded in [since, until)."""
    row = conn.execute(
        "SELECT count(*) FROM message WHERE service = %s AND recorded_at >= %s AND recorded_at < %s", [service, since, until]
    ).fetchone()
    return 0 if row is None else int(row[0])


def _message(row: Mapping[str, Any]) -> Message:
    values = {name: value for name, value in row.items() if name != "subject"}
    return Message(**{**values, "type": MessageType(row["type"]), "external_subscription_id": row["subject"] or None})
