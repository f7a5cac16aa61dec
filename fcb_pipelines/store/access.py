"""API keys in our store.

Owns: table `api_key`; the caller owns the transaction. Of a key only the digest is here. Does not own: when a key is refused
(domain/access), the logs (store/audit).
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from fcb_pipelines.domain.access import ApiKey, Scope
from fcb_pipelines.store.database import Connection

COLUMNS = """
    key_id, service, name, digest, last_four, scopes, created_at, expires_at, revoked_at, last_used_at, rotated_from
"""
PUT = """
    INSERT INTO api_key (key_id, service, name, digest, last_four, scopes, created_at, expires_at, rotated_from)
    VALUES (%(key_id)s, %(service)s, %(name)s, %(digest)s, %(last_four)s, %(scopes)s, %(created_at)s, %(expires_at)s,
            %(rotated_from)s)
"""
BY_DIGEST = f"SELECT {COLUMNS} FROM api_key WHERE digest = %s"  # noqa: S608
LOCKED = f"SELECT {COLUMNS} FROM api_key WHERE key_id = %s FOR UPDATE"  # noqa: S608
LISTED = f"SELECT {COLUMNS} FROM api_key ORDER BY service, name, created_at, key_id"  # noqa: S608
OF_NAME = f"SELECT {COLUMNS} FROM api_key WHERE service = %s AND name = %s ORDER BY created_at, key_id"  # noqa: S608
TOUCH = """
    UPDATE api_key SET last_used_at = used_at
      FROM unnest(%(key_ids)s::text[], %(used_at)s::timestamptz[]) AS given (used_id, used_at)
     WHERE key_id = used_id AND (last_used_at IS NULL OR last_used_at <= used_at - interval '1 minute')
"""


def put(conn: Connection, key: ApiKey) -> None:
    """Keep a new key."""
    conn.execute(PUT, {name: getattr(key, name) for name in ApiKey.__dataclass_fields__} | {"scopes": sorted(key.scopes)})


def by_digest(conn: Connection, digest: bytes) -> ApiKey | None:
    """The key of a digest, live or not."""
    return next(iter(_keys(conn, BY_DIGEST, [digest])), None)


def locked(conn: Connection, key_id: str) -> ApiKey | None:
    """The key of an id, live or not; nobody else changes it before this transaction ends."""
    return next(iter(_keys(conn, LOCKED, [key_id])), None)


def of_name(conn: Connection, service: str, name: str) -> tuple[ApiKey, ...]:
    """All keys of one name, oldest first."""
    return _keys(conn, OF_NAME, [service, name])


def listed(conn: Connection) -> tuple[ApiKey, ...]:
    """Every key there ever was."""
    return _keys(conn, LISTED, [])


def end(conn: Connection, key_id: str, expires_at: datetime) -> None:
    """Let a key expire at a time."""
    conn.execute("UPDATE api_key SET expires_at = %s WHERE key_id = %s", [expires_at, key_id])


def revoke(conn: Connection, key_id: str, now: datetime) -> None:
    """Refuse a key from now on."""
    conn.execute("UPDATE api_key SET revoked_at = %s WHERE key_id = %s", [now, key_id])


def touch(conn: Connection, used: Mapping[str, datetime]) -> int:
    """Note when keys were last used, by id; at most once a minute for each, so that no key is a hot row. How many it noted."""
    return conn.execute(TOUCH, {"key_ids": list(used), "used_at": list(used.values())}).rowcount


def _keys(conn: Connection, statement: str, given: Collection[object]) -> tuple[ApiKey, ...]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(_key(row) for row in cursor.execute(statement, list(given)))


def _key(row: dict[str, Any]) -> ApiKey:
    """A scope that this version does not know allows nothing, so it is left out."""
    return ApiKey(**{**row, "scopes": frozenset(scope for scope in Scope if scope in row["scopes"])})
