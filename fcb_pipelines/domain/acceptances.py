"""Acceptances: a person's signed decision on a difference, void as soon as it changes.

Owns: the records, the reasons that may be given, who is the same person, and the state of a decision. Does not own: which
differences a decision is bound to and decides (accepting), what needs a second person (acceptance_limits).

Accepted is a verdict of its own: a difference that somebody accepts is never a match and never explained.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import Money
from fcb_pipelines.domain.rows import Remedy

_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
"""Characters without a glyph that are not of category Cf: fillers, selectors of a variant, the empty Braille pattern."""
LONGEST_TEXT = 2_000
"""Characters of a text that somebody writes to a decision."""


class Kind(StrEnum):
    """What a decision is bound to."""

    ROW = "row"
    """One row as it was looked at: its amounts, evidence and rule version."""
    STANDING = "standing"
    """One charge of a subscription, in its month and later ones, wherever the same is left to the cent under the same terms."""


class Reason(StrEnum):
    """Why somebody accepts a difference."""

    GOODWILL = "goodwill"
    ROUNDING_BY_AGREEMENT = "rounding_by_agreement"
    BILLED_OUTSIDE = "billed_outside"
    WRITE_OFF = "write_off"
    SOURCE_ERROR = "source_error"
    PRICE_AGREED_BY_WORD = "price_agreed_by_word"
    TIMING = "timing"
    OTHER = "other"


REASONS: Mapping[Reason, str] = {
    Reason.GOODWILL: "we let the customer have it, owing nothing",
    Reason.ROUNDING_BY_AGREEMENT: "both sides agreed how this amount is rounded",
    Reason.BILLED_OUTSIDE: "it was billed, or given back, in a way that the source does not show",
    Reason.WRITE_OFF: "it is owed and will not be asked for",
    Reason.SOURCE_ERROR: "the source billed it wrongly",
    Reason.PRICE_AGREED_BY_WORD: "another price was agreed, and no record of the source says so",
    Reason.TIMING: "it is billed in another month than it belongs to",
    Reason.OTHER: "none of these; the text says why",
}
"""What each reason says, as people read it."""

REMEDIES: Mapping[Reason, Remedy] = {
    Reason.BILLED_OUTSIDE: Remedy.CARRY,
    Reason.SOURCE_ERROR: Remedy.FIX_SOURCE,
    Reason.PRICE_AGREED_BY_WORD: Remedy.FIX_MODEL,
}
"""What a reason still asks for; the others ask for nothing."""


class Bearer(StrEnum):
    """Who bears the difference."""

    CUSTOMER = "customer"
    US = "us"
    THIRD_PARTY = "third_party"
    NOBODY = "nobody"


BEARERS: Mapping[Bearer, str] = {
    Bearer.CUSTOMER: "the customer pays, or paid, it",
    Bearer.US: "we go without it, or give it back",
    Bearer.THIRD_PARTY: "somebody else does, such as the payment provider",
    Bearer.NOBODY: "no money is lost: it is billed at another time or place",
}


class State(StrEnum):
    """How a decision stands; only one in force decides anything."""

    IN_FORCE = "in_force"
    AWAITING_APPROVAL = "awaiting_approval"
    VOID_CHANGED = "void_changed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


STATES: Mapping[State, str] = {
    State.IN_FORCE: "it decides what was signed, each time the period is run",
    State.AWAITING_APPROVAL: "it decides nothing until a second person approves it",
    State.VOID_CHANGED: "what was signed is no longer what differs: look at it again, and decide anew",
    State.EXPIRED: "its time is over: what it decided is open again",
    State.WITHDRAWN: "somebody took it back",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who did something, and when; a withdrawal says why."""

    person: str
    at: datetime
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one person signed at once, about one row or several: all of it holds, or nothing."""

    decision_id: str
    service: str
    kind: Kind
    reason: Reason
    text: str
    bearer: Bearer
    expires_on: date
    """In the billing timezone; the first day on which it no longer holds."""
    author: str
    made_at: datetime
    secret_made_by: str | None = None
    """Who made the signing secret that it was signed with; None where somebody signed by their login name."""
    needs_approval: bool = False
    approval: Signature | None = None

    def __post_init__(self) -> None:
        require_text(self.text, "--text")
        if not person(self.author):
            raise InvalidInput("a decision needs the name of who makes it")
        if self.made_at.tzinfo is None:
            raise InvalidInput(f"{self.decision_id}: made_at needs a timezone")

    @property
    def is_approved(self) -> bool:
        """Whether a second person stands behind it, or none is needed."""
        by = self.approval
        return not self.needs_approval or (by is not None and person(by.person) not in ("", person(self.author)))

    @property
    def remedy(self) -> Remedy:
        """What its reason still asks for."""
        return REMEDIES.get(self.reason, Remedy.NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A decision on the instances of one row that were undecided, or on one charge from a month on."""

    acceptance_id: str
    decision: Decision
    period: str
    """The month of its row; a standing one holds in it and in later ones."""
    row_id: str
    external_subscription_id: str | None
    external_user_id: str
    charge: str | None
    """Of a standing one; None of a row."""
    places: tuple[int, ...]
    """Which instances of the row it decides, counted from 1."""
    amount: Money
    """Σ of what it takes in one month, never negative: of each instance the larger of |net difference| and |tax difference|."""
    exposure: Money
    """What counts towards the limit: the amount, of a standing one times the months that it may come to."""
    residual: Money | None
    """Of a standing one: expected − actual, net."""
    binding: str
    withdrawal: Signature | None = None

    def __post_init__(self) -> None:
        is_standing = self.decision.kind is Kind.STANDING
        if is_standing != (self.charge is not None) or is_standing != (self.residual is not None):
            raise InvalidInput(f"{self.acceptance_id}: a charge and what is left of it belong to a standing acceptance alone")
        if self.amount.amount < 0 or self.exposure < self.amount or not self.places:
            raise InvalidInput(f"{self.acceptance_id}: {self.amount} is not the amount of an acceptance")

    @property
    def subject(self) -> str:
        """What it is about: the id of a row, or subscription and charge."""
        return self.row_id if self.charge is None else f"{self.external_subscription_id}/{self.charge}"


