"""Resolution: which record in Odoo an external id of ours stands for.

Owns: asking `ir.model.data`, and the way around it for a user who may not read it. Does not own: what the records hold.
"""

from collections.abc import Collection, Mapping
from typing import Any

from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.domain.external_ids import MODULE, Entity, is_of
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.records import READ_BATCH, Kind, batches

_NO_SUCH = "External ID not found"

_RECORDS_AN_ASKING = 250
"""How many records Odoo tells the external ids of in about the time in which it answers for one external id (20 ms)."""


def resolve(odoo: Odoo, kind: Kind, service: str, *, wanted: Collection[str], known: Mapping[str, int]) -> dict[str, int]:
    """Every external id of this service and kind in Odoo → the record's id, at least for those wanted or `known` from before.

    One read where our user may read external ids (Access Rights). Else each id is proved through the record it was last seen
    on; those never seen before are looked for on all records of the model, or asked for one by one where that is quicker.
    """
    try:
        found = rows_of(odoo, kind.model, service, kind.entity)
    except Refused:
        return _without_rights(odoo, kind.model, {*wanted, *known}, known)
    return {xid: int(found[xid]["res_id"]) for xid in sorted(found)}


def rows_of(odoo: Odoo, model: str, service: str, entity: Entity) -> dict[str, dict[str, Any]]:
    """Every external id of this service and entity → its row in `ir.model.data`; raises `Refused` without Access Rights."""
    head = f"{service}_{entity}_".replace("_", "\\_")
    domain = [("module", "=", MODULE), ("model", "=", model), ("name", "=like", f"{head}%")]
    rows = odoo.search_read("ir.model.data", domain, ["name", "res_id"])
    named = {f"{MODULE}.{row['name']}": row for row in rows}
    return {xid: row for xid, row in named.items() if is_of(xid, service, entity)}


def external_ids(odoo: Odoo, model: str, ids: Collection[int]) -> dict[int, str]:
    """The external id of records, where they have one, the first where they have several; any user may ask."""
    found: dict[int, str] = {}
    for batch in batches(sorted(ids), READ_BATCH):
        answer = odoo.call(model, "get_external_id", list(batch))
        found |= {int(odoo_id): xid for odoo_id, xid in answer.items() if xid}
    return found


def found(odoo: Odoo, model: str, xid: str) -> int | None:
    """The record of a model that an external id stands for; None where there is none. Any user may ask."""
    return _asked(odoo, model, xid)


def _without_rights(odoo: Odoo, model: str, xids: Collection[str], known: Mapping[str, int]) -> dict[str, int]:
    seen = {xid: known[xid] for xid in xids if xid in known}
    named = external_ids(odoo, model, seen.values())
    proved = {xid: odoo_id for xid, odoo_id in seen.items() if named.get(odoo_id) == xid}
    return dict(sorted((proved | _unproved(odoo, model, {*xids} - proved.keys(), known)).items()))


def _unproved(odoo: Odoo, model: str, xids: Collection[str], known: Collection[str]) -> dict[str, int]:
    """The external ids of these that exist.

    Records of ours have theirs from the moment they are made, so it is their first, unless somebody has merged them into others
    since: those that our store knows and that no record has as its first are asked for.
    """
    found: dict[str, int] = {}
    left = set(xids)
    if len(xids) > 1 and odoo.call(model, "search_count", []) <= _RECORDS_AN_ASKING * len(xids):
        everything = odoo.call(model, "search", [])
        found = {xid: odoo_id for odoo_id, xid in external_ids(odoo, model, everything).items() if xid in xids}
        left = left.intersection(known) - found.keys()
    asked = {xid: _asked(odoo, model, xid) for xid in sorted(left)}
    return found | {xid: odoo_id for xid, odoo_id in asked.items() if odoo_id is not None}


def _asked(odoo: Odoo, model: str, xid: str) -> int | None:
    module, _, name = xid.partition(".")
    try:
        found, odoo_id = odoo.call("ir.model.data", "check_object_reference", module, name)
    except Refused as error:
        if _NO_SUCH in str(error):
            return None
        raise
    # What stands for a record of another model is not ours: the same id there would be somebody else's record.
    return int(odoo_id) if found == model else None
