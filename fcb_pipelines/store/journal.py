"""The journal of flips in our store: rows are only ever added, and each is proved by the audit log.

Owns: table `flip_journal`; the caller owns the transaction. Does not own: which entries may follow one another (domain/flip).

The entry in the audit log has a digest of what the journal says, so that the chain proves the journal too.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from psycopg.types.json import Jsonb

from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.flip import Entry, Phase, Step
from fcb_pipelines.store import audit
from fcb_pipelines.store.database import Connection

ADD = """
    INSERT INTO flip_journal (flip_id, external_subscription_id, step, phase, at, actor, data)
    VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING entry_id
"""
COLUMNS = "SELECT j.entry_id, j.flip_id, j.external_subscription_id, j.step, j.phase, j.at, j.actor, j.data FROM flip_journal j"
OF_FLIP = f"{COLUMNS} WHERE j.flip_id = %s ORDER BY j.entry_id"
OF_SERVICE = f"{COLUMNS} JOIN flip f USING (flip_id) WHERE f.service = %s ORDER BY j.entry_id"
CREDITED = """
    SELECT DISTINCT j.external_subscription_id FROM flip_journal j JOIN flip f USING (flip_id)
     WHERE f.service = %s AND j.step = %s AND j.phase = %s
"""
RESUMED = """
    SELECT j.external_subscription_id, max(j.at) FROM flip_journal j JOIN flip f USING (flip_id)
     WHERE f.service = %s AND j.step = 'source_resumed' AND j.phase = 'after' GROUP BY j.external_subscription_id
"""
LAST = "SELECT entry_id FROM flip_journal WHERE flip_id = %s ORDER BY entry_id DESC LIMIT 1"


def append(conn: Connection, service: str, *entries: Entry) -> int | None:
    """Add entries in their order, each with its own in the audit log, whose head is held until the transaction ends.

    The number of the last one; None where there is none to add.
    """
    entry_id = None
    for one in entries:
        values = (one.flip_id, one.external_subscription_id, one.step, one.phase, one.at, one.actor, Jsonb(dict(one.data)))
        row = conn.execute(ADD, values).fetchone()
        assert row is not None  # noqa: S101 - an INSERT … RETURNING answers one row
        entry_id = int(row[0])
        audit.append_audit(
            conn,
            AuditEntry(
                at=one.at.astimezone(UTC),
                actor=one.actor,
                act=Act.FLIP_STEP,
                service=service,
                subject=one.flip_id,
                data={"entry": entry_id, **_proof(one)},
            ),
        )
    return entry_id


def last(conn: Connection, flip_id: str) -> int:
    """The number of the last entry of a flip; 0 where there is none."""
    row = conn.execute(LAST, [flip_id]).fetchone()
    return 0 if row is None else int(row[0])


def of_flip(conn: Connection, flip_id: str) -> dict[str, tuple[Entry, ...]]:
    """The entries of a flip in their order, by subscription."""
    found: dict[str, list[Entry]] = defaultdict(list)
    for _, entry in _read(conn.execute(OF_FLIP, [flip_id])):
        found[entry.external_subscription_id].append(entry)
    return {key: tuple(entries) for key, entries in found.items()}


def of_service(conn: Connection, service: str) -> dict[tuple[str, str], tuple[Entry, ...]]:
    """The entries of every flip of a service in their order, by flip and subscription."""
    found: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for _, entry in _read(conn.execute(OF_SERVICE, [service])):
        found[entry.flip_id, entry.external_subscription_id].append(entry)
    return {key: tuple(entries) for key, entries in found.items()}


def credited(conn: Connection, service: str) -> frozenset[str]:
    """The subscriptions of which an unflip ever came to credit what Odoo had posted, whether or not it had posted any."""
    return frozenset(row[0] for row in conn.execute(CREDITED, [service, Step.CREDITED, Phase.AFTER]))


def resumed(conn: Connection, service: str) -> dict[str, datetime]:
    """When the last unflip of each subscription saw that the source bills it again."""
    return {row[0]: row[1] for row in conn.execute(RESUMED, [service])}


def unproved(conn: Connection, service: str, flip_id: str) -> tuple[str, ...]:
    """What of a flip's journal the audit log does not say as it stands; nothing where both say the same."""
    noted = {one.data["entry"]: one for one in audit.noted(conn, service, [Act.FLIP_STEP]) if one.subject == flip_id}
    wrong = []
    for entry_id, entry in _read(conn.execute(OF_FLIP, [flip_id])):
        there = noted.pop(entry_id, None)
        if there is None:
            wrong.append(f"entry {entry_id} of the journal is not in the audit log")
        elif there.data != {"entry": entry_id, **_proof(entry)} or there.actor != entry.actor or there.at != entry.at:
            wrong.append(f"entry {entry_id} of the journal is not what the audit log says of it")
    return (*wrong, *(f"entry {entry_id} of the audit log is not in the journal" for entry_id in noted))


def _proof(one: Entry) -> Mapping[str, Any]:
    said = json.dumps(one.data, sort_keys=True, separators=(",", ":"))
    return {
        "subscription": one.external_subscription_id,
        "step": one.step.value,
        "phase": one.phase.value,
        "digest": hashlib.sha256(said.encode()).hexdigest(),
    }


def _read(rows: Iterable[tuple[Any, ...]]) -> Iterable[tuple[int, Entry]]:
    for entry_id, flip_id, subscription_id, step, phase, at, actor, data in rows:
        yield (
            entry_id,
            Entry(
                flip_id=flip_id,
                external_subscription_id=subscription_id,
                step=Step(step),
                phase=Phase(phase),
                at=at,
                actor=actor,
                data=data,
            ),
        )
