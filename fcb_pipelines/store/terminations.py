"""Subscriptions that a host said have ended, and when the source tells that they began.

Owns: table `subscription_termination`; the caller owns the transaction. What was corrected there is in the audit log.
"""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Termination:
    """That a subscription has ended, as it was said first, or as an operator corrected it."""

    service: str
    external_subscription_id: str
    ended_at: datetime
    reason: str | None
    key_id: str
    """Of the key with which it was said."""
    recorded_at: datetime
    """When it was said; a correction leaves it."""


COLUMNS = ", ".join(Termination.__dataclass_fields__)
KEEP = f"""
    INSERT INTO subscription_termination ({COLUMNS})
    VALUES (%(service)s, %(external_subscription_id)s, %(ended_at)s, %(reason)s, %(key_id)s, %(recorded_at)s)
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - our own columns
FIND = f"SELECT {COLUMNS} FROM subscription_termination WHERE service = %s AND external_subscription_id = %s"  # noqa: S608


def keep(conn: Connection, termination: Termination) -> bool:
    """Keep a termination, unless the subscription has one; whether it was kept. Waits for others who are at it."""
    given = {name: getattr(termination, name) for name in Termination.__dataclass_fields__}
    return conn.execute(KEEP, given).rowcount == 1


def find(conn: Connection, service: str, external_subscription_id: str) -> Termination | None:
    """The termination of a subscription, if it has one."""
    with conn.cursor(row_factory=class_row(Termination)) as cursor:
        return cursor.execute(FIND, [service, external_subscription_id]).fetchone()


OF_SERVICE = f"""
    SELECT {COLUMNS} FROM subscription_termination WHERE service = %s ORDER BY external_subscription_id COLLATE "C"
"""  # noqa: S608 - our own columns


def of_service(conn: Connection, service: str) -> tuple[Termination, ...]:
    """Every termination that stands, by subscription."""
    with conn.cursor(row_factory=class_row(Termination)) as cursor:
        return tuple(cursor.execute(OF_SERVICE, [service]))


CHANGE = """
    UPDATE subscription_termination SET ended_at = %s
     WHERE service = %s AND external_subscription_id = %s AND ended_at = %s
"""
REMOVE = "DELETE FROM subscription_termination WHERE service = %s AND external_subscription_id = %s AND ended_at = %s"


def change(conn: Connection, standing: Termination, ended_at: datetime) -> bool:
    """Put another end in place of the one that stands; False where another stands by now."""
    place = [standing.service, standing.external_subscription_id, standing.ended_at]
    return conn.execute(CHANGE, [ended_at, *place]).rowcount == 1


def remove(conn: Connection, standing: Termination) -> bool:
    """Take a termination back; False where another stands by now."""
    place = [standing.service, standing.external_subscription_id, standing.ended_at]
    return conn.execute(REMOVE, place).rowcount == 1


BEGAN = """
    SELECT data ->> 'started_at'
      FROM snapshot_record AS place JOIN source_record AS record USING (record_hash)
     WHERE place.entity = 'subscriptions' AND place.external_id = %(external_subscription_id)s
       AND place.snapshot_id = (SELECT max(snapshot_id) FROM source_snapshot WHERE service = %(service)s)
"""


def told_start(conn: Connection, service: str, external_subscription_id: str) -> str | None:
    """When a subscription began, as the last snapshot has it; None where that tells nothing of it."""
    given = {"service": service, "external_subscription_id": external_subscription_id}
    row = conn.execute(BEGAN, given).fetchone()
    return None if row is None else row[0]
