"""Draft invoices of a month that Odoo itself invoices now: they are of the time before it had subscriptions.

Owns: which of them are looked for, and which go. Does not own: when an invoice may go (domain/read_back_drafts), what takes
their place (`usage_lines`), the removing.
"""

from dataclasses import dataclass, field, replace

from fcb_pipelines.acts.draft_decisions import Drafting, found_of
from fcb_pipelines.acts.draft_references import References
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.read_back_drafts import why_kept

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


def left_drafts(drafting: Drafting, known: References) -> LeftDrafts:
    """Look for the invoices of a month in Odoo, whatever is due for it."""
    found, forgotten = found_of(replace(drafting, entity=Entity.INVOICE), known)
    left = LeftDrafts(forgotten=forgotten)
    for xid, odoo_id in found.ids.items():
        left.titles[xid] = str(found.seen[xid].header["reference"])
        why = why_kept(found.seen[xid])
        if why:
            left.kept[xid] = f"{INVOICED_BY_ODOO}, {why}"
        elif why is not None:
            left.removed[xid] = odoo_id
    return left
