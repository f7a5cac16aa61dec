"""Remedies that are open: what explained, carried and named differences ask for, as the newest revisions have them.

Owns: the list, and the command that settles each. Does not own: which remedy a cause has (domain/causes).
"""

from dataclasses import dataclass

from fcb_pipelines.domain.money import Money
from fcb_pipelines.domain.rows import Explanation, Instance, Remedy, Row
from fcb_pipelines.domain.steps import is_adoptable
from fcb_pipelines.services import Service
from fcb_pipelines.store import reconciliation as stored
from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRemedy:
    """What one instance asks for."""

    row_id: str
    period: str
    partner: str
    charge: str
    remedy: Remedy
    causes: tuple[str, ...]
    amount: Money
    """What it is about: the difference, or what was billed where there is none."""
    do: str
    """The command that settles it."""


def open_remedies(conn: Connection, service: Service, period: str | None = None) -> tuple[OpenRemedy, ...]:
    """All that are open, per currency the largest first."""
    found = [
        _open(service, revision.period, row, instance)
        for revision in stored.latest_revisions(conn, service.code, period)
        for row in stored.rows_to_remedy(conn, revision.revision_id)
        for instance in row.instances
        if instance.explanation.open_remedy is not Remedy.NONE
    ]
    return tuple(sorted(found, key=lambda one: (one.amount.currency, -one.amount.amount, one.row_id)))


def was_reconciled(conn: Connection, service: Service, period: str | None = None) -> bool:
    """Whether a period was, or any at all: before that nothing is open because nobody looked."""
    return bool(stored.latest_revisions(conn, service.code, period))


def _open(service: Service, period: str, row: Row, instance: Instance) -> OpenRemedy:
    explanation = instance.explanation
    remedy = explanation.open_remedy
    return OpenRemedy(
        row_id=row.row_id,
        period=period,
        partner=row.external_user_id,
        charge=instance.charge,
        remedy=remedy,
        causes=tuple(dict.fromkeys(each.cause for each in explanation.findings if each.remedy is remedy)),
        amount=abs(instance.difference) or instance.billed,
        do=_command(service, row, remedy, explanation),
    )


def _command(service: Service, row: Row, remedy: Remedy, explanation: Explanation) -> str:
    # What no term can follow, as the usage of another day, is signed for.
    verb = "adopt" if any(map(is_adoptable, explanation.findings)) else "accept"
    commands = {
        Remedy.FIX_MODEL: f"fcb {verb} {row.row_id}",
        Remedy.FIX_SOURCE: f"mend it in the source, or  fcb accept {row.row_id}",
        Remedy.CARRY: f"fcb carry {row.row_id}",
    }
    return f"{commands[remedy]} --service {service.code}"
