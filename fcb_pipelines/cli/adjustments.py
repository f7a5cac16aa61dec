"""`fcb adjustments`: shows what a bill adjusts of earlier ones, the old rating beside the new one."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import click
from rich.table import Table

from fcb_pipelines.acts.adjustments import adjusted
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, say, service_option
from fcb_pipelines.domain.money import amount_text, plain
from fcb_pipelines.store.adjustments import StoredAdjustment

WIDTH = 130
"""Columns that its table needs."""


@click.command()
@click.option("--period", required=True, metavar="YYYY-MM", help="The month whose bill it is.")
@service_option
@json_option
def adjustments(period: str, service_code: str | None, *, as_json: bool) -> None:
    """Show what the bill of a period adjusts of earlier ones, from the last run of the period.

    Usage is adjusted that was told, or taken back, when its own month was closed. What has no price makes the exit code 1.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        found = adjusted(reached.period(service, period))
    if as_json:
        shown = [_as_json(one) for one in found.adjustments]
        unpriced = [{name: _text(value) for name, value in asdict(one).items()} for one in found.unpriced]
        answer({"service": service.code, "period": period, "adjustments": shown, "without_a_price": unpriced})
    else:
        if found.adjustments:
            console_of(WIDTH).print(_table(found.adjustments))
        say(f"adjustments on the bill of {service.code} {period}: {len(found.adjustments)}")
        for one in found.unpriced:
            say(f"without a price: {one.external_subscription_id}, {one}")
    if found.unpriced:
        sys.exit(1)


def _as_json(one: StoredAdjustment) -> dict[str, Any]:
    shown = {name: _text(value) for name, value in asdict(one).items()}
    nets = {"old_net": one.old_net, "new_net": one.new_net, "net": one.net}
    return {**shown, **{name: None if net is None else amount_text(net, one.currency) for name, net in nets.items()}}


def _text(value: object) -> object:
    return plain(value) if isinstance(value, Decimal) else value


def _table(found: Sequence[StoredAdjustment]) -> Table:
    table = Table(title="Adjustments")
    for name in ("subscription", "month", "metric"):
        table.add_column(name, overflow="fold")
    for name in ("quantity before", "now", "net before", "now", "adjustment"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found:
        nets = ("unknown" if net is None else amount_text(net, one.currency) for net in (one.old_net, one.new_net, one.net))
        quantities = (plain(one.old_quantity), plain(one.new_quantity))
        table.add_row(one.external_subscription_id, one.of_period, one.metric, *quantities, *nets)
    return table
