"""Credit notes: the draft that takes back all lines of a posted invoice, under our external id.

Owns: which fields and lines a credit note takes over, and when an invoice may be credited at all. Does not own: posting and
matching it (`live`).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from fcb_pipelines.domain.errors import Refused, RuleViolation
from fcb_pipelines.domain.external_ids import part_id
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.records import id_of, rows_where

MOVES, LINES = "account.move", "account.move.line"
INVOICE, REFUND = "out_invoice", "out_refund"
SHOWN = ("product", "line_section", "line_subsection", "line_note")
"""Kinds of lines that a person sees; Odoo makes those for taxes and for what is due itself."""

_TOTALS = ("amount_untaxed", "amount_tax", "amount_total")
_HEAD = ("partner_id", "currency_id", "journal_id")
_LINKS = ("product_id", "product_uom_id", "account_id")
_LISTS = ("tax_ids", "sale_line_ids")
_PLAIN = ("sequence", "display_type", "name", "quantity", "price_unit", "discount")


def require_creditable(odoo: Odoo, move_id: int, *, by: int | None = None) -> None:
    """Raise `RuleViolation` for what is no posted invoice, or has a credit note other than `by`, or comes to something else."""
    names = ["name", "state", "move_type", *_TOTALS]
    rows = rows_where(odoo, MOVES, "id", [move_id], names)
    if not rows or (rows[0]["state"], rows[0]["move_type"]) != ("posted", INVOICE):
        raise RuleViolation(f"move {move_id} in Odoo is no posted invoice: only those are credited")
    notes = rows_where(odoo, MOVES, "reversed_entry_id", [move_id], names, also=[("state", "!=", "cancel")])
    if others := [str(note["name"] or f"draft {note['id']}") for note in notes if note["id"] != by]:
        raise RuleViolation(
            f"invoice {rows[0]['name']} has a credit note already that is not ours ({', '.join(others)}): all of it again "
            "would be too much; cancel that one, or credit the rest by hand"
        )
    _require_same(rows[0], [note for note in notes if note["id"] == by], by)


def _require_same(invoice: Mapping[str, Any], notes: Sequence[Mapping[str, Any]], by: int | None) -> None:
    """Raise `RuleViolation` unless the note comes to what the invoice comes to."""
    if by is None:
        return
    if not notes:
        raise RuleViolation(f"credit note {by} is cancelled, or reverses another invoice than {invoice['name']}")
    wrong = [f"{name} {notes[0][name]}, not {invoice[name]}" for name in _TOTALS if notes[0][name] != invoice[name]]
    if wrong:
        raise RuleViolation(f"the credit note of {invoice['name']} comes to {'; '.join(wrong)}: nothing was posted")


def draft_of(odoo: Odoo, move_id: int, xid: str, *, reason: str, on: date) -> int:
    """Make the draft in one call, so that it is there with all its lines or not at all, and once however often it is made."""
    head, lines = _head(odoo, move_id), _lines(odoo, move_id)
    columns = ["id", "move_type", "ref", "invoice_date", "reversed_entry_id/.id", *(f"{name}/.id" for name in _HEAD)]
    first = [xid, REFUND, f"{head['name']}: {reason}", on.isoformat(), move_id, *(id_of(head[name]) for name in _HEAD)]
    cells = [dict(_cells(xid, row)) for row in lines]
    rows = [[*(first if not number else [""] * len(first)), *line.values()] for number, line in enumerate(cells)]
    loaded = odoo.load(MOVES, [*columns, *(f"invoice_line_ids/{name}" for name in cells[0])], rows)
    if not loaded.ids:
        raise Refused(f"no credit note of {head['name']}: {'; '.join(each.message for each in loaded.messages)}")
    return loaded.ids[0]


def _head(odoo: Odoo, move_id: int) -> dict[str, Any]:
    return rows_where(odoo, MOVES, "id", [move_id], ["name", *_HEAD])[0]


def _lines(odoo: Odoo, move_id: int) -> list[dict[str, Any]]:
    described = odoo.fields(LINES)
    names = [name for name in (*_PLAIN, *_LINKS, *_LISTS) if name in described]
    rows = rows_where(odoo, LINES, "move_id", [move_id], names, also=[("display_type", "in", list(SHOWN))])
    return sorted(rows, key=lambda row: (row["sequence"], row["id"]))


def _cells(xid: str, row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Column → cell; taxes are always given, so that none is one."""
    yield "id", part_id(xid, str(row["id"]))
    for name, value in row.items():
        if name in _LISTS:
            yield f"{name}/.id", ",".join(map(str, value))
        elif name in _LINKS:
            yield f"{name}/.id", id_of(value) if value else ""
        elif name in _PLAIN:
            yield name, value or ("" if isinstance(value, bool) else value)
