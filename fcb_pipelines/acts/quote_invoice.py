"""A whole invoice: its lines priced and discounted, each rounded once, its taxes by rate.

Owns: the keys of an invoice and of its lines, discounts, how taxes are summed. Does not own: which taxes a place asks
(domain/tax), what a line costs before its discount (quote_price).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import partial
from reprlib import repr as shortened

from fcb_pipelines.acts.quote_price import OPTIONAL, REQUIRED, Price, read_price
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import Money, Rounding, amount_text, exact_text, minor_units, plain, rounded, total
from fcb_pipelines.domain.tax import component_tax
from fcb_pipelines.domain.written import check_keys, mapping, number, text, within, word

_HUNDRED = 100


class TaxAt(StrEnum):
    """Where the taxes of an invoice are rounded."""

    LINE = "per_line"
    TOTAL = "per_total"


@dataclass(frozen=True, slots=True)
class Component:
    """One tax of an invoice: lines that name the same percent name the same tax."""

    percent: Decimal
    place: int
    """Counts the components of one line that ask the same percent, from 1: two taxes of 9 % are two taxes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of an invoice, rounded."""

    price: Price
    discount: Fraction
    net: Money
    components: tuple[Component, ...]

    def taxes(self, rounding: Rounding) -> dict[Component, Money]:
        """What each of its taxes asks on its own net amount."""
        return {one: component_tax(self.net, one.percent, rounding) for one in self.components}


def quote_invoice(request: Mapping[str, object]) -> dict[str, object]:
    """Answer `{"currency", "lines", "tax_rounding"}` with every line, the net amount, the taxes by rate and the gross amount.

    Raises `InvalidInput` that names the line and the key at fault.
    """
    check_keys("the invoice", request, required=("currency", "lines"), optional=("tax_rounding", "rounding"))
    currency = text("currency", request["currency"])
    minor_units(currency)
    rounding = word("rounding", request.get("rounding", Rounding.HALF_UP), Rounding)
    at = word("tax_rounding", request["tax_rounding"], TaxAt) if "tax_rounding" in request else None
    lines = _lines(request["lines"], currency, rounding)
    if at is None and any(line.components for line in lines):
        raise InvalidInput("the invoice: missing key 'tax_rounding': lines have a tax_rate, so write per_line or per_total")
    taxes = _taxes(lines, currency, at, rounding)
    net, tax = total((line.net for line in lines), currency), total(taxes.values(), currency)
    return {
        "lines": [_shown(line, at, rounding) for line in lines],
        "net": _text(net),
        "tax": _text(tax),
        "taxes": [{"rate": plain(one.percent), "net": _text(_base(lines, one)), "tax": _text(taxes[one])} for one in taxes],
        "gross": _text(net + tax),
    }


def _lines(written: object, currency: str, rounding: Rounding) -> tuple[Line, ...]:
    if not isinstance(written, list) or not written:
        raise InvalidInput(f"lines must be a list of at least one line, is {shortened(written)}")
    return tuple(within(f"line {place}", partial(_line, line, currency, rounding)) for place, line in enumerate(written, 1))


def _line(written: object, currency: str, rounding: Rounding) -> Line:
    line = mapping("the line", written)
    check_keys("the line", line, required=REQUIRED, optional=(*OPTIONAL, "discount", "tax_rate"))
    price = read_price(line)
    discount = _discount(line["discount"], price.exact) if "discount" in line else Fraction(0)
    components = _components(line["tax_rate"]) if "tax_rate" in line else ()
    return Line(price=price, discount=discount, net=rounded(price.exact - discount, currency, rounding), components=components)


def _discount(written: object, price: Fraction) -> Fraction:
    """What a discount takes off a price, at most all of it: what is left of a fixed amount is lost."""
    terms = dict(written) if isinstance(written, dict) else {"percent": written}
    if len(terms) != 1:
        raise InvalidInput('discount must have one key: write {"percent": "10"} or {"amount": "5.00"}')
    check_keys("discount", terms, required=(), optional=("percent", "amount"))
    if "percent" in terms:
        return price * Fraction(_percent("discount: percent", terms["percent"])) / _HUNDRED
    amount = number("discount: amount", terms["amount"])
    if amount < 0:
        raise InvalidInput(f"discount: amount must not be negative, is {plain(amount)}: what is added is a line of its own")
    return min(price, Fraction(amount))


def _components(written: object) -> tuple[Component, ...]:
    if isinstance(written, list) and not written:
        raise InvalidInput("tax_rate is an empty list: leave the key out where there is no tax")
    seen: Counter[Decimal] = Counter()
    for one in written if isinstance(written, list) else [written]:
        seen[_percent("tax_rate", one)] += 1
    return tuple(Component(percent, place) for percent, times in seen.items() for place in range(1, times + 1))


def _percent(what: str, written: object) -> Decimal:
    instead = 'write a number from 0 to 100, such as "13" for 13 %'
    try:
        percent = number(what, written)
    except InvalidInput as error:
        raise InvalidInput(f"{error}: {instead}") from error
    if not 0 <= percent <= _HUNDRED:
        raise InvalidInput(f"{what} is {plain(percent)}: {instead}")
    return percent


def _taxes(lines: Sequence[Line], currency: str, at: TaxAt | None, rounding: Rounding) -> dict[Component, Money]:
    """The taxes in the order in which the lines name them first."""
    components = dict.fromkeys(one for line in lines for one in line.components)
    if at is TaxAt.TOTAL:
        return {one: component_tax(_base(lines, one), one.percent, rounding) for one in components}
    by_line = [line.taxes(rounding) for line in lines]
    return {one: total((taxes[one] for taxes in by_line if one in taxes), currency) for one in components}


def _base(lines: Iterable[Line], component: Component) -> Money:
    """The sum of the net amounts that bear a tax; some line does."""
    nets = [line.net for line in lines if component in line.components]
    return total(nets, nets[0].currency)


def _shown(line: Line, at: TaxAt | None, rounding: Rounding) -> dict[str, object]:
    shown: dict[str, object] = {
        "exact_amount": exact_text(line.price.exact - line.discount),
        **line.price.fraction(),
        "discount": exact_text(line.discount),
        "net": _text(line.net),
    }
    if at is TaxAt.LINE:
        taxes = line.taxes(rounding)
        shown["tax"] = _text(total(taxes.values(), line.net.currency))
        shown["taxes"] = [{"rate": plain(one.percent), "tax": _text(tax)} for one, tax in taxes.items()]
    return shown


def _text(amount: Money) -> str:
    return amount_text(amount.amount, amount.currency)
