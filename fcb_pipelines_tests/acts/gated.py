"""A store in which nothing stands against taking a small cohort live; a test spoils what it is about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from fcb_pipelines.acts import attestations as attesting
from fcb_pipelines.acts.attestations import Said
from fcb_pipelines.acts.flip_plan import Wanted, planned
from fcb_pipelines.acts.flip_planner import OdooSeen
from fcb_pipelines.acts.gate import ready_to_flip, this_version
from fcb_pipelines.acts.gate_asking import Asked, Outside, Rules
from fcb_pipelines.acts.invoices import lines_now
from fcb_pipelines.acts.source import load
from fcb_pipelines.domain.attestations import Attestation, Statement
from fcb_pipelines.domain.flip_plans import FlipPlan
from fcb_pipelines.domain.gate import Objection
from fcb_pipelines.domain.gate_facts import OdooFacts
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.partners import AccountLink, LinkState
from fcb_pipelines.domain.read_back import Part as Written
from fcb_pipelines.domain.reconciliation import RULE_VERSION
from fcb_pipelines.domain.revisions import Origin
from fcb_pipelines.domain.rows import Instance, Row
from fcb_pipelines.services import Service
from fcb_pipelines.store import invoices, partners, read_back
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.read_back import ReadBack
from fcb_pipelines_tests.acts import planted_source as source
from fcb_pipelines_tests.acts.chain import TAXES
from fcb_pipelines_tests.acts.planted_source import billing_row, evidence_row, invoice_row
from fcb_pipelines_tests.acts.source_records import a_service
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.domain.flip_facts import an_order, matched, the_odoo
from fcb_pipelines_tests.flips import a_plan
from fcb_pipelines_tests.revisions import add_revision
from fcb_pipelines_tests.signed import a_row

MONTHS = ("2026-03", "2026-04", "2026-05")
ENDS = {"2026-03": "2026-04-01", "2026-04": "2026-05-01", "2026-05": "2026-06-01"}


@dataclass(kw_only=True)
class Gated:
    """The store, and what Odoo and the cohort planned anew say."""

    conn: Connection
    service: Service
    plan: FlipPlan = field(default_factory=a_plan)
    replanned: FlipPlan = field(default_factory=a_plan)
    odoo: OdooFacts = field(default_factory=the_odoo)
    now: Any = NOW
    asked: dict[str, Any] = field(default_factory=dict)

    def objections(self) -> tuple[Objection, ...]:
        """What the gate says."""
        outside = Outside(odoo=self.odoo, broken_logs=(), replanned=self.replanned)
        return ready_to_flip(self.conn, self.service, Asked(plan=self.plan, **self.asked), outside, self.rules)

    @property
    def rules(self) -> Rules:
        """Those of now."""
        return Rules(taxes=TAXES, settings_hash="settings", version=this_version(), now=self.now)

    def said(self) -> set[str]:
        """Which kinds of objections there are."""
        return {one.id for one in self.objections()}

    def attest(self, statement: Statement, subject: str = "", value: str | None = None, **changes: Any) -> Attestation:
        """Let Ada say something, for four weeks."""
        values: dict[str, Any] = {
            "statement": statement,
            "subject": subject,
            "value": value,
            "text": "I looked",
            "expires_on": date(2026, 6, 30),
            "author": "ada",
        }
        return attesting.attest(self.conn, self.service, Said(**values | changes), NOW, this_version())


def snapshot(conn: Connection, service: Service, **entities: Any) -> int:
    """The host: one customer who pays 50 a month, stopped by the source, with a credit of nothing on record."""
    nothing = evidence_row(kind="balance", subject_kind="user", subject_id="u-1", data={"amount": "0"}, valid_to=None)
    bills = [invoice_row(f"i-{month}", "50", f"{month}-01", ENDS[month], status="paid") for month in MONTHS]
    given: dict[str, Any] = {
        "invoices": bills,
        "billing_state": [billing_row(auto_renew=False)],
        "evidence": [nothing],
    }
    return source.keep(conn, service.code, **given | entities)


def reconcile(conn: Connection, service: Service, period: str, *instances: Instance, rows: tuple[Row, ...] = ()) -> None:
    """A new revision of a month, an hour ago: as it was billed, or with other instances."""
    whole = instances or (matched(period, net="50.00"), matched(period, "cpu_seconds", "5.00"))
    row = a_row(*whole, period=period, subscription="s-1", external_user_id="u-1")
    origin = Origin(snapshot_id=_last(conn, service), settings_hash="settings", rule_version=RULE_VERSION)
    made_at = NOW - timedelta(hours=1)
    add_revision(conn, service=service.code, period=period, origin=origin, made_at=made_at, rows=(row, *rows))


def keep_lines(conn: Connection, service: Service) -> None:
    """What a run of each month keeps of the newest snapshot."""
    lines = lines_now(load(conn, _last(conn, service), service), service, TAXES)
    for month in MONTHS:
        own = [line for line in lines if line.period(service.zone).key == month]
        invoices.replace_actual(conn, service.code, month, own)


def ready(conn: Connection, **values: Any) -> Gated:
    """Three months reconciled as billed, imported, read back, and attested."""
    service = a_service("shop", mapping="nexacloud", **values)
    snapshot(conn, service)
    link(conn, service, {"u-1": 11})
    for month in MONTHS:
        reconcile(conn, service, month)
    keep_lines(conn, service)
    for part in (Written.PARTNERS, Written.PLANS, Written.SUBSCRIPTIONS):
        read_back.replace(conn, service.code, ReadBack(part=part, period="", records=1, read_at=NOW), ())
    found = Gated(conn=conn, service=service)
    found.attest(Statement.RECEIVER)
    found.attest(Statement.REHEARSED, value=this_version())
    found.attest(Statement.FEED_ALIVE)
    found.attest(Statement.PAID_THROUGH, "s-1/cpu_seconds", "2026-06-01")
    found.plan = found.replanned = plan_of(conn, service)
    order = an_order(net=money("50.00 CAD"), tax=money("6.50 CAD"))
    found.odoo = the_odoo(orders={"s-1": order})
    return found


def plan_of(conn: Connection, service: Service, *asked_for: str) -> FlipPlan:
    """The cohort planned, for June."""
    wanted = Wanted(asked_for=asked_for or ("s-1",), not_before="2026-06")
    return planned(conn, service, wanted, OdooSeen(), taxes=TAXES, settings_hash="settings", now=NOW)


def link(conn: Connection, service: Service, users: Mapping[str, int]) -> None:
    """Let customers be partners in Odoo."""
    found = (
        AccountLink(external_user_id=user, state=LinkState.LINKED, odoo_id=partner, reason="said")
        for user, partner in users.items()
    )
    partners.put_links(conn, service.code, found, NOW)


def _last(conn: Connection, service: Service) -> int:
    row = conn.execute("SELECT max(snapshot_id) FROM source_snapshot WHERE service = %s", [service.code]).fetchone()
    assert row is not None
    return int(row[0])
