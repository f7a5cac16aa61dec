"""Records that a test makes in an Odoo which others use too: named after the run, and removed afterwards."""

from collections.abc import Mapping, Sequence
from typing import Any

from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines_tests.odoo.editions import Names

MODELS = ("account.move", "sale.order", "product.template", "res.partner")
"""In the order in which they can be deleted."""

AT_ONCE: Mapping[str, Any] = {"disable_cancel_warning": True}
"""Context of `action_cancel`, without which 18 asks first whether it really should."""


class Made:
    """Everything is called `<run> …`, so that it is found again whatever became of it."""

    def __init__(self, odoo: Odoo, run: str, names: Names) -> None:
        self._odoo = odoo
        self._run = run
        self._names = names

    def xid(self, name: str) -> str:
        """An external id of this run."""
        return f"fcb.{self._run}_{name}"

    def name(self, name: str) -> str:
        """A name of this run."""
        return f"{self._run} {name}"

    def partner(self, name: str = "partner", **values: Any) -> int:
        """A partner."""
        return int(self._odoo.call("res.partner", "create", {"name": self.name(name), **values}))

    def product(self, name: str = "product", **values: Any) -> int:
        """The variant of a new service."""
        given = {"name": self.name(name), "type": "service", "list_price": 1.5, **values}
        template = self._odoo.call("product.template", "create", given)
        return int(self._one("product.template", template, "product_variant_id")[0])

    def order(self, partner: int, lines: Sequence[Mapping[str, Any]] = (), **values: Any) -> int:
        """A sales order."""
        commands = [(0, 0, self._names.here(line)) for line in lines]
        return int(self._odoo.call("sale.order", "create", {"partner_id": partner, "order_line": commands, **values}))

    def invoice(self, lines: Sequence[Mapping[str, Any]] = (), *, name: str = "invoice", **values: Any) -> int:
        """A draft invoice, of a customer or without."""
        given = {"move_type": "out_invoice", "ref": self.name(name), **values}
        commands = [(0, 0, dict(line)) for line in lines]
        return int(self._odoo.call("account.move", "create", {**given, "invoice_line_ids": commands}))

    def tax(self, name: str) -> int:
        """The sales tax of that name."""
        domain = [("name", "=", name), ("type_tax_use", "=", "sale")]
        return int(self._odoo.search_read("account.tax", domain, ["id"])[0]["id"])

    def currency(self, name: str) -> int:
        """The currency of that name, switched on or not."""
        return int(self._odoo.search_read("res.currency", [("name", "=", name)], ["id"])[0]["id"])

    def items(self, move: int, *fields: str, kinds: Sequence[str] = ("product",)) -> list[dict[str, Any]]:
        """The lines of an invoice, those that Odoo makes itself only where they are asked for."""
        domain = [("move_id", "=", move), ("display_type", "in", list(kinds))]
        return self._odoo.search_read("account.move.line", domain, list(fields))

    def place(self, country: str | None, state: str | None = None) -> dict[str, Any]:
        """Values of a partner who lives there."""
        found = self._odoo.search_read("res.country", [("code", "=", country)], ["id"]) if country else []
        values = {"country_id": found[0]["id"]} if found else {}
        if state:
            domain = [("country_id", "=", values["country_id"]), ("code", "=", state)]
            values["state_id"] = self._odoo.search_read("res.country.state", domain, ["id"])[0]["id"]
        return values

    def lines(self, order: int, *fields: str) -> list[dict[str, Any]]:
        """The lines of an order, in the names of 19."""
        rows = self._odoo.search_read("sale.order.line", [("order_id", "=", order)], self._names.fields(fields))
        return [self._names.in_19(row) for row in rows]

    def remove(self) -> None:
        """Delete all of the run's records; orders are cancelled first, posted invoices made drafts."""
        self._cancel()
        self._unpost()
        for model in MODELS:
            self._odoo.unlink(model, self._ids(model))

    def _cancel(self) -> None:
        orders = self._ids("sale.order")
        self._odoo.call("sale.order", "action_unlock", orders)
        self._odoo.call("sale.order", "action_cancel", orders, context=AT_ONCE)

    def _unpost(self) -> None:
        posted = self._odoo.search_read(
            "account.move", [("id", "in", self._ids("account.move")), ("state", "=", "posted")], ["id"]
        )
        if posted:
            self._odoo.call("account.move", "button_draft", [row["id"] for row in posted])

    def _ids(self, model: str) -> list[int]:
        names = {"sale.order": ["partner_id.name"], "account.move": ["partner_id.name", "ref"]}.get(model, ["name"])
        domain = ["|"] * (len(names) - 1) + [(name, "like", self._run) for name in names]
        return [row["id"] for row in self._odoo.search_read(model, domain, ["id"])]

    def _one(self, model: str, record_id: int, field: str) -> Any:
        return self._odoo.call(model, "read", [record_id], [field])[0][field]
