"""What a line takes from the product it sells: the same for orders and invoices."""

from collections.abc import Mapping, Sequence
from typing import Any

from fcb_pipelines.odoo.sandbox.env import Env

_PRODUCTS = """
    SELECT v.id, t.name, v.default_code, t.description_sale, t.list_price, t.uom_id, t.taxes_id
      FROM product_product v JOIN product_template t ON t.id = v.product_tmpl_id
     WHERE v.id = ANY(%s)
"""


def sold_products(env: Env, ids: Sequence[int | None]) -> Mapping[Any, Mapping[str, Any]]:
    """The products by id, as far as they are there."""
    wanted = sorted({record_id for record_id in ids if record_id})
    return {row["id"]: row for row in env.conn.execute(_PRODUCTS, [wanted])} if wanted else {}


def described(product: Mapping[str, Any]) -> str:
    """The text of a line that sells the product."""
    code = f"[{product['default_code']}] " if product["default_code"] else ""
    more = f"\n{product['description_sale']}" if product["description_sale"] else ""
    return f"{code}{product['name']}{more}"
