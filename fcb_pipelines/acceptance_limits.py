"""How much one person may accept alone, as `fcb.toml` says it.

Owns: the keys of `[services.<code>.acceptance]` and their bounds. Does not own: how amounts are counted
(domain/acceptance_limits).
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import MINOR_UNITS, ZERO, decimal

LOW_LIMITS: Mapping[str, Decimal] = MappingProxyType(
    {currency: Decimal("50.00") for currency, decimals in MINOR_UNITS.items() if decimals}
)
"""Until somebody decides otherwise; what has no limit always needs a second person."""


def _amount(value: object) -> Decimal:
    if isinstance(value, float):
        raise ValueError(f'write {value} as text, such as "{value}": a number with a point is not exact')  # noqa: TRY004
    try:
        amount = decimal(str(value))
    except InvalidInput as error:
        raise ValueError(str(error)) from error
    if amount < ZERO:
        raise ValueError(f"{value} is below 0, and a limit is not")
    return amount


def _known(code: str) -> str:
    if code not in MINOR_UNITS:
        raise ValueError(f"currency {code!r} is not known; known are {', '.join(sorted(MINOR_UNITS))}")
    return code


Amount = Annotated[Decimal, BeforeValidator(_amount)]
Code = Annotated[str, AfterValidator(_known)]


class AcceptanceLimits(BaseModel):
    """What needs a second person, and for how long a decision may be signed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: dict[Code, Amount] = dict(LOW_LIMITS)
    """Per currency: the sum of amounts that one person may accept of one customer within 30 days without a second person; of a
    currency that is not named nothing."""
    longest_days: int = Field(default=366, ge=1, le=1827)
    """How many days ahead an acceptance may expire at most."""
