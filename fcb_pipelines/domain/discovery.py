"""Discovery: which declared convention past bills of a plan family follow, and whether enough of them say so.

Owns: what a bill says of conventions, when one is proposed, what would decide. Does not own: what a convention makes of a range
(proration), which bills there are (acts/discovery), declaring one (fcb.toml, which only people change).

A proposal is no proof: the bills that it was found by fit by construction, so they confirm nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fcb_pipelines.domain.case import Case
from fcb_pipelines.domain.money import Money, rounded
from fcb_pipelines.domain.pricing import Flat
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines.domain.steps import priced

ENOUGH = 5
"""Bills at so many distinct amounts are asked for: fewer may agree by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartlyPaid:
    """A flat price of which only a part of its range is paid for, and what each convention makes of it."""

    row_id: str
    family: str
    service_from: datetime
    service_to: datetime
    predicted: Mapping[Proration, Money]
    billed: Money | None
    """None where nothing was billed for it by now."""

    @property
    def fitting(self) -> frozenset[Proration]:
        """The conventions that predict exactly what was billed."""
        return frozenset(convention for convention, net in self.predicted.items() if net == self.billed)

    def tells_apart(self, conventions: Iterable[Proration]) -> bool:
        """Whether these conventions predict different amounts."""
        return len({self.predicted[each] for each in conventions}) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What is known of the convention of one plan family."""

    family: str
    """Empty for the plans of a service that no family has."""
    declared: Proration
    bills: tuple[PartlyPaid, ...]
    """Those that it was looked for by."""
    fitting: tuple[Proration, ...]
    """The conventions that fit all of them."""
    misfits: tuple[PartlyPaid, ...]
    """Bills that no convention fits: what they follow is not on record."""
    more_needed: int
    """Further bills at amounts of their own that a proposal takes."""
    deciding: tuple[PartlyPaid, ...]
    """Parts not billed yet for which the conventions that are left predict different amounts."""

    @property
    def proposal(self) -> Proration | None:
        """The one convention that enough bills follow; None where they do not say."""
        is_told = not self.more_needed and len(self.fitting) == 1
        return self.fitting[0] if is_told else None


def partly_paid(case: Case, row_id: str, billed: Money | None, currency: str) -> PartlyPaid | None:
    """What a case says of conventions by the same walk as explaining; None where its range is paid for as a whole."""
    found = {convention: priced(case.under(convention)) for convention in Proration}
    if not any(isinstance(pricing, Flat) and pricing.is_cut for pricing in found.values()):
        return None
    return PartlyPaid(
        row_id=row_id,
        family=case.family,
        service_from=case.service_from,
        service_to=case.service_to,
        predicted={each: rounded(pricing.exact, currency, case.rounding) for each, pricing in found.items()},
        billed=billed,
    )


def discovered(family: str, declared: Proration, parts: Sequence[PartlyPaid]) -> Discovery:
    """What the parts of one family say; a bill that every convention predicts as it is says nothing and is left out."""
    told = sorted((each for each in parts if each.tells_apart(Proration) or not each.fitting), key=lambda each: each.row_id)
    bills = tuple(each for each in told if each.billed is not None)
    fitting = tuple(each for each in Proration if bills and all(each in bill.fitting for bill in bills))
    left = fitting if bills else tuple(Proration)
    return Discovery(
        family=family,
        declared=declared,
        bills=bills,
        fitting=fitting,
        misfits=tuple(bill for bill in bills if not bill.fitting),
        more_needed=max(0, ENOUGH - len({bill.billed for bill in bills})),
        deciding=tuple(each for each in told if each.billed is None and each.tells_apart(left)),
    )
