"""What commands leave behind, written so that two ways to the same end compare equal: no ids, no times, no revision numbers.

Owns: which columns are the work and which are its circumstances. Odoo is read through the port, as any client reads it.
"""

from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines_tests.acceptance.project import Project

SNAPSHOT = "(SELECT max(snapshot_id) FROM source_snapshot)"
NEWEST = "(SELECT max(revision_id) FROM period_revision GROUP BY period)"
# The number of a series tells only in which order they were made.
IN_SERIES: LiteralString = "SELECT (to_jsonb(usage_series) - 'series_id')::text"
STORE: dict[str, LiteralString] = {
    "source": f"SELECT encode(content_hash, 'hex') FROM source_snapshot WHERE snapshot_id = {SNAPSHOT}",
    "records": f"""SELECT entity || ' ' || external_id || ' ' || encode(record_hash, 'hex') FROM snapshot_record
                   WHERE snapshot_id = {SNAPSHOT}""",
    "pulled": f"""SELECT (to_jsonb(each) - '{{snapshot_id,new_events}}'::text[])::text FROM snapshot_usage AS each
                  WHERE snapshot_id = {SNAPSHOT}""",
    "usage": f"{IN_SERIES} || (to_jsonb(usage_event) - '{{series_id,snapshot_id,stored_at}}'::text[])::text"
    " FROM usage_event JOIN usage_series USING (series_id)",
    "identities": f"{IN_SERIES} || (to_jsonb(usage_identity) - 'series_id')::text"
    " FROM usage_identity JOIN usage_series USING (series_id)",
    "running": f"{IN_SERIES} || (to_jsonb(usage_running) - 'series_id')::text"
    " FROM usage_running JOIN usage_series USING (series_id)",
    "links": "SELECT (to_jsonb(each) - '{linked_at,odoo_id,candidates}'::text[])::text FROM account_link AS each",
    "made": "SELECT external_id || ' ' || model FROM odoo_record",
    "stages": "SELECT period || ' ' || stage || ' ' || settings_hash || ' ' || content_hash FROM period_stage",
    "totals": "SELECT to_jsonb(each)::text FROM usage_total AS each",
    "rated": "SELECT to_jsonb(each)::text FROM rated_line AS each",
    "expected": "SELECT to_jsonb(each)::text FROM expected_line AS each",
    "actual": "SELECT to_jsonb(each)::text FROM actual_line AS each",
    "coverage": f"SELECT period || ' ' || content_hash || coverage::text FROM period_revision WHERE revision_id IN {NEWEST}",
    "rows": f"""SELECT (to_jsonb(each) - 'revision_id')::text FROM reconciliation_row AS each
                WHERE revision_id IN {NEWEST}""",
    "instances": f"""SELECT (to_jsonb(each) - 'revision_id')::text FROM reconciliation_instance AS each
                     WHERE revision_id IN {NEWEST}""",
}
FIELDS = {
    "res.partner": ("name", "email", "company_name", "country_id", "state_id", "ref"),
    "product.template": ("name", "list_price", "default_code", "type", "sale_ok", "purchase_ok"),
    "sale.order": ("partner_id", "client_order_ref", "currency_id", "state", "invoice_status", "amount_untaxed", "order_line"),
    "sale.order.line": ("order_id", "product_id", "name", "product_uom_qty", "price_unit", "price_subtotal"),
}
UNLIKE = {"order_line": len, "order_id": bool}
"""Fields that hold ids of Odoo's own; what can be compared of them."""

Remains = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Shadow:
    """Everything in Odoo that has an external id of ours: model and external id → its fields, and how many there are in all."""

    records: dict[tuple[str, str], dict[str, Any]]
    counts: dict[str, int]


def remains(project: Project) -> Remains:
    """The store by part, and Odoo."""
    return {**stored(project.store_url), "odoo": shadow(project.odoo())}


def stored(url: str) -> dict[str, list[str]]:
    """The rows of each part of the store."""
    with psycopg.connect(url) as conn:
        return {name: sorted(row[0] for row in conn.execute(statement)) for name, statement in STORE.items()}


def shadow(odoo: Odoo) -> Shadow:
    """Our records, and the count of all records, ours or not, by model."""
    named = odoo.search_read("ir.model.data", [("module", "=", "fcb")], ["name", "model", "res_id"])
    names = {(row["model"], row["res_id"]): row["name"] for row in named}
    records: dict[tuple[str, str], dict[str, Any]] = {}
    counts: dict[str, int] = {}
    for model, fields in FIELDS.items():
        rows = odoo.search_read(model, [], list(fields))
        counts[model] = len(rows)
        ours = [row for row in rows if (model, row["id"]) in names]
        records |= {(model, names[model, row["id"]]): {name: _text(name, row[name]) for name in fields} for row in ours}
    return Shadow(records=records, counts=counts)


def _text(field: str, value: Any) -> Any:
    if field in UNLIKE:
        return UNLIKE[field](value)
    return value[1] if isinstance(value, list) else value
