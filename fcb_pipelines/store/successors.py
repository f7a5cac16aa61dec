"""Successors of carried items.

Owns: table `successor`, to which rows are only added; the caller owns the transaction. Does not own: what one covers
(domain/carried).
"""

from dataclasses import asdict

from psycopg.rows import dict_row

from fcb_pipelines.domain.carried import Heir, Item, Successor
from fcb_pipelines.store.database import Connection

ADD = """
    INSERT INTO successor (service, external_user_id, item, heir, owner, ended_on, text, author, made_at)
    VALUES (%(service)s, %(external_user_id)s, %(item)s, %(heir)s, %(owner)s, %(ended_on)s, %(text)s, %(author)s, %(made_at)s)
"""
LAST = """
    SELECT DISTINCT ON (external_user_id, item) external_user_id, item, heir, owner, ended_on, text, author, made_at
      FROM successor WHERE service = %s ORDER BY external_user_id, item, successor_id DESC
"""


def add(conn: Connection, service: str, successor: Successor) -> None:
    """Keep what a person said; from now on it counts for its item."""
    conn.execute(ADD, {"service": service, **asdict(successor)})


def successors(conn: Connection, service: str) -> dict[Item, Successor]:
    """What was last said of each item."""
    with conn.cursor(row_factory=dict_row) as cursor:
        found = (Successor(**{**row, "heir": Heir(row["heir"])}) for row in cursor.execute(LAST, [service]))
        return {(one.external_user_id, one.item): one for one in found}
