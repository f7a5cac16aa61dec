"""What Odoo claims of a month: the instances that the source has nothing to bill for, and lines of the source that bill one.

Owns: claims as records on record, and what is taken out of the matching by them. Does not own: who claims what (claims), what
is said of it (causes/billed_by_odoo, causes/double_billed).

An instance that Odoo claims is not matched: whatever the source billed is no bill for it, not even one of the same amount.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.case import Records
from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.matching import DOUBLE_BILLED, Left, Matched

Side = TypeVar("Side")

CLAIM = "claim"
"""Evidence that a charge of a subscription is claimed: it holds for the time that is claimed."""


def as_record(claim: Claim, claim_id: int) -> Evidence:
    """A claim as a record about its subscription."""
    return Evidence(
        kind=CLAIM,
        subject_kind="subscription",
        subject_id=claim.external_subscription_id,
        valid_from=claim.service_from,
        valid_to=claim.service_to,
        data={"charge": claim.charge, "biller": claim.biller.value, "rests_on": claim.reference},
        reference=f"{CLAIM}/{claim_id}",
    )


def claims_on(records: Records, subscription: str | None, charge: str | None, start: datetime, end: datetime) -> list[Evidence]:
    """Odoo's claims on any of a time of a charge, in the order of their start."""
    return [
        one
        for one in records.of(CLAIM, "subscription", subscription or "")
        if (one.data["charge"], one.data["biller"]) == (charge, Biller.ODOO)
        and one.valid_from is not None
        and one.valid_to is not None
        and one.valid_from < end
        and start < one.valid_to
    ]


def claims_of(records: Records, one: ExpectedLine) -> list[Evidence]:
    """Odoo's claims on the whole range of an instance; none where any of it is nobody's or the source's."""
    found = claims_on(records, one.external_subscription_id, one.charge, one.service_from, one.service_to)
    start = one.service_from
    for claim in found:
        if claim.valid_from is not None and claim.valid_to is not None and claim.valid_from <= start:
            start = max(start, claim.valid_to)
    return found if start >= one.service_to else []


def claims_against(records: Records, line: ActualLine) -> list[Evidence]:
    """Odoo's claims on what a line of the source bills; what it gives back, or has no range, bills nothing."""
    if line.service_from is None or line.service_to is None or line.charge is None or line.net.amount <= 0:
        return []
    return claims_on(records, line.external_subscription_id, line.charge, line.service_from, line.service_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """Both sides of a month, with what Odoo's claims take out of the matching."""

    expected: tuple[ExpectedLine, ...]
    lines: tuple[ActualLine, ...]
    claimed: tuple[ExpectedLine, ...]
    doubled: tuple[Left, ...]

    def with_them(self, sides: Matched) -> Matched:
        """What was matched, and what was not."""
        return replace(sides, absent=(*sides.absent, *self.claimed), left=(*sides.left, *self.doubled))


def apart(expected: Sequence[ExpectedLine], lines: Iterable[ActualLine], records: Records) -> Apart:
    """Take out what Odoo claims, and the lines of the source that bill any of it all the same."""
    billed = [(line, bool(claims_against(records, line))) for line in lines]
    ours = [(one, bool(claims_of(records, one))) for one in expected]
    return Apart(
        expected=tuple(_without(ours)),
        lines=tuple(_without(billed)),
        claimed=tuple(one for one, is_claimed in ours if is_claimed),
        doubled=tuple(Left(line=line, notes=(DOUBLE_BILLED,)) for line, is_doubled in billed if is_doubled),
    )


def _without(found: Iterable[tuple[Side, bool]]) -> Iterator[Side]:
    return (one for one, is_out in found if not is_out)
