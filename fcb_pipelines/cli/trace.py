"""`fcb trace`: walks a row back to usage events and rows of the source."""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import click

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.trace import Asked
from fcb_pipelines.acts.trace import trace as act
from fcb_pipelines.cli.session import connected, json_option, say, service_option
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.trace import Found, Kind, Step, followed, printable, walked
from fcb_pipelines.store.audit import still

NARROWEST = 100
"""Columns below which nothing is broken into lines."""
INDENT = 2
"""Of JSON."""


@click.command()
@click.argument("row", metavar="ROW")
@click.option("--period", metavar="YYYY-MM", help="The month, where ROW is a subscription or an invoice line alone.")
@click.option("--instance", "charge", metavar="CHARGE", help="One charge alone, such as flat or cpu_seconds.")
@click.option("--all", "all_events", is_flag=True, help="List every usage event, not the first 20.")
@service_option
@json_option
def trace(
    row: str, *, period: str | None, charge: str | None, all_events: bool, service_code: str | None, as_json: bool
) -> None:
    """Trace a row of a period's newest reconciliation back to what it rests on.

    ROW is a row id as `fcb rows --json`, `fcb remedies` and the report print it, such as
    nexacloud/2026-05/subscription/SUB-1017; with --period, SUB-1017 or the key of an invoice line will do.

    Both sides are walked: invoice lines, invoices and the source's rows; the price, each step that changed it with its record,
    and the usage down to single events, which must add up to what was rated. Exit code 1 if anything does not add up.
    """
    found = Found()
    with connected() as reached:
        work, row_id = _asked(reached, service_code, row, period)
        with reached.database().transaction() as conn:
            still(conn)
            step = act(conn, work, Asked(row_id=row_id, charge=charge, all_events=all_events))
            for text in _as_json(step, found, row_id) if as_json else _for_people(step, found):
                click.echo(text, nl=False)
    for said in found.wrong:
        say(f"does not add up: {printable(said)}")
    if found.wrong:
        sys.exit(1)


def _asked(reached: Connections, service_code: str | None, row: str, period: str | None) -> tuple[PeriodWork, str]:
    """The month of a row, and its whole id."""
    service = reached.settings.service(service_code)
    code, _, rest = row.partition("/")
    key, _, tail = rest.partition("/")
    if code == service.code and tail:
        if period not in (None, key):
            raise InvalidInput(f"{row} is a row of {key}, and --period says {period}: leave one of them out")
        return reached.period(service, key), row
    if period is None:
        raise InvalidInput(f"{row} is no row id, such as {service.code}/2026-05/subscription/7: name the month with --period")
    kind = row if row.startswith(("subscription/", "line/")) else f"line/{row}" if "/" in row else f"subscription/{row}"
    return reached.period(service, period), f"{service.code}/{period}/{kind}"


def _for_people(step: Step, found: Found) -> Iterator[str]:
    width = max(NARROWEST, shutil.get_terminal_size((NARROWEST, 0)).columns)
    for each, place in walked(step, found):
        yield _told(each, place, width)
    yield f"\n{_summary(found)}\n"


def _summary(found: Found) -> str:
    wrong, untraced = len(found.wrong), len(found.untraced)
    said = (
        f"{wrong} of it does not add up (✗)." if wrong else "Everything adds up." if not untraced else "What is traced adds up."
    )
    return f"{said} {untraced} could not be traced any further (?)." if untraced else said


def _told(step: Step, place: tuple[bool, ...], width: int) -> str:
    """A step in its place in the tree; an event stays on one line, so that a list of them can be searched and sorted."""
    above = "".join("│  " if has_more else "   " for has_more in place[:-1])
    first, more = (f"{above}{'├─ ' if place[-1] else '└─ '}", f"{above}{'│  ' if place[-1] else '   '}") if place else ("", "")
    said = [step.says, *(f"✗ {step.wrong}" for _ in [0] if step.wrong), *(f"? {step.untraced}" for _ in [0] if step.untraced)]
    texts = map(printable, said)
    lines = [line for text in texts for line in _lines(text, 0 if step.kind is Kind.EVENT else width - len(more))]
    return "".join(f"{first if not number else more}{line}\n" for number, line in enumerate(lines))


def _lines(text: str, width: int) -> list[str]:
    if not width:
        return [text]
    return textwrap.wrap(text, max(width, NARROWEST // 2), break_long_words=False, break_on_hyphens=False) or [""]


def _as_json(step: Step, found: Found, row_id: str) -> Iterator[str]:
    """One object, written while it is walked: of a million events not one is kept."""
    yield f'{{\n  "row_id": {_text(row_id)},\n  "trace": '
    yield from _object(step, found, 1)
    told = {"adds_up": not found.wrong, "wrong": found.wrong, "untraced": found.untraced}
    yield "".join(f',\n  "{name}": {_text(value)}' for name, value in told.items())
    yield "\n}\n"


def _object(step: Step, found: Found, depth: int) -> Iterator[str]:
    found.look_at(step)
    inner, outer = " " * (depth + 1) * INDENT, " " * depth * INDENT
    fields: dict[str, Any] = {"kind": step.kind.value, "reference": step.reference, "says": step.says, "data": dict(step.data)}
    fields |= {"wrong": step.wrong or None, "untraced": step.untraced or None}
    yield "{" + "".join(f'\n{inner}"{name}": {_text(value)},' for name, value in fields.items())
    yield f'\n{inner}"rests_on": ['
    is_empty = True
    for each, has_more in followed(step.rests_on):
        is_empty = False
        yield f"\n{inner}{' ' * INDENT}"
        yield from _object(each, found, depth + 2)
        yield "," * has_more
    yield f"{'' if is_empty else chr(10) + inner}]\n{outer}}}"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
