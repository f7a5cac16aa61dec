"""Signing on the pages: which rows a form is about, what signing them takes, and what a form was sent with.

Owns: what a form shows before anybody signs, and what it shows again where it was refused. Does not own: signing (acts), how it
looks (templates), how a form is read (api/report_forms).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from fcb_pipelines.acts.acceptances import Listed
from fcb_pipelines.acts.proposing import Proposal, cannot_last, digest, proposal
from fcb_pipelines.domain.acceptances import Acceptance, Decision, State
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import Money, total
from fcb_pipelines.domain.revisions import published
from fcb_pipelines.report.amounts import listed
from fcb_pipelines.report.view import View
from fcb_pipelines.store.report_rows import RowBefore

MOST_ROWS = 200
"""Rows that one form signs for: more than that nobody looks at."""
MOST_FORMS = 100
"""Groups of the queue that have a form, those with the most money: beyond them the page would be larger than it is of use."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes a form one of ours, and of one visit."""

    form: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """What pages need to show forms."""

    today: date
    """In the billing timezone."""
    stamp: Callable[[], Stamp]
    """A new one for each form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What somebody typed into a form; never the secret."""

    reason: str = ""
    text: str = ""
    bears: str = ""
    expires: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Why a form was refused, and what had been typed."""

    message: str
    typed: Typed
    decision: str | None = None
    """Where the form signed something before: what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What may be signed for at once."""

    proposals: tuple[Proposal, ...]
    digest: str
    sums: tuple[Money, ...]
    """Of what it takes, per currency."""
    can_stand: bool
    """Whether it may hold in later months too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A row as it was shown and as it is now; None where it is not there."""

    row_id: str
    was: RowBefore | None
    now: RowBefore | None

    @property
    def differs(self) -> bool:
        """Whether the figures or the verdict are others."""
        return self.was is None or self.now is None or _figures(self.was) != _figures(self.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision and its acceptances, as they stand."""

    decision: Decision
    listed: tuple[Listed, ...]

    @property
    def standing(self) -> tuple[Listed, ...]:
        """Those that nobody took back."""
        return tuple(one for one in self.listed if one.state is not State.WITHDRAWN)

    @property
    def is_waiting(self) -> bool:
        """Whether somebody can approve it: all that is left of it is as it was signed."""
        left = self.standing
        return bool(left) and all(one.state is State.AWAITING_APPROVAL for one in left)

    @property
    def sums(self) -> tuple[Money, ...]:
        """What it takes in one month, per currency."""
        return _sums(one.acceptance.amount for one in self.standing or self.listed)

    @property
    def shown(self) -> str:
        """What is approved or taken back, as a form sends it."""
        return " ".join(one.acceptance.acceptance_id for one in self.standing)


def form(view: View, row_ids: Iterable[str], today: date) -> Form | None:
    """What may be signed for in rows; None where that is nothing, or too much for one form."""
    ids = tuple(row_ids)
    found = [one for one in (_proposal(view, each, today) for each in ids) if one is not None] if len(ids) <= MOST_ROWS else []
    if not found:
        return None
    return Form(
        proposals=tuple(found),
        digest=digest(found),
        sums=_sums(one.amount for one in found),
        can_stand=not any(cannot_last(one.row, one.places) for one in found),
    )


def decisions(signed: Iterable[Listed]) -> tuple[Decided, ...]:
    """Acceptances by the decision that they belong to, the last signed first."""
    found: dict[str, list[Listed]] = defaultdict(list)
    for one in signed:
        found[one.acceptance.decision.decision_id].append(one)
    made = [Decided(decision=each[0].acceptance.decision, listed=tuple(each)) for each in found.values()]
    return tuple(reversed(made))


def last_day(view: View, today: date) -> date:
    """The last day that an acceptance may expire on."""
    return today + timedelta(days=view.shape.base.service.acceptance.longest_days)


def limit_words(view: View, found: Form) -> str:
    """When a second person is needed for a form, as a sentence."""
    limits = view.shape.base.service.acceptance.limit
    above = listed(Money(limits[one.currency], one.currency) for one in found.sums if one.currency in limits)
    if not above:
        return "A second person must approve it."
    return f"Above {above} of one customer within 30 days, with all else that you signed, a second person must approve it."


def _figures(one: RowBefore) -> tuple[object, ...]:
    return one.currency, one.expected_net, one.actual_net, one.difference, one.verdict


def _proposal(view: View, row_id: str, today: date) -> Proposal | None:
    base, row = view.shape.base, view.shape.rows.get(row_id)
    if row is None:
        return None
    shown = published(row, service=base.service.code, period=base.period.key, zone=base.service.zone)
    before = [one.acceptance for one in view.material.signed if _may_concern(one.acceptance, row_id, shown["subscription"])]
    try:
        return proposal(shown, before, base.revision.rule_version, today)
    except InvalidInput:
        return None


def _may_concern(one: Acceptance, row_id: str, subscription: str | None) -> bool:
    return one.row_id == row_id or (one.charge is not None and one.external_subscription_id == subscription)


def _sums(amounts: Iterable[Money]) -> tuple[Money, ...]:
    found: dict[str, list[Money]] = defaultdict(list)
    for one in amounts:
        found[one.currency].append(one)
    return tuple(total(each, currency) for currency, each in sorted(found.items()))
