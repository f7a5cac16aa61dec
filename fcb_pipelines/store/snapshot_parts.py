"""Parts of a snapshot: the rows that are about some subscriptions and customers, where reading all of them would be too many.

Owns: which rows of an entity those are. Does not own: tables (snapshots), what a row means (domain/canonical).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Whom rows must be about; plans, and what is on record of them, are in every part."""

    subscriptions: Collection[str]
    customers: Collection[str]
    invoices: Collection[str] = ()
    """Invoices of which the records are wanted, not they themselves."""
    invoiced: Collection[str] = ()
    """Customers of whom every invoice is wanted, with its records."""

    def rows(self, conn: Connection, snapshot_id: int, entity: str) -> Sequence[tuple[str, dict[str, Any]]]:
        """An entity's rows with their ids, by id."""
        if entity == "invoices" and not self.invoiced:
            return []
        given = {
            "snapshot_id": snapshot_id,
            "entity": entity,
            "subscriptions": list(self.subscriptions),
            "customers": list(self.customers),
            "invoices": list(self.invoices),
            "invoiced": list(self.invoiced),
            "tells_of_invoices": bool(self.invoiced),
        }
        return [(external_id, data) for external_id, data in conn.execute(_ROWS[entity], given)]


# By the ids beside the records where that is enough: few of many are looked up then, and no other record is read.
_OF: Mapping[str, LiteralString] = {
    "users": "place.external_id = ANY(%(customers)s)",
    "plans": "true",
    "subscriptions": "place.external_id = ANY(%(subscriptions)s)",
    "invoices": "data->>'external_user_id' = ANY(%(invoiced)s)",
    # How often a coupon was used is told by the records of everybody who has it.
    "evidence": """
        data->>'subject_id' = ANY(%(subscriptions)s) OR data->>'subject_id' = ANY(%(customers)s)
        OR data->>'subject_id' = ANY(%(invoices)s) OR data->'data' ? 'coupon'
        OR lower(btrim(data->>'subject_kind')) NOT IN ('subscription', 'user', 'invoice')
        OR (%(tells_of_invoices)s AND data->>'subject_id' IN (
            SELECT of.external_id FROM snapshot_record AS of JOIN source_record AS issued USING (record_hash)
             WHERE of.snapshot_id = %(snapshot_id)s AND of.entity = 'invoices'
               AND issued.data->>'external_user_id' = ANY(%(invoiced)s)))
    """,
    "history": """
        data->>'subject_id' = ANY(%(subscriptions)s) OR lower(btrim(data->>'subject_kind')) <> 'subscription'
    """,
    "billing_state": "place.external_id = ANY(%(subscriptions)s)",
}
_ROWS: Mapping[str, LiteralString] = {
    entity: f"""
        SELECT place.external_id, record.data
          FROM snapshot_record AS place JOIN source_record AS record USING (record_hash)
         WHERE place.snapshot_id = %(snapshot_id)s AND place.entity = %(entity)s AND ({of})
         ORDER BY place.ordinal
    """  # noqa: S608 - our own
    for entity, of in _OF.items()
}
INTERNAL = """
    SELECT external_id FROM snapshot_record JOIN source_record USING (record_hash)
     WHERE snapshot_id = %s AND entity = 'users' AND external_id = ANY(%s) AND data->'is_internal' = 'true'
"""


def internal_customers(conn: Connection, snapshot_id: int, customers: Collection[str]) -> frozenset[str]:
    """Those of some customers that are accounts of the service itself."""
    return frozenset(row[0] for row in conn.execute(INTERNAL, [snapshot_id, list(customers)]))
