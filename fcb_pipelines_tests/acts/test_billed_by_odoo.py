"""The watch after a flip: months in which Odoo claims some instances, judged, stored, traced and replayed like any other."""

from datetime import timedelta
from pathlib import Path
from random import Random

import psycopg
import pytest

from fcb_pipelines.acts import claims
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.reconciliation import reconcile_period
from fcb_pipelines.acts.replay import replay
from fcb_pipelines.acts.trace import Asked, trace
from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.domain.rows import Verdict
from fcb_pipelines.domain.trace import Found, walked
from fcb_pipelines_tests.acts.planting import Planting
from fcb_pipelines_tests.acts.test_plain_rows import contents, dual_run, names_everybody, work_on
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.source.small_host import SmallHost


def claimed(work: PeriodWork, subscription: str) -> None:
    """Let Odoo claim April's price of a subscription, as a flip does."""
    flat = Claim(
        external_subscription_id=subscription,
        charge="flat",
        service_from=work.period.start,
        service_to=work.period.end,
        biller=Biller.ODOO,
        reference="F-1",
    )
    with work.db.transaction() as conn:
        claims.take(conn, work.service, [flat], work.now - timedelta(days=30))


def test_rows_with_claims_are_the_same_as_if_each_was_judged(fresh_database: str, store_database: str, tmp_path: Path) -> None:
    """Also of those that the source billed to the cent, which without a claim would be plain."""
    planting = Planting(SmallHost(fresh_database, tmp_path), Random(5))  # noqa: S311 - the same each time
    planting.subscriptions(60)
    planting.store()
    work = work_on(planting, store_database)
    dual_run(work)
    for row in planting.rows["subscriptions"][::6]:
        claimed(work, str(row[0]))
    first = reconcile_period(work)
    planting.rows = {"evidence": [names_everybody(planting)]}
    with psycopg.connect(planting.host.url) as conn:
        conn.execute("INSERT INTO evidence VALUES (%s, %s, %s, %s, %s, %s, %s)", planting.rows["evidence"][0])
    dual_run(work)
    second = reconcile_period(work)
    assert (sum(one.rows for one in first.plain) > 10, second.plain, second.changes.rows) == (True, (), ())
    assert (second.coverage, contents(work)) == (first.coverage, contents(work, 1))


@pytest.fixture
def two(fresh_database: str, store_database: str, tmp_path: Path) -> PeriodWork:
    """April of two subscriptions, of which Odoo claims the price of both; the source billed the second all the same."""
    planting = Planting(SmallHost(fresh_database, tmp_path), Random(1))  # noqa: S311 - the same each time
    planting.rows["users"].append(("u", "Ada", None, None, "ca", "on", None, True, False))
    for name in ("s1", "s2"):
        planting.lives(name, "u", "s")
    planting.bills("s2", "u", {"amount": "9.14"})
    planting.store()
    work = work_on(planting, store_database)
    dual_run(work)
    for name in ("s1", "s2"):
        claimed(work, name)
    return work


def test_what_is_billed_by_odoo_is_explained_and_what_the_source_bills_too_is_not(two: PeriodWork) -> None:
    rows = {row.external_subscription_id: row for row in reconcile_period(two).judged}
    assert (rows["s1"].verdict, rows["s2"].verdict) == (Verdict.EXPLAINED, Verdict.UNEXPLAINED)
    assert "Odoo bills it since its flip (F-1)" in rows["s1"].sentence
    assert "Odoo bills the same since its flip (F-1)" in rows["s2"].sentence
    assert replay(two).is_same
    with two.db.transaction() as conn:
        claims.release(conn, two.service, "F-1", ["s1", "s2"], by="an unflip", now=NOW + timedelta(minutes=1))
        told = [step.says for step, _ in walked(trace(conn, two, Asked(row_id=rows["s1"].row_id)), Found())]
    assert any(said.endswith("odoo bills s1/flat, 2026-04-01 to 2026-04-30 (F-1)") for said in told)
    found = replay(two)
    assert (found.is_same, found.since[0]) == (True, "who bills what: 2 claims were made or released"), "as it stood then"
