"""Unflips: what taking a cohort back would do, shown before anything is done.

Owns: the records, and what is typed to arm one. Does not own: reading what there is (acts/unflip_plan), doing it (acts/unflip).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fcb_pipelines.domain.arming import Stake
from fcb_pipelines.domain.flip import Course, State, Step
from fcb_pipelines.domain.money import Money, total

UP_TO = "up_to"
"""In what the journal says of a step: up to when usage was handed back; from then on the source's own meter counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """One posted invoice of Odoo's that is taken back whole by a credit note."""

    move_id: int
    name: str
    """Of the invoice."""
    net: Money
    gross: Money
    paid: Money
    """Of it; that much is owed to the customer once it is credited, and giving it back is for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandBack:
    """Usage of the time between the boundary and the moment at which the source bills again, which is its own to bill."""

    external_subscription_id: str
    charge: str
    service_from: datetime
    service_to: datetime
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """What becomes of one subscription."""

    external_subscription_id: str
    customer: str
    state: State
    order_id: int
    order_name: str
    order_state: str
    token_id: int | None
    """The payment token that is detached; None where there is none."""
    credits: tuple[Credit, ...]
    drafts: Mapping[int, str]
    """Invoices of ours that were never posted, by id, with their name: they are removed."""
    claims: tuple[str, ...]
    """What Odoo gives back to the source, in words."""
    resumes: Mapping[str, datetime]
    """By charge, from when on the source bills again."""
    used: tuple[HandBack, ...]
    """What was handed back and, as long as the source does not bill again, what would be by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unflip:
    """What taking a cohort back would do."""

    flip_id: str
    undone: tuple[Undoing, ...]
    """The subscriptions that the flip touched; the others were never changed."""

    @property
    def stake(self) -> Stake:
        """What is typed to arm it: its subscriptions, and by currency the credit notes, gross."""
        return Stake(count=len(self.undone), amounts=amounts([each for one in self.undone for each in one.credits]))


def is_handed_back(so_far: Course) -> bool:
    """Whether all usage that is ever handed back of a subscription was: its source bills again."""
    done = so_far.done.get(Step.USAGE_HANDED_BACK)
    return Step.SOURCE_RESUMED in so_far.done or (done is not None and UP_TO in done.data)


def amounts(credits_: Sequence[Credit]) -> dict[str, Decimal]:
    """Credit notes by currency, gross."""
    codes = sorted({one.gross.currency for one in credits_})
    return {code: total((one.gross for one in credits_ if one.gross.currency == code), code).amount for code in codes}
