"""The demo's catalogue: 232 plans, of which few are in use, as hosts collect them over the years.

Owns: names, list prices, quotas. Does not own: who is on which plan (subscriptions).
"""

from collections.abc import Iterator
from decimal import Decimal

from fcb_pipelines.domain.money import round_half_up
from fcb_pipelines.source.demo.tables import Row, Table, cells, given

LIST_PRICES = """
family   | Nano  | XS    | S     | M     | L      | XL     | XXL
Web      | 4.90  | 9.00  | 14.00 | 19.00 | 29.00  | 49.00  | 89.00
Compute  | 9.00  | 14.00 | 24.00 | 39.00 | 79.00  | 149.00 | 299.00
Memory   | 12.00 | 18.00 | 29.00 | 54.00 | 99.00  | 189.00 | -
Database | 9.00  | 15.00 | 29.00 | 59.00 | 119.00 | 229.00 | -
Storage  | 3.00  | 6.00  | 12.00 | 22.00 | 45.00  | 85.00  | 160.00
Cache    | 5.00  | 8.00  | 12.00 | 21.00 | 40.00  | 75.00  | -
Worker   | 6.00  | 12.00 | 18.00 | 24.00 | 48.00  | 96.00  | 180.00
GPU      | -     | -     | -     | -     | -      | -      | -
"""
"""A month of the generation of 2025, in CAD; `-` is on request."""

CORE_HOURS = {"Nano": 50, "XS": 100, "S": 250, "M": 500, "L": 1000, "XL": 2000, "XXL": 4000}
"""Included a month, by size."""

GENERATIONS = """
generation | share_of_list | is_active
2023       | 0.90          | no
2024       | 0.95          | no
2025       | 1.00          | yes
2026       | 1.05          | yes
"""

YEARLY_MONTHS = 10
"""A year paid in advance costs ten months."""

NO_YEARLY_PRICE = "Cache"
"""This family is sold by the month alone."""

SPECIAL = """
id  | name            | price_monthly | price_yearly | core_hours | is_active | list_interval
225 | Free            | 0.00          | 0.00         | 20         | yes       | -
226 | Free Education  | 0.00          | 0.00         | 100        | yes       | -
227 | Archive 2 TB    | 200.00        | -            | 100        | no        | yearly
228 | Edge Relay      | 50.00         | -            | 100        | no        | quarterly
229 | Staff           | 25.00         | 250.00       | 500        | yes       | -
230 | Reseller        | 120.00        | 1200.00      | 2000       | yes       | monthly
231 | Beta Preview    | -             | -            | 50         | yes       | -
232 | Partner Sandbox | -             | -            | 0          | no        | -
"""
"""Plans outside the families. The prices of 227 and 228 stand in the column of the month and are not a month's."""

SECONDS = 3600
_COLUMNS = ("id", "name", "price_monthly", "price_yearly", "cpu_seconds_quota", "is_active", "list_interval")


def plans() -> Table:
    """The table `plans`."""
    return Table(name="plans", columns=_COLUMNS, rows=[*_families(), *_special()])


def plan_ids() -> dict[str, int]:
    """The id of each plan by its name, which is unique in the demo."""
    return {str(row[1]): int(str(row[0])) for row in plans().rows}


def _families() -> Iterator[Row]:
    """224 plans: 4 generations of 8 families in 7 sizes, numbered in that order from 1."""
    number = 0
    for generation in cells(GENERATIONS):
        for prices in cells(LIST_PRICES):
            for size, core_hours in CORE_HOURS.items():
                number += 1
                name = f"{prices['family']} {size} ({generation['generation']})"
                monthly = _of_list(given(prices[size]), generation["share_of_list"])
                yearly = None if monthly is None or prices["family"] == NO_YEARLY_PRICE else monthly * YEARLY_MONTHS
                yield number, name, monthly, yearly, core_hours * SECONDS, generation["is_active"] == "yes", None


def _of_list(price: str | None, share: str) -> Decimal | None:
    return None if price is None else round_half_up(Decimal(price) * Decimal(share), 2)


def _special() -> Iterator[Row]:
    for row in cells(SPECIAL):
        prices = given(row["price_monthly"]), given(row["price_yearly"])
        quota = int(row["core_hours"]) * SECONDS
        yield row["id"], row["name"], *prices, quota, row["is_active"] == "yes", given(row["list_interval"])
