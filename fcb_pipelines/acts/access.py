"""API keys: making, rotating and revoking them, and saying of a call whether it is let in.

Owns: reading an Authorization header, how many live keys share a name, how old what we know of keys may be, and that each act
on a key is in the audit log. Does not own: when a key is refused (domain/access), HTTP.
"""

import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from fcb_pipelines.domain.access import (
    RANDOM_BYTES,
    AccessEntry,
    ApiKey,
    Authenticated,
    PlainKey,
    Reason,
    Refusal,
    Scope,
    checked_name,
    new_key,
    parsed,
    refusal,
)
from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.store import access as store
from fcb_pipelines.store import audit
from fcb_pipelines.store.database import Connection, Database, exclusive

OVERLAP = timedelta(hours=24)
"""How long a key that was rotated stays good, unless told otherwise."""
LONGEST_OVERLAP = timedelta(days=30)
LONGEST_LIFE = timedelta(days=3660)
MOST_LIVE = 2
"""Live keys of one name: the one in use, and the one that takes its place."""
FRESH_SECONDS = 2.0
"""How old what a `KeyRing` knows may be: a revoked key is refused after this and the time of one reading, within 5 seconds."""
MOST_MISSES = 20
"""Keys not on the ring that are asked for between two readings; beyond them a flood of made-up keys costs us nothing."""

_BEARER = re.compile(r"[ \t]*bearer +(\S+)[ \t]*", re.IGNORECASE | re.ASCII)
_NO_DIGEST = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """A key and the one that takes its place."""

    old: ApiKey
    new: ApiKey
    plain: PlainKey


def create_key(
    db: Database,
    *,
    service: str,
    name: str,
    scopes: frozenset[Scope],
    expires_at: datetime | None,
    actor: str,
    now: datetime,
) -> tuple[ApiKey, PlainKey]:
    """Make a key; the second is shown once and kept nowhere.

    Raises `InvalidInput` for a name that cannot be read or an end that is not within ten years, `RuleViolation` where two live
    keys have that name already.
    """
    if expires_at is not None and not now < expires_at <= now + LONGEST_LIFE:
        raise InvalidInput(f"a key cannot expire at {expires_at.isoformat()}: it must be within ten years from now")
    key, plain = _made(service, checked_name(name), scopes, expires_at, now)
    data = {"name": key.name, "scopes": sorted(scopes), "expires_at": _text(expires_at)}
    with db.transaction() as conn:
        _require_room(conn, key, now)
        store.put(conn, key)
        audit.append_audit(conn, _entry(key, Act.KEY_CREATED, actor, now, data))
    return key, plain


