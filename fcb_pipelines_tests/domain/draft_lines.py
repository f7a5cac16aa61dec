"""Lines and drafts with defaults, for the rules on drafts."""

from decimal import Decimal
from typing import Any

from fcb_pipelines.domain.drafts import Draft, DraftLine
from fcb_pipelines.domain.money import Money, rounded
from fcb_pipelines.domain.tax import TaxComponent


def components(net: Money, *percents: str) -> tuple[TaxComponent, ...]:
    """Taxes named after their rate, rounded each by itself."""
    return tuple(
        TaxComponent(component=f"T{one}", percent=Decimal(one), amount=rounded(net.amount * Decimal(one) / 100, net.currency))
        for one in percents
    )


def a_draft_line(quantity: str, price: str, *percents: str, currency: str = "CAD", **changes: Any) -> DraftLine:
    """`quantity` × `price`, rounded and taxed as we do it."""
    net = rounded(Decimal(quantity) * Decimal(price), currency)
    taxes = components(net, *percents)
    values: dict[str, Any] = {
        "key": "flat/2026-04-01",
        "article": None,
        "description": "Basic",
        "quantity": Decimal(quantity),
        "unit_price": Decimal(price),
        "net": net,
        "tax": sum((one.amount for one in taxes), Money(Decimal(0), currency)),
        "place": "CA-ON",
        "taxes": taxes,
    }
    return DraftLine(**values | changes)


def a_draft(*lines: DraftLine, **changes: Any) -> Draft:
    """April's draft of s1."""
    values: dict[str, Any] = {
        "key": "s1/2026-04",
        "external_user_id": "u1",
        "currency": "CAD",
        "reference": "s1 2026-04",
        "lines": lines,
    }
    return Draft(**values | changes)
