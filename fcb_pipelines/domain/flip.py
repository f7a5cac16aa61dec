"""The flip: the steps that take one subscription live, in their order, and what its journal says of where it stands.

Owns: steps, phases, states, the journal's record. Does not own: the gate (gate), the plan (flip_plans), doing a step
(acts/flip, acts/unflip).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Step(StrEnum):
    """The steps of a flip in their order, then those of an unflip in theirs."""

    SOURCE_STOPPED = "source_stopped"
    CLAIMED = "claimed"
    CONFIRMED = "confirmed"
    PLAN_SET = "plan_set"
    PREVIEWED = "previewed"
    TOKEN_ATTACHED = "token_attached"  # noqa: S105 (the name of a step)
    FINAL_BILL_SEEN = "final_bill_seen"
    COMPLETE = "complete"
    TOKEN_DETACHED = "token_detached"  # noqa: S105 (the name of a step)
    CREDITED = "credited"
    BACK_TO_DRAFT = "back_to_draft"
    CLAIMS_RELEASED = "claims_released"
    USAGE_HANDED_BACK = "usage_handed_back"
    SOURCE_RESUMED = "source_resumed"
    UNDONE = "undone"


class Phase(StrEnum):
    """Before a step it is noted what is about to be done, after it what was read back."""

    BEFORE = "before"
    AFTER = "after"
    WAITING = "waiting"
    """It cannot be done yet, and says what it waits for; nothing was changed."""
    REFUSED = "refused"
    """It was tried and the outside said no, or what was read back is not as planned."""


class State(StrEnum):
    """Where a subscription stands."""

    SHADOW = "shadow"
    ARMED = "armed"
    FLIPPING = "flipping"
    """Between arming and the first step that makes it live: it goes on where it stopped."""
    LIVE = "live"
    COMPLETE = "complete"
    UNFLIPPING = "unflipping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the journal; none is ever changed or deleted."""

    flip_id: str
    external_subscription_id: str
    step: Step
    phase: Phase
    at: datetime
    actor: str
    data: Mapping[str, Any]
    """What is about to be done, or what was answered and read back. JSON without floats."""
