"""Shadow subscriptions in Odoo: one draft `sale.order` each, with one line for the flat price.

Owns: which fields of them we fill, and in which currency an order comes out. Does not own: which subscriptions are imported
(domain/imports). Never sets a state, a plan or a token: what confirms, posts or charges is not in this module.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from fcb_pipelines.domain.changes import Fields, Value
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.plans import Plan
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines.odoo.batches import Load
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import ORDER_PLAN
from fcb_pipelines.odoo.records import NUMBER, REFERENCE, TEXT, Codec, Field, Kind, Present, bare_rows_where, id_of, kept
from fcb_pipelines.odoo.resolution import external_ids

MODEL = "sale.order"
LINE_MODEL = "sale.order.line"
PRICE = "price_unit"
CURRENCY = "currency"
STATE = "state"
"""Our word for where an order stands: `draft`, `sale` and so on."""
DRAFT = "draft"

CONFIRMED = "cannot change the pricelist of a confirmed order"
"""How Odoo refuses whatever comes together with a pricelist for an order that was confirmed, even the pricelist that it has."""

LINE = Kind(
    entity=Entity.SUBSCRIPTION,
    model=LINE_MODEL,
    fields=(
        Field(name="product", odoo="product_id", codec=REFERENCE),
        Field(name="description", odoo="name", codec=TEXT),
        Field(name="quantity", odoo="product_uom_qty", codec=NUMBER),
        Field(name="price", odoo=PRICE, codec=NUMBER),
    ),
    # Odoo puts the list price back when only a quantity or a product is written.
    is_written_whole=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Currencies:
    """In which currencies an order can come out."""

    pricelists: Mapping[str, int | None]
    """Currency → the pricelist that makes it so, None for none at all; a currency without a way is absent."""
    codes: Mapping[int, str]
    """Odoo's id → code, of every currency that it knows."""

    def require(self, currency: str) -> None:
        """Raise `InvalidInput`, with what to do, where no order can come out in a currency."""
        if currency not in self.pricelists:
            raise InvalidInput(
                f"Odoo has no pricelist in {currency}: activate the currency and add one (Sales > Products > Pricelists)"
            )


def kind(currencies: Currencies) -> Kind:
    """How an order of ours is kept; its currency is that of its pricelist, or the company's without one."""
    currency = Codec(
        read=lambda raw: currencies.codes[id_of(raw)] if raw else None,
        cell=lambda value: currencies.pricelists[str(value)] or "",
        sent=lambda value: currencies.pricelists[str(value)] or False,
        column="{}/.id",
    )
    return Kind(
        entity=Entity.SUBSCRIPTION,
        model=MODEL,
        fields=(
            Field(name="partner", odoo="partner_id", codec=REFERENCE),
            Field(name="reference", odoo="client_order_ref", codec=TEXT),
            Field(name=CURRENCY, odoo="pricelist_id", codec=currency, shown_in="currency_id"),
        ),
        seen=(Field(name=STATE, odoo="state", codec=TEXT),),
        # With another partner Odoo takes that one's pricelist, and its currency, unless ours comes along. A pricelist that
        # comes along is also what keeps an order untouched that somebody has confirmed since it was read.
        is_written_whole=True,
    )


def order(subscription: Subscription, plan: Plan, partner: int | str) -> Fields:
    """The order of a subscription."""
    return {"partner": partner, "reference": subscription.external_subscription_id, CURRENCY: plan.currency}


def line(subscription: Subscription, plan: Plan, product: int | str, price: Decimal) -> Fields:
    """Its one line, at the price of one billing interval."""
    return {
        "product": product,
        "description": f"{plan.name.strip()} – {subscription.interval} flat price",
        "quantity": Decimal(1),
        "price": kept(price),
    }


def line_id(xid: str) -> str:
    """The external id of the line of an order; no source id can be written so that it ends in this."""
    return f"{xid}_line"


