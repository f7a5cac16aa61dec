"""The import chain as the tests drive it: one service, one store, one Odoo."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from fcb_pipelines.acts.imports import Reading
from fcb_pipelines.acts.partners import import_partners
from fcb_pipelines.acts.plans import import_plans
from fcb_pipelines.acts.source import SourceRecords
from fcb_pipelines.acts.subscriptions import import_subscriptions
from fcb_pipelines.domain.imports import Imported
from fcb_pipelines.domain.tax import TaxRate, TaxTable
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.lanes import ONE_LANE, Lanes
from fcb_pipelines.services import Service
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.odoo.made import AT_ONCE

TAXES = TaxTable(
    rates=(
        TaxRate(place="CA-ON", component="HST", percent=Decimal(13), valid_from=date(2010, 7, 1)),
        TaxRate(place="CA-QC", component="GST", percent=Decimal(5), valid_from=date(2008, 1, 1)),
        TaxRate(place="CA-QC", component="QST", percent=Decimal("9.975"), valid_from=date(2013, 1, 1)),
    )
)
"""What the project's file says of two places."""

MODELS = ("sale.order", "product.template", "res.partner")
"""In the order in which records can be deleted."""


def silent(_: str) -> None:
    """A report that nobody reads."""


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Runs the imports, and looks at what they made."""

    db: Database
    odoo: Odoo
    service: Service
    lanes: Lanes = ONE_LANE

    def reading(self, records: SourceRecords) -> Reading:
        return Reading(
            db=self.db, odoo=self.odoo, service=self.service, records=records, taxes=TAXES, now=NOW, lanes=self.lanes
        )

    def partners(self, records: SourceRecords, *, dry_run: bool = False) -> Imported:
        return import_partners(self.reading(records), dry_run=dry_run, report=silent)

    def plans(self, records: SourceRecords, *, take_all: bool = False, dry_run: bool = False) -> Imported:
        return import_plans(self.reading(records), take_all=take_all, dry_run=dry_run, report=silent)

    def subscriptions(self, records: SourceRecords, *, dry_run: bool = False) -> Imported:
        return import_subscriptions(self.reading(records), dry_run=dry_run, report=silent)

    def all(self, records: SourceRecords, *, dry_run: bool = False) -> tuple[Imported, Imported, Imported]:
        return (
            self.partners(records, dry_run=dry_run),
            self.plans(records, dry_run=dry_run),
            self.subscriptions(records, dry_run=dry_run),
        )

    def configured(self, **values: Any) -> "Chain":
        """The same with other settings of the service."""
        return replace(self, service=self.service.model_copy(update=values))

    def email(self, name: str) -> str:
        """An address that no other test has."""
        return f"{name}@{self.service.code}.example"

    def xid(self, name: str) -> str:
        return f"fcb.{self.service.code}_{name}"

    def ids(self, model: str) -> dict[str, int]:
        """Everything of ours in a model, by external id."""
        domain = [("module", "=", "fcb"), ("model", "=", model), ("name", "=like", f"{self.service.code}\\_%")]
        return {
            f"fcb.{row['name']}": row["res_id"] for row in self.odoo.search_read("ir.model.data", domain, ["name", "res_id"])
        }

    def one(self, model: str, name: str, *fields: str) -> dict[str, Any]:
        """The record behind an external id of ours."""
        (row,) = self.odoo.search_read(model, [("id", "=", self.ids(model)[self.xid(name)])], list(fields))
        return row

    def line(self, name: str = "subscription_s1_line") -> dict[str, Any]:
        fields = ("order_id", "product_id", "name", "product_uom_qty", "price_unit", "price_total")
        return self.one("sale.order.line", name, *fields)

    def remove(self) -> None:
        """Delete everything that was made."""
        self.odoo.call("sale.order", "action_cancel", list(self.ids("sale.order").values()), context=AT_ONCE)
        # Lines first: Odoo forgets the external id of a line that is deleted by itself, not of one that goes with its order.
        for model in ("sale.order.line", *MODELS):
            there = self.odoo.search_read(model, [("id", "in", list(self.ids(model).values()))], ["id"])
            self.odoo.unlink(model, [row["id"] for row in there])
        partners = self.odoo.search_read("res.partner", [("email", "=ilike", f"%@{self.service.code}.example")], ["id"])
        self.odoo.unlink("res.partner", [row["id"] for row in partners])


def counts(done: Imported) -> tuple[int, int, int, int, int]:
    """Created, changed, unchanged, skipped, failed."""
    return done.created, done.changed, done.unchanged, done.skipped, done.failed


def reasons(done: Imported) -> dict[str, str]:
    """Why what was not imported, by id in the source."""
    return {issue.external_id: issue.reason for issue in done.issues}
