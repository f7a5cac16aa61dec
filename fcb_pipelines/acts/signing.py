"""Signing on a page: a form is carried out once, in the name of whose secret came with it, by the acts of the command line.

Owns: that the same form has one effect, and the entry in the audit log that tells how it was signed. Does not own: what is
signed (acceptances), whose secret it is (signers), HTTP.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from fcb_pipelines.acts import acceptances
from fcb_pipelines.acts.acceptances import Wanted
from fcb_pipelines.acts.signed_rows import ShownOtherwise
from fcb_pipelines.acts.signers import WrongSecret, live_signer, recognized
from fcb_pipelines.domain.acceptances import Acceptance, Signature
from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.signers import Signer
from fcb_pipelines.services import Service
from fcb_pipelines.store import acceptances as store
from fcb_pipelines.store import audit, idempotency
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.idempotency import Pairing, StoredAnswer

KEPT = timedelta(hours=24)
"""How long a form is known that was carried out: as long as any answer that is given again, and longer than a visit."""
_DONE = 303


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A form as somebody sent it."""

    service: Service
    form: str
    """Which form it is: two that are sent of the same have one effect."""
    content: bytes
    """What it says, the secret apart."""
    reader: str
    """The id of the link or key with which the page is read."""
    address: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What became of a form."""

    decision: str
    is_again: bool
    """Whether it was carried out before, and nothing was done now."""


class UsedForm(RuleViolation):
    """The form was carried out before, saying something else."""

    def __init__(self, decision: str) -> None:
        """`decision` is what it signed then."""
        super().__init__(f"This form was used before, for {decision}: nothing more was signed. Open the page again.")
        self.decision = decision


Effect = Callable[[Connection, Signer], str]
"""Does what a form asks for in the name of a signer; the id of the decision that it is about."""


def accept(db: Database, sheet: Sheet, wanted: Wanted, now: datetime) -> Signed:
    """Accept rows; raises as `acceptances.accept`, and as `once`. The author of `wanted` is whose secret it is."""

    def effect(conn: Connection, signer: Signer) -> str:
        signed = replace(wanted, author=signer.name, secret_made_by=signer.added_by)
        return acceptances.accept(conn, sheet.service, signed, now).decision.decision_id

    return once(db, sheet, "accept", effect, now)


def approve(db: Database, sheet: Sheet, decision: str, shown: Collection[str], now: datetime) -> Signed:
    """Approve a decision of these acceptances; raises as `acceptances.approve`, and as `once`."""

    def effect(conn: Connection, signer: Signer) -> str:
        done = acceptances.approve(conn, sheet.service, decision, signer.name, now, secret_made_by=signer.added_by)
        _require_shown(done, shown)
        return decision

    return once(db, sheet, "approve", effect, now)


def withdraw(db: Database, sheet: Sheet, decision: str, *, shown: Collection[str], text: str, now: datetime) -> Signed:
    """Take back what is left of a decision; raises as `acceptances.withdraw`, and as `once`."""

    def effect(conn: Connection, signer: Signer) -> str:
        signature = Signature(person=signer.name, at=now, text=text.strip())
        _require_shown(acceptances.withdraw(conn, sheet.service, decision, signature), shown)
        return decision

    return once(db, sheet, "withdraw", effect, now)


def once(db: Database, sheet: Sheet, did: str, effect: Effect, now: datetime) -> Signed:
    """Carry a form out, or say what it did before.

    Raises `WrongSecret`, `TooManyWrong` and `UsedForm`; where it raises, nothing was signed.
    """
    code = sheet.service.code
    who = recognized(db, service=code, secret=sheet.secret, reader=sheet.reader)
    pairing = _pairing(sheet, who)
    with db.transaction() as conn:
        # Held by whoever signs for the service, so that of two who send the same form at once the second finds the first.
        store.lock(conn, code)
        there = idempotency.find(conn, [pairing], now - KEPT).get(pairing.place)
        if there is not None:
            return _before(there, pairing)
        signer = live_signer(conn, code, sheet.secret)
        if signer is None:
            raise WrongSecret("Nobody signs here with this secret.")
        decision = effect(conn, signer)
        idempotency.keep(conn, [_kept(pairing, decision)], now=now, since=now - KEPT)
        audit.append_audit(conn, _entry(sheet, signer, did, decision, now))
    return Signed(decision=decision, is_again=False)


def _pairing(sheet: Sheet, signer: Signer) -> Pairing:
    # No host can send a key with a line end in it, and so take the place of a form.
    key = f"form\n{sheet.form}"
    said = f"{signer.signer_id}\n".encode() + sheet.content
    return Pairing(service=sheet.service.code, idempotency_key=key, fingerprint=hashlib.sha256(said).digest())


def _before(there: StoredAnswer, pairing: Pairing) -> Signed:
    decision = there.content.decode()
    if there.fingerprint != pairing.fingerprint:
        raise UsedForm(decision)
    return Signed(decision=decision, is_again=True)


def _kept(pairing: Pairing, decision: str) -> StoredAnswer:
    return StoredAnswer(
        service=pairing.service,
        idempotency_key=pairing.idempotency_key,
        fingerprint=pairing.fingerprint,
        status=_DONE,
        media_type="text/plain",
        content=decision.encode(),
    )


def _require_shown(done: Iterable[Acceptance], shown: Collection[str]) -> None:
    if {one.acceptance_id for one in done} != set(shown):
        raise ShownOtherwise("what you were shown of the decision is no longer what is left of it: look at it again")


def _entry(sheet: Sheet, signer: Signer, did: str, decision: str, now: datetime) -> AuditEntry:
    data = {
        "did": did,
        "signer": signer.signer_id,
        "secret_made_by": signer.added_by,
        "reader": sheet.reader,
        "address": sheet.address,
    }
    at, code = now.astimezone(UTC), sheet.service.code
    return AuditEntry(at=at, actor=signer.name, act=Act.SIGNED_ON_A_PAGE, service=code, subject=decision, data=data)
