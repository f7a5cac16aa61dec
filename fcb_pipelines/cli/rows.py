"""`fcb rows`: shows the reconciliation rows of a period."""

from typing import Any

import click
from rich.table import Table

from fcb_pipelines.acts.revisions import published_rows
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, service_option
from fcb_pipelines.domain.errors import RuleViolation

WIDTH = 120
"""Columns that its tables need."""


@click.command()
@click.option("--period", required=True, metavar="YYYY-MM", help="The month.")
@service_option
@json_option
def rows(period: str, service_code: str | None, *, as_json: bool) -> None:
    """Show the rows of a period's newest reconciliation: one per subscription, and one per line without a subscription.

    A difference is expected − actual. In JSON null is a side that is absent, "0.00" one that is present and zero.
    """
    with connected() as connections:
        service = connections.settings.service(service_code)
        key = connections.period(service, period).period.key
        with connections.database().transaction() as conn:
            found = published_rows(conn, service, key)
    if found is None:
        raise RuleViolation(
            f"{service.code} {key} was never reconciled; run it: fcb run --service {service.code} --period {key}"
        )
    if as_json:
        answer(found)
    else:
        console_of(WIDTH).print(_table(found, key))


def _table(found: list[dict[str, Any]], period: str) -> Table:
    table = Table(title=f"Reconciliation {period}", caption=f"{len(found)} rows")
    for name in ("row", "partner", "status", "verdict"):
        table.add_column(name, overflow="fold")
    for name in ("expected", "actual", "difference", "Σ|difference|"):
        table.add_column(name, justify="right")
    for row in found:
        what = row["subscription"] or row["line_key"]
        sides = (_net(row["expected"]), _net(row["actual"]), row["difference"], row["abs_difference"])
        table.add_row(what, row["partner"], row["status"], row["verdict"], *sides)
    return table


def _net(side: dict[str, str] | None) -> str:
    return "–" if side is None else side["net"]
