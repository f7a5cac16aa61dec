"""Alarms: what wakes a person, raised once and open until it is cleared or no longer so.

Owns: the record. Does not own: what is found (guards), storage (store/alarms).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fcb_pipelines.domain.guards import WHAT_TO_DO, Kind

NO_LONGER_SO = "no longer so"
"""Who cleared an alarm that nobody had to clear: the guard did not find it any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One thing that was found, once."""

    alarm_id: int
    kind: Kind
    subject: str
    """The instance as `subscription/charge/day`, or a line of the source."""
    words: str
    evidence: Mapping[str, Any]
    raised_at: datetime
    cleared_at: datetime | None = None
    cleared_by: str | None = None

    @property
    def what_to_do(self) -> str:
        """For people."""
        return WHAT_TO_DO[self.kind]

    def __str__(self) -> str:
        return f"alarm {self.alarm_id}, {self.kind.replace('_', ' ')}: {self.subject}: {self.words}"
