"""Evidence: records of the source that say why an amount may differ from its list price.

Owns: the record's shape and when it holds. Does not own: what a kind of record explains.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One record about a subject, holding in `[valid_from, valid_to)`; an absent bound is open."""

    kind: str
    subject_kind: str
    subject_id: str
    valid_from: datetime | None
    valid_to: datetime | None
    data: Mapping[str, Any]
    reference: str

    def holds_at(self, moment: datetime) -> bool:
        """Whether the record holds at a moment."""
        return (self.valid_from is None or self.valid_from <= moment) and (self.valid_to is None or moment < self.valid_to)
