"""Plans in Odoo: two `product.template` each, one for the flat price and one for usage.

Owns: which fields of them we fill, and the variant that stands on an order's line. Does not own: which plans are imported
(domain/plans). Taxes are left to the company's default, because a tax must never be picked by its amount.
"""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from fcb_pipelines.domain.changes import Fields
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.plans import CPU_SECONDS, Plan
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import RECURRING
from fcb_pipelines.odoo.records import FLAG, NUMBER, TEXT, Field, Kind, bare_rows_where, kept

MODEL = "product.template"
VARIANT = "product.product"
PRICE = "list_price"

_FIELDS = (
    Field(name="name", odoo="name", codec=TEXT),
    Field(name="price", odoo=PRICE, codec=NUMBER),
    Field(name="code", odoo="default_code", codec=TEXT),
    Field(name="type", odoo="type", codec=TEXT),
    Field(name="is_sold", odoo="sale_ok", codec=FLAG),
    Field(name="is_bought", odoo="purchase_ok", codec=FLAG),
)
_RECURRING = Field(name="is_recurring", odoo=RECURRING, codec=FLAG)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """How an Odoo keeps products of ours: with subscriptions it also knows which are sold by the period."""

    flat: Kind
    usage: Kind
    decimals: int | None
    """How many decimals of a price are kept; None if none is cut."""

    def products(self, plan: Plan) -> tuple[Fields, Fields]:
        """The flat and the usage product of a plan, as this Odoo can hold them."""
        return _held(self.flat, flat(plan)), _held(self.usage, usage(plan))


def catalogue(odoo: Odoo) -> Catalogue:
    """Ask an Odoo how it keeps products."""
    described = odoo.fields(MODEL)
    fields = (*_FIELDS, _RECURRING) if RECURRING in described else _FIELDS
    digits = described[PRICE].get("digits")
    return Catalogue(
        flat=Kind(entity=Entity.PLAN, model=MODEL, fields=fields),
        usage=Kind(entity=Entity.PLAN_USAGE, model=MODEL, fields=fields),
        decimals=int(digits[1]) if digits else None,
    )


def flat(plan: Plan) -> Fields:
    """The product of a plan's flat price: that of a month if there is one, else that of the shortest interval.

    Raises `InvalidInput` for a plan without any: a missing price is not 0.00.
    """
    shortest = min(plan.flat_prices, key=lambda interval: interval.months, default=None)
    if shortest is None:
        raise InvalidInput(f"plan {plan.external_plan_id} ({plan.name}) has no price, and a missing price is not 0.00")
    return {**_product(plan.name, plan.flat_price(shortest), plan.external_plan_id), "is_recurring": True}


def usage(plan: Plan) -> Fields:
    """The product of a plan's overage; its quantity will be in unit batches (core-hours), so its price is exact."""
    name, code = f"{plan.name.strip()} – {CPU_SECONDS} overage", f"{plan.external_plan_id}/{CPU_SECONDS}"
    return {**_product(name, plan.unit_price, code), "is_recurring": False}


def variants(odoo: Odoo, templates: Collection[int]) -> dict[int, int]:
    """The product that can stand on an order's line, by its template; the oldest where there are several."""
    rows = bare_rows_where(odoo, VARIANT, "product_tmpl_id", templates, ["product_tmpl_id"])
    return {row["product_tmpl_id"]: row["id"] for row in reversed(rows)}


def _product(name: str, price: Decimal, code: str) -> Fields:
    return {"name": name.strip(), "price": kept(price), "code": code, "type": "service", "is_sold": True, "is_bought": False}


def _held(kind: Kind, product: Fields) -> Fields:
    return {each.name: product[each.name] for each in kind.fields}
