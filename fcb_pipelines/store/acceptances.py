"""Acceptances in our store; rows are only ever added, which the database enforces.

Owns: tables `acceptance_decision`, `acceptance`, `acceptance_approval`, `acceptance_withdrawal`, `acceptance_application`; the
caller owns the transaction. Does not own: what is bound and who may sign (domain/accepting, domain/acceptance_limits).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from fcb_pipelines.domain.acceptances import Acceptance, Bearer, Decision, Kind, Reason, Signature
from fcb_pipelines.domain.accepting import Applied
from fcb_pipelines.domain.money import Money
from fcb_pipelines.store.database import Connection

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
NEXT_DECISION = "SELECT 'D-' || nextval('acceptance_decision_number')"
NEXT_ACCEPTANCES = "SELECT 'A-' || nextval('acceptance_number') FROM generate_series(1, %s)"
ADD_DECISION = """
    INSERT INTO acceptance_decision (decision_id, service, kind, reason, text, bearer, expires_on, author, made_at,
                                     secret_made_by, needs_approval)
    VALUES (%(decision_id)s, %(service)s, %(kind)s, %(reason)s, %(text)s, %(bearer)s, %(expires_on)s, %(author)s, %(made_at)s,
            %(secret_made_by)s, %(needs_approval)s)
"""
ADD_ACCEPTANCE = """
    INSERT INTO acceptance (acceptance_id, decision_id, period, row_id, external_subscription_id, external_user_id, charge,
                            places, currency, amount, exposure, residual, binding)
    VALUES (%(acceptance_id)s, %(decision_id)s, %(period)s, %(row_id)s, %(external_subscription_id)s, %(external_user_id)s,
            %(charge)s, %(places)s, %(currency)s, %(amount)s, %(exposure)s, %(residual)s, %(binding)s)
"""
OF_SERVICE = """
    SELECT a.*, d.service, d.kind, d.reason, d.text, d.bearer, d.expires_on, d.author, d.made_at, d.secret_made_by,
           d.needs_approval,
           ok.person AS approver, ok.at AS approved_at,
           w.person AS withdrawer, w.at AS withdrawn_at, w.text AS withdrawn_because
      FROM acceptance a
      JOIN acceptance_decision d USING (decision_id)
      LEFT JOIN acceptance_approval ok USING (decision_id)
      LEFT JOIN acceptance_withdrawal w USING (acceptance_id)
     WHERE d.service = %s
     ORDER BY d.made_at, length(a.acceptance_id), a.acceptance_id
"""
APPROVE = "INSERT INTO acceptance_approval (decision_id, person, at) VALUES (%s, %s, %s)"
WITHDRAW = "INSERT INTO acceptance_withdrawal (acceptance_id, person, at, text) VALUES (%s, %s, %s, %s)"
APPLY = """
    INSERT INTO acceptance_application (acceptance_id, period, row_id, at) VALUES (%s, %s, %s, %s)
    ON CONFLICT (acceptance_id, period) DO NOTHING
"""
_OF_A_DECISION = ("decision_id", "service", "text", "expires_on", "author", "made_at", "secret_made_by", "needs_approval")
_OF_AN_ACCEPTANCE = ("acceptance_id", "period", "row_id", "external_subscription_id", "external_user_id", "charge", "binding")


def lock(conn: Connection, service: str) -> None:
    """Let one person at a time sign for a service until the transaction ends, so that each sees what the others signed."""
    conn.execute(LOCK, [f"acceptances/{service}"])


def next_decision(conn: Connection) -> str:
    """An id that no decision has."""
    found = conn.execute(NEXT_DECISION).fetchone()
    assert found is not None  # noqa: S101 - a SELECT of one value
    return str(found[0])


def next_acceptances(conn: Connection, count: int) -> list[str]:
    """Ids that no acceptance has, in order."""
    return [row[0] for row in conn.execute(NEXT_ACCEPTANCES, [count])]


def add(conn: Connection, acceptances: Sequence[Acceptance]) -> None:
    """Store the acceptances of one decision, with it."""
    decision = acceptances[0].decision
    values = {name: getattr(decision, name) for name in (*_OF_A_DECISION, "kind", "reason", "bearer")}
    with conn.cursor() as cursor:
        cursor.execute(ADD_DECISION, values)
        cursor.executemany(ADD_ACCEPTANCE, [_values(one) for one in acceptances])


def acceptances(conn: Connection, service: str) -> tuple[Acceptance, ...]:
    """Everything that was signed for a service, whatever became of it, the first first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(map(_acceptance, cursor.execute(OF_SERVICE, [service])))


def approve(conn: Connection, decision_id: str, signature: Signature) -> None:
    """Store that a second person stands behind a decision; a second approval of it is a violation of its key."""
    conn.execute(APPROVE, [decision_id, signature.person, signature.at])


def withdraw(conn: Connection, acceptance_ids: Sequence[str], signature: Signature) -> None:
    """Store that acceptances were taken back; a second time is a violation of their key."""
    with conn.cursor() as cursor:
        cursor.executemany(WITHDRAW, [[one, signature.person, signature.at, signature.text] for one in acceptance_ids])


def apply_once(conn: Connection, applied: Applied, period: str, at: datetime) -> bool:
    """Store that a standing acceptance decided something in a period; whether that is the first time."""
    return conn.execute(APPLY, [applied.acceptance_id, period, applied.row_id, at]).rowcount == 1


def _values(one: Acceptance) -> dict[str, Any]:
    return {
        **{name: getattr(one, name) for name in _OF_AN_ACCEPTANCE},
        "decision_id": one.decision.decision_id,
        "places": list(one.places),
        "currency": one.amount.currency,
        "amount": one.amount.amount,
        "exposure": one.exposure.amount,
        "residual": None if one.residual is None else one.residual.amount,
    }


def _acceptance(record: dict[str, Any]) -> Acceptance:
    currency, left = record["currency"], record["residual"]
    return Acceptance(
        **{name: record[name] for name in _OF_AN_ACCEPTANCE},
        decision=_decision(record),
        places=tuple(record["places"]),
        amount=Money(record["amount"], currency),
        exposure=Money(record["exposure"], currency),
        residual=None if left is None else Money(left, currency),
        withdrawal=_signature(record["withdrawer"], record["withdrawn_at"], record["withdrawn_because"]),
    )


def _decision(record: dict[str, Any]) -> Decision:
    return Decision(
        **{name: record[name] for name in _OF_A_DECISION},
        kind=Kind(record["kind"]),
        reason=Reason(record["reason"]),
        bearer=Bearer(record["bearer"]),
        approval=_signature(record["approver"], record["approved_at"]),
    )


def _signature(person: str | None, at: datetime, text: str = "") -> Signature | None:
    return None if person is None else Signature(person=person, at=at, text=text)
