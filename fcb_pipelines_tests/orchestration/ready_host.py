"""The host of the world in which the gate is open: its rules, its months, and what it says of two customers.

Owns: rows as the mapping would return them, and which months they are of. Does not own: the rest of the world (ready).
All of it is as of the time at which it is made, because a command takes the time from the clock wherever a service is real.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fcb_pipelines.domain.period import Period, period_of
from fcb_pipelines.domain.rows import Instance
from fcb_pipelines_tests.acts.planted_source import Rows, billing_row, evidence_row, plan_row, subscription_row, user_row
from fcb_pipelines_tests.builders import TORONTO
from fcb_pipelines_tests.domain import canonical_rows
from fcb_pipelines_tests.domain.flip_facts import matched

SHOP = """
[services.shop]
mapping = "nexacloud"
zone = "America/Toronto"
currency = "CAD"
first_period = "{first}"
arrears_lag_days = {lag}
place_of_supply = "CA-ON"

[services.shop.conventions]
tax_rounding = "total"

[services.shop.flip]
arm_hours = 72
snapshot_hours = 48

[[taxes]]
place = "CA-ON"
component = "HST"
percent = "13"
valid_from = 2010-07-01
"""
_DAYS = 4
"""Longer than any test looks back."""


@dataclass(frozen=True, kw_only=True)
class Months:
    """The last three months that have closed, and the one from which on Odoo is to bill."""

    now: datetime

    @property
    def lag_days(self) -> int:
        """How long after its end a month closes: none closed within the last days, whenever the tests are run."""
        return 0 if self.now.astimezone(TORONTO).day > _DAYS else 2 * _DAYS

    @property
    def first(self) -> Period:
        """The first month that Odoo is to bill: the one after the last that has closed."""
        running = period_of(self.now, TORONTO)
        return running.previous() if self.lag_days else running

    @property
    def closed(self) -> tuple[Period, Period, Period]:
        """The oldest of them is not one of those that must be clean."""
        last = self.first.previous()
        return last.previous().previous(), last.previous(), last

    @property
    def old(self) -> str:
        """The oldest."""
        return self.closed[0].key

    @property
    def last(self) -> str:
        """The last that has closed."""
        return self.closed[2].key


def usual(period: str) -> tuple[Instance, Instance]:
    """What a month holds of a subscription: the flat price and usage, each as it was billed."""
    return matched(period, net="50.00"), matched(period, "cpu_seconds", "5.00")


def bill(period: Period, net: str = "50", key: str = "", **changes: Any) -> dict[str, Any]:
    """A paid invoice of the flat price of a month."""
    line = {
        "kind": "plan",
        "description": "Basic",
        "amount": net,
        "service_from": period.start.isoformat(),
        "service_to": period.end.isoformat(),
    }
    values = {
        "external_invoice_id": key or f"i-{period.key}",
        "issued_at": period.start.isoformat(),
        "subtotal": net,
        "tax": "0",
        "total": net,
        "lines": [line | changes.pop("line", {})],
    }
    return canonical_rows.invoice_row(**values | changes)


def no_balance(customer: str = "u-1") -> dict[str, Any]:
    """A record that a customer has nothing with the source."""
    told = {"kind": "balance", "subject_kind": "user", "subject_id": customer, "data": {"amount": "0"}, "valid_to": None}
    return evidence_row(**told)


def host(months: Months) -> Mapping[str, Rows]:
    """Two customers with a subscription each, of whom the first is about to go live: stopped, billed, and owing nothing."""
    other = {"external_subscription_id": "s-2", "external_user_id": "u-2"}
    bills = [bill(month) for month in months.closed]
    others = [bill(month, key=f"j-{month.key}", **other) for month in months.closed]
    return {
        "users": [user_row(), user_row(external_user_id="u-2", name="Bob", email="bob@example.org")],
        "plans": [plan_row()],
        "subscriptions": [subscribed(months), subscribed(months, "s-2", external_user_id="u-2")],
        "invoices": [*bills, *others],
        "billing_state": [billing_row(auto_renew=False), billing_row("s-2")],
        "evidence": [no_balance(), no_balance("u-2")],
    }


def subscribed(months: Months, key: str = "s-1", **changes: Any) -> dict[str, Any]:
    """A subscription that began before anything was read."""
    began = months.closed[0].previous().previous().start
    return subscription_row(key, started_at=began.isoformat(), **changes)
