"""Carrying: which lines that the source billed go into Odoo as drafts of the source's, and which of them our own drafts bill.

Owns: the rule, as one function of a line and of what our own side bills. Does not own: how carried lines become a draft
(source_drafts), what our own drafts bill (expected, drafts), how a difference is decided (reconciliation).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.actual import DATED_BY_ISSUE, ActualLine
from fcb_pipelines.domain.expected import UNRATED, ExpectedLine
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.period import Period, period_of

_BESIDE = frozenset({LineKind.ONE_OFF, LineKind.ADD_ON})
"""What no charge of ours ever bills."""


class Standing(StrEnum):
    """Where the money of a line is: each line that counts is in exactly one place."""

    CARRIED = "carried"
    REPRESENTED = "represented"
    HELD_BACK = "held_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A line, where its money is, and why it is held back."""

    line: ActualLine
    standing: Standing
    reason: str = ""


class Ours:
    """What our own side has for a month, and for other months that one of its lines may be about."""

    def __init__(self, period: Period, charges: Iterable[ExpectedLine]) -> None:
        """Take the charges of the month, of its neighbours, and those whose service range reaches into it."""
        self.period = period
        self._of_subscription: dict[str, list[ExpectedLine]] = defaultdict(list)
        self._of_customer: dict[str, list[ExpectedLine]] = defaultdict(list)
        for charge in charges:
            self._of_subscription[charge.external_subscription_id].append(charge)
            self._of_customer[charge.external_user_id].append(charge)

    def about(self, line: ActualLine) -> Sequence[ExpectedLine]:
        """The charges of the subscription that a line names, of its customer where it names none.

        None for what only its header tells: it is carried as the source billed it, or refused where it could not be read.
        """
        if line.external_subscription_id is not None:
            return self._of_subscription.get(line.external_subscription_id, ())
        is_header = line.kind is LineKind.BALANCING or line.ordinal < 0
        return () if is_header else self._of_customer.get(line.external_user_id, ())

    def is_of_month(self, charge: ExpectedLine) -> bool:
        """Whether the month's own draft bills it."""
        return charge.service_from in self.period

    def is_served(self, charge: ExpectedLine) -> bool:
        """Whether its service lies in the month, billed by this month's draft or, as of a year, by an earlier one's."""
        return self.is_of_month(charge) or charge.service_from < self.period.start < charge.service_to


def is_billed(line: ActualLine) -> bool:
    """Whether a line is billed money at all."""
    return line.counts and bool(line.net or line.tax)


def judged(line: ActualLine, ours: Ours) -> Judged:
    """Whether a line is carried: only if it cannot be for a charge that a draft of ours bills, now or once its amount is known.

    A charge of ours is billed where it is due or its amount unknown; `unrated` is every charge of its subscription. The first
    row that holds decides:

    | kind of the line | what our own side has | the line is |
    |---|---|---|
    | one-off, add-on | anything | carried |
    | plan, overage | bills that charge of that subscription in the month | represented |
    | plan, overage | has it there, not due; dated by issue, bills it in a neighbouring month | held back |
    | plan, overage | has it there, not due | carried |
    | any other | bills a charge of that subscription in the month, or for a year that covers it | held back |
    | any other, dated by issue | bills such a charge in a neighbouring month | held back |
    | balancing, of no subscription | anything | carried |
    | any other, of no subscription | bills such a charge of the customer | held back |
    | any other | bills none | carried |

    Such a charge is, of a plan or overage line, the same; of any other kind, each.
    """
    if line.kind in _BESIDE:
        return Judged(line=line, standing=Standing.CARRIED)
    if any(_bills(charge) for charge in _instances(line, ours)):
        return Judged(line=line, standing=Standing.REPRESENTED)
    doubts = sorted(
        _doubts(line, ours), key=lambda charge: (not ours.is_served(charge), charge.charge != FLAT, charge.line_key)
    )
    if doubts:
        return Judged(line=line, standing=Standing.HELD_BACK, reason=_reason(line, doubts[0], ours.period.zone))
    return Judged(line=line, standing=Standing.CARRIED)


def _bills(charge: ExpectedLine) -> bool:
    return charge.is_due or charge.net is None


def _instances(line: ActualLine, ours: Ours) -> list[ExpectedLine]:
    """The charges of the month that a plan or overage line of a subscription is for, due or not."""
    if line.charge is None or line.external_subscription_id is None:
        return []
    return [charge for charge in ours.about(line) if ours.is_of_month(charge) and _is_same(line, charge)]


def _doubts(line: ActualLine, ours: Ours) -> Iterator[ExpectedLine]:
    """The charges that our drafts bill and that a line may be for."""
    is_any = line.external_subscription_id is not None and not _instances(line, ours)
    for charge in ours.about(line):
        if not _bills(charge):
            continue
        if ours.is_served(charge):
            if is_any or _is_same(line, charge):
                yield charge
        elif DATED_BY_ISSUE in line.notes and _is_same(line, charge):
            yield charge


def _is_same(line: ActualLine, charge: ExpectedLine) -> bool:
    """Whether a line's kind says that charge; a kind that says none may be any."""
    return line.charge is None or charge.charge in {line.charge, UNRATED}


def _reason(line: ActualLine, charge: ExpectedLine, zone: ZoneInfo) -> str:
    named = {FLAT: "the flat price", UNRATED: "a charge, of unknown amount,"}
    what = named.get(charge.charge, f"the {charge.charge}")
    month = period_of(charge.service_from, zone).key
    whose = charge.external_subscription_id
    if line.external_subscription_id is None:
        whose += ", or of another subscription, as the invoice names none,"
    may_be = f"its {line.kind} line of {line.gross} may be {what} of {whose} that our draft of {month} bills"
    return f"{may_be}: decide the row in the reconciliation first"
