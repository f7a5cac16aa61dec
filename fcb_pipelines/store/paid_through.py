"""Up to where people attested that the source has billed.

Owns: reading that one statement of table `attestation`; the caller owns the transaction. Does not own: attestations.
"""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidThrough:
    """What holds of one charge."""

    attestation_id: str
    subject: str
    """`subscription/charge`."""
    value: str
    """The first day that the source has not billed, in the billing timezone."""
    made_at: datetime


HOLDING = """
    SELECT DISTINCT ON (subject) attestation_id, subject, value, made_at
      FROM attestation LEFT JOIN attestation_withdrawal AS w USING (attestation_id)
     WHERE service = %(service)s AND statement = 'paid_through' AND value IS NOT NULL AND made_at <= %(now)s
       AND expires_at > %(now)s AND (w.at IS NULL OR w.at > %(now)s)
     ORDER BY subject, made_at DESC, attestation_id DESC
"""


def holding(conn: Connection, service: str, now: datetime) -> tuple[PaidThrough, ...]:
    """What can be relied on now; of several for one charge the last."""
    with conn.cursor(row_factory=class_row(PaidThrough)) as cursor:
        return tuple(cursor.execute(HOLDING, {"service": service, "now": now}))
