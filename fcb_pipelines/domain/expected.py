"""The expected side: what we would bill, as rated lines and then as rounded, taxed ones.

Owns: the two records, and the steps from a subscription's terms to them. Does not own: which instances exist (instances),
what a price is made of (pricing, causes), charge models (rating), tax rates (tax).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from fcb_pipelines.domain.case import Case
from fcb_pipelines.domain.instances import TERM_UNKNOWN, ChargeInstance, reasons_not_due, term_note
from fcb_pipelines.domain.money import Money, Rounding, exact_text, rounded
from fcb_pipelines.domain.partners import User, supply_place
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.pricing import OF_ITS_MONTH, Flat, Metered, Pricing
from fcb_pipelines.domain.quotas import Used
from fcb_pipelines.domain.rating import Package, Standard
from fcb_pipelines.domain.steps import priced
from fcb_pipelines.domain.tax import TaxComponent, TaxRounding, TaxTable, TaxUndecided, rates_due, tax_on
from fcb_pipelines.domain.terms import Terms, cases, is_known, usage_cases

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
    rounding: Rounding = Rounding.HALF_UP
    """How its amount is rounded, by the convention of its plan."""
    metered: Metered | None = None
    """What the amount was priced from, where quota, unit price and batch do not say it all."""

    @property
    def pricing(self) -> Metered:
        """What an amount of usage was priced from."""
        return self.metered or Metered(
            charge=Standard(unit_price=self.unit_price, included_quantity=self.included_quantity, unit_batch=self.unit_batch),
            quantity=Fraction(self.quantity),
            metric=self.charge,
        )

    @property
    def is_by_unit(self) -> bool:
        """Whether a unit price and a quota make its amount, as a line of an invoice shows them."""
        return self.metered is None or isinstance(self.metered.charge, Standard)


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


def rated_lines(terms: Terms, period: Period, used: Used) -> Iterator[RatedLine]:
    """Price a subscription's instances of one month exactly.

    Raises `InvalidInput` where the plan has no price for the subscription's interval: a missing price is not 0.00.
    """
    for instance, case in cases(terms, period, used):
        yield _rated(terms, instance, case, used)


def usage_lines(terms: Terms, period: Period, used: Used) -> Iterator[RatedLine]:
    """Price a subscription's usage of one month exactly, a line for each charge; none where it neither lived nor used any."""
    for instance, case in usage_cases(terms, period, used):
        yield _rated(terms, instance, case, used)


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
    net = None if line.exact is None else rounded(line.exact, line.currency, line.rounding)
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


def _rated(terms: Terms, instance: ChargeInstance, case: Case, used: Used) -> RatedLine:
    pricing = priced(case.as_rated)
    not_due = reasons_not_due(instance, terms.evidence, is_internal=terms.user.is_internal, is_free=_is_free(pricing))
    is_told = any(note.startswith(TERM_UNKNOWN) for note in instance.notes)
    term = None if is_told else term_note(case.plan, instance.service_from, terms.terms_from)
    is_unknown = term == TERM_UNKNOWN or not is_known(instance)
    known = Fraction(0) if not_due else None if is_unknown else pricing.due
    included, unit_price, unit_batch = _unit(pricing)
    return RatedLine(
        line_key=instance.line_key,
        external_subscription_id=instance.external_subscription_id,
        charge=instance.charge,
        service_from=instance.service_from,
        service_to=instance.service_to,
        due_at=instance.due_at,
        currency=case.plan.currency,
        quantity=used.of_month.get(pricing.metric, Decimal(0)) if isinstance(pricing, Metered) else Decimal(1),
        included_quantity=included,
        unit_price=unit_price,
        unit_batch=unit_batch,
        exact=known,
        is_due=known is None or known > 0,
        notes=(*instance.notes, *not_due, *((term,) if term else ())),
        rounding=case.rounding,
        metered=None if isinstance(pricing, Flat) or _is_told(pricing, instance.charge) else pricing,
    )


def _is_told(pricing: Metered, charge: str) -> bool:
    """Whether quota, unit price and batch say all that the amount was priced from."""
    priced, is_whole = pricing.charge, pricing.quota == OF_ITS_MONTH and pricing.share == 1 and not pricing.discounts
    has_limit = priced.minimum_amount is not None or priced.maximum_amount is not None
    return isinstance(priced, Standard) and is_whole and not has_limit and pricing.metric == charge


def _is_free(pricing: Pricing) -> bool:
    """Whether the price itself is 0, whatever the quantity or the time."""
    if isinstance(pricing, Flat):
        return not pricing.recurring
    return isinstance(pricing.charge, Standard) and not pricing.charge.unit_price and not pricing.charge.minimum_amount


def _unit(pricing: Pricing) -> tuple[Decimal, Decimal, Decimal]:
    """Included quantity, unit price and unit batch, as far as one price says them: what Odoo's line shows."""
    if isinstance(pricing, Flat):
        return Decimal(0), Decimal(exact_text(pricing.recurring)), Decimal(1)
    charge, included = pricing.charge, Decimal(0)
    if isinstance(charge, Standard | Package):
        is_whole = pricing.quota == OF_ITS_MONTH
        included = charge.included_quantity if is_whole else Decimal(exact_text(pricing.included))
    return (
        (included, charge.unit_price, charge.unit_batch) if isinstance(charge, Standard) else (included, Decimal(0), Decimal(1))
    )
