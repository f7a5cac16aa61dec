"""Taxes and fiscal positions as they stand in the tables, read as the records that `taxes` computes with."""

from collections import defaultdict
from collections.abc import Mapping

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.taxes import Place, Tax


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
