"""Account links in our store: which partner in Odoo each source user is, or why that cannot be told.

Owns: the table account_link. Does not own: how a link is decided (domain/partners).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row, kwargs_row

from fcb_pipelines.domain.partners import AccountLink, LinkState
from fcb_pipelines.store.database import Connection

LINKS = """
    SELECT external_user_id, state, odoo_id, candidates, reason
      FROM account_link WHERE service = %s ORDER BY external_user_id COLLATE "C"
"""
PUT = """
    INSERT INTO account_link (service, external_user_id, state, odoo_id, candidates, reason, linked_at)
    VALUES (%(service)s, %(user)s, %(state)s, %(odoo_id)s, %(candidates)s, %(reason)s, %(now)s)
    ON CONFLICT (service, external_user_id) DO UPDATE
       SET state = excluded.state, odoo_id = excluded.odoo_id, candidates = excluded.candidates, reason = excluded.reason,
           linked_at = excluded.linked_at
     WHERE (account_link.state, account_link.odoo_id, account_link.candidates, account_link.reason)
           IS DISTINCT FROM (excluded.state, excluded.odoo_id, excluded.candidates, excluded.reason)
"""
POINTING = """
    SELECT service, external_user_id, odoo_id, reason
      FROM account_link WHERE odoo_id IS NOT NULL ORDER BY service, external_user_id COLLATE "C"
"""
FORGET = "DELETE FROM account_link WHERE service = %s AND odoo_id = ANY(%s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointing:
    """A link of any service to a partner, as far as it keeps that partner from being pruned."""

    service: str
    external_user_id: str
    odoo_id: int
    reason: str


def pointing(conn: Connection) -> tuple[Pointing, ...]:
    """Every link of every service that points to a partner."""
    with conn.cursor(row_factory=class_row(Pointing)) as cursor:
        return tuple(cursor.execute(POINTING))


def links(conn: Connection, service: str) -> dict[str, AccountLink]:
    """Every link of a service, by source user."""
    with conn.cursor(row_factory=kwargs_row(_read)) as cursor:
        return {link.external_user_id: link for link in cursor.execute(LINKS, [service])}


def put_links(conn: Connection, service: str, decided: Iterable[AccountLink], now: datetime) -> None:
    """Keep links; one that did not change keeps the time it was made at."""
    with conn.cursor() as cursor:
        cursor.executemany(PUT, [_row(service, link, now) for link in decided])


def forget_links(conn: Connection, service: str, odoo_ids: Collection[int]) -> None:
    """Drop the links to partners that were removed from Odoo."""
    conn.execute(FORGET, [service, list(odoo_ids)])


def _row(service: str, link: AccountLink, now: datetime) -> dict[str, object]:
    return {
        "service": service,
        "user": link.external_user_id,
        "state": link.state,
        "odoo_id": link.odoo_id,
        "candidates": list(link.candidates),
        "reason": link.reason,
        "now": now,
    }


def _read(external_user_id: str, state: str, odoo_id: int | None, candidates: list[int], reason: str) -> AccountLink:
    return AccountLink(
        external_user_id=external_user_id,
        state=LinkState(state),
        odoo_id=odoo_id,
        candidates=tuple(candidates),
        reason=reason,
    )
