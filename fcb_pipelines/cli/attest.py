"""`fcb attest`: says what only a person can know, shows what was said, and takes it back."""

from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from fcb_pipelines.acts.attestations import Said, listed
from fcb_pipelines.acts.attestations import attest as act
from fcb_pipelines.acts.attestations import withdraw as take_back
from fcb_pipelines.cli.accept import day
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, say, service_option
from fcb_pipelines.cli.signing import as_option, signer
from fcb_pipelines.domain.acceptances import Signature
from fcb_pipelines.domain.attestations import Attestation, Statement
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.to_sign import ToSign, read
from fcb_pipelines.services import Service

WIDTH = 130
"""Columns that its table needs."""


@click.command()
@click.argument("statement", required=False, type=click.Choice([one.value for one in Statement]), metavar="[STATEMENT]")
@click.argument("subject", required=False, default="")
@click.option("--value", metavar="V", help="What exactly is said, such as '16.67 CAD' or 2026-07-01.")
@click.option("--text", metavar="WHY", help="Why, in your own words; kept for the auditor.")
@click.option("--expires", metavar="YYYY-MM-DD", help="The first day on which it holds no longer.")
@click.option(
    "--from",
    "listed_in",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Sign every statement of a list that  fcb gate --to-sign  wrote and you looked at; all of it or nothing.",
)
@click.option("--withdraw", metavar="T-1", help="Take back what was attested.")
@click.option("--list", "is_list", is_flag=True, help="Show what was attested, and how it stands.")
@as_option
@service_option
@json_option
def attest(
    *,
    statement: str | None,
    subject: str,
    value: str | None,
    text: str | None,
    expires: str | None,
    listed_in: Path | None,
    withdraw: str | None,
    is_list: bool,
    name: str | None,
    service_code: str | None,
    as_json: bool,
) -> None:
    """Say of SUBJECT what only a person can know, until a day; a flip relies on it while it holds.

    \b
    of the service          receiver, rehearsed (--value VERSION), auto_close, auto_send, feed_alive
    of a subscription       source_stopped, source_resumed, not_ending, feed_alive
    of subscription/charge  paid_through (--value DAY), preview (--value AMOUNT)
    of a customer           no_token, no_dispute
    of customer/currency    balance (--value AMOUNT)
    of a row                fixed_in_source

    Your login name is signed, and it is in the audit log.
    """  # noqa: D301 - click reads \b as a paragraph that is not wrapped
    if sum((statement is not None, listed_in is not None, withdraw is not None, is_list)) != 1:
        raise InvalidInput("give a STATEMENT, or --from FILE, or --list, or --withdraw T-1")
    if (statement or listed_in) and expires is None:
        raise InvalidInput("say with --expires until when it holds: nothing is known for ever")
    with connected() as reached:
        service, now = reached.settings.service(service_code), reached.now
        with reached.database().transaction() as conn:
            if is_list:
                found = listed(conn, service)
            elif withdraw is not None:
                signature = Signature(person=signer(service, name), at=now, text=text or "")
                found = (take_back(conn, service, withdraw, signature),)
            else:
                lines = read(listed_in.read_text("utf-8")) if listed_in else (_line(statement, subject, value),)
                said = [_said(one, text, expires, author=signer(service, name)) for one in lines]
                found = tuple(act(conn, service, one, now, version("fcb_pipelines")) for one in said)
    if as_json:
        answer([_as_json(one, service, now) for one in found])
    elif found:
        console_of(WIDTH).print(_table(found, service, now))
    else:
        say(f"nothing was attested of {service.code} yet; what can be:  fcb attest --help")


def _line(statement: str | None, subject: str, value: str | None) -> ToSign:
    return ToSign(statement=Statement(statement or ""), subject=subject, value=value)


def _said(one: ToSign, text: str | None, expires: str | None, *, author: str) -> Said:
    return Said(
        statement=one.statement,
        subject=one.subject,
        value=one.value,
        text=text or "",
        expires_on=day(expires or ""),
        author=author,
    )


def _state(one: Attestation, now: datetime) -> str:
    if one.withdrawn_at is not None:
        return "taken back"
    return "holds" if one.holds_at(now) else "expired"


def _as_json(one: Attestation, service: Service, now: datetime) -> dict[str, Any]:
    return {
        "id": one.attestation_id,
        "statement": one.statement.value,
        "subject": one.subject,
        "value": one.value,
        "text": one.text,
        "author": one.author,
        "made_at": one.made_at.astimezone(service.zone).isoformat(),
        "expires_on": one.expires_at.astimezone(service.zone).date().isoformat(),
        "state": _state(one, now),
    }


def _table(found: Sequence[Attestation], service: Service, now: datetime) -> Table:
    table = Table(title="Attestations")
    for name in ("id", "statement", "of", "value", "why", "signed", "until before", "state"):
        table.add_column(name, overflow="fold")
    for one in found:
        until = one.expires_at.astimezone(service.zone).date().isoformat()
        said = (one.subject or "the service", one.value or "–", one.text, one.author, until, _state(one, now))
        table.add_row(one.attestation_id, one.statement.value, *said)
    return table
