"""What happens in Odoo while the loop is shown: charges fail, invoices are paid, orders are cancelled.

Owns: doing it as the people and the payment provider of that Odoo do, and reading how its invoices stand. Does not own: what we
make of it (acts/payments, acts/order_ends). It works on the sandbox of the loop alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.live_keys import live_key
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.imports import records

MOVES, ORDERS, PAYMENTS, TRANSACTIONS = "account.move", "sale.order", "account.payment", "payment.transaction"
DECLINED = "card declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """An invoice in Odoo, and the order that it bills."""

    move: int
    order: int
    subscription: str
    name: str
    total: str
    payment: str
    """Such as `not_paid`, as Odoo says it."""
    order_state: str
    failures: int
    """Attempts to charge it that failed."""

    @property
    def is_open(self) -> bool:
        """Whether somebody owes it."""
        return self.payment in ("not_paid", "partial")

    @property
    def is_cancelled(self) -> bool:
        """Whether its order was ended in Odoo."""
        return self.order_state == "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The people at that Odoo."""

    odoo: Odoo
    """As its administrator."""
    db: Database
    service: str

    def bills(self) -> tuple[Bill, ...]:
        """The invoices that Odoo billed for real, by subscription."""
        with self.db.transaction() as conn:
            orders = {one.source_id: one.odoo_id for one in records(conn, self.service, Entity.SUBSCRIPTION)}
            billed = {live_key(one.source_id): one.odoo_id for one in records(conn, self.service, Entity.LIVE_INVOICE)}
        moves = self._rows(MOVES, billed.values(), "name", "amount_total", "payment_state")
        states = self._rows(ORDERS, orders.values(), "state")
        failed = self._failed(billed.values())
        return tuple(
            Bill(
                move=move,
                order=(order := orders[key.external_subscription_id]),
                subscription=key.external_subscription_id,
                name=moves[move]["name"],
                total=f"{moves[move]['amount_total']:.2f} CAD",
                payment=moves[move]["payment_state"],
                order_state=states[order]["state"],
                failures=failed.count(move),
            )
            for key, move in sorted(billed.items(), key=lambda each: str(each[0]))
        )

    def fail(self, bill: Bill) -> None:
        """Have the provider decline an attempt to charge the invoice."""
        row = self._rows(MOVES, [bill.move], "partner_id", "currency_id", "amount_total")[bill.move]
        given = {name: self.odoo.search_read(model, [], ["id"], limit=1)[0]["id"] for name, model in _PROVIDED.items()}
        attempt = {
            "reference": f"{bill.name} {bill.failures + 1}",
            "partner_id": row["partner_id"][0],
            "currency_id": row["currency_id"][0],
            "amount": row["amount_total"],
            "invoice_ids": [[6, 0, [bill.move]]],
        }
        made = self.odoo.call(TRANSACTIONS, "create", given | attempt)
        self.odoo.write(TRANSACTIONS, [made], {"state": "error", "state_message": DECLINED})

    def pay(self, bill: Bill) -> None:
        """Enter a payment of the whole invoice, and match the two."""
        row = self._rows(MOVES, [bill.move], "partner_id", "amount_total")[bill.move]
        values = {"partner_id": row["partner_id"][0], "amount": row["amount_total"], "payment_type": "inbound"}
        payment = self.odoo.call(PAYMENTS, "create", {**values, "partner_type": "customer"})
        self.odoo.call(PAYMENTS, "action_post", [payment])
        entry = self._rows(PAYMENTS, [payment], "move_id")[payment]["move_id"][0]
        domain = [("move_id", "=", entry), ("account_type", "=", "asset_receivable")]
        (line,) = self.odoo.search_read("account.move.line", domain, ["id"])
        self.odoo.call(MOVES, "js_assign_outstanding_line", [bill.move], line["id"])

    def cancel(self, bill: Bill) -> None:
        """Cancel the order: the subscription is over."""
        self.odoo.call(ORDERS, "action_cancel", [bill.order])

    def _failed(self, moves: Any) -> list[int]:
        domain = [("state", "=", "error"), ("invoice_ids", "in", [*moves])]
        return [each for row in self.odoo.search_read(TRANSACTIONS, domain, ["invoice_ids"]) for each in row["invoice_ids"]]

    def _rows(self, model: str, ids: Any, *fields: str) -> Mapping[int, Mapping[str, Any]]:
        return {row["id"]: row for row in self.odoo.search_read(model, [("id", "in", [*ids])], list(fields))}


_PROVIDED = {"provider_id": "payment.provider", "payment_method_id": "payment.method"}
