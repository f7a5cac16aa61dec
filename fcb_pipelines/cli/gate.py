"""`fcb gate`: says everything that stands against going live."""

import sys
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from fcb_pipelines.acts.gate_said import ask_of_flip, ask_of_service
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, operator, say, service_option
from fcb_pipelines.domain.attestations import FORMS, Value
from fcb_pipelines.domain.flip import Part
from fcb_pipelines.domain.gate import Objection
from fcb_pipelines.domain.gate_asked import GateAsked, grouped
from fcb_pipelines.domain.records_json import as_json as published
from fcb_pipelines.domain.to_sign import to_sign as signable
from fcb_pipelines.domain.to_sign import written

WIDTH = 150


@click.command()
@click.argument("flip_id", required=False, metavar="[F-…]")
@click.option(
    "--act",
    type=click.Choice([Part.FLIP.value, Part.CHARGE.value]),
    default=Part.FLIP.value,
    help="Which act it is in front of.",
)
@click.option(
    "--to-sign",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write what a person may attest as CSV, to be looked at and signed:  fcb attest --from FILE",
)
@service_option
@json_option
def gate(*, flip_id: str | None, act: str, to_sign: Path | None, service_code: str | None, as_json: bool) -> None:
    """Say everything that stands against a plan, or against each customer going live at all. Exits 1 while anything does.

    Odoo is read, nothing is changed, and what was said is kept for the report's page. The act itself asks again.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        if flip_id is None:
            said = ask_of_service(reached, service, operator())
        else:
            said = ask_of_flip(reached, service, flip_id, Part(act), operator())
    if to_sign is not None:
        _write(to_sign, said)
    if as_json:
        answer(gate_json(said))
    else:
        print_gate(said)
    if said.objections:
        sys.exit(1)


def _write(path: Path, said: GateAsked) -> None:
    found = signable(said.objections)
    path.write_bytes(written(found).encode())
    missing = sum(one.value is None and FORMS[one.statement].value is not Value.NONE for one in found)
    lacking = f"; {missing} of them need a value that only a person can write" if missing else ""
    say(
        f"{len(found)} statements are in {path}{lacking}; take out what you do not stand behind, then  fcb attest --from {path}"
    )


def print_gate(said: GateAsked) -> None:
    """Objections in tables, by what they are about, and what to do of each."""
    whom = said.flip_id or "going live at all"
    for scope, found in grouped(said.objections).items():
        console_of(WIDTH).print(_table(scope, found))
    click.echo(f"The gate in front of the {said.gate} of {whom}: {said.sentence}.")


def gate_json(said: GateAsked) -> dict[str, Any]:
    """The answer for programs."""
    form: dict[str, Any] = published(said)
    return {**form, "is_open": not said.objections, "to_sign": [published(one) for one in signable(said.objections)]}


def _table(scope: str, found: tuple[Objection, ...]) -> Table:
    table = Table(title=escape(scope), title_justify="left", show_lines=False)
    for name in ("objection", "class", "what stands against it", "what to do"):
        table.add_column(name, overflow="fold")
    for one in found:
        table.add_row(one.id, one.klass.value, escape(one.words), escape(one.what_to_do))
    return table
