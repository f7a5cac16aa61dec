"""Endpoints and their sealed secrets in our store.

Owns: tables `webhook_endpoint`, `webhook_secret`; the caller owns the transaction. Does not own: sealing (webhooks/sealing),
what waits for an endpoint (store/deliveries).
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import dict_row

from fcb_pipelines.domain.endpoints import Endpoint
from fcb_pipelines.domain.messages import MessageType
from fcb_pipelines.store.database import Connection

_COLUMNS: LiteralString = (
    "endpoint_id, service, url, description, types, created_at, created_by, failing_since, disabled_at, disabled_because, "
    "removed_at"
)
ADD = f"""
    INSERT INTO webhook_endpoint ({_COLUMNS})
    VALUES (%(endpoint_id)s, %(service)s, %(url)s, %(description)s, %(types)s, %(created_at)s, %(created_by)s,
            %(failing_since)s, %(disabled_at)s, %(disabled_because)s, %(removed_at)s)
"""  # noqa: S608 - the column list is ours
OF_SERVICE = f"""
    SELECT {_COLUMNS} FROM webhook_endpoint WHERE service = %s AND removed_at IS NULL ORDER BY created_at, endpoint_id
"""  # noqa: S608 - the column list is ours
NAMED = f"SELECT {_COLUMNS} FROM webhook_endpoint WHERE endpoint_id = ANY(%s)"  # noqa: S608 - the column list is ours
HELD = f"{NAMED} FOR NO KEY UPDATE"
"""Whoever tells endpoints of a fact refers to them and does not wait: who holds one may be waiting for the outbox itself."""
DISABLE = """
    UPDATE webhook_endpoint SET disabled_at = %(at)s, disabled_because = %(because)s
     WHERE endpoint_id = %(endpoint_id)s AND disabled_at IS NULL
"""
ENABLE = """
    UPDATE webhook_endpoint SET disabled_at = NULL, disabled_because = NULL, failing_since = NULL
     WHERE endpoint_id = %s AND disabled_at IS NOT NULL AND removed_at IS NULL
"""
REMOVE = "UPDATE webhook_endpoint SET removed_at = %(at)s WHERE endpoint_id = %(endpoint_id)s AND removed_at IS NULL"
FAILING = "UPDATE webhook_endpoint SET failing_since = %(since)s WHERE endpoint_id = %(endpoint_id)s"
WELL = "UPDATE webhook_endpoint SET failing_since = NULL WHERE endpoint_id = ANY(%s) AND failing_since IS NOT NULL"
EXPIRE = """
    UPDATE webhook_secret SET expires_at = %(expires_at)s
     WHERE endpoint_id = %(endpoint_id)s AND (expires_at IS NULL OR expires_at > %(expires_at)s)
"""
ADD_SECRET = "INSERT INTO webhook_secret (endpoint_id, sealed, made_at) VALUES (%(endpoint_id)s, %(sealed)s, %(made_at)s)"  # noqa: S105
SECRETS = """
    SELECT endpoint_id, sealed FROM webhook_secret
     WHERE endpoint_id = ANY(%(endpoints)s) AND (expires_at IS NULL OR expires_at > %(now)s)
     ORDER BY secret_id DESC
"""
TIMES = """
    SELECT made_at, expires_at FROM webhook_secret
     WHERE endpoint_id = %(endpoint_id)s AND (expires_at IS NULL OR expires_at > %(now)s) ORDER BY secret_id DESC
"""


def add(conn: Connection, endpoint: Endpoint) -> None:
    """Keep a new endpoint."""
    given = {name: getattr(endpoint, name) for name in Endpoint.__dataclass_fields__}
    conn.execute(ADD, {**given, "types": [one.value for one in endpoint.types]})


def of_service(conn: Connection, service: str) -> tuple[Endpoint, ...]:
    """The endpoints of a service that were not removed, the oldest first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(map(_endpoint, cursor.execute(OF_SERVICE, [service])))


def named(conn: Connection, ids: Collection[str], *, is_held: bool = False) -> dict[str, Endpoint]:
    """Endpoints by id, removed ones too; `is_held` keeps them from others until the transaction ends."""
    with conn.cursor(row_factory=dict_row) as cursor:
        # Always in the same order, so that two that hold several wait for each other only.
        found = map(_endpoint, cursor.execute(HELD if is_held else NAMED, [sorted(ids)]))
        return {one.endpoint_id: one for one in found}


def disable(conn: Connection, endpoint_id: str, *, because: str, at: datetime) -> bool:
    """Send nothing more to it, and hold what waits; whether it was enabled."""
    return conn.execute(DISABLE, {"endpoint_id": endpoint_id, "because": because, "at": at}).rowcount == 1


def enable(conn: Connection, endpoint_id: str) -> bool:
    """Send to it again, what was held first; whether it was disabled."""
    return conn.execute(ENABLE, [endpoint_id]).rowcount == 1


def remove(conn: Connection, endpoint_id: str, at: datetime) -> bool:
    """Send nothing to it ever again; whether it was there."""
    return conn.execute(REMOVE, {"endpoint_id": endpoint_id, "at": at}).rowcount == 1


def note_failing(conn: Connection, endpoint_id: str, since: datetime) -> None:
    """Note since when nothing but failures happened there."""
    conn.execute(FAILING, {"endpoint_id": endpoint_id, "since": since})


def note_well(conn: Connection, ids: Collection[str]) -> None:
    """Note that something was delivered there just now."""
    conn.execute(WELL, [sorted(ids)])


def add_secret(conn: Connection, endpoint_id: str, sealed: bytes, made_at: datetime, *, others_until: datetime) -> None:
    """Keep a secret, sealed; those before it sign until `others_until` and no longer."""
    conn.execute(EXPIRE, {"endpoint_id": endpoint_id, "expires_at": others_until})
    conn.execute(ADD_SECRET, {"endpoint_id": endpoint_id, "sealed": sealed, "made_at": made_at})


def secrets_of(conn: Connection, endpoints: Collection[str], now: datetime) -> dict[str, tuple[bytes, ...]]:
    """By endpoint the sealed secrets that sign now, the newest first."""
    found: dict[str, tuple[bytes, ...]] = {}
    for endpoint_id, sealed in conn.execute(SECRETS, {"endpoints": list(endpoints), "now": now}):
        found[endpoint_id] = (*found.get(endpoint_id, ()), bytes(sealed))
    return found


def sealed_of(conn: Connection, endpoints: Collection[str]) -> dict[str, tuple[bytes, ...]]:
    """The same by this database's clock, for whoever looks after them and sends nothing."""
    ((now,),) = conn.execute("SELECT clock_timestamp()").fetchall()
    return secrets_of(conn, endpoints, now)


def signing_times(conn: Connection, endpoint_id: str, now: datetime) -> tuple[tuple[datetime, datetime | None], ...]:
    """Of each secret that signs now, the newest first: since when, and until when where it was replaced."""
    return tuple((row[0], row[1]) for row in conn.execute(TIMES, {"endpoint_id": endpoint_id, "now": now}))


def _endpoint(row: Mapping[str, Any]) -> Endpoint:
    return Endpoint(**{**row, "types": tuple(map(MessageType, row["types"]))})
