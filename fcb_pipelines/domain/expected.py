"""The expected side: what we would bill, as rated lines and then as rounded, taxed ones.

Owns: the two records and the step between them. Does not own: which instances exist (instances), charge models (rating), tax
rates (tax).
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from fcb_pipelines.domain.money import Money


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxComponent:
    """One component of the tax on a line, such as HST, rounded on its own."""

    component: str
    percent: Decimal
    amount: Decimal


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
    """Whether money is due: a price above 0, not in trial, not free, not an internal account."""
    notes: tuple[str, ...] = ()

    @property
    def gross(self) -> Money | None:
        """Net and tax, where both are known."""
        return None if self.net is None or self.tax is None else self.net + self.tax
