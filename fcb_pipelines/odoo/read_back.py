"""Reading orders of ours back from Odoo: what their lines came to, under which taxes, in which currency.

Owns: which models and fields tell. Does not own: what they should be (domain/read_back_orders), the fields that were sent
(`subscriptions`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fcb_pipelines.domain.external_ids import MODULE
from fcb_pipelines.domain.read_back import Cutting
from fcb_pipelines.domain.read_back_orders import LineStored, OrderStored, TaxStored
from fcb_pipelines.domain.tax import TaxRounding
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import LINE_TAXES, QUANTITY_PRECISION
from fcb_pipelines.odoo.records import NUMBER, decimals_kept, rows_where
from fcb_pipelines.odoo.resolution import external_ids
from fcb_pipelines.odoo.subscriptions import LINE_MODEL, MODEL, PRICE

QUANTITY = "product_uom_qty"
ROUNDINGS = {"round_per_line": TaxRounding.LINE, "round_globally": TaxRounding.TOTAL}
"""Odoo's words for where taxes are rounded (`res.company.tax_calculation_rounding_method`)."""

_AMOUNTS = {"untaxed": "amount_untaxed", "tax": "amount_tax", "total": "amount_total"}

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersSeen:
    """Orders as Odoo has them, and where their lines are."""

    orders: Mapping[str, OrderStored]
    lines: Mapping[str, int]
    """Ids of the lines that were asked for, by external id."""


def orders_seen(odoo: Odoo, orders: Mapping[str, int], lines: Collection[str], known: Mapping[str, int]) -> OrdersSeen:
    """Our orders by external id, and those of `lines` on them; `known` are lines that were found before."""
    columns = ["currency_id", "fiscal_position_id", "partner_shipping_id", *_AMOUNTS.values()]
    found = {row["id"]: row for row in rows_where(odoo, MODEL, "id", orders.values(), columns)}
    rows = _lines(odoo, found, known)
    places = _places(odoo, {row["partner_shipping_id"][0] for row in found.values()})
    on: dict[int, list[Row]] = {order: [] for order in found}
    for row in rows:
        on[row["order_id"][0]].append(row)
    return OrdersSeen(
        orders={xid: _order(found[odoo_id], on[odoo_id], places, lines) for xid, odoo_id in orders.items() if odoo_id in found},
        lines={row["xid"]: row["id"] for row in rows if row["xid"] in lines},
    )


def taxes_field(odoo: Odoo) -> str:
    """What an order's line calls its taxes: `tax_ids` from 19 on, `tax_id` before."""
    return next(name for name in LINE_TAXES if name in odoo.fields(LINE_MODEL))


def cutting(odoo: Odoo) -> Cutting:
    """How this Odoo cuts the numbers of an order's line."""
    return Cutting(
        quantity=decimals_kept(odoo, LINE_MODEL, QUANTITY),
        price=decimals_kept(odoo, LINE_MODEL, PRICE),
        quantity_setting=quantity_setting(odoo),
    )


def quantity_setting(odoo: Odoo) -> str:
    """The name of the decimal accuracy that cuts quantities; it was renamed together with the line's taxes."""
    return QUANTITY_PRECISION[taxes_field(odoo)]


def tax_rounding(odoo: Odoo) -> TaxRounding:
    """Where the company of our user rounds taxes."""
    (user,) = odoo.search_read("res.users", [("id", "=", odoo.user_id())], ["company_id"])
    company = [("id", "=", user["company_id"][0])]
    (row,) = odoo.search_read("res.company", company, ["tax_calculation_rounding_method"])
    return ROUNDINGS[row["tax_calculation_rounding_method"]]


def _order(row: Row, rows: Sequence[Row], places: Mapping[int, str | None], lines: Collection[str]) -> OrderStored:
    others = [each["xid"] for each in rows if each["xid"] not in lines]
    ours = sum(xid.startswith(f"{MODULE}.") for xid in others)
    return OrderStored(
        currency=row["currency_id"][1],
        position=row["fiscal_position_id"][1] if row["fiscal_position_id"] else None,
        place=places.get(row["partner_shipping_id"][0]),
        lines={each["xid"]: _line(each) for each in rows if each["xid"] in lines},
        companions=ours,
        strangers=len(others) - ours,
        **{field: _number(row[name]) for field, name in _AMOUNTS.items()},
    )


def _line(row: Row) -> LineStored:
    return LineStored(subtotal=_number(row["price_subtotal"]), discount=_number(row["discount"]), taxes=tuple(row["taxes"]))


def _number(raw: Any) -> Decimal:
    value = NUMBER.read(raw)
    assert isinstance(value, Decimal)  # noqa: S101 - what that codec reads
    return value


def _lines(odoo: Odoo, orders: Collection[int], known: Mapping[str, int]) -> list[dict[str, Any]]:
    """The lines of orders that cost anything, each with its external id (empty without one) and its taxes."""
    name = taxes_field(odoo)
    columns = ["order_id", "price_subtotal", "discount", name]
    rows = rows_where(odoo, LINE_MODEL, "order_id", orders, columns, also=[("display_type", "=", False)])
    taxes = _taxes(odoo, {tax for row in rows for tax in row[name]})
    named = {odoo_id: xid for xid, odoo_id in known.items()}
    named |= external_ids(odoo, LINE_MODEL, [row["id"] for row in rows if row["id"] not in named])
    return [
        {**row, "xid": named.get(row["id"], ""), "taxes": [leaf for tax in row[name] for leaf in taxes[tax]]} for row in rows
    ]


def _taxes(odoo: Odoo, ids: Collection[int]) -> dict[int, tuple[TaxStored, ...]]:
    """Each tax as its parts: a group stands for its children, whatever its own amount says (Odoo writes 100)."""
    columns = ["name", "amount", "amount_type", "price_include", "children_tax_ids"]
    rows = {row["id"]: row for row in rows_where(odoo, "account.tax", "id", ids, columns)}
    children = {child for row in rows.values() for child in row["children_tax_ids"]} - rows.keys()
    rows |= {row["id"]: row for row in rows_where(odoo, "account.tax", "id", children, columns)}
    return {each: tuple(_tax(rows[leaf]) for leaf in rows[each]["children_tax_ids"] or (each,)) for each in ids}


def _tax(row: Row) -> TaxStored:
    percent = _number(row["amount"]) if row["amount_type"] == "percent" else None
    return TaxStored(name=row["name"], percent=percent, is_included=row["price_include"])


def _places(odoo: Odoo, partners: Collection[int]) -> dict[int, str | None]:
    """Where each of these partners is: `CA-ON`, `CA` without a province, None without a country."""
    rows = rows_where(odoo, "res.partner", "id", partners, ["country_id", "state_id"])
    countries = _codes(odoo, "res.country", {row["country_id"][0] for row in rows if row["country_id"]})
    states = _codes(odoo, "res.country.state", {row["state_id"][0] for row in rows if row["state_id"]})
    return {row["id"]: _place(row, countries, states) for row in rows}


def _place(row: Row, countries: Mapping[int, str], states: Mapping[int, str]) -> str | None:
    if not row["country_id"]:
        return None
    country = countries[row["country_id"][0]]
    return f"{country}-{states[row['state_id'][0]]}" if row["state_id"] else country


def _codes(odoo: Odoo, model: str, ids: Collection[int]) -> dict[int, str]:
    return {row["id"]: row["code"] for row in rows_where(odoo, model, "id", ids, ["code"])}
