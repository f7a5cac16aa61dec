"""People who sign on pages, in our store.

Owns: tables `signer` and `wrong_secret`; the caller owns the transaction. Of a secret only the digest is here. Does not own:
who may sign (domain/signers, acts/signers).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from psycopg.rows import class_row

from fcb_pipelines.domain.acceptances import person
from fcb_pipelines.domain.signers import Signer
from fcb_pipelines.store.database import Connection

COLUMNS = "signer_id, service, name, digest, last_four, added_at, added_by, revoked_at"
ADD = """
    INSERT INTO signer (signer_id, service, name, person, digest, last_four, added_at, added_by)
    VALUES (%(signer_id)s, %(service)s, %(name)s, %(person)s, %(digest)s, %(last_four)s, %(added_at)s, %(added_by)s)
"""
BY_DIGEST = f"SELECT {COLUMNS} FROM signer WHERE digest = %s FOR SHARE"  # noqa: S608 - the column list is ours
LIVE = f"""
    SELECT {COLUMNS} FROM signer WHERE service = %s AND person = %s AND revoked_at IS NULL FOR UPDATE
"""  # noqa: S608
WRONG = "SELECT array(SELECT at FROM wrong_secret WHERE reader = %s), clock_timestamp()"
LISTED = f"SELECT {COLUMNS} FROM signer WHERE service = %s ORDER BY added_at, signer_id"  # noqa: S608


def add(conn: Connection, signer: Signer) -> None:
    """Keep a new signer; a second live one of a person is a violation of its key."""
    given = {name: getattr(signer, name) for name in Signer.__dataclass_fields__}
    conn.execute(ADD, given | {"person": person(signer.name)})


def by_digest(conn: Connection, digest: bytes) -> Signer | None:
    """The signer of a secret, live or not; nobody revokes it before this transaction ends."""
    return _one(conn, BY_DIGEST, [digest])


def live(conn: Connection, service: str, name: str) -> Signer | None:
    """The live signer of a name, under any spelling of it; nobody else changes it before this transaction ends."""
    return _one(conn, LIVE, [service, person(name)])


def listed(conn: Connection, service: str) -> tuple[Signer, ...]:
    """Every signer of a service there ever was, the first first."""
    with conn.cursor(row_factory=class_row(Signer)) as cursor:
        return tuple(cursor.execute(LISTED, [service]))


def revoke(conn: Connection, signer_id: str, at: datetime) -> None:
    """Refuse a signer's secret from now on."""
    conn.execute("UPDATE signer SET revoked_at = %s WHERE signer_id = %s", [at, signer_id])


def wrong(conn: Connection, reader: str) -> tuple[tuple[datetime, ...], datetime]:
    """When a reader sent wrong secrets, and what time it is: by the database's clock, which goes on where the demo's stands."""
    found = conn.execute(WRONG, [reader]).fetchone()
    assert found is not None  # noqa: S101 - a SELECT without FROM
    return tuple(found[0]), found[1]


def note_wrong(conn: Connection, reader: str, within: timedelta) -> None:
    """Note a wrong secret, and forget those from longer ago, whoever sent them."""
    conn.execute("INSERT INTO wrong_secret (reader, at) VALUES (%s, clock_timestamp())", [reader])
    conn.execute("DELETE FROM wrong_secret WHERE at <= clock_timestamp() - %s", [within])


def _one(conn: Connection, statement: str, given: Sequence[object]) -> Signer | None:
    with conn.cursor(row_factory=class_row(Signer)) as cursor:
        return cursor.execute(statement, given).fetchone()
