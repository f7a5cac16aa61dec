"""What drafting a period did.

Owns: the record of its counts, and how it is shown as JSON. Does not own: the drafts (drafts), the differences (read_back).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fcb_pipelines.domain.drafts import Totals
from fcb_pipelines.domain.imports import DiffRow
from fcb_pipelines.domain.money import amount_text
from fcb_pipelines.domain.read_back import Difference, Part, text

COUNTS = ("created", "changed", "unchanged", "removed", "untouched", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """What drafting a period did, or would do; counts are drafts."""

    part: Part
    period: str
    created: int
    changed: int
    unchanged: int
    removed: tuple[str, ...]
    """External ids of drafts for which nothing is due any more."""
    untouched: int
    """No longer drafts, so only compared."""
    failed: Mapping[str, str]
    """Why a draft could not be made, by its key."""
    totals: Mapping[str, Totals]
    """What all of the month's come to in Odoo, by currency: those not touched or left over too, cancelled ones not, less what
    posted credit notes take off; in a dry run, what they would come to."""
    diff: tuple[DiffRow, ...]
    differences: tuple[Difference, ...]
    """What Odoo has otherwise; in a dry run, what it would round otherwise."""

    def as_json(self) -> dict[str, Any]:
        """The form that is kept and printed: amounts as text."""
        return {
            "part": self.part.value,
            "period": self.period,
            "created": self.created,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "removed": len(self.removed),
            "untouched": self.untouched,
            "failed": len(self.failed),
            "removed_drafts": list(self.removed),
            "issues": [{"id": key, "reason": reason} for key, reason in self.failed.items()],
            "totals": {code: _amounts(found) for code, found in sorted(self.totals.items())},
            "diff": [_diff(row) for row in self.diff],
            "differences": [asdict(one) for one in self.differences],
        }


def _amounts(found: Totals) -> dict[str, str]:
    amounts = {"net": found.net, "tax": found.tax, "gross": found.gross}
    return {name: amount_text(each.amount, each.currency) for name, each in amounts.items()}


def _diff(row: DiffRow) -> dict[str, Any]:
    fields = {one.field: [text(one.before), text(one.after)] for one in row.fields}
    return {"record": row.external_id, "action": row.action.value, "fields": fields}
