"""Records that a test makes in an Odoo which others use too: named after the run, and removed afterwards."""

from collections.abc import Mapping, Sequence
from typing import Any

from fcb_pipelines.odoo.client import Odoo

MODELS = ("sale.order", "product.template", "res.partner")
"""In the order in which they can be deleted."""


class Made:
    """Everything is called `<run> …`, so that it is found again whatever became of it."""

    def __init__(self, odoo: Odoo, run: str) -> None:
        self._odoo = odoo
        self._run = run

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
        commands = [(0, 0, dict(line)) for line in lines]
        return int(self._odoo.call("sale.order", "create", {"partner_id": partner, "order_line": commands, **values}))

    def place(self, country: str | None, state: str | None = None) -> dict[str, Any]:
        """Values of a partner who lives there."""
        found = self._odoo.search_read("res.country", [("code", "=", country)], ["id"]) if country else []
        values = {"country_id": found[0]["id"]} if found else {}
        if state:
            domain = [("country_id", "=", values["country_id"]), ("code", "=", state)]
            values["state_id"] = self._odoo.search_read("res.country.state", domain, ["id"])[0]["id"]
        return values

    def lines(self, order: int, *fields: str) -> list[dict[str, Any]]:
        """The lines of an order."""
        return self._odoo.search_read("sale.order.line", [("order_id", "=", order)], list(fields))

    def remove(self) -> None:
        """Delete all of the run's records; orders are cancelled first."""
        self._cancel()
        for model in MODELS:
            self._odoo.unlink(model, self._ids(model))

    def _cancel(self) -> None:
        orders = self._ids("sale.order")
        self._odoo.call("sale.order", "action_unlock", orders)
        self._odoo.call("sale.order", "action_cancel", orders)

    def _ids(self, model: str) -> list[int]:
        name = "partner_id.name" if model == "sale.order" else "name"
        return [row["id"] for row in self._odoo.search_read(model, [(name, "like", self._run)], ["id"])]

    def _one(self, model: str, record_id: int, field: str) -> Any:
        return self._odoo.call(model, "read", [record_id], [field])[0][field]
