"""What somebody is about to sign in rows: which instances are theirs to decide, and whether it is what they were shown.

Owns: `Proposal`, and why there is nothing to sign in a row. Does not own: signing (acceptances), where rows come from
(signed_rows), how it is shown (report/signing).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from fcb_pipelines.acts.signed_rows import ShownOtherwise
from fcb_pipelines.domain.acceptances import Acceptance, Decision, Kind, State
from fcb_pipelines.domain.accepting import amount_of, deciding, proposed, shown, undecided
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import Money
from fcb_pipelines.domain.revisions import Published

_TAKING = (State.IN_FORCE, State.AWAITING_APPROVAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A row, and what of it is to be signed."""

    row: Published
    places: tuple[int, ...]
    """Which instances, counted from 1; at least one."""
    rule_version: str

    @property
    def amount(self) -> Money:
        """What accepting it takes."""
        return amount_of(self.row, self.places)

    @property
    def charges(self) -> tuple[str, ...]:
        """What is decided, each charge once."""
        return tuple(dict.fromkeys(self.row["instances"][place - 1]["charge"] for place in self.places))

    def fields(self, decision: Decision) -> list[dict[str, Any]]:
        """What a decision accepts in the row; raises `InvalidInput` for a standing one that cannot last."""
        if decision.kind is Kind.STANDING and (why_not := cannot_last(self.row, self.places)):
            raise InvalidInput(f"{self.row['row_id']} {why_not}: accept it without --standing")
        return proposed(self.row, decision, self.places, self.rule_version)


def proposal(row: Published, before: Iterable[Acceptance], rule_version: str, today: date) -> Proposal:
    """What is to be decided in a row after all that was signed before; raises `InvalidInput` where that is nothing."""
    taken = deciding(row, before, rule_version=rule_version, today=today, states=_TAKING)
    places = undecided(row, taken)
    if not places:
        raise InvalidInput(f"{row['row_id']} {_why_decided(row, taken)}: there is nothing to accept")
    return Proposal(row=row, places=places, rule_version=rule_version)


def digest(proposals: Iterable[Proposal]) -> str:
    """What is shown with some proposals, as a page sends it back."""
    return shown((one.row, one.places, one.rule_version) for one in proposals)


def require_as_shown(proposals: Iterable[Proposal], was: str | None) -> None:
    """Raise `ShownOtherwise` where what would be signed is not what was shown; None where nobody says what was."""
    if was is not None and digest(proposals) != was:
        raise ShownOtherwise("what you were shown is no longer what would be signed: look at it again")


def cannot_last(row: Published, places: Collection[int]) -> str | None:
    """Why a decision on a row cannot stand: it is about one instance of one charge of a subscription; None if it can."""
    charges = [row["instances"][place - 1]["charge"] for place in places]
    if row["line_key"] is not None or row["subscription"] is None:
        return "is a line of no subscription, which no later month has"
    return "has a charge more than once" if len(set(charges)) < len(charges) else None


def _why_decided(row: Published, taken: Mapping[int, Acceptance]) -> str:
    if not taken:
        return f"is {row['verdict']}"
    waiting = [one.acceptance_id for one in taken.values() if not one.decision.is_approved]
    ids = ", ".join(sorted(set(waiting) or {one.acceptance_id for one in taken.values()}))
    return f"waits for a second person to approve {ids}" if waiting else f"was accepted already by {ids}"
