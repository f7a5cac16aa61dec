"""`fcb signers`: lets people sign on the pages of the report, each with a secret of their own.

A secret is printed once, alone on standard output, so that it can be piped to where it is kept; the rest is on standard error.
"""

from datetime import UTC, datetime
from typing import Any

import click
from rich.table import Table

from fcb_pipelines.acts import signers as acts
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, operator, say, service_option
from fcb_pipelines.domain.signers import Signer

WIDTH = 110
"""Columns that its table needs."""


@click.group()
def signers() -> None:
    """Say who signs on the pages of the report: who accepts a difference there, approves it, and takes it back.

    Of a secret only a hash is kept. What is done here is in the audit log, with your login name.
    """


@signers.command()
@click.argument("name")
@service_option
def add(name: str, service_code: str | None) -> None:
    """Let NAME sign, and print the secret, once.

    NAME is what is signed; it is the same person as the login name, or the --as of the demo, that is spelled so. Give the
    secret to that person and to nobody else. You have seen it: what is signed with it you cannot approve, and nothing of yours
    is approved with it.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        signer, plain = acts.add_signer(reached.database(), service=service.code, name=name, actor=operator(), now=reached.now)
    say(f"{signer.signer_id}: {signer.name} signs for {signer.service}. The secret is shown this once:")
    click.echo(plain.text)


@signers.command("list")
@service_option
@json_option
def list_(service_code: str | None, *, as_json: bool) -> None:
    """Show everybody who signs or signed; no secret is shown."""
    with connected() as reached:
        service = reached.settings.service(service_code)
        found = acts.signers(reached.database(), service.code)
    if as_json:
        answer({"signers": [_as_json(one) for one in found]})
    elif found:
        console_of(WIDTH).print(_table(found))
    else:
        say(f"nobody signs for {service.code} on the pages yet: fcb signers add NAME")


@signers.command()
@click.argument("name")
@service_option
def revoke(name: str, service_code: str | None) -> None:
    """Refuse the secret of NAME from now on; what was signed with it stays."""
    with connected() as reached:
        service = reached.settings.service(service_code)
        signer = acts.revoke_signer(reached.database(), service=service.code, name=name, actor=operator(), now=reached.now)
    say(f"{signer.signer_id}: {signer.name} signs for {signer.service} no more; what was signed stays")


def _as_json(one: Signer) -> dict[str, Any]:
    return {
        "signer_id": one.signer_id,
        "service": one.service,
        "name": one.name,
        "last_four": one.last_four,
        "state": _state(one),
        "added_at": one.added_at.isoformat(),
        "added_by": one.added_by,
        "revoked_at": None if one.revoked_at is None else one.revoked_at.isoformat(),
    }


def _table(found: tuple[Signer, ...]) -> Table:
    table = Table(title="Signers")
    for name in ("signer", "name", "ends in", "state", "added", "by", "revoked"):
        table.add_column(name, no_wrap=name == "signer", overflow="fold")
    for one in found:
        times = _minute(one.added_at), one.added_by, _minute(one.revoked_at)
        table.add_row(one.signer_id, one.name, f"…{one.last_four}", _state(one), *times)
    return table


def _state(one: Signer) -> str:
    return "live" if one.is_live else "revoked"


def _minute(at: datetime | None) -> str:
    return "–" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M}Z"
