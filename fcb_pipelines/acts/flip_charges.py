"""The charges of one subscription across the flip: where each one's boundary is, and what Odoo bills first.

Owns: the step from a subscription's terms to its `ChargePlan`s, by the same rating as every month. Does not own: the boundary
(domain/boundaries), what was billed (domain/source_bills), the rest of a subscription's plan (flip_planner).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from fcb_pipelines.domain.boundaries import Boundary, Known, Settled, Signed, billed_on, boundary, first_range
from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.conventions import Billed
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.expected import TAX_UNDECIDED, ExpectedLine, RatedLine, rated_lines, usage_lines
from fcb_pipelines.domain.flip_plans import ChargePlan, LastBill
from fcb_pipelines.domain.instances import FLAT, TERM_UNKNOWN
from fcb_pipelines.domain.money import Money
from fcb_pipelines.domain.period import Period, day_of, midnight
from fcb_pipelines.domain.quotas import NOTHING_USED
from fcb_pipelines.domain.source_bills import BilledRange, ChargeBills
from fcb_pipelines.domain.terms import Terms, plan_at
from fcb_pipelines.services import Service

CONSOLIDATED = "consolidated"
"""What the source last billed is a line for several subscriptions, and no reconciled month says whose share is what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is known of a subscription's charges beside its terms."""

    bills: Callable[[str], ChargeBills]
    """By charge."""
    settled: Mapping[str, tuple[Settled, ...]]
    signed: Callable[[str], Signed | None]
    """By charge."""
    shares: Mapping[tuple[str, str], Money]
    """(charge, line) → what was billed of the charge, where a reconciled month tells."""
    paid_through: datetime | None
    """What the source says of its flat price."""
    taxed: Callable[[RatedLine], ExpectedLine]
    """Rounded and taxed for whoever owns the subscription then."""


@dataclass(slots=True, kw_only=True)
class Charges:
    """One subscription's charges; each month is rated once."""

    service: Service
    terms: Terms
    told: Told
    _rated: dict[tuple[bool, str], tuple[RatedLine, ...]] = field(default_factory=dict)

    def plans(self, not_before: Period, final_usage: Biller) -> Iterator[ChargePlan]:
        """The flat price first, then what is metered. Raises `InvalidInput` where a price cannot be told."""
        metered = plan_at(self.terms, max(not_before.start, self._began)).metered
        for charge in (FLAT, *(each.code for each in metered)):
            yield self._plan(charge, not_before, final_usage)

    def billed_on(self, charge: str, start: datetime) -> tuple[datetime, str] | None:
        """Up to when all of a charge from a moment on is billed, as `domain.boundaries.billed_on` has it."""
        return billed_on(self._known(charge), start, self.service.zone)

    def net_at(self, moment: datetime) -> Money | None:
        """What the first flat range that begins at a moment or later comes to; None where that cannot be told."""
        try:
            line = first_range(partial(self._ranges, FLAT), moment, self.service.zone)
            if line is not None and line.service_from < moment:
                line = first_range(partial(self._ranges, FLAT), line.service_to, self.service.zone)
        except InvalidInput:
            return None
        return None if line is None else self.told.taxed(line).net

    @property
    def _began(self) -> datetime:
        zone = self.service.zone
        return midnight(day_of(self.terms.subscription.started_at, zone), zone)

    def _plan(self, charge: str, not_before: Period, final_usage: Biller) -> ChargePlan:
        known = self._known(charge)
        return self._as_plan(charge, boundary(known, not_before, final_usage), known.bills.last)

    def _known(self, charge: str) -> Known:
        return Known(
            began=self._began,
            in_scope_from=self.service.period(self.service.first_period).start,
            ranges=partial(self._ranges, charge),
            is_in_arrears=charge != FLAT or self._is_flat_in_arrears,
            bills=self.told.bills(charge),
            settled=self.told.settled.get(charge, ()),
            signed=self.told.signed(charge),
            source_word=self.told.paid_through if charge == FLAT else None,
        )

    def _as_plan(self, charge: str, found: Boundary, last: BilledRange | None) -> ChargePlan:
        first, zone = found.first, self.service.zone
        is_whole = first is not None and first.service_from == found.at
        line = self.told.taxed(first) if first is not None and is_whole and charge == FLAT else None
        last_bill, of_last = self._last_bill(charge, last)
        untold = tuple(note for note in (() if line is None else line.notes) if note.startswith((TERM_UNKNOWN, TAX_UNDECIDED)))
        return ChargePlan(
            charge=charge,
            boundary=found.at.astimezone(zone),
            proof=found.proof,
            reference=found.reference,
            final_from=None if found.final_from is None else found.final_from.astimezone(zone),
            final_biller=found.final_biller,
            first_to=(found.at if first is None else first.service_to).astimezone(zone),
            first_due=(found.at if first is None else max(first.due_at, found.at)).astimezone(zone),
            first_net=None if line is None else line.net,
            first_tax=None if line is None else line.tax,
            last_bill=last_bill,
            notes=(*found.notes, *untold, *of_last),
        )

    def _last_bill(self, charge: str, last: BilledRange | None) -> tuple[LastBill | None, tuple[str, ...]]:
        if last is None:
            return None, ()
        share = self.told.shares.get((charge, last.line_key))
        notes = (f"{CONSOLIDATED}: line {last.line_key} bills several",) if last.is_shared and share is None else ()
        zone = self.service.zone
        return LastBill(
            line_key=last.line_key,
            service_from=last.service_from.astimezone(zone),
            service_to=last.service_to.astimezone(zone),
            net=last.net if share is None else share,
        ), notes

    @property
    def _is_flat_in_arrears(self) -> bool:
        return self.terms.families.of(self.terms.plan).conventions.billed is Billed.IN_ARREARS

    def _ranges(self, charge: str, month: Period) -> tuple[RatedLine, ...]:
        key = charge == FLAT, month.key
        if key not in self._rated:
            rate = rated_lines if charge == FLAT else usage_lines
            self._rated[key] = tuple(line for line in rate(self.terms, month, NOTHING_USED) if (line.charge == FLAT) is key[0])
        return tuple(line for line in self._rated[key] if line.charge == charge)
