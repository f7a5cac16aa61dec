"""Quote: what a quantity would cost under a charge, from a written request to a written answer.

Owns: the request's and the answer's keys, how a charge is read. Does not own: the prices (rating), JSON (cli/quote).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from decimal import Decimal
from fractions import Fraction
from reprlib import repr as shortened
from typing import Any

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import amount_text, decimal, exact_text, plain, round_half_up
from fcb_pipelines.domain.rating import Charge, Graduated, Package, PricedLine, Standard, Tier, Volume, rate

MODELS: Mapping[str, type[Charge]] = {"standard": Standard, "package": Package, "graduated": Graduated, "volume": Volume}

_MAY_BE_NULL = {"up_to", "minimum_amount", "maximum_amount"}
"""Where null means "none". Anywhere else it is a mistake: a missing price is not 0.00."""


def quote(request: Mapping[str, object]) -> dict[str, object]:
    """Answer `{"quantity", "currency", "charge"}` with the exact and the rounded amount and the priced lines, all as text.

    Raises `InvalidInput` that names the key at fault.
    """
    _check_keys("the request", request, required=("quantity", "currency", "charge"))
    quantity = _number("quantity", request["quantity"])
    currency = _text("currency", request["currency"])
    rated = rate(read_charge(request["charge"]), quantity)
    return {
        "exact_amount": exact_text(rated.exact),
        "amount": amount_text(rated.amount(currency).amount, currency),
        "lines": _shown(rated.lines),
    }


def read_charge(written: object) -> Charge:
    """Read a charge such as `{"model": "standard", "unit_price": "0.0075", "unit_batch": "3600"}`."""
    charge = dict(_mapping("charge", written))
    if "model" not in charge:
        raise InvalidInput("charge: missing key 'model'")
    model = _text("model", charge.pop("model"))
    if model not in MODELS:
        raise InvalidInput(f"charge: unknown model {shortened(model)}; known are {', '.join(MODELS)}")
    return MODELS[model](**_values(MODELS[model], "charge", charge))


def _shown(lines: Sequence[PricedLine]) -> list[dict[str, str]]:
    # Each line shows what it adds to the sum so far as shown, so that the written lines add up to the written total.
    shown, total, before = [], Fraction(0), Fraction(0)
    for line in lines:
        total += line.amount
        so_far = Fraction(exact_text(total))
        texts = (_in_full(line.quantity), _in_full(line.unit_price), exact_text(so_far - before))
        shown.append(dict(zip(("quantity", "unit_price", "amount"), texts, strict=True)))
        before = so_far
    return shown


def _values(record: type[Charge | Tier], what: str, written: Mapping[str, object]) -> dict[str, Any]:
    required = [field.name for field in fields(record) if not _has_default(field)]
    _check_keys(what, written, required=required, optional=[field.name for field in fields(record) if _has_default(field)])
    return {key: _value(what, key, value) for key, value in written.items()}


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING


def _value(what: str, key: str, value: object) -> object:
    if key == "tiers":
        return _tiers(value)
    return None if value is None and key in _MAY_BE_NULL else _number(f"{what}: {key}", value)


def _tiers(written: object) -> tuple[Tier, ...]:
    if not isinstance(written, list):
        raise InvalidInput(f"charge: tiers must be a list, is {shortened(written)}")
    return tuple(_tier(f"tier {number}", tier) for number, tier in enumerate(written, 1))


def _tier(what: str, written: object) -> Tier:
    values = _values(Tier, what, _mapping(what, written))
    try:
        return Tier(**values)
    except InvalidInput as error:
        raise InvalidInput(f"{what}: {error}") from error


def _check_keys(what: str, written: Mapping[str, object], *, required: Collection[str], optional: Collection[str] = ()) -> None:
    known = [*required, *optional]
    for key in written:
        if key not in known:
            raise InvalidInput(f"{what}: unknown key {shortened(key)}; known are {', '.join(known)}")
    for key in required:
        if key not in written:
            raise InvalidInput(f"{what}: missing key {key!r}")


def _mapping(what: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise InvalidInput(f"{what} must be an object, is {shortened(value)}")
    return value


def _text(what: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{what} must be text, is {shortened(value)}")
    return value


def _number(what: str, value: object) -> Decimal:
    if value is None:
        raise InvalidInput(f"{what} is null: leave the key out or give a number")
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise InvalidInput(f'{what} must be an exact number, written as text such as "12.50", is {shortened(value)}')
    try:
        return decimal(value)
    except InvalidInput as error:
        raise InvalidInput(f"{what}: {error}") from error


def _in_full(value: Fraction) -> str:
    """Show every decimal of a number that ends, so that a price of half a millionth of a millionth is not shown as 0."""
    denominator = value.denominator
    twos = (denominator & -denominator).bit_length() - 1
    fives, odd = 0, denominator >> twos
    while odd % 5 == 0:
        fives, odd = fives + 1, odd // 5
    return plain(round_half_up(value, max(twos, fives))) if odd == 1 else exact_text(value)
