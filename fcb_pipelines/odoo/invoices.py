"""Invoices in Odoo: drafts of `account.move`, each with its lines.

Owns: which fields of them we fill and read, and how a draft and its lines go in by one `load`. Does not own: what is drafted
(domain/drafts), which taxes there are (`taxes`). Never posts, cancels or pays: what does is not in this module.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from fcb_pipelines.domain.changes import Fields, Value
from fcb_pipelines.domain.drafts import Draft, DraftLine, Kept, Totals, summed
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.money import MINOR_UNITS, ZERO, Money
from fcb_pipelines.domain.read_back_drafts import POSTED, DraftSeen
from fcb_pipelines.odoo.batches import Load
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.records import (
    NUMBER,
    REFERENCE,
    TEXT,
    Codec,
    Field,
    Kind,
    coded,
    decimals_kept,
    kept,
    rows_where,
)
from fcb_pipelines.odoo.resolution import external_ids

MODEL = "account.move"
LINE_MODEL = "account.move.line"
INVOICE, REFUND = "out_invoice", "out_refund"
DRAFT = "draft"
TYPE = "type"
"""Our word for what cannot be changed once an invoice is there: whether it is one or a credit note."""

UNDISCOUNTED: Fields = {"discount": ZERO}
"""What every line of an invoice has beside its own fields: a discount is never ours."""

_TOTALS = {"net": "amount_untaxed", "tax": "amount_tax", "gross": "amount_total"}
_STANDING = ("state", "posted_before", "move_type", "currency_id", *_TOTALS.values())


def _ids(text: Value) -> list[int]:
    return [int(each) for each in str(text).split(",")] if text else []


REFERENCES = Codec(
    read=lambda raw: ",".join(map(str, sorted(raw))) or None,
    cell=lambda value: value or "",
    sent=lambda value: [[6, 0, _ids(value)]],
    column="{}/.id",
)
"""Many2many by Odoo's ids, as text in their order."""

_ISSUED_ON = Field(name="issued_on", odoo="invoice_date", codec=TEXT)

