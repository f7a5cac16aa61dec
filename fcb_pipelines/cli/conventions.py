"""`fcb conventions`: says which convention past bills follow, and what would decide where they do not say."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import click
from rich.table import Table

from fcb_pipelines.acts.discovery import Convention, Conventions
from fcb_pipelines.acts.discovery import conventions as act
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, service_option
from fcb_pipelines.domain.discovery import ENOUGH, Discovery, PartlyPaid
from fcb_pipelines.domain.money import Money, amount_text
from fcb_pipelines.domain.proration import Proration

WIDTH = 150
"""Columns that its tables need."""


@click.command()
@service_option
@json_option
def conventions(service_code: str | None, *, as_json: bool) -> None:
    """Say which proration convention the bills of each plan family follow, by the parts of a range that were billed.

    Every convention is tried on the newest revision of every month. One is proposed only where five or more bills at distinct
    amounts all follow it, and no other one. Nothing is written: the lines for fcb.toml are shown for people to review.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        with reached.database().transaction() as conn:
            found = act(conn, service, partial(reached.period, service))
    if as_json:
        answer(_as_json(service.code, found))
        return
    for each in found.families:
        _show(each)
    read = ", ".join(found.periods) or "none yet: run a month first, with  fcb run"
    click.echo(f"Months read: {read}.")
    if found.set_aside:
        click.echo(f"Left out, because accepted or billed together with something else: {', '.join(found.set_aside)}")


def _show(each: Convention) -> None:
    found = each.found
    click.echo(f"\n{_title(found)}: {found.declared} is declared. {_verdict(found)}\n")
    if found.bills:
        console_of(WIDTH).print(_table(found.bills, "parts that were billed; a bill confirms nothing once it was used here"))
    if found.proposal is None and found.deciding:
        console_of(WIDTH).print(_table(found.deciding, "parts whose bill would help to decide"))
    if each.settings is not None:
        click.echo(f"To declare it in fcb.toml:\n\n{each.settings}\n")
    if each.adopt is not None:
        click.echo(f"or let the command write it:  {each.adopt}\n")


def _title(found: Discovery) -> str:
    return f"Plan family {found.family}" if found.family else "Plans of no family"


def _verdict(found: Discovery) -> str:
    """The answer, and why it is no other, in a sentence."""
    if not found.bills:
        return "No part of a range was billed by now, so nothing can be said."
    if found.misfits:
        rows = ", ".join(one.row_id for one in found.misfits)
        return f"Nothing is proposed: no convention makes what was billed in {rows}."
    if not found.fitting:
        return "Nothing is proposed: each bill follows some convention, and no convention makes all of them."
    fitting = " and ".join(found.fitting)
    if found.more_needed:
        at = f"{found.more_needed} more at other amounts {'is' if found.more_needed == 1 else 'are'} needed (at least {ENOUGH})"
        return f"Nothing is proposed: all bills follow {fitting}, and {at}."
    if found.proposal is None:
        return f"Nothing is proposed: all bills follow {fitting} alike; only one that tells these apart would decide."
    same = ", as declared" if found.proposal is found.declared else ""
    return f"All {len(found.bills)} bills follow {found.proposal} and no other convention{same}."


def _table(parts: tuple[PartlyPaid, ...], caption: str) -> Table:
    table = Table(caption=caption)
    table.add_column("row", overflow="fold")
    for name in ("billed", *Proration):
        table.add_column(name, justify="right", no_wrap=True)
    for each in parts:
        shown = (_marked(each.predicted[convention], each.billed) for convention in Proration)
        table.add_row(each.row_id, "–" if each.billed is None else str(each.billed), *shown)
    return table


def _marked(net: Money, billed: Money | None) -> str:
    return f"{'✓ ' if net == billed else ''}{_text(net)}"


def _text(net: Money) -> str:
    return amount_text(net.amount, net.currency)


def _as_json(service: str, found: Conventions) -> dict[str, Any]:
    return {
        "service": service,
        "periods": list(found.periods),
        "families": [dict(_family(each)) for each in found.families],
        "set_aside": list(found.set_aside),
    }


def _family(each: Convention) -> Iterator[tuple[str, Any]]:
    found = each.found
    yield "family", found.family
    yield "declared", found.declared.value
    yield "proposal", None if found.proposal is None else found.proposal.value
    yield "said", _verdict(found)
    yield "fitting", [one.value for one in found.fitting]
    yield "more_needed", found.more_needed
    yield "rows", [{**_part(one), "in_sample": True} for one in found.bills]
    yield "misfits", [one.row_id for one in found.misfits]
    yield "deciding", [_part(one) for one in found.deciding] if found.proposal is None else []
    yield "settings", each.settings
    yield "adopt", each.adopt


def _part(one: PartlyPaid) -> dict[str, Any]:
    return {
        "row_id": one.row_id,
        "service_from": one.service_from.isoformat(),
        "service_to": one.service_to.isoformat(),
        "currency": next(iter(one.predicted.values())).currency,
        "billed": None if one.billed is None else _text(one.billed),
        "predicted": {convention.value: _text(net) for convention, net in one.predicted.items()},
    }
