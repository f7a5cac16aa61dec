"""The expected side: what we would bill, as rated lines and then as rounded, taxed ones.

Owns: the two records, and the steps from a subscription's terms to them. Does not own: which instances exist (instances),
what a price is made of (pricing, causes), charge models (rating), tax rates (tax).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from fcb_pipelines.domain.case import Case
from fcb_pipelines.domain.instances import TERM_UNKNOWN, ChargeInstance, reasons_not_due, term_note
from fcb_pipelines.domain.money import Money, exact_text, rounded
from fcb_pipelines.domain.partners import User, supply_place
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.pricing import Flat, Pricing
from fcb_pipelines.domain.rating import Standard
from fcb_pipelines.domain.steps import priced
from fcb_pipelines.domain.tax import TaxComponent, TaxRounding, TaxTable, TaxUndecided, rates_due, tax_on
from fcb_pipelines.domain.terms import Terms, flat_case, usage_case

UNRATED = "unrated"
TAX_UNDECIDED = "tax_undecided"
PLACE_ATTESTED = "place_attested"


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedLine:
    """A charge instance with its exact amount; absent where no record says which terms held."""

    line_key: str
    external_subscription_id: str
    charge: str
    service_from: datetime
    service_to: datetime
    due_at: datetime
    currency: str
    quantity: Decimal
    included_quantity: Decimal
    unit_price: Decimal
    unit_batch: Decimal
    exact: Fraction | None
    is_due: bool
    notes: tuple[str, ...] = ()
    adjusts: str | None = None
    """The month whose usage the line adjusts; absent for what is charged the first time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedLine:
    """A charge instance as we would bill it: rounded once, taxed by component."""

    line_key: str
    external_subscription_id: str
    external_user_id: str
    charge: str
    service_from: datetime
    service_to: datetime
    due_at: datetime
    currency: str
    net: Money | None
    """None where the terms at `service_from` are unknown."""
    tax: Money | None
    """None where the tax is undecided too."""
    tax_components: tuple[TaxComponent, ...]
    place_of_supply: str | None
    is_due: bool
    """Whether money is due: an amount above 0 once rounded, not in trial, not free, not an internal account."""
    notes: tuple[str, ...] = ()

    @property
    def gross(self) -> Money | None:
        """Net and tax, where both are known."""
        return None if self.net is None or self.tax is None else self.net + self.tax


def rated_lines(terms: Terms, period: Period, used: Decimal) -> Iterable[RatedLine]:
    """Price a subscription's instances of one month exactly; `used` are its units of cpu_seconds in the month.

    Raises `InvalidInput` where the plan has no price for the subscription's interval: a missing price is not 0.00.
    """
    flat = flat_case(terms, period)
    if flat is not None:
        yield _rated(terms, *flat, Decimal(1))
    usage = usage_line(terms, period, used)
    if usage is not None:
        yield usage


def usage_line(terms: Terms, period: Period, used: Decimal) -> RatedLine | None:
    """Price a subscription's usage of one month exactly; None where it neither lived nor used anything.

    `used` are its units of cpu_seconds in the month.
    """
    usage = usage_case(terms, period, used)
    return None if usage is None else _rated(terms, *usage, used)


def unrated_line(subscription_id: str, period: Period, currency: str, reason: str) -> RatedLine:
    """The line of a subscription whose price cannot be told: the whole month without an amount, and why."""
    zero = Decimal(0)
    return RatedLine(
        line_key=f"{subscription_id}/{UNRATED}/{period.key}",
        external_subscription_id=subscription_id,
        charge=UNRATED,
        service_from=period.start,
        service_to=period.end,
        due_at=period.start,
        currency=currency,
        quantity=zero,
        included_quantity=zero,
        unit_price=zero,
        unit_batch=Decimal(1),
        exact=None,
        is_due=True,
        notes=(f"{UNRATED}: {reason}",),
    )


def expected_line(
    line: RatedLine,
    owner: str,
    user: User | None,
    *,
    default_place: str | None,
    on: date,
    taxes: TaxTable,
    rounding: TaxRounding,
) -> ExpectedLine:
    """Round a rated line once and tax it as of a day, by the customer's place or else the service's attested one.

    `owner` is the customer's id; `user` is None where its record is missing or bad, which leaves the tax undecided.
    """
    place, is_attested = supply_place(user, default_place)
    net = None if line.exact is None else rounded(line.exact, line.currency)
    taxed = rates_due(place, on, taxes) if net is None else tax_on([net], place, on, taxes, rounding)
    decided = None if isinstance(taxed, TaxUndecided | tuple) else taxed
    undecided = (f"{TAX_UNDECIDED}: {taxed.reason}",) if isinstance(taxed, TaxUndecided) else ()
    return ExpectedLine(
        line_key=line.line_key,
        external_subscription_id=line.external_subscription_id,
        external_user_id=owner,
        charge=line.charge,
        service_from=line.service_from,
        service_to=line.service_to,
        due_at=line.due_at,
        currency=line.currency,
        net=net,
        tax=None if decided is None else decided.tax,
        tax_components=() if decided is None else decided.components,
        place_of_supply=place,
        is_due=line.is_due and (net is None or bool(net)),
        notes=(*line.notes, *((PLACE_ATTESTED,) if is_attested else ()), *undecided),
    )


def _rated(terms: Terms, instance: ChargeInstance, case: Case, quantity: Decimal) -> RatedLine:
    pricing = priced(case.as_rated)
    not_due = reasons_not_due(instance, terms.evidence, is_internal=terms.user.is_internal, is_free=_is_free(pricing))
    term = term_note(case.plan, instance.service_from, terms.terms_from)
    known = None if term == TERM_UNKNOWN and not not_due else Fraction(0) if not_due else pricing.exact
    included, unit_price, unit_batch = _unit(pricing)
    return RatedLine(
        line_key=instance.line_key,
        external_subscription_id=instance.external_subscription_id,
        charge=instance.charge,
        service_from=instance.service_from,
        service_to=instance.service_to,
        due_at=instance.due_at,
        currency=case.plan.currency,
        quantity=quantity,
        included_quantity=included,
        unit_price=unit_price,
        unit_batch=unit_batch,
        exact=known,
        is_due=known is None or known > 0,
        notes=(*instance.notes, *not_due, *((term,) if term else ())),
    )


def _is_free(pricing: Pricing) -> bool:
    """Whether the price itself is 0, whatever the quantity or the time."""
    return not pricing.recurring if isinstance(pricing, Flat) else not _unit(pricing)[1]


def _unit(pricing: Pricing) -> tuple[Decimal, Decimal, Decimal]:
    """Included quantity, unit price and unit batch, as far as one price says them: what Odoo's line shows."""
    if isinstance(pricing, Flat):
        return Decimal(0), Decimal(exact_text(pricing.recurring)), Decimal(1)
    charge = pricing.charge
    if isinstance(charge, Standard):
        return charge.included_quantity, charge.unit_price, charge.unit_batch
    return Decimal(0), Decimal(0), Decimal(1)
