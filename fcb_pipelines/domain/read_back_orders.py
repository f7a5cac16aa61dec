"""Read-back of orders: what must follow in Odoo from the lines that we sent.

Owns: subtotals, taxes and totals of an order against the dated tax table and our rounding, and the likely cause of each
difference. Does not own: the fields that were sent themselves (read_back), reading Odoo.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from fcb_pipelines.domain.money import Money, amount_text, plain, rounded, total
from fcb_pipelines.domain.read_back import IMPORT_AGAIN, Difference
from fcb_pipelines.domain.tax import Taxed, TaxRounding, TaxUndecided

REMAKE = "delete this draft in Odoo and import again, which makes it anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSent:
    """What a line of ours is made of."""

    quantity: Decimal
    price: Decimal

    def net(self, currency: str) -> Money:
        """What it comes to, rounded once."""
        return rounded(Fraction(self.quantity) * Fraction(self.price), currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSent:
    """What an order must come to."""

    currency: str
    place: str | None
    """Where the customer is taxed, such as `CA-ON`."""
    taxed: Taxed | TaxUndecided
    """The tax of its lines on the day, by our convention."""
    lines: Mapping[str, LineSent]
    """By the line's external id."""

    @property
    def untaxed(self) -> Money:
        """Its lines together, each rounded once."""
        return total((line.net(self.currency) for line in self.lines.values()), self.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxStored:
    """A tax on a line, the parts of a group each by itself."""

    name: str
    percent: Decimal | None
    """None for one that is no percentage."""
    is_included: bool
    """Whether it is taken out of the price instead of put on top."""

    def __str__(self) -> str:
        return f"{self.name} ({'no percentage' if self.percent is None else plain(self.percent) + ' %'})"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineStored:
    """A line of ours as Odoo has it."""

    subtotal: Decimal
    discount: Decimal
    """Percent."""
    taxes: tuple[TaxStored, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStored:
    """An order of ours as Odoo has it."""

    currency: str
    position: str | None
    """Name of its fiscal position."""
    place: str | None
    """Where its delivery address is, such as `CA-ON`, or only `CA` without a province; None without a country."""
    untaxed: Decimal
    tax: Decimal
    total: Decimal
    lines: Mapping[str, LineStored]
    """Those that we sent, by external id."""
    companions: int = 0
    """Lines of ours that another part of our work put there."""
    strangers: int = 0
    """Lines that are not ours."""


def follows(xid: str, sent: OrderSent, stored: OrderStored, *, ours: TaxRounding, odoos: TaxRounding) -> Iterator[Difference]:
    """What Odoo made of an order against what must follow from it; nothing where it is in another currency.

    `ours` is the declared rounding of taxes, `odoos` the setting of its company. Totals are not compared where other lines
    than those sent stand on the order.
    """
    if stored.currency != sent.currency:
        return
    for line_id, line in sent.lines.items():
        if line_id in stored.lines:
            yield from _line(line_id, line, sent, stored)
    if stored.strangers:
        why = f"somebody added {stored.strangers} lines to it: remove them in Odoo, or {REMAKE}"
        yield Difference(
            external_id=xid, field="lines", sent=str(len(sent.lines)), stored=str(len(sent.lines) + stored.strangers), why=why
        )
    elif not stored.companions:
        yield from _totals(xid, sent, stored, _why_total(sent, stored, ours, odoos))


def _line(line_id: str, line: LineSent, sent: OrderSent, stored: OrderStored) -> Iterator[Difference]:
    found = stored.lines[line_id]
    net = line.net(sent.currency).amount
    if found.subtotal != net:
        yield _amount(line_id, "subtotal", (net, found.subtotal), sent.currency, _why_subtotal(found))
    rates = [] if isinstance(sent.taxed, TaxUndecided) else [part.percent for part in sent.taxed.components]
    if _percents(tax.percent for tax in found.taxes) == _percents(rates) and rates:
        return
    due = (
        None
        if isinstance(sent.taxed, TaxUndecided)
        else _named(f"{one.component} ({plain(one.percent)} %)" for one in sent.taxed.components)
    )
    yield Difference(
        external_id=line_id, field="taxes", sent=due, stored=_named(map(str, found.taxes)), why=_why_taxes(found, sent, stored)
    )


def _totals(xid: str, sent: OrderSent, stored: OrderStored, why: str) -> Iterator[Difference]:
    untaxed = sent.untaxed
    wanted = {"untaxed": (untaxed.amount, stored.untaxed)}
    if isinstance(sent.taxed, Taxed):
        wanted |= {"tax": (sent.taxed.tax.amount, stored.tax), "total": ((untaxed + sent.taxed.tax).amount, stored.total)}
    for field, (due, there) in wanted.items():
        if due != there:
            yield _amount(xid, field, (due, there), sent.currency, why)


def _why_subtotal(line: LineStored) -> str:
    if line.discount:
        return f"somebody put a discount of {plain(line.discount)} % on the line: take it off, {IMPORT_AGAIN}"
    if any(tax.is_included for tax in line.taxes):
        return _included(line)
    return "it follows from the quantity and the price that Odoo stored"


def _why_taxes(line: LineStored, sent: OrderSent, stored: OrderStored) -> str:
    position = f"fiscal position {stored.position!r}" if stored.position else "no fiscal position"
    if isinstance(sent.taxed, TaxUndecided):
        return f"its tax is undecided ({sent.taxed.reason}), and Odoo took {position}: nothing may be posted before"
    if stored.place != sent.place:
        return (
            f"in Odoo the customer's address is {_address(stored.place)}, while it is taxed in {sent.place}, so Odoo took "
            f"{position}: make the address agree, then {REMAKE}"
        )
    if not line.taxes:
        return f"the line has no tax at all under {position}: give the product, or the company, its sales tax, then {REMAKE}"
    return (
        f"Odoo took them by {position} when it made the order: if the customer has moved since, {REMAKE}; else mend that "
        "fiscal position and the taxes of the product"
    )


def _why_total(sent: OrderSent, stored: OrderStored, ours: TaxRounding, odoos: TaxRounding) -> str:
    if any(tax.is_included for line in stored.lines.values() for tax in line.taxes):
        return next(_included(line) for line in stored.lines.values() if any(tax.is_included for tax in line.taxes))
    nets = {line_id: line.net(sent.currency).amount for line_id, line in sent.lines.items()}
    if ours is not odoos and all(line.subtotal == nets.get(line_id) for line_id, line in stored.lines.items()):
        return f"Odoo rounds taxes by {odoos} and we by {ours}: fcb doctor --fix sets Odoo's rounding, then {REMAKE}"
    return "it follows from what Odoo has on the lines"


def _included(line: LineStored) -> str:
    names = _named(tax.name for tax in line.taxes if tax.is_included)
    return f"tax {names} is included in the price in Odoo: set it to be put on top (Accounting > Configuration > Taxes)"


def _address(place: str | None) -> str:
    if place is None:
        return "without a country"
    return f"in {place}" if "-" in place else f"in {place} without a province"


def _amount(xid: str, field: str, amounts: tuple[Decimal, Decimal], currency: str, why: str) -> Difference:
    due, there = amounts
    return Difference(
        external_id=xid, field=field, sent=amount_text(due, currency), stored=amount_text(there, currency), why=why
    )


def _percents(values: Iterable[Decimal | None]) -> list[str]:
    return sorted("no percentage" if value is None else plain(value) for value in values)


def _named(names: Iterable[str]) -> str | None:
    return ", ".join(sorted(names)) or None
