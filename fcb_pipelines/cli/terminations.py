"""`fcb terminations`: shows which subscriptions hosts said have ended, and puts right what was said wrongly."""

from datetime import UTC, datetime
from typing import Any

import click
from rich.table import Table

from fcb_pipelines.acts import terminations as acts
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.terminations import Correction
from fcb_pipelines.api.fields import Invalid, time_of
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, operator, say, service_option
from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.store import terminations as store
from fcb_pipelines.store.terminations import Termination

WIDTH = 130
"""Columns that its tables need."""
reason_option = click.option("--reason", required=True, help="Why; kept in the audit log.")


@click.group()
def terminations() -> None:
    """Show which subscriptions hosts said have ended, and put right what was said wrongly.

    A host cannot change what it said. What is done here is in the audit log, with your login name and why.
    """


@terminations.command("list")
@service_option
@json_option
def list_(service_code: str | None, *, as_json: bool) -> None:
    """Show every end that stands, and every correction."""
    with connected() as reached:
        service = reached.settings.service(service_code)
        with reached.database().transaction() as conn:
            standing, corrected = store.of_service(conn, service.code), acts.corrections(conn, service.code)
    if as_json:
        answer({"terminations": list(map(_as_json, standing)), "corrections": list(map(_correction, corrected))})
    elif standing or corrected:
        for table in (_table(standing), _corrections(corrected)):
            if table.row_count:
                console_of(WIDTH).print(table)
    else:
        say(f"no host said that a subscription of {service.code} has ended")


@terminations.command()
@click.argument("subscription")
@click.option("--ended-at", required=True, metavar="TIME", help="When it ended, with its zone: 2026-05-19T18:30:00Z.")
@reason_option
@service_option
def correct(subscription: str, ended_at: str, reason: str, service_code: str | None) -> None:
    """Put another end in place of the one that stands; the host is told it from then on."""
    end = moment(ended_at)
    with connected() as reached:
        wanted = _wanted(reached, subscription, reason, service_code)
        with reached.database().transaction() as conn:
            before = acts.correct(conn, wanted, end)
    ends = f"ended at {_text(end)}, no longer at {_text(before.ended_at)}"
    say(f"{subscription} of {wanted.service} {ends}; it is in the audit log")


@terminations.command()
@click.argument("subscription")
@reason_option
@service_option
def withdraw(subscription: str, reason: str, service_code: str | None) -> None:
    """Take back that a subscription has ended, as where another one was meant; its host may say it anew."""
    with connected() as reached:
        wanted = _wanted(reached, subscription, reason, service_code)
        with reached.database().transaction() as conn:
            before = acts.withdraw(conn, wanted)
    say(f"{subscription} of {wanted.service} no longer counts as ended at {_text(before.ended_at)}; it is in the audit log")


def moment(text: str) -> datetime:
    """A time as the interface takes it; raises `InvalidInput`."""
    try:
        return time_of({"--ended-at": text}, "--ended-at")
    except Invalid as error:
        raise InvalidInput(str(error)) from None


def _wanted(reached: Connections, subscription: str, reason: str, service_code: str | None) -> Correction:
    return Correction(
        service=reached.settings.service(service_code).code,
        external_subscription_id=subscription,
        reason=reason,
        actor=operator(),
        at=reached.now,
    )


def _as_json(each: Termination) -> dict[str, Any]:
    return {
        "external_subscription_id": each.external_subscription_id,
        "ended_at": _text(each.ended_at),
        "reason": each.reason,
        "key_id": each.key_id,
        "recorded_at": _text(each.recorded_at),
    }


def _correction(entry: AuditEntry) -> dict[str, Any]:
    return {
        "at": _text(entry.at),
        "actor": entry.actor,
        "act": entry.act.value,
        "external_subscription_id": entry.subject,
        **entry.data,
    }


def _table(found: tuple[Termination, ...]) -> Table:
    table = Table(title="Subscriptions that have ended")
    for name in ("subscription", "ended", "reason", "said with key", "said at"):
        table.add_column(name)
    for each in found:
        shown = (_text(each.ended_at), each.reason or "–", each.key_id, _text(each.recorded_at))
        table.add_row(each.external_subscription_id, *shown)
    return table


def _corrections(found: tuple[AuditEntry, ...]) -> Table:
    table = Table(title="What was corrected")
    for name in ("at", "by", "subscription", "ended before", "ended now", "why"):
        table.add_column(name)
    for each in found:
        is_withdrawn = each.act is Act.TERMINATION_WITHDRAWN
        before = each.data["ended_at" if is_withdrawn else "ended_at_before"]
        after = "withdrawn" if is_withdrawn else each.data["ended_at"]
        table.add_row(_text(each.at), each.actor, each.subject, before, after, each.data["reason"])
    return table


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
