"""Actual lines of a period: what the service billed for it.

Owns: table `actual_line`; the caller owns the transaction. Each build of a period replaces the one before.
"""

from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg.rows import dict_row

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.invoices import InvoiceStatus, LineKind
from fcb_pipelines.domain.money import Money
from fcb_pipelines.store.database import Connection

INSERT = """
    INSERT INTO actual_line (service, period, external_invoice_id, ordinal, external_user_id, external_subscription_id, kind,
                             charge, description, currency, net, tax, gross, issued_at, invoice_status, service_from,
                             service_to, counts, notes, quantity, product, provider_id, tax_fits)
    VALUES (%(service)s, %(period)s, %(external_invoice_id)s, %(ordinal)s, %(external_user_id)s, %(external_subscription_id)s,
            %(kind)s, %(charge)s, %(description)s, %(currency)s, %(net)s, %(tax)s, %(gross)s, %(issued_at)s, %(invoice_status)s,
            %(service_from)s, %(service_to)s, %(counts)s, %(notes)s, %(quantity)s, %(product)s, %(provider_id)s, %(tax_fits)s)
"""
COLUMNS: LiteralString = """
    external_invoice_id, ordinal, external_user_id, external_subscription_id, kind, charge, description, currency, net, tax,
    issued_at, invoice_status, service_from, service_to, counts, notes, quantity, product, provider_id, tax_fits
"""
SELECT = f"""
    SELECT {COLUMNS} FROM actual_line WHERE service = %s AND period = %s ORDER BY external_invoice_id COLLATE "C", ordinal
"""  # noqa: S608 - the column list is ours


def replace_actual(conn: Connection, service: str, period: str, lines: Sequence[ActualLine]) -> None:
    """Store the actual lines of a period in place of those before."""
    conn.execute("DELETE FROM actual_line WHERE service = %s AND period = %s", [service, period])
    with conn.cursor() as cursor:
        cursor.executemany(INSERT, [{"service": service, "period": period, **_values(line)} for line in lines])


def actual(conn: Connection, service: str, period: str) -> tuple[ActualLine, ...]:
    """The actual lines of a period, by invoice and ordinal."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(actual_line(row) for row in cursor.execute(SELECT, [service, period]))


def _values(line: ActualLine) -> dict[str, Any]:
    return {
        **{name: getattr(line, name) for name in ActualLine.__dataclass_fields__},
        "currency": line.net.currency,
        "net": line.net.amount,
        "tax": line.tax.amount,
        "gross": line.gross.amount,
        "notes": list(line.notes),
        "tax_fits": list(line.tax_fits),
    }


def actual_line(row: dict[str, Any]) -> ActualLine:
    """A line as it is read from its columns."""
    currency = row.pop("currency")
    read = {
        "net": Money(row["net"], currency),
        "tax": Money(row["tax"], currency),
        "kind": LineKind(row["kind"]),
        "invoice_status": InvoiceStatus(row["invoice_status"]),
        "notes": tuple(row["notes"]),
        "tax_fits": tuple(row["tax_fits"]),
    }
    return ActualLine(**{**row, **read})