def state(acceptance: Acceptance, *, is_bound: bool, today: date) -> State:
    """How an acceptance stands on a day of the billing timezone; `is_bound`: what it was signed for is there as it was."""
    if acceptance.withdrawal is not None:
        return State.WITHDRAWN
    if today >= acceptance.decision.expires_on:
        return State.EXPIRED
    if not is_bound:
        return State.VOID_CHANGED
    return State.IN_FORCE if acceptance.decision.is_approved else State.AWAITING_APPROVAL


def person(name: str) -> str:
    """The form in which names are compared: Ada, " ADA " and one with invisible characters are one person."""
    plain = unicodedata.normalize("NFKC", name)
    seen = "".join(each for each in plain if unicodedata.category(each) != "Cf" and not _UNSEEN.fullmatch(each))
    return " ".join(seen.casefold().split())


def require_text(text: str, option: str) -> None:
    """Raise `InvalidInput` for a text that says nothing, or that cannot be kept."""
    if not person(text):
        raise InvalidInput(f"say why with {option}: it is kept with the decision, and an auditor reads it")
    if len(text) > LONGEST_TEXT:
        raise InvalidInput(f"{option} has {len(text)} characters; at most {LONGEST_TEXT} are kept")
    if "\0" in text or text.encode("utf-8", "replace").decode() != text:
        raise InvalidInput(f"{option} has characters that cannot be kept: write it anew as plain text")


def require_expiry(expires_on: date, today: date, longest_days: int) -> None:
    """Raise `InvalidInput` for an expiry that is past, or further ahead than the service allows."""
    if expires_on <= today:
        raise InvalidInput(f"--expires {expires_on} would expire at once: give a day after {today}")
    if (expires_on - today).days > longest_days:
        raise InvalidInput(
            f"--expires {expires_on} is more than {longest_days} days ahead: give an earlier day, and decide again then "
            "(longest_days in fcb.toml)"
        )
