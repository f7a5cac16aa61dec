"""Draft invoices of a month that Odoo itself invoices now: they are of the time before it had subscriptions.

Owns: which of them may be removed, and why others stay. Does not own: what takes their place (`usage_lines`), the removing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fcb_pipelines.acts.drafting import Drafting
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.read_back_drafts import DRAFT, DraftSeen
from fcb_pipelines.odoo import invoices
from fcb_pipelines.odoo.invoices import InvoicesSeen, Ledger
from fcb_pipelines.odoo.records import rows_where
from fcb_pipelines.odoo.resolution import resolve
from fcb_pipelines.store import imports as stored

POSTED = "posted"
INVOICED_BY_ODOO = "Odoo itself invoices this subscription now"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftDrafts:
    """A month's invoices of ours where none is due, by external id."""

    titles: dict[str, str] = field(default_factory=dict)
    """The reference of each."""
    removed: dict[str, int] = field(default_factory=dict)
    """Drafts that were never posted."""
    kept: dict[str, str] = field(default_factory=dict)
    """Why others stay that bill anything."""
    forgotten: frozenset[str] = frozenset()
    """Known to our store and gone from Odoo."""


def left_drafts(drafting: Drafting, ledger: Ledger) -> LeftDrafts:
    """Look for the invoices of a month in Odoo, whatever is due for it."""
    seen, forgotten = _seen(drafting, ledger)
    ids = list(seen.ids.values())
    rows = rows_where(drafting.reading.odoo, invoices.MODEL, "id", ids, ["posted_before"])
    posted = {row["id"] for row in rows if row["posted_before"]}
    left = LeftDrafts(forgotten=forgotten)
    for xid, odoo_id in seen.ids.items():
        left.titles[xid] = str(seen.seen[xid].header["reference"])
        why = _why_kept(seen.seen[xid], was_posted=odoo_id in posted)
        if why:
            left.kept[xid] = f"{INVOICED_BY_ODOO}, {why}"
        elif why is not None:
            left.removed[xid] = odoo_id
    return left


def _seen(drafting: Drafting, ledger: Ledger) -> tuple[InvoicesSeen, frozenset[str]]:
    reading, kind = drafting.reading, ledger.kind(Entity.INVOICE)
    with reading.db.transaction() as conn:
        records = stored.records(conn, reading.service.code, Entity.INVOICE)
    known: Mapping[str, int] = {one.external_id: one.odoo_id for one in records if drafting.is_of_period(one.external_id)}
    wanted = {reading.xid(Entity.INVOICE, key) for key in (*drafting.drafts, *drafting.failed)}
    ids = resolve(reading.odoo, kind, reading.service.code, wanted=wanted, known=known)
    seen = invoices.invoices_seen(reading.odoo, kind, {xid: each for xid, each in ids.items() if drafting.is_of_period(xid)})
    return seen, frozenset(known.keys() - seen.ids.keys())


def _why_kept(seen: DraftSeen, *, was_posted: bool) -> str | None:
    """Why an invoice is not ours to delete; empty where it is, None for a cancelled one: it bills nothing and may stay."""
    if seen.state not in {DRAFT, POSTED}:
        return None
    if seen.state == POSTED:
        return f"and this is no longer a draft but {seen.state!r}: settle it by a credit note"
    if was_posted:
        return "and this was posted before it became a draft again: delete or cancel it in Odoo"
    return "but somebody added lines to this draft: delete it in Odoo" if seen.strangers else ""
