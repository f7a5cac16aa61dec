"""Rules of product.template and product.product: a template has one variant, and both share most fields."""

from collections.abc import Sequence
from dataclasses import replace

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.models.catalog import TEMPLATES, VARIANTS
from fcb_pipelines.odoo.sandbox.rules import Rules, Values
from fcb_pipelines.odoo.sandbox.writing import create, set_columns, write

_OF_VARIANT = ("default_code", "barcode", "standard_price")
_BRINGS_VARIANT = "create_product_product"
"""Odoo's own context key: a template made for a variant brings none of its own."""


class TemplateRules(Rules):
    """A new template takes the company's defaults and brings its variant."""

    def fill(self, env: Env, rows: Sequence[Values]) -> None:
        """Sells in units, taxed as the company usually sells."""
        for row in rows:
            row.setdefault("uom_id", _first_unit(env))
            row.setdefault("taxes_id", [env.company["account_sale_tax_id"]])

    def created(self, env: Env, ids: Sequence[int], rows: Sequence[Values]) -> None:
        """Makes the variant of each."""
        if not env.context.get(_BRINGS_VARIANT, True):
            return
        pairs = zip(ids, rows, strict=True)
        create(
            env, env.model(VARIANTS.name), [{"product_tmpl_id": template, **_only(row, _OF_VARIANT)} for template, row in pairs]
        )

    def written(self, env: Env, ids: Sequence[int], values: Values) -> None:
        """Archiving archives the variants too; what belongs to the variant is written there."""
        theirs = _only(values, _OF_VARIANT)
        if values.get("active") is False:
            theirs["active"] = False
        variants = env.conn.execute("SELECT id FROM product_product WHERE product_tmpl_id = ANY(%s)", [list(ids)])
        if theirs:
            set_columns(env, VARIANTS, {row["id"]: theirs for row in variants})


class PurchasedTemplateRules(TemplateRules):
    """A template that also names the unit it is bought in (18.0): the one it is sold in, unless given."""

    def fill(self, env: Env, rows: Sequence[Values]) -> None:
        """Buys in the unit of sale."""
        super().fill(env, rows)
        for row in rows:
            row.setdefault("uom_po_id", row["uom_id"])


class VariantRules(Rules):
    """A new variant makes its template; its internal reference is shown there too."""

    def fill(self, env: Env, rows: Sequence[Values]) -> None:
        """Makes the template of each variant that has none."""
        alone = [row for row in rows if not row.get("product_tmpl_id")]
        without_variant = replace(env, context={**env.context, _BRINGS_VARIANT: False})
        templates = create(without_variant, env.model(TEMPLATES.name), [_shared(env, row) for row in alone])
        for row, template in zip(alone, templates, strict=True):
            row["product_tmpl_id"] = template

    def written(self, env: Env, ids: Sequence[int], values: Values) -> None:
        """Shows a changed internal reference on the template."""
        if "default_code" in values:
            query = "SELECT DISTINCT product_tmpl_id AS id FROM product_product WHERE id = ANY(%s)"
            templates = env.conn.execute(query, [list(ids)])
            set_columns(env, TEMPLATES, {row["id"]: {"default_code": values["default_code"]} for row in templates})

    def unlinking(self, env: Env, ids: Sequence[int]) -> Sequence[int]:
        """Names the templates."""
        query = "SELECT DISTINCT product_tmpl_id AS id FROM product_product WHERE id = ANY(%s)"
        return [row["id"] for row in env.conn.execute(query, [list(ids)])]

    def unlinked(self, env: Env, touched: Sequence[int]) -> None:
        """Deletes the templates that have no variant left."""
        env.conn.execute(
            """DELETE FROM product_template t
                WHERE t.id = ANY(%s) AND NOT EXISTS (SELECT FROM product_product v WHERE v.product_tmpl_id = t.id)""",
            [list(touched)],
        )


def unarchive(env: Env, ids: Sequence[int]) -> None:
    """Brings back archived variants, and their templates with them."""
    write(env, env.model(VARIANTS.name), ids, {"active": True})


def _shared(env: Env, row: Values) -> Values:
    columns = env.model(VARIANTS.name).by_column
    return {name: value for name, value in row.items() if columns[name].through or name == "default_code"}


def _only(values: Values, names: Sequence[str]) -> Values:
    return {name: values[name] for name in names if name in values}


def _first_unit(env: Env) -> int:
    row = env.conn.execute("SELECT id FROM uom_uom WHERE active ORDER BY id LIMIT 1").fetchone()
    return int((row or {})["id"])
