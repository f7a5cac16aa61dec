"""Deliveries in our store: who sends what now, how each attempt went, what waits, is held or dead.

Owns: tables `delivery` and `delivery_attempt`; the caller owns the transaction. Does not own: when a message is tried again
(domain/delivery), messages (store/outbox), endpoints (store/endpoints).

A sender takes what is due with a lease. Only the holder of the last lease of a delivery may change it; what an earlier one
learned is kept as an attempt and changes nothing. Leases and what is due go by this database's clock, so that senders on
several machines agree.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import class_row, dict_row

from fcb_pipelines.domain.delivery import MOST_ANSWER_BYTES, Attempt, DeliveryState, Verdict
from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A delivery whose turn it is, for as long as its lease lasts."""

    delivery_id: int
    lease: int
    message_id: str
    endpoint_id: str
    url: str
    body: str
    number: int
    """Of the attempt that is to be made, counted since it was last replayed; the first is 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An attempt that was made, and what follows from it."""

    taken: Taken
    attempt: Attempt
    verdict: Verdict
    was_refused: bool = False
    """Whether the receiver answered an earlier attempt 4xx; known once it is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where a message to one endpoint stands."""

    delivery_id: int
    message_id: str
    endpoint_id: str
    state: DeliveryState
    attempts: int
    next_try_at: datetime
    ended_at: datetime | None
    is_held: bool
    """It waits, and its endpoint is disabled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAttempt:
    """An attempt as it was kept."""

    attempt: Attempt
    is_late: bool
    """Its lease was over: another sender had taken the message, and this one changed nothing."""


# Of each endpoint a few, the longest due first; rows that another sender is just taking are passed over.
TAKE = """
    WITH due AS (
        SELECT d.delivery_id, e.url
          FROM webhook_endpoint e
         CROSS JOIN LATERAL (
               SELECT delivery_id FROM delivery
                WHERE endpoint_id = e.endpoint_id AND state = 'waiting' AND next_try_at <= clock_timestamp()
                  AND (lease_until IS NULL OR lease_until <= clock_timestamp())
                ORDER BY next_try_at, delivery_id LIMIT %(each)s FOR UPDATE SKIP LOCKED) d
         WHERE e.disabled_at IS NULL AND e.removed_at IS NULL AND e.endpoint_id <> ALL(%(busy)s)
           AND (%(service)s::text IS NULL OR e.service = %(service)s)
         LIMIT %(most)s)
    UPDATE delivery d SET lease = nextval('delivery_lease'), lease_until = clock_timestamp() + %(lasting)s
      FROM due, message m
     WHERE d.delivery_id = due.delivery_id AND m.message_id = d.message_id
    RETURNING d.delivery_id, d.lease, d.message_id, d.endpoint_id, due.url, m.body,
              d.attempts - d.begun_after + 1 AS number
"""
GIVE_BACK = """
    UPDATE delivery d SET lease_until = NULL FROM unnest(%(deliveries)s::bigint[], %(leases)s::bigint[]) g (delivery_id, lease)
     WHERE d.delivery_id = g.delivery_id AND d.lease = g.lease
"""
# Many in one statement: a busy sender has hundreds of them at once. How long to wait is taken over and not until when: by a
# sender's clock that is slow, the next attempt would be due at once.
MOVE = """
    WITH made AS (
        SELECT * FROM unnest(
            %(delivery_id)s::bigint[], %(lease)s::bigint[], %(started_at)s::timestamptz[], %(ended_at)s::timestamptz[],
            %(milliseconds)s::integer[], %(status)s::integer[], %(failure)s::text[], %(retry_after)s::text[],
            %(answer)s::bytea[], %(address)s::text[], %(state)s::text[], %(next_try_at)s::timestamptz[]
        ) AS m (delivery_id, lease, started_at, ended_at, milliseconds, status, failure, retry_after, answer, address, state,
                next_try_at)
    ), moved AS (
        UPDATE delivery d
           SET attempts = attempts + 1, state = m.state,
               next_try_at = coalesce(clock_timestamp() + (m.next_try_at - m.ended_at), d.next_try_at),
               lease_until = NULL, ended_at = CASE m.state WHEN 'waiting' THEN NULL ELSE m.ended_at END
          FROM made m
         WHERE d.delivery_id = m.delivery_id AND d.lease = m.lease AND d.state = 'waiting'
        RETURNING d.delivery_id, d.lease
    ), noted AS (
        INSERT INTO delivery_attempt (delivery_id, lease, started_at, milliseconds, status, failure, retry_after, answer,
                                      address, is_late)
        SELECT m.delivery_id, m.lease, m.started_at, m.milliseconds, m.status, m.failure, m.retry_after, m.answer, m.address,
               NOT EXISTS (SELECT FROM moved WHERE moved.lease = m.lease)
          FROM made m
    )
    SELECT lease, EXISTS (SELECT FROM delivery_attempt a
                           WHERE a.delivery_id = moved.delivery_id AND a.status BETWEEN 400 AND 499 AND a.status <> 410)
      FROM moved
