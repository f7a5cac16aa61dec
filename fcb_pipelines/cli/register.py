"""`fcb register`: shows the source's invoices by issue month."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.table import Table

from fcb_pipelines.acts import invoices as acts
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, say, service_option
from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.money import Money, amount_text
from fcb_pipelines.domain.register import RegisterEntry, RegisterMonth
from fcb_pipelines.domain.register import register as by_issue_month

WIDTH = 120
"""Columns that its tables need."""


@click.command()
@service_option
@json_option
def register(service_code: str | None, *, as_json: bool) -> None:
    """Show the invoices of the last snapshot by the month they were issued in, with their lines and kinds.

    The total of the counting invoices equals the source's own list to the cent. Drafts, deleted and confirmed void invoices are
    listed and do not count.
    """
    with connected() as connections:
        service = connections.settings.service(service_code)
        with connections.database().transaction() as conn:
            billed = acts.last_issued(conn, service, connections.settings.tax_table)
    months = by_issue_month(billed.invoices, billed.lines, service.zone)
    if as_json:
        unusable = [{"external_invoice_id": bad.external_id, "reason": bad.reason} for bad in billed.unusable]
        answer({"service": service.code, "months": [_month(month, service.zone) for month in months], "unusable": unusable})
    else:
        console_of(WIDTH).print(_table(months))
        for bad in billed.unusable:
            say(f"not in the table, because it could not be read: {bad.reason}")


def _month(month: RegisterMonth, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "month": month.month,
        "invoices": [_entry(entry, zone) for entry in month.entries],
        "net": _amounts(month.net),
        "with_subscription": _amounts(month.with_subscription),
        "without_subscription": _amounts(month.without_subscription),
        "items_without_subscription": _amounts(month.items_without_subscription),
        "service_months": {key: _amounts(amounts) for key, amounts in month.service_months(zone).items()},
    }


def _entry(entry: RegisterEntry, zone: ZoneInfo) -> dict[str, Any]:
    invoice = entry.invoice
    return {
        "external_invoice_id": invoice.external_invoice_id,
        "partner": invoice.external_user_id,
        "subscription": invoice.external_subscription_id,
        "issued_at": invoice.issued_at.astimezone(zone).isoformat(),
        "status": invoice.status.value,
        "counts": entry.counts,
        "currency": invoice.currency,
        "net": amount_text(invoice.subtotal, invoice.currency),
        "tax": amount_text(invoice.tax, invoice.currency),
        "gross": amount_text(invoice.total, invoice.currency),
        "provider_id": invoice.provider_id,
        "lines": [_line(line, zone) for line in entry.lines],
    }


def _line(line: ActualLine, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "line_key": line.line_key,
        "kind": line.kind.value,
        "description": line.description,
        "net": amount_text(line.net.amount, line.net.currency),
        "tax": amount_text(line.tax.amount, line.tax.currency),
        "service_from": None if line.service_from is None else line.service_from.astimezone(zone).isoformat(),
        "service_to": None if line.service_to is None else line.service_to.astimezone(zone).isoformat(),
        "service_month": line.period(zone).key,
        "notes": list(line.notes),
    }


def _amounts(amounts: Mapping[str, Money]) -> dict[str, str]:
    return {code: amount_text(amount.amount, code) for code, amount in amounts.items()}


def _table(months: tuple[RegisterMonth, ...]) -> Table:
    table = Table(title="Register by issue month")
    for name in ("month", "invoices", "net", "with subscription", "without", "of it in items"):
        table.add_column(name, justify="left" if name == "month" else "right")
    for month in months:
        counting = sum(entry.counts for entry in month.entries)
        figures = (month.net, month.with_subscription, month.without_subscription, month.items_without_subscription)
        shown = (", ".join(str(amount) for amount in amounts.values()) or "–" for amounts in figures)
        table.add_row(month.month, str(counting), *shown)
    return table
