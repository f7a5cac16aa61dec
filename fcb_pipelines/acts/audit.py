"""Whether the access log and the audit log are as they were written.

Owns: that both are looked at as of one moment. Does not own: what a broken chain tells (domain/audit).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fcb_pipelines.domain.audit import Break, Head, Log
from fcb_pipelines.store import audit
from fcb_pipelines.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found of one log; whole if nothing is broken."""

    log: Log
    head: Head | None
    broken: Break | None


def verify_logs(db: Database, known: Sequence[Head] = ()) -> tuple[Verified, ...]:
    """Read both logs from the first row to the last; `known` are heads that were kept outside. Nobody has to wait for it."""
    with db.transaction() as conn:
        audit.still(conn)
        return tuple(Verified(log=log, head=audit.head(conn, log), broken=audit.verify(conn, log, known)) for log in Log)
