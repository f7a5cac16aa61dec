"""Charges as boundaries are asked of them: their ranges by rating itself, and what is known of them."""

from decimal import Decimal
from typing import Any

from fcb_pipelines.domain.boundaries import Known, Ranges
from fcb_pipelines.domain.expected import RatedLine, rated_lines, usage_lines
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.period import Period, midnight
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines.domain.quotas import NOTHING_USED
from fcb_pipelines.domain.terms import Terms
from fcb_pipelines_tests.builders import TORONTO, a_plan, day, the_terms

JULY = Period("2026-07", TORONTO)
SCOPE = day("2026-01-01")
PRICES = {Interval.MONTHLY: Decimal(50), Interval.QUARTERLY: Decimal(150), Interval.YEARLY: Decimal(600)}


def ranges_of(terms: Terms, charge: str) -> Ranges:
    def ranges(month: Period) -> list[RatedLine]:
        rate = rated_lines if charge == FLAT else usage_lines
        return [line for line in rate(terms, month, NOTHING_USED) if line.charge == charge]

    return ranges


def known(charge: str = FLAT, terms: Terms | None = None, **changes: Any) -> Known:
    terms = terms or the_terms(plan=a_plan(flat_prices=PRICES))
    started = terms.subscription.started_at.astimezone(TORONTO).date()
    values: dict[str, Any] = {
        "began": midnight(started, TORONTO),
        "in_scope_from": SCOPE,
        "ranges": ranges_of(terms, charge),
        "is_in_arrears": charge != FLAT,
    }
    return Known(**values | changes)
