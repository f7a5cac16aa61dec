"""What Odoo bills and is paid in a test: orders, invoices, payments, tokens, attempts to charge; removed afterwards."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines_tests.odoo.made import Made

MOVES, ORDERS = "account.move", "sale.order"
PAYMENTS = "account.payment"
TRANSACTIONS, TOKENS = "payment.transaction", "payment.token"
HST = "13% HST"
DAY = date(2026, 5, 31)


class Billed:
    """Everything hangs on partners of the run, so that it is found again whatever became of it."""

    def __init__(self, odoo: Odoo, made: Made) -> None:
        self.odoo = odoo
        self.made = made
        self.partner = made.partner()
        self._product: int | None = None

    @property
    def product(self) -> int:
        """A product, the same for all lines."""
        self._product = self._product or self.made.product()
        return self._product

    def order(self, price: float = 12.0, **values: Any) -> int:
        """A quotation of one line."""
        return self.made.order(self.partner, [{"product_id": self.product, "price_unit": price}], **values)

    def running(self, price: float = 12.0) -> int:
        """A confirmed order."""
        order = self.order(price)
        self.odoo.call(ORDERS, "action_confirm", [order])
        return order

    def invoice_of(self, order: int, price: float = 12.0, **values: Any) -> int:
        """A draft that bills the line of an order."""
        (line,) = self.made.lines(order, "id")
        billed = {"product_id": self.product, "price_unit": price, "sale_line_ids": [(6, 0, [line["id"]])]}
        return self.made.invoice([billed], partner_id=self.partner, invoice_date=DAY.isoformat(), **values)

    def draft(self, price: float = 10.0, **values: Any) -> int:
        """A draft invoice of nobody's in particular."""
        line = {"name": "x", "price_unit": price, "tax_ids": [(6, 0, [self.made.tax(HST)])]}
        return self.made.invoice([line], **{"partner_id": self.partner, "invoice_date": DAY.isoformat(), **values})

    def posted(self, price: float = 10.0, **values: Any) -> int:
        """The same, posted."""
        move = self.draft(price, **values)
        self.odoo.call(MOVES, "action_post", [move])
        return move

    def ours(self, name: str, price: float = 10.0, *, is_posted: bool = True, xid: str | None = None) -> int:
        """An invoice with an external id, of ours if no other is given: `fcb.<run>_<name>`."""
        columns = ["id", "move_type", "partner_id/.id", "ref", "invoice_date"]
        cells = [xid or self.made.xid(name), "out_invoice", self.partner, self.made.name(name), DAY.isoformat()]
        line = [*(f"invoice_line_ids/{each}" for each in ("name", "quantity", "price_unit", "tax_ids/.id"))]
        loaded = self.odoo.load(MOVES, [*columns, *line], [[*cells, "usage", 1, price, str(self.made.tax(HST))]])
        if is_posted:
            self.odoo.call(MOVES, "action_post", list(loaded.ids))
        return loaded.ids[0]

    def pay(self, move: int, amount: float | None = None) -> int:
        """A payment that is matched with an invoice, of all that is due of it if nothing else is said."""
        due = self.move(move, "amount_residual")["amount_residual"]
        payment = self.deposit(due if amount is None else amount)
        (entry,) = self.odoo.search_read(PAYMENTS, [("id", "=", payment)], ["move_id"])
        domain = [("move_id", "=", entry["move_id"][0]), ("account_type", "=", "asset_receivable")]
        (line,) = self.odoo.search_read("account.move.line", domain, ["id"])
        self.odoo.call(MOVES, "js_assign_outstanding_line", [move], line["id"])
        return payment

    def deposit(self, amount: float, partner: int | None = None) -> int:
        """A payment for nothing yet."""
        values = {
            "partner_id": partner or self.partner,
            "amount": amount,
            "payment_type": "inbound",
            "partner_type": "customer",
        }
        payment = int(self.odoo.call(PAYMENTS, "create", values))
        self.odoo.call(PAYMENTS, "action_post", [payment])
        return payment

    def token(self, details: str = "4242", partner: int | None = None) -> int:
        """A stored way to pay."""
        values = {"partner_id": partner or self.partner, "provider_ref": "a-secret", "payment_details": details}
        return int(self.odoo.call(TOKENS, "create", {**self._provided(), **values}))

    def charge(self, *moves: int, orders: Collection[int] = ()) -> int:
        """An attempt to charge, just begun."""
        links = {"invoice_ids": [(6, 0, list(moves))], "sale_order_ids": [(6, 0, list(orders))]}
        values = {"reference": self.made.name(f"charge {len(self._attempts())}"), "partner_id": self.partner, "amount": 11.3}
        values["currency_id"] = self.made.currency("CAD")
        return int(self.odoo.call(TRANSACTIONS, "create", {**self._provided(), **values, **links}))

    def move(self, move: int, *fields: str) -> dict[str, Any]:
        """Fields of an invoice."""
        (row,) = self.odoo.search_read(MOVES, [("id", "=", move)], list(fields))
        return {name: row[name] for name in fields}

    def written_at(self, model: str, record: int) -> datetime:
        """When something was written last."""
        (row,) = self.odoo.search_read(model, [("id", "=", record)], ["write_date"])
        return datetime.fromisoformat(row["write_date"]).replace(tzinfo=UTC)

    def remove(self) -> None:
        """Take back what would keep the rest from being removed."""
        self._unlink(TRANSACTIONS, self._attempts())
        payments = self._theirs(PAYMENTS)
        if payments:
            running = self.odoo.search_read(PAYMENTS, [("id", "in", payments), ("state", "!=", "canceled")], ["id"])
            self.odoo.call(PAYMENTS, "action_cancel", [row["id"] for row in running])
            self.odoo.call(PAYMENTS, "action_draft", payments)
            self._unlink(PAYMENTS, payments)
        self._unlink(TOKENS, self._theirs(TOKENS))

    def _attempts(self) -> list[int]:
        return self._theirs(TRANSACTIONS)

    def _theirs(self, model: str) -> list[int]:
        domain = [("partner_id.name", "like", self.made.name(""))]
        return [row["id"] for row in self.odoo.search_read(model, domain, ["id"])]

    def _unlink(self, model: str, ids: list[int]) -> None:
        if ids:
            self.odoo.unlink(model, ids)

    def _provided(self) -> dict[str, int]:
        first = {
            name: self.odoo.search_read(model, [], ["id"], limit=1)[0]["id"]
            for name, model in {"provider_id": "payment.provider", "payment_method_id": "payment.method"}.items()
        }
        return {name: int(each) for name, each in first.items()}


@contextmanager
def billing(odoo: Odoo, made: Made) -> Iterator[Billed]:
    """What is billed, removed when the block ends."""
    billed = Billed(odoo, made)
    yield billed
    billed.remove()