"""
DUE = """
    SELECT count(*) FROM delivery d JOIN webhook_endpoint e USING (endpoint_id)
     WHERE e.service = %s AND e.disabled_at IS NULL AND e.removed_at IS NULL AND d.state = 'waiting'
       AND d.next_try_at <= clock_timestamp() AND (d.lease_until IS NULL OR d.lease_until <= clock_timestamp())
"""
NEXT_DUE = """
    SELECT min(greatest(d.next_try_at, d.lease_until)) - clock_timestamp()
      FROM delivery d JOIN webhook_endpoint e USING (endpoint_id)
     WHERE (%(service)s::text IS NULL OR e.service = %(service)s) AND e.disabled_at IS NULL AND e.removed_at IS NULL
       AND d.state = 'waiting'
"""
OF_MESSAGES = """
    SELECT d.delivery_id, d.message_id, d.endpoint_id, d.state, d.attempts, d.next_try_at, d.ended_at,
           d.state = 'waiting' AND e.disabled_at IS NOT NULL AS is_held
      FROM delivery d JOIN webhook_endpoint e USING (endpoint_id)
     WHERE d.message_id = ANY(%s) ORDER BY d.delivery_id
"""
ATTEMPTS = """
    SELECT started_at, milliseconds, status, failure, retry_after, answer, address, is_late
      FROM delivery_attempt WHERE delivery_id = %s ORDER BY lease
"""
COUNTS = """
    SELECT d.endpoint_id, d.state, count(*) FROM delivery d JOIN webhook_endpoint e USING (endpoint_id)
     WHERE e.service = %s GROUP BY 1, 2
"""
# The same message, so with the same id: a receiver that had it drops it.
REPLAY = """
    UPDATE delivery d SET state = 'waiting', ended_at = NULL, begun_after = attempts, next_try_at = clock_timestamp(),
           lease = nextval('delivery_lease'), lease_until = NULL
      FROM message m, webhook_endpoint e
     WHERE m.message_id = d.message_id AND e.endpoint_id = d.endpoint_id AND m.service = %(service)s AND e.removed_at IS NULL
       AND (%(message_id)s::text IS NULL OR m.message_id = %(message_id)s)
       AND (%(endpoint_id)s::text IS NULL OR d.endpoint_id = %(endpoint_id)s)
       AND (%(since)s::timestamptz IS NULL OR m.recorded_at >= %(since)s)
       AND (NOT %(dead_only)s OR d.state = 'dead')
"""
# Messages from before the endpoint was added, or that it did not hear of then.
ADDRESS_SINCE = """
    INSERT INTO delivery (message_id, endpoint_id, next_try_at)
    SELECT m.message_id, e.endpoint_id, clock_timestamp()
      FROM webhook_endpoint e JOIN message m ON m.service = e.service AND m.type = ANY(e.types)
     WHERE e.endpoint_id = %(endpoint_id)s AND e.removed_at IS NULL AND m.recorded_at >= %(since)s
    ON CONFLICT (message_id, endpoint_id) DO NOTHING
