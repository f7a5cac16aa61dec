"""Answers of requests that had an `Idempotency-Key`, each stored with what the request did.

Owns: table `idempotency_request`; the caller owns the transaction. Does not own: how long an answer is given again and what the
header looks like (api/idempotency).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from fcb_pipelines.store.database import Connection

MOST_REMOVED = 1000
"""Old answers that one transaction removes: more than it can add, so that their number never grows for long."""


class Overtaken(Exception):
    """Another server answered a request with the same key meanwhile: roll back, and look for its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """What ties a request to its answer."""

    service: str
    idempotency_key: str
    fingerprint: bytes
    """SHA-256 of route and body."""

    @property
    def place(self) -> tuple[str, str]:
        """What no two requests share; two that do are the same or refused."""
        return self.service, self.idempotency_key


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """An answer as it was given, to be given again."""

    service: str
    idempotency_key: str
    fingerprint: bytes
    status: int
    media_type: str
    content: bytes


FIND = """
    SELECT service, idempotency_key, fingerprint, status, media_type, content
      FROM idempotency_request JOIN unnest(%(services)s::text[], %(keys)s::text[]) AS asked (service, idempotency_key)
     USING (service, idempotency_key)
     WHERE answered_at > %(since)s
"""
KEEP = """
    INSERT INTO idempotency_request (service, idempotency_key, fingerprint, status, media_type, content, answered_at)
    SELECT given.*, %(now)s
      FROM unnest(%(services)s::text[], %(keys)s::text[], %(fingerprints)s::bytea[], %(statuses)s::smallint[],
                  %(media_types)s::text[], %(contents)s::bytea[])
           AS given (service, idempotency_key, fingerprint, status, media_type, content)
     ORDER BY service, idempotency_key
    ON CONFLICT (service, idempotency_key) DO UPDATE
       SET fingerprint = excluded.fingerprint, status = excluded.status, media_type = excluded.media_type,
           content = excluded.content, answered_at = excluded.answered_at
     WHERE idempotency_request.answered_at <= %(since)s
"""
REMOVE = """
    DELETE FROM idempotency_request
     WHERE ctid = ANY(ARRAY(SELECT ctid FROM idempotency_request WHERE answered_at <= %(since)s
                             ORDER BY answered_at LIMIT %(most)s FOR UPDATE SKIP LOCKED))
"""


def find(conn: Connection, pairings: Collection[Pairing], since: datetime) -> dict[tuple[str, str], StoredAnswer]:
    """The answers given after `since` to requests of these services and keys, whatever their bodies were."""
    given = {
        "services": [each.service for each in pairings],
        "keys": [each.idempotency_key for each in pairings],
        "since": since,
    }
    with conn.cursor(row_factory=class_row(StoredAnswer)) as cursor:
        return {(each.service, each.idempotency_key): each for each in cursor.execute(FIND, given)}


def keep(conn: Connection, answers: Sequence[StoredAnswer], *, now: datetime, since: datetime) -> None:
    """Keep answers, and remove old ones, those given until `since`.

    Waits for another server that is keeping one of the same key; raises `Overtaken` when that one is kept.
    """
    given = {
        "services": [each.service for each in answers],
        "keys": [each.idempotency_key for each in answers],
        "fingerprints": [each.fingerprint for each in answers],
        "statuses": [each.status for each in answers],
        "media_types": [each.media_type for each in answers],
        "contents": [each.content for each in answers],
        "now": now,
        "since": since,
    }
    if conn.execute(KEEP, given).rowcount != len(answers):
        raise Overtaken
    conn.execute(REMOVE, {"since": since, "most": MOST_REMOVED})