def rotate_key(db: Database, key_id: str, *, actor: str, now: datetime, overlap: timedelta = OVERLAP) -> Rotated:
    """Make a key with the same scopes and the same length of life; the old one expires after the overlap or by itself.

    Raises `InvalidInput` for an unknown id or an overlap of more than 30 days, `RuleViolation` for a key that is not live, was
    rotated before, or has two live ones of its name.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise InvalidInput(f"an overlap is of 0 to {LONGEST_OVERLAP.days} days")
    with db.transaction() as conn:
        old = _known(conn, key_id)
        _require_unused(conn, old, now)
        lives_until = None if old.expires_at is None else now + (old.expires_at - old.created_at)
        new, plain = _made(old.service, old.name, old.scopes, lives_until, now, rotated_from=old.key_id)
        _require_room(conn, new, now)
        ends_at = now + overlap if old.expires_at is None else min(old.expires_at, now + overlap)
        store.put(conn, new)
        store.end(conn, old.key_id, ends_at)
        data = {"name": new.name, "new_key_id": new.key_id, "expires_at": _text(lives_until), "old_expires_at": _text(ends_at)}
        audit.append_audit(conn, _entry(old, Act.KEY_ROTATED, actor, now, data))
    return Rotated(old=replace(old, expires_at=ends_at), new=new, plain=plain)


def revoke_key(db: Database, key_id: str, *, actor: str, now: datetime) -> ApiKey:
    """Refuse a key for good; servers do within 5 seconds.

    Raises `InvalidInput` for an unknown id, `RuleViolation` for a key that is revoked already.
    """
    with db.transaction() as conn:
        key = _known(conn, key_id)
        if key.revoked_at is not None:
            raise RuleViolation(f"{key_id} was revoked at {key.revoked_at.isoformat(timespec='seconds')} already")
        store.revoke(conn, key_id, now)
        audit.append_audit(conn, _entry(key, Act.KEY_REVOKED, actor, now, {"name": key.name}))
    return replace(key, revoked_at=now)


def keys(db: Database, service: str | None = None) -> tuple[ApiKey, ...]:
    """Every key there ever was, of one service or of all."""
    with db.transaction() as conn:
        return tuple(key for key in store.listed(conn) if service in (None, key.service))


def authenticate(
    lookup: Callable[[bytes], ApiKey | None], headers: Sequence[str], now: datetime, scope: Scope | None = None
) -> Authenticated | Refusal:
    """Whose key a call has and whether it may do what it asks for; `lookup` finds a key by its digest, as `KeyRing.find` does.

    `headers` are all values of Authorization, as they came. What is no key is told without any lookup. Digests are compared in
    constant time, and what a caller sees of an unknown, a revoked and an expired key is the same (`Refusal.detail`).
    """
    if not headers:
        return Refusal(reason=Reason.MISSING)
    plain = _bearer(headers)
    if plain is None:
        return Refusal(reason=Reason.MALFORMED)
    digest = plain.digest
    key = lookup(digest)
    is_it = hmac.compare_digest(digest, _NO_DIGEST if key is None else key.digest)
    if key is None or not is_it:
        return Refusal(reason=Reason.UNKNOWN)
    reason = refusal(key, now, scope)
    return Authenticated(key=key) if reason is None else Refusal(reason=reason, key=key, scope=scope)


def record_calls(conn: Connection, entries: Sequence[AccessEntry]) -> None:
    """Add calls to the access log and note when their keys were last used. The caller owns the transaction and ends it soon."""
    audit.append_access(conn, entries)
    used: dict[str, datetime] = {}
    for entry in entries:
        if entry.key_id is not None and entry.reason is None:
            used[entry.key_id] = max(entry.at, used.get(entry.key_id, entry.at))
    if used:
        # After the log's head is held, so that two batches never wait for each other's keys.
        store.touch(conn, used)


@dataclass(frozen=True, slots=True)
class _Reading:
    read_at: float
    keys: dict[bytes, ApiKey]
    misses: list[bytes] = field(default_factory=list)


class KeyRing:
    """All keys, revoked and expired ones too, as read at most two seconds ago; for any number of threads.

    A key that is not on it is asked for by itself, so that a new one works at once. Errors of the database are passed on: what
    is older is never used instead. Nothing here is shown: it holds digests only.
    """

    def __init__(self, db: Database, clock: Callable[[], float] = time.monotonic) -> None:
        """Read nothing before the first question; the clock is in seconds and only goes forward."""
        self._db, self._clock = db, clock
        self._lock = threading.Lock()
        self._reading: _Reading | None = None

    def find(self, digest: bytes) -> ApiKey | None:
        """The key of a digest. Reads all keys again when what is known is two seconds old, once for all who wait."""
        reading = self._reading
        if reading is None or not self._is_fresh(reading):
            reading = self._read_once()
        key = reading.keys.get(digest)
        return self._asked(reading, digest) if key is None else key

    def refresh(self) -> None:
        """Read all keys now; called every second beside the requests, none of them has to wait for it."""
        with self._lock:
            self._read()

    def _is_fresh(self, reading: _Reading) -> bool:
        return self._clock() - reading.read_at < FRESH_SECONDS

    def _read_once(self) -> _Reading:
        with self._lock:
            if self._reading is not None and self._is_fresh(self._reading):
                return self._reading
            return self._read()

    def _read(self) -> _Reading:
        # The age counts from before the question.
        read_at = self._clock()
        self._reading = _Reading(read_at, {key.digest: key for key in keys(self._db)})
        return self._reading

    def _asked(self, reading: _Reading, digest: bytes) -> ApiKey | None:
        if len(reading.misses) >= MOST_MISSES:
            return None
        reading.misses.append(digest)
        with self._db.transaction() as conn:
            key = store.by_digest(conn, digest)
        if key is not None:
            reading.keys[digest] = key
        return key


def _bearer(headers: Sequence[str]) -> PlainKey | None:
    """The key of the one header there may be."""
    found = _BEARER.fullmatch(headers[0]) if len(headers) == 1 else None
    return None if found is None else parsed(found[1])


def _made(
    service: str,
    name: str,
    scopes: frozenset[Scope],
    expires_at: datetime | None,
    now: datetime,
    *,
    rotated_from: str | None = None,
) -> tuple[ApiKey, PlainKey]:
    plain = new_key(secrets.token_bytes(RANDOM_BYTES))
    key = ApiKey(
        key_id=f"k_{secrets.token_hex(6)}",
        service=service,
        name=name,
        digest=plain.digest,
        last_four=plain.last_four,
        scopes=scopes,
        created_at=now,
        expires_at=expires_at,
        rotated_from=rotated_from,
    )
    return key, plain


def _known(conn: Connection, key_id: str) -> ApiKey:
    key = store.locked(conn, key_id) if key_id.isascii() and key_id.isprintable() else None
    if key is None:
        raise InvalidInput(f"there is no key {key_id!r}: see  fcb keys list")
    return key


def _require_unused(conn: Connection, key: ApiKey, now: datetime) -> None:
    """A key is rotated while it is live, and once."""
    reason = refusal(key, now)
    if reason is not None:
        raise RuleViolation(f"{key.key_id} is {reason}: make a new one with  fcb keys create")
    for each in store.of_name(conn, key.service, key.name):
        if each.rotated_from == key.key_id:
            raise RuleViolation(f"{key.key_id} was rotated to {each.key_id} already: make a new one with  fcb keys create")


def _require_room(conn: Connection, key: ApiKey, now: datetime) -> None:
    """Keep others from the same name until the transaction ends, and refuse a third live key of it."""
    exclusive(conn, key.service, "keys", key.name)
    live = [each.key_id for each in store.of_name(conn, key.service, key.name) if each.is_live(now)]
    if len(live) >= MOST_LIVE:
        raise RuleViolation(
            f"{' and '.join(live)} of {key.service} are both live as {key.name!r}: revoke one, or wait for its end"
        )


def _entry(key: ApiKey, act: Act, actor: str, now: datetime, data: dict[str, Any]) -> AuditEntry:
    return AuditEntry(at=now, actor=actor, act=act, service=key.service, subject=key.key_id, data=data)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
