"""Terms by name: the columns of plans and subscriptions that say what is owed, and how a history writes their values.

Owns: the names, and the reading of values. Does not own: which value held when (seen).
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from fcb_pipelines.domain.charges import read_metered
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import decimal
from fcb_pipelines.domain.plans import Interval

VALID_FROM = "valid_from"
PLAN = (
    *(f"price_{each}" for each in Interval),
    "currency",
    "included_quantity",
    "unit_price",
    "unit_batch",
    "charges",
    VALID_FROM,
)
"""The terms of a plan, by the names of their columns."""
SUBSCRIPTION = ("plan", "billing_interval", "contract_price", "discount_percent", "instalments")
"""Those of a subscription."""


def _charges(text: str) -> Any:
    try:
        return read_metered(json.loads(text, parse_float=str))
    except ValueError as error:
        raise InvalidInput(f"its history of charges has {text[:80]!r}, which is not JSON") from error


MAY_BE_NONE = frozenset({*(f"price_{each}" for each in Interval), "contract_price", "discount_percent", VALID_FROM})

_READ: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys([f"price_{each}" for each in Interval], decimal),
    **dict.fromkeys(["included_quantity", "unit_price", "unit_batch", "contract_price", "discount_percent"], decimal),
    "instalments": lambda text: int(decimal(text)),
    "billing_interval": Interval.read,
    "charges": _charges,
    VALID_FROM: datetime.fromisoformat,
}
"""How the value of a history entry is read; the other terms are words."""


def read_value(name: str, value: str | None) -> object:
    """What a text says of a term; raises `InvalidInput` where it is no value of it."""
    if value is not None and value.strip():
        return _READ.get(name, str)(value)
    if name not in MAY_BE_NONE:
        raise InvalidInput(f"{name} has no value")
    return None
