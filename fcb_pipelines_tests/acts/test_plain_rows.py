"""What agrees is compared in the database: it comes to the same rows, byte for byte, as if each had been judged by itself.

A record that names every subscription leaves none plain, and says nothing else: the revision after it must not change a byte.
"""

import json
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from fcb_pipelines.acts.invoices import actual_period
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.rating import expect_period, rate_period
from fcb_pipelines.acts.reconciliation import reconcile_period
from fcb_pipelines.acts.source import take_snapshot
from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.domain.revisions import content_hash, published
from fcb_pipelines.domain.rows import Verdict
from fcb_pipelines.store import reconciliation
from fcb_pipelines.store.plain_rows import Looked, find
from fcb_pipelines_tests.acts.planting import RULES, TAXES, Planting
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.kept import KeptStore
from fcb_pipelines_tests.source.small_host import SmallHost


def names_everybody(planting: Planting) -> tuple[Any, ...]:
    """A record that says of no line what it pays for, and names every subscription."""
    names = json.dumps({"subscriptions": [row[0] for row in planting.rows["subscriptions"]], "line": 0})
    return ("line_reference", "invoice", "i-of-nobody", None, None, names, "names everybody")


def work_on(planting: Planting, database: str, **conventions: str) -> PeriodWork:
    service = planting.host.service(**RULES, conventions=conventions)
    period = service.period("2026-04")
    return PeriodWork(db=KeptStore(database), service=service, period=period, taxes=TAXES, settings_hash="s", now=NOW)


def dual_run(work: PeriodWork) -> None:
    take_snapshot(work.db, work.service, NOW, lambda _: None)
    for act in (usage_totals, rate_period, expect_period, actual_period):
        act(work)


@pytest.mark.parametrize("seed", range(4))
def test_rows_are_the_same_as_if_each_was_judged(fresh_database: str, store_database: str, tmp_path: Path, seed: int) -> None:
    planting = Planting(SmallHost(fresh_database, tmp_path), Random(seed))  # noqa: S311 - the same each time
    planting.subscriptions(90)
    planting.store()
    work = work_on(planting, store_database, tax_rounding="total" if seed % 2 else "line")
    dual_run(work)
    first = reconcile_period(work)
    planting.rows = {"evidence": [names_everybody(planting)]}
    with psycopg.connect(planting.host.url) as conn:
        conn.execute("INSERT INTO evidence VALUES (%s, %s, %s, %s, %s, %s, %s)", planting.rows["evidence"][0])
    dual_run(work)
    second = reconcile_period(work)
    plain = sum(one.rows for one in first.plain)
    assert plain > 10, "or this shows nothing"
    assert second.plain == ()
    assert (second.changes.rows, len(second.judged)) == ((), len(first.judged) + plain)
    assert (second.coverage, contents(work)) == (first.coverage, contents(work, 1))


@pytest.mark.parametrize(("plain", "verdict"), [(4, Verdict.UNEXPLAINED), (2, Verdict.EXPLAINED)])
def test_plain_subscriptions_speak_for_the_price_of_their_plan(
    fresh_database: str, store_database: str, tmp_path: Path, plain: int, verdict: Verdict
) -> None:
    """Three are billed the price of a record about their plan; those that are not, and say nothing else, are more or fewer."""
    planting = Planting(SmallHost(fresh_database, tmp_path), Random(1))  # noqa: S311 - the same each time
    planting.rows["users"].append(("u", "Ada", None, None, "ca", "on", None, True, False))
    for number in range(3 + plain):
        planting.lives(f"s{number}", "u", "s")
        planting.bills(f"s{number}", "u", {"amount": "9.14" if number < plain else "8.00"})
    planting.rows["evidence"].append(("plan_price", "plan", "s", None, None, '{"price": "8.00"}', "list of April"))
    planting.store()
    work = work_on(planting, store_database)
    dual_run(work)
    done = reconcile_period(work)
    assert [one.rows for one in done.plain] == [plain]
    assert {row.verdict for row in done.judged} == {verdict}


def voted(planting: Planting) -> None:
    """Two subscriptions that agree, and one that is billed by a record about their plan, so that those are asked."""
    planting.rows["users"].append(("u", "Ada", None, None, "ca", "on", None, True, False))
    for number, amount in enumerate(("9.14", "9.14", "8.00")):
        planting.lives(f"s{number}", "u", "s")
        planting.bills(f"s{number}", "u", {"amount": amount})
    planting.rows["evidence"].append(("plan_price", "plan", "s", None, None, '{"price": "8.00"}', "list of April"))
    planting.store()


