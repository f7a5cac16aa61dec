"""What an invoice comes to: the amounts of its lines, the lines for its taxes and for what is due, and its totals.

Owns: keeping those in step with the lines for products. How taxes are computed is in `taxes`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.models.moves import MOVE_LINES, MOVES, PAYMENT_TERM, PRODUCT, TAX
from fcb_pipelines.odoo.sandbox.rules import Values
from fcb_pipelines.odoo.sandbox.tax_tables import all_taxes, roundings
from fcb_pipelines.odoo.sandbox.taxes import Document, Rounding, Tax, TaxedLine, document, line_amounts
from fcb_pipelines.odoo.sandbox.writing import set_columns

ZERO = Decimal(0)
SIGNS = {"out_invoice": -1, "out_refund": 1}
"""Of what is sold, by the kind of document, as it is booked; a journal entry has no such lines."""

_TAX_SEQUENCE, _TERM_SEQUENCE = 10_000, 12_000

_MOVES = """
    SELECT m.id, m.move_type, m.invoice_date_due, c.decimal_places AS books
      FROM account_move m JOIN res_company o ON o.id = m.company_id JOIN res_currency c ON c.id = o.currency_id
     WHERE m.id = ANY(%s) AND m.state = 'draft'
"""

_LINES = """
    SELECT id, move_id, display_type, quantity, price_unit, discount, tax_ids, tax_line_id, group_tax_id
      FROM account_move_line WHERE move_id = ANY(%s) ORDER BY move_id, id
"""

_INSERT = """
    INSERT INTO account_move_line (move_id, display_type, sequence, tax_line_id, group_tax_id, name, amount_currency, balance,
        date_maturity, quantity, price_unit, discount, price_subtotal, price_total,
        create_uid, create_date, write_uid, write_date)
    VALUES (%(move_id)s, %(display_type)s, %(sequence)s, %(tax)s, %(group)s,
        (SELECT name FROM account_tax WHERE id = %(tax)s), %(amount_currency)s, %(balance)s, %(date_maturity)s,
        0, 0, 0, 0, 0, %(user)s, %(now)s, %(user)s, %(now)s)
"""

Key = tuple[str, int | None, int | None]
"""What makes one of the server's own lines: its kind, and the tax and group it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Invoice:
    """An invoice's lines for products, computed in its own currency and in that of the books."""

    move: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]
    own: Document
    books: Document

    @property
    def sign(self) -> int:
        """Of what is sold, as it is booked."""
        return SIGNS[self.move["move_type"]]

    def booked(self) -> dict[Key, Values]:
        """The server's own lines: taxes that come to something, and one for what is due."""
        found: dict[Key, Values] = {}
        for leaf, amount in self.own.taxes.items():
            if amount or self.books.taxes[leaf]:
                amounts = {"amount_currency": self.sign * amount, "balance": self.sign * self.books.taxes[leaf]}
                found[TAX, leaf.tax, leaf.group] = {**amounts, "date_maturity": None}
        if self.lines:
            due = {"amount_currency": -self.sign * self.own.amounts.total, "balance": -self.sign * self.books.amounts.total}
            found[PAYMENT_TERM, None, None] = {**due, "date_maturity": self.move["invoice_date_due"]}
        return found


def refresh_totals(env: Env, move_ids: Iterable[int]) -> None:
    """Compute everything of these invoices anew, as far as they are drafts."""
    wanted = sorted(set(move_ids))
    moves = [move for move in env.conn.execute(_MOVES, [wanted]) if move["move_type"] in SIGNS]
    by_move = defaultdict(list)
    for line in env.conn.execute(_LINES, [wanted]):
        by_move[line["move_id"]].append(line)
    taxes, rounding = all_taxes(env), roundings(env, MOVES, wanted)
    invoices = [_computed(move, by_move[move["id"]], taxes, rounding[move["id"]]) for move in moves]
    _set_line_amounts(env, invoices, taxes, rounding)
    for invoice in invoices:
        _keep_own_lines(env, invoice, by_move[invoice.move["id"]])
    set_columns(env, MOVES, {invoice.move["id"]: _totals(invoice) for invoice in invoices})


def _computed(move: Mapping[str, Any], lines: Sequence[Any], taxes: Mapping[int, Tax], rounding: Rounding) -> _Invoice:
    products = [line for line in lines if line["display_type"] == PRODUCT]
    taxed = [_taxed(line) for line in products]
    own = document(taxed, taxes, rounding)
    in_books = rounding.is_global and rounding.decimals != move["books"]
    books = document(taxed, taxes, replace(rounding, decimals=move["books"])) if in_books else own
    return _Invoice(move=move, lines=products, own=own, books=books)


def _taxed(line: Mapping[str, Any]) -> TaxedLine:
    return TaxedLine(
        quantity=line["quantity"], unit_price=line["price_unit"], discount=line["discount"], taxes=tuple(line["tax_ids"])
    )


def _set_line_amounts(
    env: Env, invoices: Sequence[_Invoice], taxes: Mapping[int, Tax], rounding: Mapping[int, Rounding]
) -> None:
    changes: dict[int, Values] = {}
    for invoice in invoices:
        for line, own, books in zip(invoice.lines, invoice.own.bases, invoice.books.bases, strict=True):
            amounts = line_amounts(_taxed(line), taxes, rounding[invoice.move["id"]])
            changes[line["id"]] = {
                "price_subtotal": amounts.untaxed,
                "price_total": amounts.total,
                "amount_currency": invoice.sign * own,
                "balance": invoice.sign * books,
            }
    set_columns(env, MOVE_LINES, changes)


def _keep_own_lines(env: Env, invoice: _Invoice, lines: Sequence[Mapping[str, Any]]) -> None:
    """Make, change and delete the server's own lines; one that is still needed keeps its id."""
    present = {_key(line): line["id"] for line in lines if line["display_type"] in {TAX, PAYMENT_TERM}}
    booked = invoice.booked()
    gone = [line_id for key, line_id in present.items() if key not in booked]
    env.conn.execute("DELETE FROM account_move_line WHERE id = ANY(%s)", [gone])
    set_columns(env, MOVE_LINES, {present[key]: values for key, values in booked.items() if key in present})
    with env.conn.cursor() as cursor:
        cursor.executemany(_INSERT, [_own_line(env, invoice, key, booked[key]) for key in booked if key not in present])


def _key(line: Mapping[str, Any]) -> Key:
    return line["display_type"], line["tax_line_id"], line["group_tax_id"]


def _own_line(env: Env, invoice: _Invoice, key: Key, values: Values) -> Values:
    kind, tax, group = key
    return {
        **values,
        "move_id": invoice.move["id"],
        "display_type": kind,
        "sequence": _TAX_SEQUENCE if kind == TAX else _TERM_SEQUENCE,
        "tax": tax,
        "group": group,
        "user": env.user_id,
        "now": env.now,
    }


def _totals(invoice: _Invoice) -> Values:
    amounts = invoice.own.amounts
    return {
        "amount_untaxed": amounts.untaxed,
        "amount_tax": amounts.tax,
        "amount_total": amounts.total,
        "amount_residual": amounts.total,
    }
