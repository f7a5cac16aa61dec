"""`fcb status`: shows what is imported and how each period stands."""

from decimal import Decimal, InvalidOperation

import click
from rich.table import Table

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.status import InvoiceStatus, ServiceStatus, WebhookStatus, service_status
from fcb_pipelines.cli.session import answer, connected, connections, console_of, json_option
from fcb_pipelines.domain.rows import Verdict
from fcb_pipelines.settings import Settings

WIDTH = 130
"""Columns that the table of periods needs."""


@click.command()
@json_option
def status(*, as_json: bool) -> None:
    """Show what is imported and how each period stands.

    Partners, plans and subscriptions are those in Odoo as the last import saw them; rows are those of each period's newest
    reconciliation, by verdict; "to do" counts what they still ask for (fcb remedies). Shares are cut and never rounded up.
    """
    with connected() as reached:
        found = read_status(reached)
        if as_json:
            answer({"services": {code: one.as_json() for code, one in found.items()}})
        else:
            _print(found)


def read_status(reached: Connections) -> dict[str, ServiceStatus]:
    """How every service stands."""
    with reached.database().transaction() as conn:
        return {code: service_status(conn, service) for code, service in sorted(reached.settings.services.items())}


def print_summary(settings: Settings) -> None:
    """Print how every service stands, for people."""
    _print(read_status(connections(settings)))


def _print(found: dict[str, ServiceStatus]) -> None:
    console = console_of(WIDTH)
    for code, one in found.items():
        done = one.last_import
        console.print(
            f"\n[bold]{code}[/]: {one.partners} partners, {one.plans} plans, {one.shadow} shadow subscriptions in Odoo"
            + (f", {one.live} live" if one.live else "")
        )
        console.print(
            f"last import: {done.created} created, {done.changed} changed, {done.unchanged} unchanged, "
            f"{done.skipped} skipped, {done.failed} failed"
        )
        console.print(f"read back from Odoo: {_read_back(one)}")
        for each in one.invoices:
            console.print(_invoices(each))
        console.print(f"webhooks: {_webhooks(one.webhooks)}")
        console.print(_periods(one) if one.periods else "no period was reconciled yet: fcb run --period YYYY-MM")


def _read_back(one: ServiceStatus) -> str:
    if not one.read_back:
        return "nothing yet"
    counts = (f"{found.part} {found.period}".strip() + f" {found.differences} differences" for found in one.read_back)
    return ", ".join(counts) + ("; see fcb doctor" if any(found.differences for found in one.read_back) else "")


def _webhooks(one: WebhookStatus) -> str:
    if not one.endpoints and not one.untold:
        return "no endpoint"
    disabled = f" ({one.disabled} disabled)" if one.disabled else ""
    counts = f"{one.delivered:,} delivered, {one.waiting:,} waiting, {one.held:,} held, {one.dead:,} dead"
    untold = f"; {one.untold:,} notices untold, see fcb doctor" if one.untold else ""
    return f"{one.endpoints} endpoints{disabled}, {counts}{untold}"


def _invoices(one: InvoiceStatus) -> str:
    sums = ", ".join(f"{amounts['gross']} {code}" for code, amounts in one.totals.items()) or "nothing"
    counts = f"{one.drafts} in Odoo over {sums}, {one.failed} failed, {one.differences} differences"
    return f"{one.part.replace('_', ' ')} {one.period}: {counts}"


def _periods(one: ServiceStatus) -> Table:
    table = Table()
    table.add_column("period", no_wrap=True)
    verdicts = [verdict for verdict in Verdict if verdict is not Verdict.NOTHING_DUE]
    shown = (*verdicts, "to do", "revision", "closed", "money decided", "due decided")
    for name in shown:
        table.add_column(name, justify="right", no_wrap=name in {"money decided", "unexplained"})
    for period, found in one.periods.items():
        money = ", ".join(f"{_percent(share)} {code}" for code, share in found.coverage_money.items())
        counts = (*(str(found.verdicts[verdict]) for verdict in verdicts), str(found.open_remedies))
        closed = "no" if found.closed_at is None else "yes"
        table.add_row(period, *counts, str(found.revision), closed, money, _percent(found.coverage_subscriptions))
    return table


def _percent(share: str) -> str:
    try:
        return f"{Decimal(share) * 100:.2f} %"
    except InvalidOperation:
        return share
