"""Drafts: what we bill, or the source billed, as an invoice that Odoo keeps without posting it.

Owns: the record of a draft, how a charge stands on its line, which totals Odoo makes of it under either of its two ways to
round taxes. Does not own: what is due (expected), which lines are drafts of the source's (source_drafts), the comparison with
what Odoo has (read_back_drafts), Odoo's words (odoo/invoices).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.expected import ExpectedLine, RatedLine
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.money import Money, plain, round_half_up, rounded, total
from fcb_pipelines.domain.tax import TaxComponent, TaxRounding

QUANTITY_DECIMALS = 6
"""Decimals of a core-hour on a line, where Odoo keeps as many."""

ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How many decimals Odoo keeps of the numbers on a line; None where it cuts none."""

    quantity: int | None = None
    price: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """What a line sells, so that its product can be found: the flat price or the usage of a plan."""

    entity: Entity
    external_plan_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftLine:
    """One line as it is written; `net` and `tax` are what we hold it to be, whatever Odoo makes of it."""

    key: str
    """Unique within its draft and the same at every run."""
    article: Article | None
    description: str
    quantity: Decimal
    unit_price: Decimal
    net: Money
    tax: Money
    place: str | None = None
    """Where its taxes are asked, such as `CA-ON`."""
    taxes: tuple[TaxComponent, ...] = ()
    """The taxes to put on the line; none where the tax is 0 or stands as a line of its own."""

    @property
    def negated(self) -> "DraftLine":
        """The same the other way round, as it stands on a credit note."""
        taxes = tuple(replace(one, amount=-one.amount) for one in self.taxes)
        return replace(self, unit_price=-self.unit_price, net=-self.net, tax=-self.tax, taxes=taxes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What an invoice comes to."""

    net: Money
    tax: Money
    gross: Money

    @property
    def negated(self) -> "Totals":
        """The same amounts the other way round."""
        return Totals(net=-self.net, tax=-self.tax, gross=-self.gross)

    def less(self, other: "Totals") -> "Totals":
        """What is left of it once another is taken off."""
        return _added(self, other.negated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One invoice that is to be a draft in Odoo."""

    key: str
    """Its id for its entity: of a draft invoice the subscription and the month, `s1/2026-04`."""
    external_user_id: str
    currency: str
    reference: str
    """What a person reads on it to know where it comes from."""
    lines: tuple[DraftLine, ...]
    issued_on: date | None = None
    """The day of issue where there was one; a draft of ours has none, because posting it is its issue."""
    is_refund: bool = False
    """Whether it is a credit note; its lines then are what is given back, above 0."""

    @property
    def totals(self) -> Totals:
        """What we hold it to come to."""
        net, tax = (total(each, self.currency) for each in ((one.net for one in self.lines), (one.tax for one in self.lines)))
        return Totals(net=net, tax=tax, gross=net + tax)

    @property
    def billed(self) -> Totals:
        """What it adds to what is billed: a credit note takes off."""
        return self.totals.negated if self.is_refund else self.totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A month's charges of one subscription, from which its draft is made."""

    external_subscription_id: str
    external_plan_id: str | None
    """None where the subscription is not known, or bad."""
    plan_name: str
    lines: tuple[tuple[ExpectedLine, RatedLine | None], ...]


def draft_key(external_subscription_id: str, period: str) -> str:
    """The id of a subscription's draft of a month; `period` is its key."""
    return f"{external_subscription_id}/{period}"


def as_sold(net: Money, quantity: Fraction, unit_price: Decimal, kept: Kept) -> tuple[Decimal, Decimal]:
    """Quantity and unit price of a line, in at most `QUANTITY_DECIMALS`: what is sold, where that comes to the net.

    Otherwise, as where Odoo would cut the quantity so far that the product is another amount, the line is 1 × the net.
    """
    decimals = QUANTITY_DECIMALS if kept.quantity is None else min(QUANTITY_DECIMALS, kept.quantity)
    stored = round_half_up(quantity, decimals)
    is_price_kept = kept.price is None or round_half_up(unit_price, kept.price) == unit_price
    if is_price_kept and rounded(Fraction(stored) * Fraction(unit_price), net.currency) == net:
        return stored, unit_price
    return ONE, net.amount


def draft(due: Due, period: str, kept: Kept, zone: ZoneInfo, *, is_invoice: bool = True) -> Draft | None:
    """The draft of a subscription's month; None where nothing is due.

    What is given back of earlier bills may be more than what is charged: then an invoice is a credit note. Lines that go onto
    an order stay as they are, because the flat price stands beside them there.

    Raises `InvalidInput` with the reason where what is due cannot be told, cannot be taxed, or is not to be billed: a part of a
    month is never drafted without the rest.
    """
    lines = [(line, rated) for line, rated in due.lines if line.is_due]
    if not lines:
        return None
    owner, currency = _owner_and_currency([line for line, _ in lines])
    found = tuple(_line(due, line, rated, kept, zone) for line, rated in lines)
    made = Draft(
        key=draft_key(due.external_subscription_id, period),
        external_user_id=owner,
        currency=currency,
        reference=f"{due.external_subscription_id} {period}",
        lines=found,
    )
    if made.totals.gross.amount >= 0:
        return made
    if not any(rated is not None and rated.adjusts for _, rated in lines):
        raise InvalidInput(
            f"its charges of {period} come to {made.totals.gross}: an invoice below 0 is not drafted, look at them"
        )
    return replace(made, lines=tuple(line.negated for line in found), is_refund=True) if is_invoice else made


def totals_in_odoo(lines: Sequence[DraftLine], currency: str, rounding: TaxRounding) -> Totals:
    """What Odoo makes of lines whose taxes are put on top, each a percentage of the net.

    Under `line` it rounds each line and each tax on it, and sums; under `total` it sums quantity × price unrounded, and rounds
    the net and every tax once. Both halves up. The second may differ from the first by cents, in the net too.
    """
    is_per_line = rounding is TaxRounding.LINE
    nets = [_maybe_rounded(Fraction(line.quantity) * Fraction(line.unit_price), currency, is_per_line) for line in lines]
    taxes: dict[tuple[str, Decimal], Fraction] = defaultdict(Fraction)
    for line, each in zip(lines, nets, strict=True):
        for one in line.taxes:
            asked = each * Fraction(one.percent) / 100
            taxes[one.component, one.percent] += _maybe_rounded(asked, currency, is_per_line)
    net = rounded(sum(nets, Fraction(0)), currency)
    tax = total((rounded(one, currency) for one in taxes.values()), currency)
    return Totals(net=net, tax=tax, gross=net + tax)


def summed(found: Iterable[Totals]) -> Mapping[str, Totals]:
    """Totals added up by currency."""
    sums: dict[str, Totals] = {}
    for one in found:
        before = sums.get(one.net.currency)
        sums[one.net.currency] = one if before is None else _added(before, one)
    return sums


def _maybe_rounded(amount: Fraction, currency: str, is_rounded: bool) -> Fraction:
    return Fraction(rounded(amount, currency).amount) if is_rounded else amount


def _added(one: Totals, other: Totals) -> Totals:
    return Totals(net=one.net + other.net, tax=one.tax + other.tax, gross=one.gross + other.gross)


def _owner_and_currency(lines: Sequence[ExpectedLine]) -> tuple[str, str]:
    owners, currencies = {line.external_user_id for line in lines}, {line.currency for line in lines}
    if len(owners) > 1 or len(currencies) > 1:
        several = ", ".join(sorted(owners if len(owners) > 1 else currencies))
        raise InvalidInput(f"its charges are of several customers or currencies ({several}): no one invoice can hold them")
    return owners.pop(), currencies.pop()


def _line(due: Due, line: ExpectedLine, rated: RatedLine | None, kept: Kept, zone: ZoneInfo) -> DraftLine:
    if line.net is None or line.tax is None:
        raise InvalidInput(f"its charge {line.charge}: {'; '.join(line.notes) or 'its amount is not known'}")
    range_ = range_text(line.service_from, line.service_to, zone)
    if rated is not None and rated.adjusts is not None:
        (quantity, price), what = (ONE, line.net.amount), _late_text(line, rated)
    elif rated is not None and not rated.is_by_unit:
        (quantity, price), what = (ONE, line.net.amount), f"{line.charge}: {_model_text(rated)}"
    elif rated is None or line.charge == FLAT or not _sells_units(rated):
        (quantity, price), what = (ONE, line.net.amount), "flat price" if line.charge == FLAT else line.charge
    else:
        overage = rated.quantity - rated.included_quantity
        quantity, price = as_sold(line.net, Fraction(overage) / Fraction(rated.unit_batch), rated.unit_price, kept)
        what = f"{line.charge} overage: {_units_text(rated)}"
    return DraftLine(
        key=line.line_key.removeprefix(f"{line.external_subscription_id}/"),
        article=_article(due, line.charge),
        description=f"{due.plan_name} – {range_} – {what}",
        quantity=quantity,
        unit_price=price,
        net=line.net,
        tax=line.tax,
        place=line.place_of_supply,
        taxes=line.tax_components,
    )


def _sells_units(rated: RatedLine) -> bool:
    return rated.quantity > rated.included_quantity


def _article(due: Due, charge: str) -> Article | None:
    if due.external_plan_id is None:
        return None
    return Article(entity=Entity.PLAN if charge == FLAT else Entity.PLAN_USAGE, external_plan_id=due.external_plan_id)


def _units_text(rated: RatedLine) -> str:
    """What was used, what of it the plan includes, and the price of the rest, so that a line of 1 × its net can be checked."""
    used, included = plain(rated.quantity), plain(rated.included_quantity)
    return f"{used} used, {included} included, {plain(rated.unit_price)} per {plain(rated.unit_batch)}"


def _model_text(rated: RatedLine) -> str:
    """What was used, and by which kind of price it came to the net."""
    included = f", {plain(rated.included_quantity)} included" if rated.included_quantity else ""
    return f"{plain(rated.quantity)} used{included}, {type(rated.pricing.charge).__name__.lower()} price"


def _late_text(line: ExpectedLine, rated: RatedLine) -> str:
    """What came too late for its own bill: the amount follows from the month as a whole, not from these units alone."""
    how = "more" if rated.quantity > 0 else "fewer"
    return f"late {line.charge}: {plain(abs(rated.quantity))} {how} than billed before"


def range_text(service_from: datetime, service_to: datetime, zone: ZoneInfo) -> str:
    """First and last day of a range of whole days."""
    last = service_to.astimezone(zone).date() - timedelta(days=1)
    return f"{service_from.astimezone(zone).date().isoformat()} to {last.isoformat()}"
