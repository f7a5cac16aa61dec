"""April and May of a small host whose first subscription is live, from its expected lines to invoices in Odoo."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from fcb_pipelines.acts import claims
from fcb_pipelines.acts.live_invoices import LiveDone, Switches, live_invoices
from fcb_pipelines.acts.source import last_records
from fcb_pipelines.domain.audit import Act
from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.domain.usage import PULLED
from fcb_pipelines.odoo import live as odoo_live
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.store import audit
from fcb_pipelines.store import claims as stored_claims
from fcb_pipelines_tests.acts.chain import silent
from fcb_pipelines_tests.acts.gone_live import go_live
from fcb_pipelines_tests.acts.month import Month
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.source.small_host import FIRST
from fcb_pipelines_tests.store.closed import closed

MARCH = datetime(2026, 3, 1, 5, tzinfo=UTC)
APRIL, MAY, JUNE = (datetime(2026, month, 1, 4, tzinfo=UTC) for month in (4, 5, 6))
LIVE = f"live_invoice_{FIRST}=2f2026-05"


BILLED_BY_BOTH = """
    INSERT INTO invoices VALUES ('in_5', 1, '', '2026-05-01 12:00Z', 'paid', 'CAD', 9.14, 1.19, 10.33, 'in_5', 'stripe',
        '[{"description": "Small × 1", "amount": "9.14", "service_from": "2026-05-01T00:00:00-04:00",
           "service_to": "2026-06-01T00:00:00-04:00", "external_subscription_id": "%s"}]')
"""
"""The price of May, which Odoo bills."""


@dataclass(frozen=True, kw_only=True)
class LiveMonth:
    """April and May of a host; its first subscription is live with its price from May and its usage from April on."""

    april: Month

    @property
    def may(self) -> Month:
        return replace(self.april, key="2026-05")

    @property
    def code(self) -> str:
        return self.april.chain.service.code

    def rated(self) -> None:
        for month in (self.april, self.may):
            month.rated()

    def close(self, feed: str = PULLED) -> None:
        with self.april.chain.db.transaction() as conn:
            closed(conn, self.code, "2026-04", feed=feed)

    def live(self, *, may_post: bool = True, odoo: Odoo | None = None, dry_run: bool = False, now: datetime = NOW) -> LiveDone:
        switches, work = Switches(may_draft=True, may_post=may_post), replace(self.may.work, now=now)
        return live_invoices(work, odoo or self.april.chain.odoo, switches, dry_run=dry_run, report=silent)

    def claims(self) -> list[tuple[str, datetime, str, str]]:
        with self.april.chain.db.transaction() as conn:
            found = stored_claims.held(conn, self.code)
        return [(one.charge, one.service_from, one.biller, one.reference) for one in found]

    def claim(self, charge: str, start: datetime, end: datetime, biller: Biller = Biller.ODOO) -> None:
        """Let a flip have claimed a range, or left it to the source."""
        one = Claim(
            external_subscription_id=FIRST,
            charge=charge,
            service_from=start,
            service_to=end,
            biller=biller,
            reference="F-1",
        )
        with self.april.chain.db.transaction() as conn:
            claims.take(conn, self.april.chain.service, [one], NOW)

    def bill_by_both(self) -> None:
        """Let the source bill the price of May too, as the newest snapshot says."""
        self.april.host.run(BILLED_BY_BOTH.replace("%s", FIRST), f"UPDATE invoices SET external_subscription_id = '{FIRST}'")
        self.april.snapshot()

    def take_back(self, name: str = "", flip_id: str = "F-1") -> None:
        """Credit a live invoice and release the claims, as an unflip does; its journal is noted apart (`go_back`)."""
        chain, move = self.april.chain, self.april.moves()[name or LIVE]["id"]
        xid = chain.xid(f"credit_note_{move}")
        odoo_live.credit(chain.odoo, move, xid, reason=f"taken back with {flip_id}", on=NOW.date())
        with chain.db.transaction() as conn:
            claims.release(conn, chain.service, flip_id, [FIRST], by="ada", now=NOW)

    def noted(self) -> list[Any]:
        with self.april.chain.db.transaction() as conn:
            return [dict(one.data) for one in audit.noted(conn, self.code, [Act.INVOICES_POSTED])]


def imported_and_rated(month: Month) -> LiveMonth:
    """With its orders in Odoo; nobody is live yet."""
    month.imported()
    month.chain.subscriptions(last_records(month.chain.db, month.chain.service))
    found = LiveMonth(april=month)
    found.rated()
    return found


def a_live_month(month: Month) -> LiveMonth:
    """Imported, rated, and live."""
    found = imported_and_rated(month)
    go_live(month.chain.db, found.code, FIRST, {"flat": MAY, "cpu_seconds": APRIL})
    return found
