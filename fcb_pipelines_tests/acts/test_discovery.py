"""Which convention a host's bills of a month follow, from its snapshot to what is to be declared."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fcb_pipelines.acts.discovery import Conventions, conventions
from fcb_pipelines.acts.invoices import actual_period
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.rating import expect_period, rate_period
from fcb_pipelines.acts.reconciliation import reconcile_period
from fcb_pipelines.acts.source import take_snapshot
from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.domain.rows import Verdict
from fcb_pipelines.store import reconciliation as stored
from fcb_pipelines.store.database import Connection
from fcb_pipelines_tests.acts.chain import TAXES, silent
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.kept import KeptStore
from fcb_pipelines_tests.revisions import add_revision
from fcb_pipelines_tests.source.small_host import SmallHost

RULES: dict[str, Any] = {"line_rules": ({"pattern": "^Small", "kind": "plan"},), "terms_assumed_from": date(2026, 1, 1)}
FAMILY = {"families": ({"name": "smalls", "pattern": "small"},)}
BILLED = {10: "198.71", 12: "180.65", 15: "153.55", 20: "108.39", 25: "36.13"}
"""Day of March → 280.00 by calendar days from then on; the last one ended on the 29th."""
Found = Callable[..., Conventions]


def subscription(starts: int) -> str:
    return f"00000000-0000-0000-0000-0000000001{starts}"


def plant(host: SmallHost, billed: dict[int, str]) -> None:
    host.run("DELETE FROM subscriptions", "DELETE FROM invoices", "DELETE FROM usage", "UPDATE plans SET price_monthly = 280")
    for starts, amount in billed.items():
        ended = "'2026-03-29 04:00Z'" if starts == 25 else "NULL"
        host.run(
            f"INSERT INTO subscriptions VALUES ('{subscription(starts)}', NULL, 1, 's', 'monthly', 'active', "
            f"'2026-03-{starts} 04:00Z', {ended}, NULL, NULL)",
            f"""INSERT INTO invoices VALUES ('in_{starts}', 1, '{subscription(starts)}', '2026-04-01 12:00Z', 'paid', 'CAD',
                {amount}, round({amount} * 0.13, 2), {amount} + round({amount} * 0.13, 2), NULL, 'stripe',
                '[{{"description": "Small", "amount": "{amount}", "service_from": "2026-03-{starts}T00:00:00-04:00",
                    "service_to": "2026-04-01T00:00:00-04:00"}}]')""",
        )


def accept(conn: Connection, external_subscription_id: str) -> None:
    """A further revision of March in which the row of a subscription is accepted."""
    (last,) = stored.latest_revisions(conn, "small", "2026-03")
    rows = [
        replace(row, instances=tuple(replace(one, verdict=Verdict.ACCEPTED) for one in row.instances))
        if row.external_subscription_id == external_subscription_id
        else row
        for row in stored.rows(conn, last.revision_id)
    ]
    add_revision(
        conn,
        service="small",
        period="2026-03",
        origin=last.origin,
        content_hash="accepted",
        made_at=NOW,
        rows=rows,
    )


@pytest.fixture
def found(fresh_database: str, store_database: str, tmp_path: Path) -> Found:
    def build(
        billed: dict[int, str], *beside: str, run: bool = True, accepted: int | None = None, **changes: Any
    ) -> Conventions:
        host = SmallHost(fresh_database, tmp_path)
        plant(host, billed)
        host.run(*beside)
        service, db = host.service(**RULES, **changes), KeptStore(store_database)

        def work_of(key: str) -> PeriodWork:
            return PeriodWork(db=db, service=service, period=service.period(key), taxes=TAXES, settings_hash="rules", now=NOW)

        march = work_of("2026-03")
        if run:
            take_snapshot(db, service, NOW, silent)
            for stage in (usage_totals, rate_period, expect_period, actual_period, reconcile_period):
                stage(march)
        with db.transaction() as conn:
            if accepted is not None:
                accept(conn, subscription(accepted))
            return conventions(conn, service, work_of)

    return build


def test_a_convention_that_all_bills_follow_is_proposed_with_the_lines_and_the_command(found: Found) -> None:
    (own,) = found(BILLED).families
    assert [str(bill.billed) for bill in own.found.bills] == [f"{amount} CAD" for amount in BILLED.values()]
    assert own.found.proposal == "calendar_days"
    assert own.settings == '[services.small.conventions]\nproration = "calendar_days"'
    assert own.adopt == (
        f"fcb adopt small/2026-03/subscription/{subscription(10)} --service small --convention proration=calendar_days"
    )


def test_a_convention_that_is_declared_already_is_not_declared_again(found: Found) -> None:
    (own,) = found(BILLED, conventions={"proration": "calendar_days"}).families
    assert (own.found.proposal, own.settings, own.adopt) == ("calendar_days", None, None)


def test_a_family_of_plans_is_told_by_its_own_bills(found: Found) -> None:
    own, smalls = found(BILLED, **FAMILY).families
    assert (own.found.bills, own.found.proposal) == ((), None)
    assert smalls.found.proposal == "calendar_days"
    assert smalls.settings == '# in the [[services.small.families]] of name = "smalls"\nproration = "calendar_days"'


def test_one_bill_that_no_convention_makes_is_named(found: Found) -> None:
    (own,) = found(BILLED | {22: "99.99"}).families
    assert (own.found.proposal, own.settings) == (None, None)
    assert [bill.row_id for bill in own.found.misfits] == [f"small/2026-03/subscription/{subscription(22)}"]


def test_a_bill_that_somebody_accepted_is_set_aside(found: Found) -> None:
    odd = found(BILLED | {22: "99.99"}, accepted=22)
    assert odd.families[0].found.proposal == "calendar_days"
    assert odd.set_aside == (f"small/2026-03/subscription/{subscription(22)}",)


def test_one_line_for_two_subscriptions_is_set_aside_because_its_shares_are_ours(found: Found) -> None:
    """144.52 and 126.45 by calendar days from the 16th and the 18th on."""
    both = f'["{subscription(16)}", "{subscription(18)}"]'
    summed = found(
        BILLED | {16: "270.97", 18: "0"},
        "DELETE FROM invoices WHERE external_invoice_id = 'in_18'",
        "UPDATE invoices SET external_subscription_id = NULL, lines = lines #- '{0,service_from}' #- '{0,service_to}' "
        "WHERE external_invoice_id = 'in_16'",
        "INSERT INTO evidence VALUES ('line_reference', 'invoice', 'in_16', NULL, NULL, "
        f"""'{{"line": 1, "subscriptions": {both}}}', 'ref 16')""",
        "UPDATE invoices SET issued_at = '2026-03-31 12:00Z' WHERE external_invoice_id = 'in_16'",
    )
    assert summed.set_aside == tuple(f"small/2026-03/subscription/{subscription(each)}" for each in (16, 18))
    assert len(summed.families[0].found.bills) == len(BILLED)


def test_a_bill_is_held_against_everything_on_record(found: Found) -> None:
    """From the 12th on, but for five days: 15 of 31."""
    (own,) = found(
        BILLED | {12: "135.48"},
        f"INSERT INTO evidence VALUES ('inactive', 'subscription', '{subscription(12)}', '2026-03-20 04:00Z', "
        "'2026-03-25 04:00Z', '{}', 'out 12')",
    ).families
    assert (own.found.proposal, own.found.misfits) == ("calendar_days", ())


def test_before_any_month_was_run_nothing_is_known(found: Found) -> None:
    nothing = found(BILLED, run=False)
    assert (nothing.periods, nothing.set_aside) == ((), ())
    assert [one.found.bills for one in nothing.families] == [()]
