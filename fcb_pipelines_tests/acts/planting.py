"""Services whose subscriptions are each billed in one of many ways, in an order that nobody knows.

Owns: the ways, and the names that are hard to write. Does not own: what any of them comes to.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import psycopg
from psycopg import sql

from fcb_pipelines.domain.tax import TaxRate, TaxTable
from fcb_pipelines_tests.source.small_host import SmallHost

TAXES = TaxTable(
    rates=(
        TaxRate(place="CA-ON", component="HST", percent=Decimal(13), valid_from=date(2010, 7, 1)),
        TaxRate(place="CA-QC", component="GST", percent=Decimal(5), valid_from=date(2010, 7, 1)),
        TaxRate(place="CA-QC", component="QST", percent=Decimal("9.975"), valid_from=date(2013, 1, 1)),
    )
)
RULES: dict[str, Any] = {
    "line_rules": (
        {"pattern": "^Plan", "kind": "plan"},
        {"pattern": "^Use", "kind": "overage"},
        {"pattern": "^Set-up", "kind": "one_off"},
        {"pattern": "^Coupon", "kind": "discount"},
        {"pattern": "^Credit", "kind": "credit"},
    ),
    "terms_assumed_from": date(2026, 1, 1),
    "metrics": {"cpu_seconds": {}},
}
PLANS = {"s": Decimal("9.14"), "l": Decimal("20.00"), "free": Decimal("0.00"), "y": Decimal("35.00"), "usd": Decimal("11.00")}
APRIL = ("2026-04-01T00:00:00-04:00", "2026-05-01T00:00:00-04:00")
TEXT = """
    ALTER TABLE subscriptions ALTER external_subscription_id TYPE text;
    ALTER TABLE subscriptions ALTER external_user_id TYPE text;
    ALTER TABLE users ALTER external_user_id TYPE text;
    ALTER TABLE invoices ALTER external_user_id TYPE text;
    ALTER TABLE usage ALTER external_subscription_id TYPE text;
    TRUNCATE users, plans, subscriptions, usage, invoices, evidence;
    INSERT INTO plans VALUES ('s', 'Small', 'CAD', 9.14, NULL, 1000, 0.0075, 10, true, NULL),
                             ('l', 'Large', NULL, 20, 200.00, 5000, 0.0075, 3600, true, '2026-01-01 00:00-05'),
                             ('free', 'Free', 'CAD', 0, NULL, 0, 0, 1, true, NULL),
                             ('y', 'By the year', 'CAD', 35, 300, 0, 0, 1, true, NULL),
                             ('usd', 'In dollars', 'USD', 11, NULL, 0, 0, 1, true, NULL);
