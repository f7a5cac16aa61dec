"""Whose name is signed, and how what was signed is printed.

Owns: the options, keys and columns that `fcb accept` and `fcb acceptances` share. Does not own: the acts.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
from rich.table import Table

from fcb_pipelines.cli.session import operator
from fcb_pipelines.domain.acceptances import Acceptance, Decision, Signature, State
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import Money, amount_text
from fcb_pipelines.services import Service

WIDTH = 150
"""Columns that the table needs."""

_Command = TypeVar("_Command", bound=Callable[..., Any])


def as_option(command: _Command) -> _Command:
    """`--as`, for the demo alone."""
    said = "Sign as somebody else; only where the service is the demo. Else your login name is signed."
    return click.option("--as", "name", metavar="NAME", help=said)(command)


def signer(service: Service, name: str | None) -> str:
    """Whose name is signed: that of whoever runs this process, so that one person cannot pass as two.

    Raises `InvalidInput` where another name is given and the service is a real one.
    """
    if name is None:
        return operator()
    if not service.is_demo:
        raise InvalidInput(
            f"--as is for the demo, and {service.code} is a real service: you sign as {operator()}, who runs this. A second "
            "person runs it under their own login"
        )
    return name.strip()


def as_json(one: Acceptance, state: State, service: Service) -> dict[str, Any]:
    """An acceptance as programs read it."""
    return {
        "id": one.acceptance_id,
        "decision": one.decision.decision_id,
        "kind": one.decision.kind.value,
        "state": state.value,
        "period": one.period,
        "row_id": one.row_id,
        "subscription": one.external_subscription_id,
        "partner": one.external_user_id,
        "charge": one.charge,
        "instances": list(one.places),
        "currency": one.amount.currency,
        "amount": _text(one.amount),
        "exposure": _text(one.exposure),
        "residual": _text(one.residual),
        **_signed(one.decision, service),
        "withdrawal": _signature(one.withdrawal, service),
        "binding": one.binding,
    }


def table_of(found: Iterable[tuple[Acceptance, State]], title: str) -> Table:
    """Acceptances as people read them."""
    table = Table(title=title)
    for name in ("id", "what", "customer"):
        table.add_column(name, overflow="fold")
    table.add_column("amount", justify="right", no_wrap=True)
    for name in ("reason", "bears", "until before", "signed", "approved", "state"):
        table.add_column(name, overflow="fold")
    for one, state in found:
        decision = one.decision
        # All are of one service, which each row id begins with.
        what = f"{one.subject} from {one.period} on" if one.charge else one.row_id.removeprefix(f"{decision.service}/")
        approved = decision.approval.person if decision.approval else "needed" if decision.needs_approval else "–"
        said = (decision.reason.value, decision.bearer.value, str(decision.expires_on), decision.author, approved, state.value)
        given = f"{one.acceptance_id} of {decision.decision_id}"
        table.add_row(given, what, one.external_user_id, str(one.amount), *said)
    return table


def _signed(decision: Decision, service: Service) -> dict[str, Any]:
    return {
        "reason": decision.reason.value,
        "remedy": decision.remedy.value,
        "text": decision.text,
        "bears": decision.bearer.value,
        "expires_on": decision.expires_on.isoformat(),
        "author": decision.author,
        "made_at": decision.made_at.astimezone(service.zone).isoformat(),
        "needs_approval": decision.needs_approval,
        "approval": _signature(decision.approval, service),
    }


def _signature(one: Signature | None, service: Service) -> dict[str, str] | None:
    if one is None:
        return None
    said = {"by": one.person, "at": one.at.astimezone(service.zone).isoformat()}
    return {**said, "text": one.text} if one.text else said


def _text(amount: Money | None) -> str | None:
    return None if amount is None else amount_text(amount.amount, amount.currency)
