"""What is open in Odoo between us and a customer beside invoices of ours: payments that were not applied, credits, deposits.

Owns: which models and fields tell, and the sign. Does not own: what the source says of it (domain/balances). Read-only.

Positive is in the customer's favour: they paid or were credited more than was taken from it. Negative is what they owe beside
invoices of ours. Odoo books the other way round and always on the commercial entity, never on a contact of it.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from fcb_pipelines.domain.external_ids import MODULE
from fcb_pipelines.domain.money import Money, total
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.order_now import commercial_entities, money
from fcb_pipelines.odoo.records import id_of, rows_where
from fcb_pipelines.odoo.resolution import external_ids

LINES, MOVES, PAYMENTS = "account.move.line", "account.move", "account.payment"
RECEIVABLE = "asset_receivable"
INVOICE = "out_invoice"
_LINE_FIELDS = ("partner_id", "currency_id", "amount_residual_currency", "move_id", "move_type", "date")
_KINDS = {"entry": "payment or entry", "out_refund": "credit note", INVOICE: "invoice that is not ours"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """One thing that is open."""

    partner_id: int
    """The one that was asked for, even where it is booked on the company above it."""
    amount: Money
    """Positive in the customer's favour."""
    kind: str
    name: str
    on: date


def open_items(odoo: Odoo, partner_ids: Collection[int], *, orders: Collection[int] = ()) -> tuple[OpenItem, ...]:
    """Everything open of these partners that is no invoice of ours, in the order of its days.

    Invoices of ours are those with an external id of ours and those that came of the orders given. Partners of one commercial
    entity each get all of it, for Odoo does not tell whose it is.
    """
    entities = commercial_entities(odoo, partner_ids)
    rows = _receivables(odoo, set(entities.values()))
    ours = _ours(odoo, {id_of(row["move_id"]) for row in rows if row["move_type"] == INVOICE}, orders)
    others = [row for row in rows if id_of(row["move_id"]) not in ours]
    booked = [*map(_of_line, others), *_without_entry(odoo, set(entities.values()))]
    found = [_asked(item, partner) for item in booked for partner, entity in entities.items() if entity == item.partner_id]
    return tuple(sorted(found, key=lambda item: (item.on, item.partner_id, item.name)))


def balances(odoo: Odoo, partner_ids: Collection[int], *, orders: Collection[int] = ()) -> dict[tuple[int, str], Money]:
    """By partner and currency what `open_items` come to; where nothing is open there is no entry."""
    found: dict[tuple[int, str], list[Money]] = {}
    for item in open_items(odoo, partner_ids, orders=orders):
        found.setdefault((item.partner_id, item.amount.currency), []).append(item.amount)
    return {key: total(amounts, key[1]) for key, amounts in found.items()}


def _receivables(odoo: Odoo, entities: Collection[int]) -> list[dict[str, Any]]:
    also = [("account_type", "=", RECEIVABLE), ("parent_state", "=", "posted"), ("reconciled", "=", False)]
    rows = rows_where(odoo, LINES, "partner_id", entities, _LINE_FIELDS, also=also)
    return [row for row in rows if row["amount_residual_currency"]]


def _ours(odoo: Odoo, moves: Collection[int], orders: Collection[int]) -> set[int]:
    named = {each for each, xid in external_ids(odoo, MOVES, moves).items() if xid.startswith(f"{MODULE}.")}
    made = rows_where(odoo, "sale.order", "id", orders, ["invoice_ids"])
    return named | ({each for row in made for each in row["invoice_ids"]} & set(moves))


def _of_line(row: Mapping[str, Any]) -> OpenItem:
    return OpenItem(
        partner_id=id_of(row["partner_id"]),
        amount=-money(row["amount_residual_currency"], row["currency_id"][1]),
        kind=_KINDS.get(row["move_type"], row["move_type"]),
        name=row["move_id"][1],
        on=date.fromisoformat(row["date"]),
    )


def _without_entry(odoo: Odoo, entities: Collection[int]) -> Iterator[OpenItem]:
    """Payments that Odoo keeps without an entry in the books, which it does where no account is set for them."""
    also = [("move_id", "=", False), ("state", "in", ["in_process", "paid"]), ("partner_type", "=", "customer")]
    names = ["partner_id", "currency_id", "amount", "payment_type", "name", "date", "reconciled_invoice_ids"]
    for row in rows_where(odoo, PAYMENTS, "partner_id", entities, names, also=also):
        if not row["reconciled_invoice_ids"]:
            amount = money(row["amount"], row["currency_id"][1])
            yield OpenItem(
                partner_id=id_of(row["partner_id"]),
                amount=amount if row["payment_type"] == "inbound" else -amount,
                kind="payment",
                name=row["name"] or f"payment {row['id']}",
                on=date.fromisoformat(row["date"]),
            )


def _asked(item: OpenItem, partner: int) -> OpenItem:
    return OpenItem(partner_id=partner, amount=item.amount, kind=item.kind, name=item.name, on=item.on)
