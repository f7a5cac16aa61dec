"""One month of a small host, from its snapshot to drafts in Odoo."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fcb_pipelines.acts.draft_invoices import draft_invoices
from fcb_pipelines.acts.invoices import actual_period
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.rating import expect_period, rate_period
from fcb_pipelines.acts.source import last_records, take_snapshot
from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.domain.drafted import Drafted
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.store.stages import Stage, find
from fcb_pipelines_tests.acts.chain import TAXES, Chain, silent
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.source.small_host import FIRST, SmallHost

MOVE_FIELDS = (
    "state",
    "move_type",
    "ref",
    "partner_id",
    "currency_id",
    "invoice_date",
    "amount_untaxed",
    "amount_tax",
    "amount_total",
)
LINE_FIELDS = ("name", "quantity", "price_unit", "price_subtotal", "product_id", "tax_ids")
USED = 3_601_000
"""cpu-seconds of the first customer in April; its overage is set by the quota of its plan, because usage once stored stays."""
OVERAGE = 361_200
"""100.33 core-hours, which come to 0.75; both ways to round make the same tax of it."""
OVERAGE_OF_CENTS = 60000
"""0.13, on which 0.0169 of tax is due: beside 9.14 that makes 1.21 per line and 1.20 globally."""


@dataclass(frozen=True, kw_only=True)
class Month:
    """April of a host with two customers, and the Odoo that its drafts go to."""

    chain: Chain
    host: SmallHost
    key: str = "2026-04"

    @property
    def work(self) -> PeriodWork:
        service = self.chain.service
        return PeriodWork(
            db=self.chain.db, service=service, period=service.period(self.key), taxes=TAXES, settings_hash="rules", now=NOW
        )

    def snapshot(self) -> None:
        """See what the source says now."""
        take_snapshot(self.chain.db, self.chain.service, NOW, silent)

    def imported(self) -> None:
        """See what the source says now, and bring its customers and plans into Odoo."""
        self.snapshot()
        records = last_records(self.chain.db, self.chain.service)
        self.chain.partners(records)
        self.chain.plans(records)

    def rated(self) -> None:
        """Meter, rate and expect the month, and keep what was billed for it."""
        usage_totals(self.work)
        rate_period(self.work)
        expect_period(self.work)
        actual_period(self.work)

    def drafted(self, *, odoo: Odoo | None = None, is_on: bool = True, dry_run: bool = False) -> Drafted:
        """Draft what is expected."""
        return draft_invoices(self.work, odoo or self.chain.odoo, is_on=is_on, dry_run=dry_run, report=silent)

    def again(self, **values: Any) -> Drafted:
        """A new snapshot, rated and drafted."""
        self.snapshot()
        self.rated()
        return self.drafted(**values)

    def rated_with(self, overage: int) -> None:
        """A new snapshot of so much used above the quota, rated."""
        self.used(overage)
        self.snapshot()
        self.rated()

    def used(self, overage: int) -> None:
        """Let the first customer have used so much above its quota, which the plan says it has had since long ago."""
        since = "coalesce(valid_from, '2026-01-01 00:00-05') + interval '1 second'"
        quota = USED - overage
        self.host.run(f"UPDATE plans SET included_quantity = {quota}, valid_from = {since} WHERE external_plan_id = 's'")

    def the_move(self) -> dict[str, Any]:
        """The first customer's invoice."""
        return self.moves()[f"invoice_{FIRST}=2f{self.key}"]

    def moves(self) -> dict[str, dict[str, Any]]:
        """The invoices of ours in Odoo, by external id without its prefix."""
        ids = self.chain.ids("account.move")
        rows = {
            row["id"]: row
            for row in self.chain.odoo.search_read("account.move", [("id", "in", list(ids.values()))], MOVE_FIELDS)
        }
        head = f"fcb.{self.chain.service.code}_"
        return {xid.removeprefix(head): rows[odoo_id] for xid, odoo_id in ids.items() if odoo_id in rows}

    def lines(self, move: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What stands on an invoice."""
        domain = [("move_id", "=", move["id"]), ("display_type", "=", "product")]
        return self.chain.odoo.search_read("account.move.line", domain, LINE_FIELDS)

    def stage(self, name: str) -> Stage | None:
        with self.chain.db.transaction() as conn:
            return find(conn, self.chain.service.code, self.key, name)

    def of(self, key: str, **changes: Any) -> "Month":
        """Another month, or the same with other settings of the service."""
        return replace(self, key=key, chain=self.chain.configured(**changes))

    def remove(self) -> None:
        """Delete the drafts, posted ones too."""
        odoo, ids = self.chain.odoo, list(self.chain.ids("account.move").values())
        there = odoo.search_read("account.move", [("id", "in", ids)], ["state"])
        if final := [row["id"] for row in there if row["state"] != "draft"]:
            odoo.call("account.move", "button_draft", final)
        odoo.unlink("account.move", [row["id"] for row in there])


def a_month(chain: Chain, host: SmallHost) -> Month:
    """The month of a host whose customers nobody else has; the first used more than its quota, the second is yearly."""
    service = host.service(
        code=chain.service.code,
        line_rules=({"pattern": "^Small", "kind": "plan"}, {"pattern": "^Fee", "kind": "one_off"}),
        terms_assumed_from="2026-01-01",
        place_of_supply="CA-ON",
    )
    host.run(
        f"UPDATE users SET email = external_user_id || '@{service.code}.example'",
        "UPDATE users SET country = 'CA', state = 'ON', is_internal = false",
        f"UPDATE usage SET quantity = {USED} WHERE source_event_id = 'e-7'",
    )
    found = Month(chain=replace(chain, service=service), host=host)
    found.used(OVERAGE)
    return found