LINE = Kind(
    entity=Entity.INVOICE,
    model=LINE_MODEL,
    fields=(
        Field(name="product", odoo="product_id", codec=REFERENCE),
        Field(name="description", odoo="name", codec=TEXT),
        Field(name="quantity", odoo="quantity", codec=NUMBER),
        Field(name="price", odoo="price_unit", codec=NUMBER),
        Field(name="discount", odoo="discount", codec=NUMBER),
        Field(name="taxes", odoo="tax_ids", codec=REFERENCES),
    ),
    # Odoo computes name, price and taxes anew where only a product is written.
    is_written_whole=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What of this Odoo decides how a draft is written."""

    currencies: Mapping[str, int]
    """Active currencies that round to the minor unit that we round to."""
    kept: Kept

    def kind(self, entity: Entity) -> Kind:
        """How an invoice of ours is kept; only one that the source issued has a date, the others get theirs when posted."""
        return Kind(
            entity=entity,
            model=MODEL,
            fields=(
                Field(name=TYPE, odoo="move_type", codec=TEXT),
                Field(name="partner", odoo="partner_id", codec=REFERENCE),
                Field(name="currency", odoo="currency_id", codec=coded(self.currencies)),
                Field(name="reference", odoo="ref", codec=TEXT),
                *((_ISSUED_ON,) if entity is Entity.SOURCE_INVOICE else ()),
            ),
        )

    def require_currency(self, currency: str) -> None:
        """Raise `InvalidInput`, with what to do, for a currency that Odoo does not make invoices in, or rounds otherwise."""
        if currency not in self.currencies:
            raise InvalidInput(
                f"Odoo has no active currency {currency} that it rounds to {MINOR_UNITS[currency]} decimals: activate it, or "
                "correct its rounding factor (Settings > Invoicing > Currencies)"
            )


def ledger(odoo: Odoo) -> Ledger:
    """Read it."""
    rows = odoo.search_read("res.currency", [("active", "=", True)], ["name", "rounding"])
    return Ledger(
        currencies={row["name"]: row["id"] for row in rows if _rounds_as_we_do(row["name"], row["rounding"])},
        kept=Kept(quantity=decimals_kept(odoo, LINE_MODEL, "quantity"), price=decimals_kept(odoo, LINE_MODEL, "price_unit")),
    )


def header(draft: Draft, partner: int | str) -> Fields:
    """The fields of an invoice."""
    dated = {"issued_on": draft.issued_on.isoformat()} if draft.issued_on else {}
    return {
        TYPE: REFUND if draft.is_refund else INVOICE,
        "partner": partner,
        "currency": draft.currency,
        "reference": draft.reference,
        **dated,
    }


def line(one: DraftLine, product: int | str | None, taxes: Iterable[int]) -> Fields:
    """The fields of a line; its taxes are always given, so that neither product nor fiscal position puts others there."""
    return {
        "product": product,
        "description": one.description,
        "quantity": kept(one.quantity),
        "price": kept(one.unit_price),
        "taxes": ",".join(map(str, sorted(taxes))) or None,
    }


def loading(kind: Kind, new: Mapping[str, Fields], lines: Mapping[str, Mapping[str, Fields]]) -> Load:
    """The load that makes or changes invoices as a whole, with their lines, which are by invoice."""
    columns = [*kind.columns(), *LINE.columns("invoice_line_ids/")]
    empty = [""] * (len(kind.fields) + 1)
    cells = {xid: [LINE.row(line_id, fields) for line_id, fields in lines[xid].items()] for xid in new}
    return Load(
        model=MODEL,
        columns=columns,
        rows={xid: [*kind.row(xid, fields), *cells[xid][0]] for xid, fields in new.items()},
        more={xid: [[*empty, *row] for row in rows[1:]] for xid, rows in cells.items()},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicesSeen:
    """Invoices of ours as Odoo has them, by external id."""

    ids: Mapping[str, int]
    seen: Mapping[str, DraftSeen]
    line_ids: Mapping[str, int]
    """Lines of ours on them, by external id."""


def invoices_seen(odoo: Odoo, kind: Kind, ids: Mapping[str, int]) -> InvoicesSeen:
    """Read invoices with all lines that a person sees on them; one that is gone, though its external id is not, is left out."""
    names = [each.source for each in kind.fields]
    found = {row["id"]: row for row in rows_where(odoo, MODEL, "id", ids.values(), [*_STANDING, *names])}
    rows = rows_where(
        odoo,
        LINE_MODEL,
        "move_id",
        found,
        ["move_id", *(each.source for each in LINE.fields)],
        also=[("display_type", "=", "product")],
    )
    named = external_ids(odoo, LINE_MODEL, [row["id"] for row in rows])
    on: dict[int, list[Mapping[str, Any]]] = {odoo_id: [] for odoo_id in found}
    for row in rows:
        on[row["move_id"][0]].append(row)
    there = {xid: odoo_id for xid, odoo_id in ids.items() if odoo_id in found}
    credited = _credited(odoo, {odoo_id: row["currency_id"][0] for odoo_id, row in found.items() if row["state"] == POSTED})
    seen = {xid: _seen(kind, xid, found[odoo_id], on[odoo_id], named) for xid, odoo_id in there.items()}
    return InvoicesSeen(
        ids=there,
        seen={xid: replace(each, credited=credited.get(there[xid])) for xid, each in seen.items()},
        line_ids={named[row["id"]]: row["id"] for row in rows if row["id"] in named},
    )


def _seen(
    kind: Kind, xid: str, row: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], named: Mapping[int, str]
) -> DraftSeen:
    ours = {each["id"]: named[each["id"]] for each in lines if named.get(each["id"], "").startswith(f"{xid}_")}
    return DraftSeen(
        state=row["state"],
        was_posted=row["posted_before"],
        is_refund=row["move_type"] == REFUND,
        header=kind.read(row),
        lines={ours[each["id"]]: LINE.read(each) for each in lines if each["id"] in ours},
        strangers={each["id"]: _text(each) for each in lines if each["id"] not in ours},
        totals=_totals(row),
    )


def _credited(odoo: Odoo, posted: Mapping[int, int]) -> dict[int, Totals]:
    """What posted credit notes in the same currency take off invoices, which are given with their currencies."""
    rows = rows_where(
        odoo,
        MODEL,
        "reversed_entry_id",
        posted,
        ["reversed_entry_id", "currency_id", *_TOTALS.values()],
        also=[("state", "=", POSTED), ("move_type", "=", REFUND)],
    )
    taken: dict[int, list[Totals]] = {}
    for row in rows:
        reversed_id, totals = row["reversed_entry_id"][0], _totals(row)
        if totals is not None and posted[reversed_id] == row["currency_id"][0]:
            taken.setdefault(reversed_id, []).append(totals)
    return {odoo_id: one for odoo_id, each in taken.items() for one in summed(each).values()}


def _totals(row: Mapping[str, Any]) -> Totals | None:
    currency = row["currency_id"][1]
    if currency not in MINOR_UNITS:
        return None
    amounts = {ours: Money(Decimal(str(row[name])), currency) for ours, name in _TOTALS.items()}
    return Totals(**amounts)


def _text(row: Mapping[str, Any]) -> str:
    return f"{row['name'] or 'a line without text'}: {row['quantity']} × {row['price_unit']}"


def _rounds_as_we_do(currency: str, rounding: float) -> bool:
    # Odoo's field is a float on the wire: its shortest text is what was typed, such as 0.01.
    return currency in MINOR_UNITS and Decimal(str(rounding)) == Decimal(1).scaleb(-MINOR_UNITS[currency])
