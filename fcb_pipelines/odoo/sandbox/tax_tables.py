"""Taxes and fiscal positions as they stand in the tables, read as the records that `taxes` computes with."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from psycopg import sql

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.fields import Model
from fcb_pipelines.odoo.sandbox.rules import Values
from fcb_pipelines.odoo.sandbox.taxes import Place, Rounding, Tax, place_of
from fcb_pipelines.odoo.sandbox.values import CENT

GLOBALLY = "round_globally"


def all_taxes(env: Env) -> Mapping[int, Tax]:
    """Every tax by id."""
    rows = env.conn.execute("SELECT id, amount_type, amount, children_tax_ids AS children FROM account_tax")
    return {
        row["id"]: Tax(amount_type=row["amount_type"], amount=row["amount"], children=tuple(row["children"])) for row in rows
    }


def all_places(env: Env) -> Mapping[int, Place]:
    """Every fiscal position that is chosen by itself, by id."""
    replaces = _replacements(env)
    rows = env.conn.execute(
        "SELECT id, country_id, state_ids FROM account_fiscal_position WHERE auto_apply AND active ORDER BY sequence"
    )
    return {
        row["id"]: Place(
            position=row["id"],
            country=row["country_id"],
            states=tuple(row["state_ids"]),
            replaces={tax: tuple(mapped) for tax, mapped in replaces.get(row["id"], {}).items()},
            has_taxes=row["id"] in replaces,
        )
        for row in rows
    }


def roundings(env: Env, model: Model, ids: Iterable[int]) -> Mapping[int, Rounding]:
    """How each order or invoice is rounded: by the company's method, to its own currency's decimals."""
    is_global = env.company["tax_calculation_rounding_method"] == GLOBALLY
    query = sql.SQL(
        "SELECT r.id, c.decimal_places FROM {} r LEFT JOIN res_currency c ON c.id = r.currency_id WHERE r.id = ANY({})"
    )
    rows = env.conn.execute(query.format(sql.Identifier(model.table), sql.Literal(list(ids))))
    return {
        row["id"]: Rounding(is_global=is_global, decimals=CENT if row["decimal_places"] is None else row["decimal_places"])
        for row in rows
    }


def follow_place(env: Env, rows: Sequence[Values]) -> None:
    """The fiscal position follows from where the goods go, if the customer has a country."""
    partners = sorted({row[name] for row in rows for name in ("partner_id", "partner_shipping_id") if row.get(name)})
    found = env.conn.execute("SELECT id, country_id, state_id FROM res_partner WHERE id = ANY(%s)", [partners])
    homes = {row["id"]: (row["country_id"], row["state_id"]) for row in found}
    places = all_places(env)
    for row in rows:
        has_country = homes.get(row.get("partner_id"), (None, None))[0] is not None
        country, state = homes.get(row.get("partner_shipping_id"), (None, None))
        place = place_of(country, state, places.values()) if has_country else None
        row.setdefault("fiscal_position_id", place.position if place else None)


def _replacements(env: Env) -> dict[int, dict[int, list[int]]]:
    """Fiscal position → tax → the taxes that stand for it there."""
    found: dict[int, dict[int, list[int]]] = {}
    query = "SELECT id, fiscal_position_ids, original_tax_ids FROM account_tax WHERE active ORDER BY sequence, id"
    for row in env.conn.execute(query):
        for position in row["fiscal_position_ids"]:
            at_position = found.setdefault(position, defaultdict(list))
            for original in row["original_tax_ids"]:
                at_position[original].append(row["id"])
    return found
