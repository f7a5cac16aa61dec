"""Accepting differences: who signs, who approves, who takes back, and what it comes to when a period is reconciled.

Owns: the acts `accept`, `approve` and `withdraw`, the list of what was signed, and the two steps for whoever reconciles:
`apply`, and at the end `note_applied`. Each act is in the audit log, in the same transaction. Does not own: what a decision is
bound to (domain/accepting), whose name is signed (cli, api).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from fcb_pipelines.acts.proposing import proposal, require_as_shown
from fcb_pipelines.acts.signed_rows import Newest
from fcb_pipelines.domain.acceptance_limits import OverLimit, exposure, over_limit
from fcb_pipelines.domain.acceptances import (
    Acceptance,
    Bearer,
    Decision,
    Kind,
    Reason,
    Signature,
    State,
    person,
    require_expiry,
    require_text,
)
from fcb_pipelines.domain.accepting import Applied, applied
from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.rows import Row
from fcb_pipelines.domain.signers import why_not_approve
from fcb_pipelines.services import Service
from fcb_pipelines.store import acceptances as store
from fcb_pipelines.store import audit
from fcb_pipelines.store.database import Connection

RECONCILIATION = "reconciliation"
"""The actor of what a standing acceptance decides in a later period: nobody signs that anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody wants to sign."""

    row_ids: tuple[str, ...]
    kind: Kind
    reason: Reason
    text: str
    bearer: Bearer
    expires_on: date
    author: str
    revision: int | None = None
    """Which revision of the rows' periods was looked at; None for the newest."""
    shown: str | None = None
    """What was shown of the rows (`proposing.digest`); None where nobody says."""
    secret_made_by: str | None = None
    """Who made the secret that it is signed with; None where a login name is signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What was signed."""

    acceptances: tuple[Acceptance, ...]
    over: tuple[OverLimit, ...]
    """Why a second person must approve it; empty where nobody must."""

    @property
    def decision(self) -> Decision:
        """The decision that all of them make up."""
        return self.acceptances[0].decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An acceptance, and how it stands."""

    acceptance: Acceptance
    state: State


def accept(conn: Connection, service: Service, wanted: Wanted, now: datetime) -> Accepted:
    """Sign for what is undecided in some rows: for all of them, or for none.

    Raises `InvalidInput` where a row is unknown or has nothing left to decide, and for a text or an expiry that cannot be;
    `ShownOtherwise` where what was looked at is no longer what is there.
    """
    today = now.astimezone(service.zone).date()
    if not wanted.row_ids:
        raise InvalidInput("name the rows that are accepted")
    require_text(wanted.text, "--text")
    require_expiry(wanted.expires_on, today, service.acceptance.longest_days)
    store.lock(conn, service.code)
    before = store.acceptances(conn, service.code)
    newest = Newest.of(conn, service)
    rows = [newest.looked_at(conn, row_id, wanted.revision) for row_id in dict.fromkeys(wanted.row_ids)]
    draft = _drafted(service, wanted, now)
    proposals = [proposal(row, before, newest.rule_version(row), today) for row in rows]
    require_as_shown(proposals, wanted.shown)
    fields = [each for one in proposals for each in one.fields(draft)]
    made = _made(store.next_acceptances(conn, len(fields)), fields)
    over = over_limit(made, before, service.acceptance.limit, at=now)
    # A number is drawn only for what is signed, so that none is missing without a reason.
    decision = replace(draft, decision_id=store.next_decision(conn), needs_approval=bool(over))
    signed = tuple(replace(one, decision=decision) for one in made)
    store.add(conn, signed)
    _note(conn, decision, Act.ACCEPTANCE_MADE, Signature(person=wanted.author, at=now), _as_signed(signed, over))
    return Accepted(acceptances=signed, over=over)


def approve(
    conn: Connection, service: Service, named: str, approver: str, now: datetime, *, secret_made_by: str | None = None
) -> tuple[Acceptance, ...]:
    """Stand behind somebody else's decision, as a whole; what it then decides.

    `secret_made_by` made the secret that the approver signs with; None where a login name is signed.
    Raises `InvalidInput` where there is no such decision or it needs nobody, `RuleViolation` where the author would approve, or
    what was signed is no longer there.
    """
    store.lock(conn, service.code)
    listed = [one for one in _named(conn, service, named, now, whole=True) if one.state is not State.WITHDRAWN]
    decision = listed[0].acceptance.decision if listed else None
    if decision is None or not decision.needs_approval or decision.is_approved:
        raise InvalidInput(f"{named} waits for nobody's approval:  fcb acceptances list  shows what does")
    if why_not := why_not_approve(decision, approver, secret_made_by):
        raise RuleViolation(why_not)
    for one in listed:
        if one.state is not State.AWAITING_APPROVAL:
            raise RuleViolation(f"{one.acceptance.acceptance_id} is {one.state}: withdraw it, look at its row, and decide anew")
    approval = Signature(person=approver, at=now)
    store.approve(conn, decision.decision_id, approval)
    ids = [one.acceptance.acceptance_id for one in listed]
    _note(conn, decision, Act.ACCEPTANCE_APPROVED, approval, {"acceptances": ids, "author": decision.author})
    approved = replace(decision, approval=approval)
    return tuple(replace(one.acceptance, decision=approved) for one in listed)


def withdraw(conn: Connection, service: Service, named: str, signature: Signature) -> tuple[Acceptance, ...]:
    """Take back an acceptance, or what is left of a decision; what it decided is open again when its period is next run.

    Raises `InvalidInput` where there is none that stands, and for a blank text.
    """
    require_text(signature.text, "--text")
    if not person(signature.person):
        raise InvalidInput("a withdrawal needs the name of who makes it")
    store.lock(conn, service.code)
    found = [one.acceptance for one in _named(conn, service, named, signature.at) if one.state is not State.WITHDRAWN]
    if not found:
        raise InvalidInput(f"{named} was withdrawn already:  fcb acceptances list  shows by whom")
    ids = [one.acceptance_id for one in found]
    store.withdraw(conn, ids, signature)
    data = {"acceptances": ids, "text": signature.text, "author": found[0].decision.author}
    _note(conn, found[0].decision, Act.ACCEPTANCE_WITHDRAWN, signature, data)
    return tuple(replace(one, withdrawal=signature) for one in found)


def listed(conn: Connection, service: Service, now: datetime, period: str | None = None) -> tuple[Listed, ...]:
    """Everything that was signed, the first first, and how it stands; of one period if one is given.

    A row acceptance is held against the newest revision of its period, a standing one against that of the period given, else of
    the last period that was reconciled.
    """
    newest, today = Newest.of(conn, service), now.astimezone(service.zone).date()
    stored = [one for one in store.acceptances(conn, service.code) if _concerns(one, period)]
    return tuple(Listed(acceptance=one, state=how) for one, how in newest.states(conn, stored, today, period))


def decision(conn: Connection, service: Service, decision_id: str, now: datetime) -> tuple[Listed, ...]:
    """All of a decision, and how each stands against its own month; raises `InvalidInput` where there is no such decision."""
    return tuple(_named(conn, service, decision_id, now, whole=True))


def apply(
    conn: Connection, service: Service, period: str, rows: Sequence[Row], *, rule_version: str, as_of: datetime
) -> tuple[tuple[Row, ...], tuple[Applied, ...]]:
    """The rows of a period with what is accepted as of a time, and by what. Writes nothing."""
    signed = store.acceptances(conn, service.code)
    return applied(rows, signed, service=service.code, period=period, zone=service.zone, rule_version=rule_version, as_of=as_of)


def note_applied(conn: Connection, service: Service, period: str, found: Iterable[Applied], at: datetime) -> int:
    """Note in the audit log what standing acceptances decided in a period for the first time; how many.

    Call it last in the transaction that stores the rows: the audit log is held until that ends.
    """
    new = [one for one in found if one.kind is Kind.STANDING and store.apply_once(conn, one, period, at)]
    for one in new:
        data = {"period": period, "row": one.row_id, "charge": one.charge, "amount": str(one.amount)}
        entry = AuditEntry(
            at=at, actor=RECONCILIATION, act=Act.ACCEPTANCE_APPLIED, service=service.code, subject=one.acceptance_id, data=data
        )
        audit.append_audit(conn, entry)
    return len(new)


def _drafted(service: Service, wanted: Wanted, now: datetime) -> Decision:
    return Decision(
        decision_id="",
        service=service.code,
        kind=wanted.kind,
        reason=wanted.reason,
        text=wanted.text.strip(),
        bearer=wanted.bearer,
        expires_on=wanted.expires_on,
        author=wanted.author,
        made_at=now,
        secret_made_by=wanted.secret_made_by,
    )


def _made(ids: Sequence[str], fields: Sequence[dict[str, Any]]) -> list[Acceptance]:
    return [
        Acceptance(
            **each,
            acceptance_id=given,
            exposure=exposure(each["amount"], each["decision"].kind, each["period"], each["decision"].expires_on),
        )
        for given, each in zip(ids, fields, strict=True)
    ]


def _named(conn: Connection, service: Service, named: str, now: datetime, *, whole: bool = False) -> list[Listed]:
    """What an id names: one acceptance, or all of a decision; `whole` where nothing less than a decision will do."""
    stored = store.acceptances(conn, service.code)
    found = [one for one in stored if named in (one.acceptance_id, one.decision.decision_id)]
    if not found:
        raise InvalidInput(f"{service.code} has no acceptance or decision {named!r}:  fcb acceptances list  shows them")
    decision = found[0].decision.decision_id
    of_decision = [one for one in stored if one.decision.decision_id == decision]
    if whole and len(found) < len(of_decision):
        raise InvalidInput(
            f"{named} is one of {len(of_decision)} that were signed at once: name the whole decision, {decision}"
        )
    newest, today = Newest.of(conn, service), now.astimezone(service.zone).date()
    return [Listed(acceptance=one, state=newest.state_of(conn, one, today, one.period)) for one in found]


def _concerns(one: Acceptance, period: str | None) -> bool:
    if period is None:
        return True
    return one.period == period if one.decision.kind is Kind.ROW else one.period <= period


def _as_signed(signed: Sequence[Acceptance], over: Sequence[OverLimit]) -> dict[str, Any]:
    """Everything that was signed, so that the log alone tells it."""
    decision = signed[0].decision
    each = [
        {"id": one.acceptance_id, "subject": one.subject, "row": one.row_id, "customer": one.external_user_id}
        | {"places": list(one.places), "amount": str(one.amount), "exposure": str(one.exposure), "binding": one.binding}
        for one in signed
    ]
    said = {
        "kind": decision.kind.value,
        "reason": decision.reason.value,
        "text": decision.text,
        "bearer": decision.bearer.value,
        "secret_made_by": decision.secret_made_by,
    }
    return {**said, "expires_on": str(decision.expires_on), "acceptances": each, "over_limit": [str(one) for one in over]}


def _note(conn: Connection, decision: Decision, act: Act, signature: Signature, data: Mapping[str, Any]) -> None:
    at, actor = signature.at.astimezone(UTC), signature.person
    entry = AuditEntry(at=at, actor=actor, act=act, service=decision.service, subject=decision.decision_id, data=data)
    audit.append_audit(conn, entry)
