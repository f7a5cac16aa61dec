"""What a flip asks for, as `fcb.toml` says it.

Owns: the keys of `[services.<code>.flip]` and their bounds. Does not own: the rules that use them (domain/objections,
domain/flip).
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field

from fcb_pipelines.acceptance_limits import Amount, Code
from fcb_pipelines.domain.money import MINOR_UNITS

ONE_PERSON: Mapping[str, Decimal] = MappingProxyType(
    {currency: Decimal("500.00") for currency, decimals in MINOR_UNITS.items() if decimals}
)
"""Until somebody decides otherwise; what has no limit always needs a second person."""


class FlipRules(BaseModel):
    """How sure one must be before a cohort goes live, and who may take it there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    clean_periods: int = Field(default=2, ge=1, le=24)
    """Clean periods in a row, the last closed one among them, under the rules and settings of now."""
    snapshot_hours: int = Field(default=24, ge=1, le=168)
    """How old the snapshot may be that a flip relies on."""
    arm_hours: int = Field(default=24, ge=1, le=72)
    """How long an arming holds."""
    limit: dict[Code, Amount] = dict(ONE_PERSON)
    """Per currency: the sum of Odoo's first invoices, net, that one person may arm without a second one."""
    rehearsed_days: int = Field(default=30, ge=1, le=366)
    """How long a rehearsal of flip and unflip on this version counts."""
    feed_silent_hours: int = Field(default=48, ge=1, le=744)
    """After so many hours without any usage of a service its feed counts as silent."""
    past_due_days: int = Field(default=30, ge=1, le=366)
    """An invoice of the source that is open for longer keeps its customer from going live."""
    watch_months: int = Field(default=2, ge=1, le=24)
    """For so many months after a flip both systems are compared each day."""
    host_closes_after_days: int = Field(default=30, ge=1, le=366)
    """After so many days without payment the host ends a deployment; Odoo may not close the subscription before."""