def kept_empty(odoo: Odoo) -> tuple[str, ...]:
    """Columns of `load` that a new order leaves empty in so many words, or a quotation template of Odoo's might fill them.

    Where orders can run as subscriptions that is their recurring plan: an order without one is never invoiced by itself.
    """
    return (f"{ORDER_PLAN}/.id",) if ORDER_PLAN in odoo.fields(MODEL) else ()


def loading(orders: Kind, new: Mapping[str, Fields], lines: Mapping[str, Fields], empty: Sequence[str] = ()) -> Load:
    """The load that creates orders with their lines: an order is never there without its line."""
    blank = [""] * len(empty)
    rows = {
        xid: [*orders.row(xid, fields), *blank, *LINE.row(line_id(xid), lines[line_id(xid)])] for xid, fields in new.items()
    }
    return Load(model=MODEL, columns=[*orders.columns(), *empty, *LINE.columns("order_line/")], rows=rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line to be written, and the order on which it stands."""

    order: int
    """Its id in Odoo: by its external id an order that somebody just deleted would come back with little in it."""
    currency: Value
    fields: Fields


def loading_lines(orders: Kind, lines: Mapping[str, Line]) -> Load:
    """The load that changes lines, and puts back lost ones, through their orders.

    Through a line alone Odoo lets the price of a confirmed order be changed; together with a pricelist it refuses both.
    """
    (pricelist,) = (each for each in orders.fields if each.name == CURRENCY)
    rows = {xid: [line.order, pricelist.codec.cell(line.currency), *LINE.row(xid, line.fields)] for xid, line in lines.items()}
    return Load(model=MODEL, columns=[".id", pricelist.column, *LINE.columns("order_line/")], rows=rows)


def confirmed_meanwhile(failed: Mapping[str, str]) -> dict[str, str]:
    """The same reasons, in words of ours where an order was confirmed after it was read."""
    words = "its order in Odoo was confirmed while the import ran: it is left alone"
    return {xid: words if CONFIRMED in reason else reason for xid, reason in failed.items()}


def lines_of(odoo: Odoo, orders: Mapping[str, int]) -> Present:
    """The lines of ours on these orders; lines that somebody else put there are not among them."""
    mine = {line_id(xid) for xid in orders}
    rows = {row["id"]: row for row in bare_rows_where(odoo, LINE_MODEL, "order_id", orders.values(), LINE.sources)}
    ids = {xid: odoo_id for odoo_id, xid in external_ids(odoo, LINE_MODEL, rows).items() if xid in mine}
    return Present(ids=ids, fields={xid: LINE.read(rows[odoo_id]) for xid, odoo_id in ids.items()})


def currencies(odoo: Odoo, wanted: Collection[str], at: int | None = None) -> Currencies:
    """What makes an order come out in each of the currencies wanted, in the company `at` or that of our user.

    Left to itself Odoo takes its default pricelist, which may be of another currency than the company's.
    """
    codes = {row["id"]: str(row["name"]) for row in odoo.search_read("res.currency", [], ["name"])}
    rows = odoo.search_read("product.pricelist", [("active", "=", True)], ["currency_id", "company_id"])
    company, currency = _company(odoo, at)
    found = {
        codes[id_of(row["currency_id"])]: row["id"]
        for row in reversed(rows)
        if not row["company_id"] or id_of(row["company_id"]) == company
    }
    ways = {each: found.get(each) for each in wanted if each in found or each == codes[currency]}
    return Currencies(pricelists=ways, codes=codes)


def _company(odoo: Odoo, at: int | None) -> tuple[int, int]:
    """The company, or that of our user, and its currency."""
    if at is None:
        (user,) = odoo.search_read("res.users", [("id", "=", odoo.user_id())], ["company_id"])
        at = id_of(user["company_id"])
    (company,) = odoo.search_read("res.company", [("id", "=", at)], ["currency_id"])
    return company["id"], id_of(company["currency_id"])
