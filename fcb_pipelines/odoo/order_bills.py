"""What Odoo, or somebody in it, invoiced of orders of ours: lines of invoices with the line of the order that each bills.

Owns: which models and fields tell. Does not own: whether it may be (domain/guards). Read-only.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.credit_notes import INVOICE, LINES, MOVES
from fcb_pipelines.odoo.records import id_of, rows_where
from fcb_pipelines.odoo.resolution import external_ids
from fcb_pipelines.odoo.subscriptions import LINE_MODEL

STARTS = "deferred_start_date"
"""Of Odoo Enterprise: the first day that a line of a subscription's invoice is for."""
CANCELLED, POSTED = "cancel", "posted"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBill:
    """One line of an invoice that is not cancelled and was not taken back."""

    order_id: int
    order_line: str
    """The external id of the order's line that it bills; empty for a line that is not ours."""
    move_id: int
    name: str
    is_posted: bool
    starts_on: date
    """The first day that it is for; the day of the invoice where Odoo does not say."""


def order_bills(odoo: Odoo, orders: Collection[int]) -> tuple[OrderBill, ...]:
    """Everything that was invoiced of these orders."""
    sold = {row["id"]: id_of(row["order_id"]) for row in rows_where(odoo, LINE_MODEL, "order_id", orders, ["order_id"])}
    names = ["move_id", "move_type", "parent_state", "sale_line_ids", "date"]
    also = [("move_type", "=", INVOICE), ("parent_state", "!=", CANCELLED)]
    extra = [STARTS] if STARTS in odoo.fields(LINES) else []
    rows = rows_where(odoo, LINES, "sale_line_ids", sold, [*names, *extra], also=also)
    named = external_ids(odoo, LINE_MODEL, sold)
    back = _taken_back(odoo, {id_of(row["move_id"]) for row in rows})
    return tuple(
        _bill(row, sold[each], named.get(each, ""))
        for row in rows
        if id_of(row["move_id"]) not in back
        for each in row["sale_line_ids"]
        if each in sold
    )


def _taken_back(odoo: Odoo, moves: Collection[int]) -> set[int]:
    """Those of which a posted credit note takes all back."""
    notes = rows_where(
        odoo, MOVES, "reversed_entry_id", moves, ["reversed_entry_id", "amount_total"], also=[("state", "=", POSTED)]
    )
    totals = {row["id"]: row["amount_total"] for row in rows_where(odoo, MOVES, "id", moves, ["amount_total"])}
    return {id_of(row["reversed_entry_id"]) for row in notes if row["amount_total"] == totals[id_of(row["reversed_entry_id"])]}


def _bill(row: Mapping[str, Any], order_id: int, line: str) -> OrderBill:
    starts = row.get(STARTS) or row["date"]
    return OrderBill(
        order_id=order_id,
        order_line=line,
        move_id=id_of(row["move_id"]),
        name=str(row["move_id"][1]),
        is_posted=row["parent_state"] == POSTED,
        starts_on=date.fromisoformat(starts) if starts else date.max,
    )
