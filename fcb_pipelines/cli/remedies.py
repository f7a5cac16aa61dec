"""`fcb remedies`: lists what explained, carried and named differences still ask for."""

from typing import Any

import click
from rich.table import Table

from fcb_pipelines.acts.remedies import OpenRemedy, open_remedies, was_reconciled
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, say, service_option
from fcb_pipelines.domain.rows import Remedy

WIDTH = 150
"""Columns that its table needs."""

_SAID = {
    Remedy.FIX_MODEL: "fcb adopt ROW, or  fcb accept ROW  where no term can follow it",
    Remedy.FIX_SOURCE: "mend it in the source, or  fcb accept ROW",
    Remedy.CARRY: "fcb carry ROW",
}


@click.command()
@click.option("--period", metavar="YYYY-MM", help="One month; without it every month that was reconciled.")
@service_option
@json_option
def remedies(period: str | None, service_code: str | None, *, as_json: bool) -> None:
    """List the remedies that are open, the largest first, each with the command that settles it.

    fix_model: our price, interval, term or tax is wrong; open until the period is run again as a match. fix_source: the
    source billed too much or too little. carry: somebody must say who bills it after the flip.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        key = None if period is None else reached.period(service, period).period.key
        with reached.database().transaction() as conn:
            found, is_known = open_remedies(conn, service, key), was_reconciled(conn, service, key)
    if not is_known:
        say(_never(service.code, key))
    if as_json:
        answer([_as_json(one) for one in found])
    elif is_known:
        console_of(WIDTH).print(_table(found, service.code))


def _never(service: str, period: str | None) -> str:
    if period is None:
        return f"no period of {service} was reconciled yet: fcb run --service {service} --period YYYY-MM"
    return f"{service} {period} was never reconciled; run it: fcb run --service {service} --period {period}"


def _as_json(one: OpenRemedy) -> dict[str, Any]:
    return {
        "row_id": one.row_id,
        "period": one.period,
        "partner": one.partner,
        "charge": one.charge,
        "remedy": one.remedy.value,
        "causes": list(one.causes),
        "currency": one.amount.currency,
        "amount": str(one.amount).split()[0],
        "do": one.do,
    }


def _table(found: tuple[OpenRemedy, ...], service: str) -> Table:
    caption = f"{len(found)} open. " + ("  ".join(f"{remedy}: {said}." for remedy, said in _SAID.items()) if found else "")
    table = Table(title=f"Open remedies of {service}", caption=caption.strip())
    table.add_column("money", justify="right", no_wrap=True)
    for name in ("remedy", "causes", "partner", "row"):
        table.add_column(name, overflow="fold")
    for one in found:
        table.add_row(str(one.amount), one.remedy.value, ", ".join(one.causes), one.partner, one.row_id)
    return table
