"""Subscriptions that a host said have ended, once for ever.

Owns: table `subscription_termination`; the caller owns the transaction.
"""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Termination:
    """That a subscription has ended, as it was said first."""

    service: str
    external_subscription_id: str
    ended_at: datetime
    reason: str | None
    key_id: str
    """Of the key with which it was said."""
    recorded_at: datetime


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
