"""Remedies: what `fcb doctor --fix` writes into Odoo's settings, one by one, each read back.

Owns: writing and reading back. Does not own: which remedies there are (`check_settings`), whether somebody asked for them.
"""

from typing import Any

from fcb_pipelines.domain.errors import InvalidInput, Refused, RemoteError, RuleViolation
from fcb_pipelines.domain.findings import Fixed, Remedy, Write
from fcb_pipelines.odoo.check_settings import COMPANY
from fcb_pipelines.odoo.client import Odoo

AS_ADMINISTRATOR = "run fcb doctor --fix once with FCB_ODOO_USER and FCB_ODOO_KEY of a user who may"


def require_company(odoo: Odoo, company: int | None) -> None:
    """Raise `InvalidInput` where it is not clear whose settings are to be written.

    Whoever runs `--fix` is seldom the user who does our work, so that the company of the one says nothing of the other's.
    """
    there = {row["id"]: row["name"] for row in odoo.search_read(COMPANY, [], ["name"])}
    listed = ", ".join(f"{each} {name!r}" for each, name in there.items())
    if company is None and len(there) > 1:
        raise InvalidInput(
            f"nothing was written: this user of Odoo sees several companies ({listed}); say with --company ID in which one "
            "our usual user works"
        )
    if company is not None and company not in there:
        raise InvalidInput(f"nothing was written: this user of Odoo sees no company {company}, only {listed}")


def apply(odoo: Odoo, about: str, remedy: Remedy) -> Fixed:
    """Write a remedy and read it back; applied twice it is as applied once. What Odoo refuses is an outcome, not an error."""
    try:
        for write in remedy.writes:
            _apply(odoo, write)
    except Refused as refusal:
        return Fixed(about=about, is_applied=False, message=f"refused: {_one_line(refusal)}; {AS_ADMINISTRATOR}")
    except (RemoteError, RuleViolation) as failure:
        return Fixed(about=about, is_applied=False, message=f"not known to be written: {_one_line(failure)}; run it again")
    return Fixed(about=about, is_applied=True, message=f"done and read back: {remedy.words}")


def _apply(odoo: Odoo, write: Write) -> None:
    if write.external_id is not None:
        _make(odoo, write.model, {"id": write.external_id, **write.values})
        return
    ids = [row["id"] for row in odoo.search_read(write.model, list(write.where), ["id"])]
    if not ids:
        raise Refused(f"there is no {write.model} with {' and '.join(f'{name} {value!r}' for name, _, value in write.where)}")
    odoo.write(write.model, ids, dict(write.values))
    for row in odoo.search_read(write.model, [("id", "in", ids)], list(write.values)):
        kept = {name: row[name] for name in write.values}
        if kept != dict(write.values):
            raise Refused(f"Odoo took {dict(write.values)} for {write.model} and has {kept}")


def _make(odoo: Odoo, model: str, cells: dict[str, Any]) -> None:
    loaded = odoo.load(model, list(cells), [list(cells.values())])
    if loaded.is_rolled_back:
        raise Refused(loaded.messages[0].message)
    if not odoo.search_read(model, [("id", "in", list(loaded.ids))], ["id"]):
        raise Refused(f"Odoo answered that it made {cells['id']} and does not have it")


def _one_line(error: Exception) -> str:
    """Odoo lists the groups that may on lines of their own."""
    return " ".join(str(error).split())
