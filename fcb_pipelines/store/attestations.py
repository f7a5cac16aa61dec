"""Attestations in our store; rows are only ever added, which the database enforces.

Owns: tables `attestation` and `attestation_withdrawal`; the caller owns the transaction. Does not own: what may be said
(domain/attestations), who says it (acts/attestations).
"""

from typing import Any

from psycopg.rows import dict_row

from fcb_pipelines.domain.acceptances import Signature
from fcb_pipelines.domain.attestations import Attestation, Statement
from fcb_pipelines.store.database import Connection

NEXT = "SELECT 'T-' || nextval('attestation_number')"
ADD = """
    INSERT INTO attestation (attestation_id, service, statement, subject, value, text, author, made_at, expires_at)
    VALUES (%(attestation_id)s, %(service)s, %(statement)s, %(subject)s, %(value)s, %(text)s, %(author)s, %(made_at)s,
            %(expires_at)s)
"""
WITHDRAW = "INSERT INTO attestation_withdrawal (attestation_id, person, at, text) VALUES (%s, %s, %s, %s)"
OF_SERVICE = """
    SELECT attestation_id, statement, subject, value, a.text, author, made_at, expires_at, w.at AS withdrawn_at
      FROM attestation AS a LEFT JOIN attestation_withdrawal AS w USING (attestation_id)
     WHERE service = %s ORDER BY made_at, length(attestation_id), attestation_id
"""


def next_id(conn: Connection) -> str:
    """An id that no attestation has."""
    found = conn.execute(NEXT).fetchone()
    assert found is not None  # noqa: S101 - a SELECT of one value
    return str(found[0])


def add(conn: Connection, service: str, one: Attestation) -> None:
    """Keep what a person said."""
    values: dict[str, Any] = {name: getattr(one, name) for name in Attestation.__dataclass_fields__ if name != "withdrawn_at"}
    conn.execute(ADD, {"service": service, **values})


def withdraw(conn: Connection, attestation_id: str, signature: Signature) -> None:
    """Keep that it was taken back; a second time is a violation of its key."""
    conn.execute(WITHDRAW, [attestation_id, signature.person, signature.at, signature.text])


def attestations(conn: Connection, service: str) -> tuple[Attestation, ...]:
    """Everything that was attested of a service, whatever became of it, the first first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(OF_SERVICE, [service])
        return tuple(Attestation(**{**row, "statement": Statement(row["statement"])}) for row in found)
