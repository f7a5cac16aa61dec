"""People who sign on the pages of the report: giving them a secret, taking it back, and telling who a secret is.

Owns: the acts `add_signer`, `revoke_signer` and `signers`, each change in the audit log; `recognized`, with the count of wrong
secrets. Does not own: the form of a secret and when wrong ones are too many (domain/signers), what is signed (signing).
"""

import hmac
import secrets
from dataclasses import replace
from datetime import datetime
from typing import Any

from fcb_pipelines.domain.access import RANDOM_BYTES, PlainKey
from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.signers import WITHIN, Signer, checked_name, new_secret, read_secret, wait_seconds
from fcb_pipelines.store import audit
from fcb_pipelines.store import signers as store
from fcb_pipelines.store.database import Connection, Database, exclusive

_NO_DIGEST = bytes(32)


class WrongSecret(RuleViolation):
    """Nobody's secret, that of somebody who signs no more, or for another service: what is told is the same."""


class TooManyWrong(RuleViolation):
    """A reader sent too many wrong secrets."""

    def __init__(self, seconds: int) -> None:
        """`seconds` until the next one is looked at."""
        super().__init__(f"Too many wrong signing secrets came from here: try again in {seconds} seconds.")
        self.seconds = seconds


def add_signer(db: Database, *, service: str, name: str, actor: str, now: datetime) -> tuple[Signer, PlainKey]:
    """Let somebody sign on the pages of a service; the secret is shown once and kept nowhere.

    Raises `InvalidInput` for a name that cannot be read, `RuleViolation` where somebody of that name signs already.
    """
    plain = new_secret(secrets.token_bytes(RANDOM_BYTES))
    signer = Signer(
        signer_id=f"s_{secrets.token_hex(6)}",
        service=service,
        name=checked_name(name),
        digest=plain.digest,
        last_four=plain.last_four,
        added_at=now,
        added_by=actor,
    )
    with db.transaction() as conn:
        exclusive(conn, service, "signers")
        there = store.live(conn, service, signer.name)
        if there is not None:
            raise RuleViolation(
                f"{there.name} signs for {service} already, as {there.signer_id}: for a new secret  fcb signers revoke  first"
            )
        store.add(conn, signer)
        audit.append_audit(conn, _entry(signer, Act.SIGNER_ADDED, actor, now))
    return signer, plain


def revoke_signer(db: Database, *, service: str, name: str, actor: str, now: datetime) -> Signer:
    """Let somebody sign no more; what they signed stays. Raises `InvalidInput` where nobody of that name signs."""
    with db.transaction() as conn:
        signer = store.live(conn, service, name) if _is_text(name) else None
        if signer is None:
            raise InvalidInput(f"nobody signs for {service} as {name!r}:  fcb signers list  shows who does")
        store.revoke(conn, signer.signer_id, now)
        audit.append_audit(conn, _entry(signer, Act.SIGNER_REVOKED, actor, now))
    return replace(signer, revoked_at=now)


def signers(db: Database, service: str) -> tuple[Signer, ...]:
    """Everybody who signs or signed for a service, the first first."""
    with db.transaction() as conn:
        return store.listed(conn, service)


def recognized(db: Database, *, service: str, secret: str, reader: str) -> Signer:
    """Whose secret it is; `reader` is the id of the link or key with which the page is read.

    Raises `WrongSecret`, which is counted, and `TooManyWrong` without a look at the secret.
    """
    with db.transaction() as conn:
        # One at a time for each reader, so that nobody tries many at once.
        conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"signing/{reader}"])
        if seconds := wait_seconds(*store.wrong(conn, reader)):
            raise TooManyWrong(seconds)
        signer = live_signer(conn, service, secret)
        if signer is None:
            store.note_wrong(conn, reader, WITHIN)
    if signer is None:
        raise WrongSecret(_why(secret))
    return signer


def live_signer(conn: Connection, service: str, secret: str) -> Signer | None:
    """Who signs for a service with a secret, and does until this transaction ends; digests are compared in constant time."""
    plain = read_secret(secret)
    if plain is None:
        return None
    signer = store.by_digest(conn, plain.digest)
    is_it = hmac.compare_digest(plain.digest, _NO_DIGEST if signer is None else signer.digest)
    return signer if signer is not None and is_it and signer.is_live and signer.service == service else None


def _why(secret: str) -> str:
    if not secret.strip():
        return "Give your signing secret: it says who signs."
    if read_secret(secret) is None:
        return "This is no signing secret, or it is mistyped or cut off: copy the whole of it."
    return "Nobody signs here with this secret."


def _is_text(name: str) -> bool:
    """Whether it can be asked for at all: a shell may hand in bytes that are no characters."""
    return "\0" not in name and name.encode("utf-8", "replace").decode() == name


def _entry(signer: Signer, act: Act, actor: str, now: datetime) -> AuditEntry:
    data: dict[str, Any] = {"name": signer.name, "last_four": signer.last_four}
    return AuditEntry(at=now, actor=actor, act=act, service=signer.service, subject=signer.signer_id, data=data)
