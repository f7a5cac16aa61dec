"""Arming: a named person says, with count and amounts typed, that a cohort may be taken live, charged or taken back.

Owns: the record of an arming, what must be typed, when it holds, when it needs a second person and who that may be. Does not
own: storage (store/flips), the limits themselves (fcb.toml), what stands against the flip (gate).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fcb_pipelines.domain.acceptances import Signature, person
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.flip import Part
from fcb_pipelines.domain.money import Money, amount_text
from fcb_pipelines.domain.signers import why_not_stand_behind


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """What is armed: so many subscriptions, and so much money by currency."""

    count: int
    amounts: Mapping[str, Decimal]
    is_all_known: bool = True
    """Whether an amount is known of every subscription; what is not known is above every limit."""

    def __str__(self) -> str:
        amounts = (f"{amount_text(amount, code)} {code}" for code, amount in sorted(self.amounts.items()))
        return " and ".join([f"{self.count} subscription{'s' * (self.count != 1)}", *amounts])


@dataclass(frozen=True, slots=True, kw_only=True)
class Arming:
    """One arming of one part of a flip."""

    arming_id: int
    flip_id: str
    part: Part
    person: str
    secret_made_by: str | None
    """Who made the signing secret that it was armed with; None where a login name was signed."""
    stake: Stake
    armed_at: datetime
    expires_at: datetime
    needs_approval: bool
    approval: Signature | None = None

    @property
    def is_approved(self) -> bool:
        """Whether a second person stands behind it, or none is needed."""
        by = self.approval
        return not self.needs_approval or (by is not None and person(by.person) not in ("", person(self.person)))

    @property
    def approve_with(self) -> str:
        """What the second person types; what it is about they look up themselves, or nobody would have looked twice."""
        return f"fcb arm --approve {self.flip_id} --act {self.part} --count N --amount …"

    def why_not(self, now: datetime) -> str | None:
        """Why it cannot be relied on at a moment; None where it can."""
        if now >= self.expires_at:
            return f"the arming by {self.person} held until {self.expires_at.isoformat(timespec='minutes')}: arm it anew"
        if now < self.armed_at:
            return f"the arming by {self.person} is of {self.armed_at.isoformat(timespec='minutes')}, which is yet to come"
        if not self.is_approved:
            return f"{self.person} armed it and somebody else must approve it:  {self.approve_with}"
        return None


def require_as_planned(typed: Stake, planned: Stake) -> None:
    """Raise `InvalidInput` where what somebody typed is not exactly what would be done."""
    wrong = list(_differences(typed, planned))
    if wrong:
        raise InvalidInput(f"what you typed is not what would be done: {'; '.join(wrong)}. Look at the plan again")


def over_limit(planned: Stake, limits: Mapping[str, Decimal]) -> tuple[str, ...]:
    """Why one person alone may not arm it, by currency; empty where one may."""
    unknown = () if planned.is_all_known else ("the first amount of a subscription is not known",)
    return (*_over(planned.amounts, limits), *unknown)


def why_not_approve(arming: Arming, approver: str, secret_made_by: str | None = None) -> str | None:
    """Why somebody may not approve an arming; None if they may. The rule is that of acceptances."""
    what = f"the {arming.part} of {arming.flip_id}"
    return why_not_stand_behind(
        what, author=(arming.person, arming.secret_made_by), approver=(approver, secret_made_by), did="armed"
    )


def _differences(typed: Stake, planned: Stake) -> Iterator[str]:
    if typed.count != planned.count:
        yield f"{typed.count} subscriptions, and {planned.count} are planned"
    for code in sorted({*typed.amounts, *planned.amounts}):
        said, meant = typed.amounts.get(code), planned.amounts.get(code)
        if said is None:
            yield f"no amount in {code}, and {meant} {code} is planned"
        elif meant is None:
            yield f"{said} {code}, and nothing in {code} is planned"
        elif said != meant:
            yield f"{said} {code}, and {meant} {code} is planned"


def _over(amounts: Mapping[str, Decimal], limits: Mapping[str, Decimal]) -> Iterator[str]:
    for code, amount in sorted(amounts.items()):
        if code not in limits:
            yield f"{Money(amount, code)}, and {code} has no limit"
        elif amount > limits[code]:
            yield f"{Money(amount, code)}, above the limit of {Money(limits[code], code)}"
