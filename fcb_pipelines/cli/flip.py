"""`fcb flip`: plans taking a cohort live, and shows a plan and how far it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.flip_plan import Wanted
from fcb_pipelines.acts.flip_runs import plan_cohort
from fcb_pipelines.acts.gate import Said, look, said_of_plan
from fcb_pipelines.acts.gate_asking import Asked
from fcb_pipelines.acts.gate_said import rules
from fcb_pipelines.cli.flip_acts import do
from fcb_pipelines.cli.flip_tables import WIDTH, next_command, objected, shown, words
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, say, service_option
from fcb_pipelines.cli.signing import as_option, signer
from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.cohorts import names
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.records_json import as_json as published
from fcb_pipelines.services import Service
from fcb_pipelines.store import flips
from fcb_pipelines.store.flips import StoredFlip

_MOST_BYTES = 1_000_000


@click.command()
@click.argument("given", nargs=-1, metavar="[F-… | NAME...]")
@click.option(
    "--cohort",
    "cohort",
    multiple=True,
    metavar="NAME",
    help="A customer, a subscription, or a file with one of them a line; more may follow.",
)
@click.option("--not-before", metavar="YYYY-MM", help="The first month that Odoo is to bill.")
@click.option(
    "--final-usage",
    type=click.Choice([one.value for one in Biller]),
    default=Biller.SOURCE.value,
    show_default=True,
    help="Who bills what is used before that.",
)
@click.option("--plan", "act", flag_value="plan", help="Plan, or show the plan F-…; so does nothing else given.")
@click.option("--go", "act", flag_value="go", help="Take the plan F-… live, once it is armed.")
@click.option("--charge", "act", flag_value="charge", help="Attach payment tokens to those who are live, once that is armed.")
@click.option("--complete", "act", flag_value="complete", help="Look whether the source's final bills of F-… are there.")
@click.option("--list", "act", flag_value="list", help="List every flip, and how it stands.")
@as_option
@service_option
@json_option
def flip(
    *,
    given: tuple[str, ...],
    act: str | None,
    cohort: tuple[str, ...],
    not_before: str | None,
    final_usage: str,
    name: str | None,
    service_code: str | None,
    as_json: bool,
) -> None:
    """Plan taking a cohort live, show the plan F-…, or carry it out with --go and --charge.

    Without these nothing is changed anywhere but that the plan is kept.

    A cohort is closed over customers, partners in Odoo and invoices. For each charge the plan says where the source's bills end
    and Odoo's begin and how that is known, and what Odoo bills first beside what the source billed last.
    """
    if act not in {None, "plan"}:
        do(act, given, service_code, name, as_json=as_json)
        return
    wanted = None if not cohort else _wanted((*cohort, *given), not_before, final_usage)
    if wanted is None and len(given) != 1:
        raise InvalidInput(
            "say whom to plan for, as in  fcb flip --cohort CUSTOMER --not-before 2026-07 , "
            "or which plan to show (fcb flip --list)"
        )
    with connected() as reached:
        service = reached.settings.service(service_code)
        flip_id = given[0] if wanted is None else plan_cohort(reached, service, wanted, signer(service, name))[0]
        _show(reached, service, flip_id, as_json=as_json)


def _wanted(asked_for: tuple[str, ...], not_before: str | None, final_usage: str) -> Wanted:
    if not_before is None:
        raise InvalidInput("say from which month on Odoo is to bill: --not-before YYYY-MM")
    named = [each for one in asked_for for each in _read(one)]
    return Wanted(asked_for=tuple(dict.fromkeys(named)), not_before=not_before, final_usage=Biller(final_usage))


def _read(name: str) -> tuple[str, ...]:
    """A name, or those in the file of that name."""
    path = Path(name)
    if not path.is_file():
        return (name,)
    if path.stat().st_size > _MOST_BYTES:
        raise InvalidInput(f"{name} is too large to be a list of customers and subscriptions")
    try:
        found = names(path.read_text("utf-8"))
    except (OSError, UnicodeError) as error:
        raise InvalidInput(f"{name} cannot be read as text: {error}") from error
    if not found:
        raise InvalidInput(f"{name} names nobody: write a customer or a subscription on each line")
    return found


def _show(reached: Connections, service: Service, flip_id: str, *, as_json: bool) -> None:
    with reached.database().transaction() as conn:
        stored = flips.flip(conn, service.code, flip_id)
        last = flips.last_flips(conn, service.code)
    if stored is None:
        raise InvalidInput(f"there is no plan {flip_id} of {service.code}; make one: fcb flip --cohort …")
    states = {key: one.state.value for key, one in last.items() if one.flip_id == flip_id}
    said = _said(reached, service, stored)
    if as_json:
        answer(_as_json(stored, states, said))
        return
    console_of(WIDTH).print(shown(stored.plan, service.zone, states))
    for line in (*words(stored.plan, service.zone), *objected(said.objections, said.for_information)):
        click.echo(line)
    click.echo(f"{flip_id}, planned by {stored.planned_by} on {stored.planned_at.astimezone(service.zone):%Y-%m-%d %H:%M}")
    if stored.ended_at is None and not states:
        blocked = " (it can be armed now; it is refused until nothing stands against it)" if said.objections else ""
        say(f"next:  {next_command(stored.plan, flip_id)}{blocked}")


def _said(reached: Connections, service: Service, stored: StoredFlip) -> Said:
    """What the gate says of a plan now, with Odoo asked before."""
    db, under = reached.database(), rules(reached, service)
    outside = look(db, reached.odoo(), service, stored.plan, under)
    with db.transaction() as conn:
        asked = Asked(plan=stored.plan, flip_id=stored.flip_id, under_way=flips.under_way(conn, stored.flip_id))
        return said_of_plan(conn, service, asked, outside, under)


def _as_json(stored: StoredFlip, states: Mapping[str, str], said: Said) -> dict[str, Any]:
    return {
        "flip_id": stored.flip_id,
        "planned_at": stored.planned_at.isoformat(),
        "planned_by": stored.planned_by,
        "ended_at": None if stored.ended_at is None else stored.ended_at.isoformat(),
        "totals": {code: str(amount) for code, amount in stored.plan.totals.items()},
        "states": dict(states),
        "objections": [published(one) for one in said.objections],
        "for_information": [published(one) for one in said.for_information],
        "plan": published(stored.plan),
    }
