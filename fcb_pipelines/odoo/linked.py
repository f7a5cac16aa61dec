"""Names for partners that were in Odoo before us: an external id of ours, in rows of `ir.model.data` of their own.

Owns: reading, giving, moving and taking away these rows. Does not own: which partner a user is linked to (domain/links). The
partner itself is never touched. The external id is another than that of a partner we make, because `load` writes whatever
record an external id stands for, and whoever knows nothing but that id must see that the partner is not ours to write.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.domain.external_ids import MODULE, Entity
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.partners import MODEL
from fcb_pipelines.odoo.records import rows_where
from fcb_pipelines.odoo.resolution import rows_of

_NAMES = "ir.model.data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """One external id of a linked partner."""

    row: int
    """The id of its row."""
    partner: int


def names(odoo: Odoo, service: str) -> dict[str, Name] | None:
    """The external ids of the linked partners of a service; None where our user may not read external ids."""
    try:
        return {
            xid: Name(row=row["id"], partner=row["res_id"])
            for xid, row in rows_of(odoo, MODEL, service, Entity.LINKED_USER).items()
        }
    except Refused:
        return None


def targets(odoo: Odoo, partners: Collection[int]) -> frozenset[int]:
    """Which of these partners a user of any service is linked to by external id; none where our user may not read them."""
    tail = f"_{Entity.LINKED_USER}_".replace("_", "\\_")
    ours = [("module", "=", MODULE), ("model", "=", MODEL), ("name", "=like", f"%{tail}%")]
    try:
        return frozenset(row["res_id"] for row in rows_where(odoo, _NAMES, "res_id", partners, ["res_id"], also=ours))
    except Refused:
        return frozenset()


def rename(odoo: Odoo, service: str, there: Mapping[str, Name], merged: Collection[str]) -> dict[str, Name]:
    """Have external ids of partners that we made, and that were merged since, say that the partner is not ours.

    Returns `there` with what was renamed. Raises `Refused` where our user may not.
    """
    rows = rows_of(odoo, MODEL, service, Entity.USER)
    after = dict(there)
    for xid in sorted(rows.keys() & set(merged)):
        row, new = rows[xid], xid.replace(f"_{Entity.USER}_", f"_{Entity.LINKED_USER}_", 1)
        if new in there:
            odoo.unlink(_NAMES, [row["id"]])
        else:
            odoo.write(_NAMES, [row["id"]], {"name": new.removeprefix(f"{MODULE}."), "noupdate": True})
            after[new] = Name(row=row["id"], partner=row["res_id"])
    return after


def name(odoo: Odoo, there: Mapping[str, Name], wanted: Mapping[str, int], unwanted: Collection[str]) -> None:
    """Have each wanted external id stand for its partner, and none of the unwanted for any; done twice it does nothing more.

    Raises `Refused` where our user may not.
    """
    taken = [there[xid].row for xid in sorted(unwanted) if xid in there]
    if taken:
        odoo.unlink(_NAMES, taken)
    for xid, partner in wanted.items():
        if xid in there and there[xid].partner != partner:
            odoo.write(_NAMES, [there[xid].row], {"res_id": partner})
    new = [_row(xid, partner) for xid, partner in wanted.items() if xid not in there]
    if new:
        odoo.call(_NAMES, "create", new)


def _row(xid: str, partner: int) -> dict[str, object]:
    # `noupdate` tells Odoo, and whoever looks, that the record is not kept by the module of its name.
    return {"module": MODULE, "name": xid.removeprefix(f"{MODULE}."), "model": MODEL, "res_id": partner, "noupdate": True}
