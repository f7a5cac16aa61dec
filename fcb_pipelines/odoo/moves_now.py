"""Invoices as they are in Odoo now: what of them is posted, and what they come to.

Owns: which fields tell. Does not own: crediting or removing them (`live`, `removal`). Read-only.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from fcb_pipelines.domain.money import Money
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.credit_notes import INVOICE, MOVES
from fcb_pipelines.odoo.order_now import money
from fcb_pipelines.odoo.records import rows_where

_FIELDS = ("name", "state", "move_type", "currency_id", "amount_untaxed", "amount_total", "amount_residual", "posted_before")


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveNow:
    """An invoice or credit note."""

    odoo_id: int
    name: str
    state: str
    """`draft`, `posted` or `cancel`."""
    is_invoice: bool
    """Whether it bills a customer; else it is a credit note or something else."""
    was_posted: bool
    net: Money
    gross: Money
    open: Money
    """What is still to be paid of it."""


def moves_now(odoo: Odoo, ids: Collection[int]) -> dict[int, MoveNow]:
    """Invoices by id; one that is gone is left out."""
    return {row["id"]: _move(row) for row in rows_where(odoo, MOVES, "id", ids, list(_FIELDS))}


def _move(row: Mapping[str, Any]) -> MoveNow:
    currency = row["currency_id"][1]
    return MoveNow(
        odoo_id=row["id"],
        name=str(row["name"] or f"draft {row['id']}"),
        state=row["state"],
        is_invoice=row["move_type"] == INVOICE,
        was_posted=bool(row["posted_before"]),
        net=money(row["amount_untaxed"], currency),
        gross=money(row["amount_total"], currency),
        open=money(row["amount_residual"], currency),
    )
