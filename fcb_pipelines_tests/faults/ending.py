"""Where a round ended: every record of a service in Odoo and in our store, in words that hold for every service.

Owns: looking, and telling a double from a loss. Ids of Odoo and the service's code are not among the words.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.store import imports, partners
from fcb_pipelines.store.database import Database

PARTNER, PRODUCT, ORDER, LINE, XID = "res.partner", "product.template", "sale.order", "sale.order.line", "ir.model.data"
FIELDS: Mapping[str, Sequence[str]] = {
    PARTNER: ("ref", "name", "email", "company_name", "country_id", "state_id", "active"),
    PRODUCT: ("default_code", "name", "list_price", "type", "sale_ok", "purchase_ok", "active"),
    ORDER: ("client_order_ref", "partner_id", "state", "currency_id", "amount_untaxed", "amount_total"),
    LINE: ("order_id", "name", "product_id", "product_uom_qty", "price_unit", "price_subtotal"),
    XID: ("name", "module", "model", "res_id"),
}
NAMES = {PARTNER: "name", PRODUCT: "name", ORDER: "partner_id.name"}

Identity = tuple[str, str]
"""Model and what makes a record one and not another: its reference, or its name."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What there is; several records of one identity stand beside each other."""

    records: Mapping[Identity, tuple[str, ...]]
    stored: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """An ending beside that of an undisturbed service."""

    duplicates: tuple[Identity, ...]
    lost: tuple[Identity, ...]
    different: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        return not (self.duplicates or self.lost or self.different)


def ending(odoo: Odoo, db: Database, code: str) -> Ending:
    """Look at everything of a service, archived or not, with an external id or without."""
    rows = {model: odoo.search_read(model, [(name, "like", code)], FIELDS[model]) for model, name in NAMES.items()}
    rows[LINE] = odoo.search_read(LINE, [("order_id", "in", [row["id"] for row in rows[ORDER]])], FIELDS[LINE])
    rows[XID] = odoo.search_read(XID, [("module", "=", "fcb"), ("name", "like", code)], FIELDS[XID])
    found: dict[Identity, list[str]] = {}
    names = {(model, row["id"]): str(row[FIELDS[model][0]] or row["name"]) for model in NAMES for row in rows[model]}
    for model, each in rows.items():
        for row in each:
            words = _words(model, row, names)
            found.setdefault((model, words[0].replace(code, "")), []).append(repr(words).replace(code, ""))
    records = {identity: tuple(sorted(each)) for identity, each in found.items()}
    return Ending(records=records, stored=_stored(db, code, {row["name"]: row["res_id"] for row in rows[XID]}))


def verdict(seen: Ending, expected: Ending) -> Verdict:
    """What is there too often, too seldom, or otherwise."""
    have, want = (Counter({identity: len(each) for identity, each in one.records.items()}) for one in (seen, expected))
    same = have.keys() & want.keys()
    different = [
        f"{identity}: {seen.records[identity]} instead of {expected.records[identity]}"
        for identity in sorted(same)
        if have[identity] == want[identity] and seen.records[identity] != expected.records[identity]
    ]
    stored = [*(f"stored: {one}" for one in (Counter(seen.stored) - Counter(expected.stored)).elements())]
    missing = [*(f"not stored: {one}" for one in (Counter(expected.stored) - Counter(seen.stored)).elements())]
    return Verdict(
        duplicates=tuple((have - want).elements()),
        lost=tuple((want - have).elements()),
        different=(*different, *stored, *missing),
    )


def _words(model: str, row: Mapping[str, Any], names: Mapping[Identity | tuple[str, int], str]) -> list[str]:
    """A row without Odoo's ids; a line is known by its order and its name."""
    if model == XID:
        known = names.get((row["model"], row["res_id"]), "something")
        return [str(row["name"]), str(row["model"]), known]
    words = [_word(row[name], model, name, names) for name in FIELDS[model]]
    if model == LINE:
        return [" ".join(words[:2]), *words[2:]]
    return [words[0] if row[FIELDS[model][0]] else words[1], *words]


def _word(value: Any, model: str, name: str, names: Mapping[Identity | tuple[str, int], str]) -> str:
    if not isinstance(value, list):
        return str(value)
    if name == "order_id":
        return names[ORDER, value[0]]
    return names[PARTNER, value[0]] if (model, name) == (ORDER, "partner_id") else str(value[1])


def _stored(db: Database, code: str, there: Mapping[str, int]) -> tuple[str, ...]:
    """What our store knows, and whether it is where Odoo has it."""
    with db.transaction() as conn:
        seen = [one for entity in Entity for one in imports.records(conn, code, entity)]
        links = partners.links(conn, code).values()
        runs = imports.latest_runs(conn, code)
        issues = [
            (entity, *map(str, _issue(each)))
            for entity, run in runs.items()
            for each in imports.issues(conn, run.import_run_id)
        ]
    records = [(one.external_id, one.model, there.get(one.external_id.partition(".")[2]) == one.odoo_id) for one in seen]
    linked = [(link.external_user_id, link.state, link.odoo_id is not None, len(link.candidates)) for link in links]
    counted = [(entity, run.skipped, run.failed, run.created + run.changed + run.unchanged) for entity, run in runs.items()]
    return tuple(sorted(str(one).replace(code, "") for one in (*records, *linked, *counted, *issues)))


def _issue(issue: Any) -> tuple[str, str]:
    return issue.external_id, issue.outcome
