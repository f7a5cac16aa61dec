"""How flips stand, as commands print it, and what they say where one is refused.

Owns: the tables, the JSON and the words that `fcb flip --go`, `fcb unflip` and `fcb journal` share. Does not own: the acts.
"""

import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from rich.table import Table

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.flip import FlipRefused, Going
from fcb_pipelines.acts.flip_evidence import going
from fcb_pipelines.acts.flip_run import Stands
from fcb_pipelines.cli.session import answer, console_of, say
from fcb_pipelines.cli.signing import signer
from fcb_pipelines.domain.flip import Course, Part, State
from fcb_pipelines.domain.gate import Objection
from fcb_pipelines.domain.records_json import as_json as published
from fcb_pipelines.services import Service

WIDTH = 140
"""Columns that the tables need."""

Answer = TypeVar("Answer")


def acting(reached: Connections, service: Service, name: str | None) -> Going:
    """What an act on a flip is given, in the name of whoever runs the command."""
    return going(reached, service, signer(service, name))


def or_refused(act: Callable[[], Answer], *, as_json: bool) -> Answer:
    """Do it; where something stands against it programs are given all of that, and the command fails like any other."""
    try:
        return act()
    except FlipRefused as refused:
        if not as_json:
            raise
        answer({"refused": True, "objections": objections_json(refused.against)})
        sys.exit(1)


def objections_json(found: Iterable[Objection]) -> list[dict[str, Any]]:
    """Objections as programs read them."""
    return [published(one) for one in found]


def stands_json(stands: Stands) -> dict[str, Any]:
    """How a flip stands as programs read it."""
    waiting = stands.open()
    return {
        "flip_id": stands.flip.flip_id,
        "subscriptions": [
            {
                "subscription": one,
                "state": stands.states[one].value,
                "done": [step.value for step in each.done],
                "begun": each.begun.step.value if each.begun else None,
                "waits_for": waiting.get(one),
            }
            for one, each in stands.courses.items()
        ],
    }


def print_stands(stands: Stands) -> None:
    """How a flip stands, as people read it."""
    table = Table(title=f"Flip {stands.flip.flip_id}")
    for name in ("subscription", "customer", "state", "last step", "waits for"):
        table.add_column(name, overflow="fold")
    for one in stands.flip.plan.subscriptions:
        key = one.external_subscription_id
        so_far = stands.courses[key]
        table.add_row(key, one.customer, stands.states[key].value, _last(so_far), stands.open().get(key, ""))
    console_of(WIDTH).print(table)


def say_next(stands: Stands, part: Part, service: Service) -> None:
    """What comes after a part, by how the flip stands now."""
    states, flip_id = set(stands.states.values()), stands.flip.flip_id
    if part is Part.UNFLIP and stands.is_done(part):
        say(f"{flip_id} is taken back")
    elif stands.open():
        say(f"once what is waited for is there:  fcb {_again(part)} {flip_id} --service {service.code}")
    elif part is Part.FLIP and states == {State.LIVE}:
        say(f"live. Charging is armed by itself:  fcb arm {flip_id} --act charge …  then  fcb flip --charge {flip_id}")
    elif states == {State.COMPLETE}:
        say(f"{flip_id} is complete")


def failed(stands: Stands, part: Part) -> bool:
    """Whether a part is not done for somebody: a command that did not do all of its work says so by its exit code."""
    return not stands.is_done(part)


def _again(part: Part) -> str:
    return {Part.FLIP: "flip --go", Part.CHARGE: "flip --charge", Part.UNFLIP: "unflip --go"}.get(part, "flip --complete")


def _last(so_far: Course) -> str:
    if so_far.begun is not None:
        return f"{so_far.begun.step} (begun)"
    return list(so_far.done)[-1].value if so_far.done else "–"
