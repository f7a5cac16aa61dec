"""`fcb journal`: shows what was done of a flip, step by step, and whether the journal is whole."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

import click
from rich.table import Table

from fcb_pipelines.acts.journal import Journal, read
from fcb_pipelines.cli.flip_going import WIDTH
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, say, service_option
from fcb_pipelines.domain.arming import Arming
from fcb_pipelines.domain.flip import Entry
from fcb_pipelines.domain.records_json import as_json as published
from fcb_pipelines.services import Service


@click.command()
@click.argument("flip_id", metavar="F-…")
@service_option
@json_option
def journal(flip_id: str, service_code: str | None, *, as_json: bool) -> None:
    """Show every step of a flip before and after, who armed it, and whether the audit log says the same.

    Exit code 1 where the journal is not whole: a step was begun and has no end, follows none that it may follow, or is not what
    the audit log says of it.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        with reached.database().transaction() as conn:
            found = read(conn, service, flip_id)
    if as_json:
        answer(_as_json(found, service))
    else:
        _print(found, service)
    if found.faults:
        sys.exit(1)


def _as_json(found: Journal, service: Service) -> dict[str, object]:
    return {
        "flip_id": found.stands.flip.flip_id,
        "states": {one: each.value for one, each in found.stands.states.items()},
        "armings": [published(one) for one in found.armings],
        # What a step read is JSON already, lists among it.
        "entries": [{**published(replace(one, data={})), "data": one.data} for one in found.entries],
        "faults": list(found.faults),
    }


def _print(found: Journal, service: Service) -> None:
    for title, columns, rows in (
        ("Armed", ("act", "by", "what", "armed", "until", "approved"), [_arming(one, service) for one in found.armings]),
        ("Journal", ("at", "subscription", "step", "phase", "by", "what"), [_entry(one, service) for one in found.entries]),
    ):
        table = Table(title=f"{title} ({found.stands.flip.flip_id})")
        for name in columns:
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*row)
        console_of(WIDTH).print(table)
    for fault in found.faults:
        say(f"wrong: {fault}")
    if not found.faults:
        say("the journal is whole, and the audit log says the same")


def _arming(one: Arming, service: Service) -> Sequence[str]:
    times = (f"{at.astimezone(service.zone):%Y-%m-%d %H:%M}" for at in (one.armed_at, one.expires_at))
    approved = one.approval.person if one.approval else "needed" if one.needs_approval else "–"
    return one.part.value, one.person, str(one.stake), *times, approved


def _entry(one: Entry, service: Service) -> Sequence[str]:
    at = f"{one.at.astimezone(service.zone):%Y-%m-%d %H:%M:%S}"
    return at, one.external_subscription_id, one.step.value, one.phase.value, one.actor, _shown(one.data)


def _shown(data: Mapping[str, object]) -> str:
    """What the journal says, on one line; a picture of Odoo is for programs."""
    return ", ".join(f"{name} {value}" for name, value in data.items() if name != "picture" and value not in (None, [], {}))
