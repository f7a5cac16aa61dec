"""Adjustments: what usage that came too late for its own bill changes, as a line of the first bill that was open then.

Owns: late usage, and its rating: the month priced with what was billed before and with what is known now. Does not own: which
bill late usage is on (closing), prices (expected).

Both sides are rated under the terms with which the month was billed when it was closed, for the customer that was billed, and
each is rounded as its own bill would be: all bills of a month together come to what one bill would, had everything been told in
time. What had no bill then is rated under the terms of that month as known now. An adjustment is taxed as a line of its own, at
the rates of that month.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from fcb_pipelines.domain.expected import RatedLine, usage_lines
from fcb_pipelines.domain.instances import NOT_DUE
from fcb_pipelines.domain.money import ZERO, Money, plain, rounded
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.plans import MeteredCharge
from fcb_pipelines.domain.quotas import Used
from fcb_pipelines.domain.terms import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class LateUsage:
    """What a subscription used of a metric in a month, as the bills before have it and as it is known now."""

    of_period: str
    external_subscription_id: str
    metric: str
    old_quantity: Decimal
    new_quantity: Decimal
    old_events: int
    new_events: int

    @property
    def is_other(self) -> bool:
        """Whether it comes to another quantity: an event of a smaller maximum, or one taken back and sent again, does not."""
        return self.old_quantity != self.new_quantity

    def __str__(self) -> str:
        change = f"{plain(self.old_quantity)} → {plain(self.new_quantity)}"
        return f"late usage of {self.of_period}: {change} {self.metric}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """The old rating and the new one side by side, and the line that lies between them."""

    late: LateUsage
    line: RatedLine
    included_quantity: Decimal
    unit_price: Decimal
    unit_batch: Decimal
    old_net: Money | None
    """What the bills before come to, rounded; None where the terms of the month are unknown."""
    new_net: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledUsage:
    """A month's usage of a subscription as its bill has it: terms, amount and customer."""

    line: RatedLine
    """Its amount is known."""
    external_user_id: str

    @property
    def metric(self) -> str:
        """What its charge counts."""
        return self.line.pricing.metric

    def line_of(self, quantity: Decimal, used_before: Fraction | None = None) -> RatedLine:
        """The line of another quantity under the same terms.

        Of a quota that runs over several months, `used_before` are the units of the others that were billed by now.
        """
        pricing = replace(self.line.pricing, quantity=Fraction(quantity))
        if used_before is not None:
            pricing = replace(pricing, quota=replace(pricing.quota, used_before=used_before))
        exact = Fraction(0) if NOT_DUE & set(self.line.notes) else pricing.exact
        metered = self.line.metered and pricing
        return replace(self.line, quantity=quantity, exact=exact, is_due=exact > 0, metered=metered)


def of_terms(terms: Terms, of_period: Period, charge: MeteredCharge, used: Used) -> Callable[[Decimal], RatedLine | None]:
    """How a month's usage under one charge is priced that had no bill: under the terms of that month as known now.

    `used` is what is known of other months.
    """

    def line_of(quantity: Decimal) -> RatedLine | None:
        given = replace(used, of_month={charge.metric: quantity})
        return next((line for line in usage_lines(terms, of_period, given) if line.charge == charge.code), None)

    return line_of


def adjustment(line_of: Callable[[Decimal], RatedLine | None], late: LateUsage, bill: Period) -> Adjustment:
    """Rate late usage; `line_of` prices a quantity of the month in which it was used, `bill` is the month whose bill it is on.

    Raises `InvalidInput` where the usage of that month cannot be priced.
    """
    old, new = line_of(late.old_quantity), line_of(late.new_quantity)
    basis = new or old
    if basis is None:
        raise AssertionError(f"{late} is no change")
    old_net, new_net = _net(old, basis), _net(new, basis)
    between = None if old_net is None or new_net is None else new_net - old_net
    return Adjustment(
        late=late,
        line=_line(basis, late, bill, between),
        included_quantity=basis.included_quantity,
        unit_price=basis.unit_price,
        unit_batch=basis.unit_batch,
        old_net=old_net,
        new_net=new_net,
    )


def _net(line: RatedLine | None, basis: RatedLine) -> Money | None:
    """What a month's usage costs; nothing where there was none, unless it is unknown what anything cost then."""
    exact = Fraction(0) if line is None else line.exact
    return None if exact is None or basis.exact is None else rounded(exact, basis.currency, basis.rounding)


def _line(basis: RatedLine, late: LateUsage, bill: Period, between: Money | None) -> RatedLine:
    return RatedLine(
        line_key=f"{basis.line_key}/adjusted-in-{bill.key}",
        external_subscription_id=basis.external_subscription_id,
        charge=basis.charge,
        service_from=basis.service_from,
        service_to=basis.service_to,
        due_at=basis.due_at,
        currency=basis.currency,
        quantity=late.new_quantity - late.old_quantity,
        included_quantity=ZERO,
        unit_price=basis.unit_price,
        unit_batch=basis.unit_batch,
        exact=None if between is None else Fraction(between.amount),
        is_due=between is None or bool(between),
        notes=(str(late), *basis.notes),
        adjusts=late.of_period,
        rounding=basis.rounding,
    )