def test_what_the_database_refuses_is_told_by_what_it_refused(fresh_database: str, store_database: str, tmp_path: Path) -> None:
    """Not by the statement of judging that came after it, which only says that the transaction is over."""
    planting = Planting(SmallHost(fresh_database, tmp_path), Random(1))  # noqa: S311 - the same each time
    voted(planting)
    work = work_on(planting, store_database)
    dual_run(work)
    with work.db.transaction() as conn:
        conn.execute("ALTER TABLE reconciliation_row ADD CONSTRAINT no_match CHECK (verdict <> 'match')")
    with pytest.raises(psycopg.errors.CheckViolation, match="no_match"):
        reconcile_period(work)


@pytest.mark.parametrize(("subject", "plain"), [(("subscription", "s1"), 1), (("user", "u"), 0), (("plan", "s"), 2)])
def test_what_a_cause_looks_at_is_judged(
    fresh_database: str, store_database: str, tmp_path: Path, subject: tuple[str, str], plain: int
) -> None:
    planting = Planting(SmallHost(fresh_database, tmp_path), Random(1))  # noqa: S311 - the same each time
    planting.rows["evidence"].append((" Remark", *subject, None, None, "{}", "said"))
    voted(planting)
    work = work_on(planting, store_database)
    snapshot = take_snapshot(work.db, work.service, NOW, lambda _: None).snapshot_id
    dual_run(work)
    looked = Looked(
        service="small",
        period="2026-04",
        snapshot_id=snapshot,
        period_start=work.period.start,
        period_end=work.period.end,
        closes_at=work.closes_at,
        tax_rounding="line",
        kinds=["remark"],
        currencies={"s": "CAD"},
        digits={"CAD": 2},
    )
    with work.db.transaction() as conn:
        find(conn, looked, lambda _: 1)
        assert conn.execute("SELECT count(*) FROM plain").fetchone() == (plain,)


def test_what_was_longer_once_says_until_when_it_covers(fresh_database: str, store_database: str, tmp_path: Path) -> None:
    """A year that began in January covers April, though its subscription is said to be a monthly one by now."""
    planting = Planting(SmallHost(fresh_database, tmp_path), Random(1))  # noqa: S311 - the same each time
    planting.rows["users"].append(("u", "Ada", None, None, "ca", "on", None, True, False))
    planting.lives("s1", "u", "l", interval="yearly")
    planting.store()
    work = work_on(planting, store_database)
    take_snapshot(work.db, work.service, NOW - timedelta(days=8), lambda _: None)
    planting.host.run("UPDATE subscriptions SET billing_interval = 'monthly'")
    dual_run(work)
    plain = reconcile_period(work).plain
    notes = contents(work, 1)[1][0]["notes"]
    planting.rows["subscriptions"] = planting.rows["subscriptions"][:1]
    with psycopg.connect(planting.host.url) as conn:
        conn.execute("INSERT INTO evidence VALUES (%s, %s, %s, %s, %s, %s, %s)", names_everybody(planting))
    dual_run(work)
    assert ([one.rows for one in plain], reconcile_period(work).plain) == ([1], ())
    assert (notes, contents(work)) == (["covered_until: 2027-01-05"], contents(work, 1))


ROWS = "SELECT to_jsonb(r) - 'revision_id' FROM reconciliation_row AS r WHERE revision_id = %s ORDER BY row_id"
INSTANCES = (
    "SELECT to_jsonb(i) - 'revision_id' FROM reconciliation_instance AS i WHERE revision_id = %s ORDER BY row_id, ordinal"
)
HASH = "SELECT content_hash FROM period_revision WHERE revision_id = %s"


def contents(work: PeriodWork, revision: int = 2) -> tuple[Any, ...]:
    """The content hash of a revision, which is that of its rows as they are published, and everything stored of it."""
    with work.db.transaction() as conn:
        stored = [normal(row[0]) for statement in (ROWS, INSTANCES) for row in conn.execute(statement, [revision])]
        ((digest,),) = conn.execute(HASH, [revision])
        rows = reconciliation.rows(conn, revision)
    assert digest == content_hash(published(row, service="small", period="2026-04", zone=work.service.zone) for row in rows)
    return digest, stored


def normal(row: dict[str, Any]) -> dict[str, Any]:
    """A stored row whose numbers have no trailing zeros, which mean nothing."""
    return {name: float(value) if isinstance(value, int | float) else value for name, value in row.items()}
