"""Attesting: what only a person can know, said for a time, and taken back.

Owns: the acts `attest` and `withdraw`, each in the audit log in the same transaction, the list, and whether the log says what
our store says. Does not own: what may be said (domain/attestations), what it clears (domain/objections), whose name it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from fcb_pipelines.acts.signed_rows import Newest, is_text
from fcb_pipelines.domain.acceptances import Signature, person, require_expiry, require_text
from fcb_pipelines.domain.attestations import About, Attestation, Statement, about, checked_value, parts
from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.period import midnight
from fcb_pipelines.services import Service
from fcb_pipelines.store import attestations as store
from fcb_pipelines.store import audit, judged
from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What somebody wants to attest."""

    statement: Statement
    subject: str
    """Empty for the service as a whole."""
    value: str | None
    text: str
    expires_on: date
    """In the billing timezone; the first day on which it holds no longer."""
    author: str


def attest(conn: Connection, service: Service, said: Said, now: datetime, version: str) -> Attestation:
    """Keep what a person says; `version` is that of this program.

    Raises `InvalidInput` for a subject that is not there, a value that cannot be, a blank text, and an expiry that is past or
    too far ahead.
    """
    require_text(said.text, "--text")
    if not person(said.author):
        raise InvalidInput("an attestation needs the name of who makes it")
    require_expiry(said.expires_on, now.astimezone(service.zone).date(), service.acceptance.longest_days)
    if not is_text(f"{said.subject}{said.value}"):
        raise InvalidInput("subject and value must be plain text")
    subject = said.subject.strip()
    _require_known(conn, service, about(said.statement, subject), subject)
    one = Attestation(
        attestation_id=store.next_id(conn),
        statement=said.statement,
        subject=subject,
        value=checked_value(said.statement, subject, said.value, version),
        text=said.text.strip(),
        author=said.author.strip(),
        made_at=now,
        expires_at=midnight(said.expires_on, service.zone),
    )
    store.add(conn, service.code, one)
    audit.append_audit(conn, _entry(service, one, Act.ATTESTED, Signature(person=one.author, at=now), _as_said(one)))
    return one


def withdraw(conn: Connection, service: Service, attestation_id: str, signature: Signature) -> Attestation:
    """Take back what was attested: from now on it clears nothing. Raises `InvalidInput` where it does not stand."""
    require_text(signature.text, "--text")
    if not person(signature.person):
        raise InvalidInput("a withdrawal needs the name of who makes it")
    one = next((each for each in store.attestations(conn, service.code) if each.attestation_id == attestation_id), None)
    if one is None:
        raise InvalidInput(f"{service.code} has no attestation {attestation_id!r}:  fcb attest --list  shows them")
    if not one.holds_at(signature.at):
        raise InvalidInput(f"{attestation_id} holds no longer since {one.ended_at:%Y-%m-%d}: there is nothing to take back")
    store.withdraw(conn, attestation_id, signature)
    audit.append_audit(conn, _entry(service, one, Act.ATTESTATION_WITHDRAWN, signature, {"text": signature.text}))
    return replace(one, withdrawn_at=signature.at)


def listed(conn: Connection, service: Service) -> tuple[Attestation, ...]:
    """Everything that was attested of a service, the first first."""
    return store.attestations(conn, service.code)


def unproved(conn: Connection, service: Service) -> tuple[str, ...]:
    """What our store says that people attested, or took back, and the audit log does not say so."""
    return tuple(_unproved(conn, service))


def _unproved(conn: Connection, service: Service) -> Iterator[str]:
    noted = {one.subject: one for one in audit.noted(conn, service.code, [Act.ATTESTED])}
    back = {one.subject: one for one in audit.noted(conn, service.code, [Act.ATTESTATION_WITHDRAWN])}
    for one in store.attestations(conn, service.code):
        key, said = one.attestation_id, noted.get(one.attestation_id)
        if said is None or (said.actor, said.at, said.data) != (one.author, one.made_at, _as_said(one)):
            yield f"attestation {key} is not what the audit log says of it"
        if (one.withdrawn_at is None) != (key not in back):
            yield f"whether attestation {key} was taken back is not what the audit log says of it"


def _require_known(conn: Connection, service: Service, what: About, subject: str) -> None:
    """Raise `InvalidInput` for a subject that nobody has: a slip of the pen would clear nothing, and nobody would see it."""
    if what is About.ROW:
        Newest.of(conn, service).looked_at(conn, subject, None)
    elif what is not About.SERVICE:
        entity = "users" if what in (About.CUSTOMER, About.CURRENCY) else "subscriptions"
        name = parts(subject)[0] if what in (About.CHARGE, About.CURRENCY) else subject
        if not judged.is_in_source(conn, service.code, entity, name):
            raise InvalidInput(f"{name!r} is not among the {entity} of the newest snapshot of {service.code}")


def _as_said(one: Attestation) -> dict[str, Any]:
    """Everything that was said, so that the log alone tells it."""
    expires = one.expires_at.astimezone(UTC).isoformat()
    return {
        "statement": one.statement.value,
        "subject": one.subject,
        "value": one.value,
        "text": one.text,
        "expires_at": expires,
    }


def _entry(service: Service, one: Attestation, act: Act, signature: Signature, data: dict[str, Any]) -> AuditEntry:
    at = signature.at.astimezone(UTC)
    return AuditEntry(at=at, actor=signature.person, act=act, service=service.code, subject=one.attestation_id, data=data)