"""
STRANGE = ('"', "\\", "\n", "ß%s", "😀", "'", "{}", "\x7f", "a/b", "\t")


@dataclass
class Planting:
    """A service while it is planted: each subscription is one of some kinds, in an order that nobody knows."""

    host: SmallHost
    random: Random
    rows: dict[str, list[tuple[Any, ...]]] = field(
        default_factory=lambda: {"users": [], "subscriptions": [], "usage": [], "invoices": [], "evidence": []}
    )

    def subscriptions(self, count: int) -> None:
        kinds: list[Callable[[str, str, str], None]] = [
            *([self.agrees] * 12), self.agrees_with_usage, self.agrees_on_nothing, self.nothing_billed, self.other_amount,
            self.twice, self.of_somebody_else, self.without_a_range, self.unnamed, self.late, self.void, self.by_the_year,
            self.covered, self.ended, self.began, self.two_lines, self.with_a_record, self.other_tax, self.set_up,
            self.zero_line, self.by_product, self.contract, self.used_after_its_end, self.without_a_price, self.credited,
        ]  # fmt: skip
        for number in range(count):
            customer = f"u{number // 3}{self.random.choice(STRANGE)}" if number % 3 == 0 else self.rows["users"][-1][0]
            if number % 3 == 0:
                place = self.random.choice(("on", "on", "qc", "zz"))
                self.rows["users"].append((customer, "Ada", None, None, "ca", place, None, True, self.random.random() < 0.1))
            name = f"s{number}{self.random.choice(STRANGE)}"
            self.random.choice(kinds)(name, customer, self.random.choice(("s", "l", "free", "y", "usd")))

    def lives(self, name: str, customer: str, plan: str, began: str = "2026-01-05 15:00Z", **more: Any) -> None:
        given = {"interval": "monthly", "ended": None, "contract": None} | more
        self.rows["subscriptions"].append(
            (name, None, customer, plan, given["interval"], "active", began, given["ended"], given["contract"], None)
        )

    def bills(self, name: str | None, customer: str, *lines: dict[str, Any], **more: Any) -> str:
        """An invoice, taxed as the customer is unless another tax is given; its id."""
        given = {"currency": "CAD", "status": "paid", "issued": "2026-04-30 12:00Z", "tax": None} | more
        invoice = f"i{len(self.rows['invoices'])}{self.random.choice(STRANGE)}"
        (place,) = (user[5] for user in self.rows["users"] if user[0] == customer)
        percents = {"on": ("0.13",), "qc": ("0.05", "0.09975"), "zz": ()}[place]
        net = sum((Decimal(line["amount"]) for line in lines), Decimal(0))
        parts = (Decimal(line["amount"]) * Decimal(each) for line in lines for each in percents)
        tax = given["tax"] or sum((each.quantize(Decimal("0.01")) for each in parts), Decimal(0))
        self.rows["invoices"].append(
            (invoice, customer, name, given["issued"], given["status"], given["currency"], net, tax, net + tax, None, None,
             json.dumps([{"description": "Plan", "service_from": APRIL[0], "service_to": APRIL[1]} | line for line in lines]))
        )  # fmt: skip
        return invoice

    def agrees(self, name: str, customer: str, plan: str) -> None:
        self.lives(name, customer, plan)
        self.bills(name, customer, {"amount": str(PLANS[plan])}, currency="USD" if plan == "usd" else "CAD")

    def agrees_with_usage(self, name: str, customer: str, _plan: str) -> None:
        self.lives(name, customer, "s")
        self.rows["usage"].append((name, "cpu_seconds", 1500, "2026-04-03 10:00Z", None, None))
        used = {"description": "Use", "amount": "0.38"}
        lines = [{"amount": "9.14"}, used]
        self.random.shuffle(lines)
        self.bills(name, customer, *lines)

    def agrees_on_nothing(self, name: str, customer: str, _plan: str) -> None:
        self.lives(name, customer, "free")

    def nothing_billed(self, name: str, customer: str, plan: str) -> None:
        self.lives(name, customer, plan)

    def other_amount(self, name: str, customer: str, plan: str) -> None:
        self.lives(name, customer, plan)
        self.bills(name, customer, {"amount": "4.44"})

    def twice(self, name: str, customer: str, plan: str) -> None:
        self.agrees(name, customer, plan)
        self.bills(name, customer, {"amount": str(PLANS[plan])})

    def of_somebody_else(self, name: str, customer: str, plan: str) -> None:
        self.lives(name, customer, plan)
        self.bills(name, self.random.choice(self.rows["users"])[0], {"amount": str(PLANS[plan])})

    def without_a_range(self, name: str, customer: str, plan: str) -> None:
        self.lives(name, customer, plan)
        self.bills(name, customer, {"amount": str(PLANS[plan]), "service_from": None, "service_to": None})

    def unnamed(self, name: str, customer: str, plan: str) -> None:
        self.lives(name, customer, plan)
        self.bills(None, customer, {"amount": str(PLANS[plan])})

    def late(self, name: str, customer: str, plan: str) -> None:
        self.lives(name, customer, plan)
        self.bills(name, customer, {"amount": str(PLANS[plan])}, issued="2026-05-04 12:00Z")

    def void(self, name: str, customer: str, plan: str) -> None:
        self.lives(name, customer, plan)
        self.bills(name, customer, {"amount": str(PLANS[plan])}, status="void")

    def by_the_year(self, name: str, customer: str, _plan: str) -> None:
        self.lives(name, customer, "l", began="2025-04-10 15:00Z", interval="yearly")
        self.bills(
            name,
            customer,
            {"amount": "200", "service_from": "2026-04-10T00:00:00-04:00", "service_to": "2027-04-10T00:00:00-04:00"},
        )

    def covered(self, name: str, customer: str, _plan: str) -> None:
        self.lives(name, customer, "l", began="2026-02-11 15:00Z", interval="yearly")

    def ended(self, name: str, customer: str, plan: str) -> None:
        self.lives(
            name, customer, plan, ended=self.random.choice(("2026-03-20 15:00Z", "2026-04-20 15:00Z", "9999-12-31 00:00Z"))
        )
        self.bills(name, customer, {"amount": str(PLANS[plan])})

    def began(self, name: str, customer: str, plan: str) -> None:
        self.lives(name, customer, plan, began="2026-04-16 15:00Z")
        half = (PLANS[plan] / 2).quantize(Decimal("0.01"))
        amount = self.random.choice((PLANS[plan], half))
        self.bills(name, customer, {"amount": str(amount), "service_from": "2026-04-16T00:00:00-04:00"})

    def two_lines(self, name: str, customer: str, plan: str) -> None:
        self.lives(name, customer, plan)
        self.bills(name, customer, {"amount": str(PLANS[plan] + 1)}, {"description": "Coupon", "amount": "-1.00"})

    def with_a_record(self, name: str, customer: str, plan: str) -> None:
        self.lives(name, customer, plan)
        invoice = self.bills(name, customer, {"amount": str(PLANS[plan])})
        self.rows["evidence"].append(
            ("reissue", "invoice", invoice, None, None, '{"original_invoice": "i-gone"}', f"r {invoice}")
        )

    def other_tax(self, name: str, customer: str, plan: str) -> None:
        self.lives(name, customer, plan)
        self.bills(name, customer, {"amount": str(PLANS[plan])}, tax=Decimal("3.33"))

    def set_up(self, name: str, customer: str, plan: str) -> None:
        self.agrees(name, customer, plan)
        self.bills(self.random.choice((None, name)), customer, {"description": "Set-up", "amount": "15.00"})

    def zero_line(self, name: str, customer: str, _plan: str) -> None:
        self.lives(name, customer, "free")
        self.bills(name, customer, {"amount": "0.00"})

    def by_product(self, name: str, customer: str, plan: str) -> None:
        self.lives(name, customer, plan)
        self.bills(None, customer, {"amount": str(PLANS[plan]), "product": plan, "quantity": "1"})

    def contract(self, name: str, customer: str, plan: str) -> None:
        self.lives(name, customer, plan, contract=Decimal("7.00"))
        self.bills(name, customer, {"amount": self.random.choice(("7.00", str(PLANS[plan])))})

    def used_after_its_end(self, name: str, customer: str, _plan: str) -> None:
        self.lives(name, customer, "s", ended="2026-03-20 15:00Z")
        self.rows["usage"].append((name, "cpu_seconds", 1500, "2026-04-03 10:00Z", None, None))
        self.bills(name, customer, {"description": "Use", "amount": "0.38"})

    def without_a_price(self, name: str, customer: str, _plan: str) -> None:
        self.lives(name, customer, "s", began="2026-04-05 15:00Z", interval="yearly")

    def credited(self, name: str, customer: str, plan: str) -> None:
        self.agrees_with_usage(name, customer, plan)
        original = self.rows["invoices"][-1][0]
        credit = self.bills(
            None, customer, {"description": "Credit", "amount": "-2.00", "service_from": None, "service_to": None}
        )
        data = json.dumps({"original_invoice": original, "subscription": name})
        self.rows["evidence"].append(("credit_note", "invoice", credit, None, None, data, f"r {credit}"))

    def store(self) -> None:
        """Put it into the host's tables."""
        with psycopg.connect(self.host.url) as conn:
            conn.execute(TEXT)
            for table, rows in self.rows.items():
                for row in rows:
                    values = sql.SQL(", ").join(map(sql.Literal, row))
                    conn.execute(sql.SQL("INSERT INTO {} VALUES ({})").format(sql.Identifier(table), values))
