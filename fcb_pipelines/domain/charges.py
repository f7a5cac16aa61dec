"""A charge as JSON says it: in a request, in a record of a source, beside the line that it priced.

Owns: the names of the charge models, how their numbers and tiers are read and written. Does not own: the prices they make
(rating).
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from decimal import Decimal
from fractions import Fraction
from functools import partial
from reprlib import repr as shortened
from typing import Any

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import Rounding, decimal, plain
from fcb_pipelines.domain.plans import Interval, MeteredCharge
from fcb_pipelines.domain.pricing import Discount, Metered, Quota
from fcb_pipelines.domain.rating import Charge, Graduated, Package, Standard, Tier, Volume
from fcb_pipelines.domain.written import check_keys, mapping, number, text, within

MODELS: Mapping[str, type[Charge]] = {"standard": Standard, "package": Package, "graduated": Graduated, "volume": Volume}

_MAY_BE_NULL = {"up_to", "minimum_amount", "maximum_amount"}
"""Where null means "none". Anywhere else it is a mistake: a missing price is not 0.00."""


def read_charge(written: object) -> Charge:
    """Read a charge such as `{"model": "standard", "unit_price": "0.0075", "unit_batch": "3600"}`."""
    charge = dict(mapping("charge", written))
    if "model" not in charge:
        raise InvalidInput("charge: missing key 'model'")
    model = text("model", charge.pop("model"))
    if model not in MODELS:
        raise InvalidInput(f"charge: unknown model {shortened(model)}; known are {', '.join(MODELS)}")
    return MODELS[model](**_values(MODELS[model], "charge", charge))


def read_metered(written: object) -> tuple[MeteredCharge, ...]:
    """Read the charges of a plan: a list of `{"metric", "charge"}`, each with what it has beside.

    That is `included_interval` (how long the included quantity is for: monthly, quarterly, yearly), `prorated` (whether a part
    of that time has a part of it), `code` (a name of its own) and `interval` (how often it is billed: by the month).
    """
    if not isinstance(written, list):
        raise InvalidInput(f"charges must be a list, is {shortened(written)}")
    return tuple(within(f"charge {place}", partial(_metered, one)) for place, one in enumerate(written, 1))


def _metered(written: object) -> MeteredCharge:
    charge = mapping("it", written)
    check_keys("it", charge, required=("metric", "charge"), optional=("included_interval", "prorated", "interval", "code"))
    prorated = charge.get("prorated")
    if prorated is not None and not isinstance(prorated, bool):
        raise InvalidInput(f"prorated must be true or false, is {shortened(prorated)}")
    if Interval.read(text("interval", charge.get("interval", Interval.MONTHLY))) is not Interval.MONTHLY:
        raise InvalidInput(f"interval is {shortened(charge['interval'])}, and what is metered is billed by the month")
    return MeteredCharge(
        metric=text("metric", charge["metric"]).strip(),
        charge=read_charge(charge["charge"]),
        code=text("code", charge.get("code", "")).strip(),
        included_interval=Interval.read(text("included_interval", charge.get("included_interval", Interval.MONTHLY))),
        is_prorated=prorated,
    )


def write_charge(charge: Charge) -> dict[str, object]:
    """Write a charge as `read_charge` reads it, in full: numbers as exact text, and no key for a limit that there is not."""
    model = next(name for name, kind in MODELS.items() if kind is type(charge))
    return {"model": model, **_written(charge)}


def write_pricing(pricing: Metered) -> dict[str, object]:
    """Write what an amount of usage was priced from, its quantity apart, as `read_pricing` reads it."""
    quota = pricing.quota
    return {
        "metric": pricing.metric,
        "charge": write_charge(pricing.charge),
        "share": str(pricing.share),
        "discounts": [_written_discount(discount) for discount in pricing.discounts],
        "quota": {"share": str(quota.share), "used_before": str(quota.used_before), "months": list(quota.months)},
    }


def read_pricing(written: Mapping[str, Any], quantity: Decimal) -> Metered:
    """Read back what we wrote, for a quantity."""
    quota = written["quota"]
    return Metered(
        metric=written["metric"],
        charge=read_charge(written["charge"]),
        quantity=Fraction(quantity),
        share=Fraction(written["share"]),
        discounts=tuple(_discount(one) for one in written["discounts"]),
        quota=Quota(share=Fraction(quota["share"]), used_before=Fraction(quota["used_before"]), months=tuple(quota["months"])),
    )


def _written_discount(discount: Discount) -> dict[str, object]:
    shown = {
        "percent": None if discount.percent is None else plain(discount.percent),
        "amount": None if discount.amount is None else plain(discount.amount),
        "factor": None if discount.factor is None else str(discount.factor),
        "rounded": None if discount.rounded is None else list(discount.rounded),
    }
    return {name: value for name, value in shown.items() if value is not None}


def _discount(written: Mapping[str, Any]) -> Discount:
    rounded = written.get("rounded")
    return Discount(
        percent=decimal(written["percent"]) if "percent" in written else None,
        amount=decimal(written["amount"]) if "amount" in written else None,
        factor=Fraction(written["factor"]) if "factor" in written else None,
        rounded=None if rounded is None else (rounded[0], Rounding(rounded[1])),
    )


def _written(record: Charge | Tier) -> dict[str, object]:
    values = ((field.name, getattr(record, field.name)) for field in fields(record))
    return {name: _shown(value) for name, value in values if value is not None or name == "up_to"}


def _shown(value: Decimal | tuple[Tier, ...] | None) -> object:
    if isinstance(value, tuple):
        return [_written(tier) for tier in value]
    return None if value is None else plain(value)


def _values(record: type[Charge | Tier], what: str, written: Mapping[str, object]) -> dict[str, Any]:
    required = [field.name for field in fields(record) if not _has_default(field)]
    check_keys(what, written, required=required, optional=[field.name for field in fields(record) if _has_default(field)])
    return {key: _value(what, key, value) for key, value in written.items()}


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING


def _value(what: str, key: str, value: object) -> object:
    if key == "tiers":
        return _tiers(value)
    return None if value is None and key in _MAY_BE_NULL else number(f"{what}: {key}", value)


def _tiers(written: object) -> tuple[Tier, ...]:
    if not isinstance(written, list):
        raise InvalidInput(f"charge: tiers must be a list, is {shortened(written)}")
    return tuple(_tier(f"tier {place}", tier) for place, tier in enumerate(written, 1))


def _tier(what: str, written: object) -> Tier:
    values = _values(Tier, what, mapping(what, written))
    return within(what, lambda: Tier(**values))