"""


def take(
    conn: Connection, *, service: str | None, busy: Collection[str], each: int, most: int, lasting: timedelta
) -> tuple[Taken, ...]:
    """Take what is due, at most `each` of an endpoint and `most` in all, none of endpoints that are `busy`; commit it soon."""
    given = {"service": service, "busy": list(busy), "each": each, "most": most, "lasting": lasting}
    with conn.cursor(row_factory=class_row(Taken)) as cursor:
        return tuple(cursor.execute(TAKE, given))


def give_back(conn: Connection, taken: Sequence[Taken]) -> None:
    """Let others have at once what was taken and not tried."""
    conn.execute(GIVE_BACK, {"deliveries": [one.delivery_id for one in taken], "leases": [one.lease for one in taken]})


def record(conn: Connection, made: Sequence[Made]) -> tuple[Made, ...]:
    """Keep attempts, and move on what they were made for; those whose lease still held, so that they changed something."""
    if not made:
        return ()
    rows = [_row(one) for one in made]
    held = dict[int, bool](conn.execute(MOVE, {name: [row[name] for row in rows] for name in rows[0]}).fetchall())
    return tuple(replace(one, was_refused=held[one.taken.lease]) for one in made if one.taken.lease in held)


def due(conn: Connection, service: str) -> int:
    """How many deliveries of a service are due and nobody's turn."""
    row = conn.execute(DUE, [service]).fetchone()
    return 0 if row is None else int(row[0])


def next_due_in(conn: Connection, service: str | None) -> timedelta | None:
    """How long until the next delivery is due, nothing or less where one is; None where none waits."""
    row = conn.execute(NEXT_DUE, {"service": service}).fetchone()
    return None if row is None else row[0]


def of_messages(conn: Connection, message_ids: Collection[str]) -> dict[str, tuple[Delivery, ...]]:
    """By message where it stands at each endpoint."""
    found: dict[str, tuple[Delivery, ...]] = {}
    with conn.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(OF_MESSAGES, [list(message_ids)]):
            one = Delivery(**{**row, "state": DeliveryState(row["state"])})
            found[one.message_id] = (*found.get(one.message_id, ()), one)
    return found


def attempts(conn: Connection, delivery_id: int) -> tuple[StoredAttempt, ...]:
    """Every attempt of a delivery, the first first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(map(_attempt, cursor.execute(ATTEMPTS, [delivery_id])))


def counts(conn: Connection, service: str) -> dict[str, dict[DeliveryState, int]]:
    """By endpoint how many of its messages stand where."""
    found: dict[str, dict[DeliveryState, int]] = {}
    for endpoint_id, state, count in conn.execute(COUNTS, [service]):
        found.setdefault(endpoint_id, {})[DeliveryState(state)] = count
    return found


def replay(
    conn: Connection,
    service: str,
    *,
    message_id: str | None = None,
    endpoint_id: str | None = None,
    since: datetime | None = None,
    dead_only: bool = False,
) -> int:
    """Send again what was sent before, from the start of the schedule, with the id that it had; how many deliveries."""
    given = {"message_id": message_id, "endpoint_id": endpoint_id, "since": since, "dead_only": dead_only, "service": service}
    return conn.execute(REPLAY, given).rowcount


def address_since(conn: Connection, endpoint_id: str, since: datetime) -> int:
    """Send an endpoint the messages recorded since a moment that never went to it; how many."""
    return conn.execute(ADDRESS_SINCE, {"endpoint_id": endpoint_id, "since": since}).rowcount


def _row(one: Made) -> dict[str, object]:
    given = {name: getattr(one.attempt, name) for name in Attempt.__dataclass_fields__}
    follows = {"state": one.verdict.state.value, "next_try_at": one.verdict.next_try_at, "ended_at": one.attempt.ended_at}
    keys = {"delivery_id": one.taken.delivery_id, "lease": one.taken.lease}
    return {**given, **follows, **keys, "answer": one.attempt.answer[:MOST_ANSWER_BYTES]}


def _attempt(row: Mapping[str, Any]) -> StoredAttempt:
    values = {name: value for name, value in row.items() if name != "is_late"}
    return StoredAttempt(attempt=Attempt(**{**values, "answer": bytes(row["answer"])}), is_late=row["is_late"])
