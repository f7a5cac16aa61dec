"""What `fcb flip` does with a plan: take it live, charge, complete, and list how all of them stand.

Owns: the step from the options to the acts. Does not own: planning (flip), how it is printed (flip_going).
"""

import sys
from functools import partial

from rich.table import Table

from fcb_pipelines.acts import flip as acts
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.flip_run import Stands
from fcb_pipelines.cli.flip_going import WIDTH, acting, failed, or_refused, print_stands, say_next, stands_json
from fcb_pipelines.cli.session import answer, connected, console_of, say
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.flip import Part
from fcb_pipelines.services import Service
from fcb_pipelines.store import flips

_ACTS = {
    "go": (acts.go, Part.FLIP),
    "charge": (acts.charge, Part.CHARGE),
    "complete": (acts.complete, Part.COMPLETE),
}


def do(act: str, given: tuple[str, ...], service_code: str | None, name: str | None, *, as_json: bool) -> None:
    """Carry a plan out, or list them; exit code 1 where something stands against it, waits or was refused."""
    if act != "list" and len(given) != 1:
        raise InvalidInput(f"say which flip, as in  fcb flip --{act} F-…")
    with connected() as reached:
        service = reached.settings.service(service_code)
        if act == "list":
            _list(reached, service, as_json=as_json)
            return
        carry_out, part = _ACTS[act]
        stands = or_refused(partial(carry_out, acting(reached, service, name), given[0]), as_json=as_json)
    _tell(stands, part, service, as_json=as_json)
    if failed(stands, part):
        sys.exit(1)


def _tell(stands: Stands, part: Part, service: Service, *, as_json: bool) -> None:
    if as_json:
        answer(stands_json(stands))
    else:
        print_stands(stands)
        say_next(stands, part, service)


def _list(reached: Connections, service: Service, *, as_json: bool) -> None:
    with reached.database().transaction() as conn:
        found = [acts.standing(conn, service, one.flip_id) for one in flips.flips(conn, service.code)]
    if as_json:
        answer([stands_json(one) for one in found])
    elif found:
        console_of(WIDTH).print(_table(found, service))
    else:
        say(f"nothing of {service.code} was ever planned:  fcb flip --cohort CUSTOMER --not-before YYYY-MM")


def _table(found: list[Stands], service: Service) -> Table:
    table = Table(title="Flips")
    for name in ("flip", "from", "planned", "by", "subscriptions", "ended"):
        table.add_column(name, overflow="fold")
    for one in found:
        flip, states = one.flip, list(one.states.values())
        counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        ended = "–" if flip.ended_at is None else f"{flip.ended_at.astimezone(service.zone):%Y-%m-%d %H:%M}"
        planned = f"{flip.planned_at.astimezone(service.zone):%Y-%m-%d %H:%M}"
        table.add_row(flip.flip_id, flip.plan.not_before, planned, flip.planned_by, counted, ended)
    return table
