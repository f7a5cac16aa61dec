"""Tracing a row: every step down to events and rows of the source, and that what does not add up is said."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from fcb_pipelines.acts import acceptances
from fcb_pipelines.acts.acceptances import Wanted
from fcb_pipelines.acts.carrying_on import Said, carry
from fcb_pipelines.acts.trace import Asked, trace
from fcb_pipelines.domain.acceptances import Bearer, Reason
from fcb_pipelines.domain.acceptances import Kind as Signing
from fcb_pipelines.domain.audit import Log
from fcb_pipelines.domain.carried import Heir
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.trace import Kind
from fcb_pipelines.store import audit, retention
from fcb_pipelines_tests.acts.traced import APRIL, CONTRACT, EVENTS, FEE, MAY, ROW, Looked, Traced
from fcb_pipelines_tests.conftest import NOW, database
from fcb_pipelines_tests.kept import KeptStore
from fcb_pipelines_tests.source.small_host import FIRST, SmallHost

IN_MAY = ROW.replace(APRIL, MAY)


@pytest.fixture(scope="module")
def traced(postgres_url: str, store_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    """The story, told once; each test looks at it, and whatever it does to it is taken back."""
    with database(postgres_url) as source, database(postgres_url, template=store_template) as store:
        found = Traced(host=SmallHost(source, tmp_path_factory.mktemp("host")), db=KeptStore(store))
        found.told()
        yield found


def test_a_row_is_walked_from_its_revision_to_what_it_rests_on(traced: Traced) -> None:
    with traced.looked_at(ROW) as seen:
        assert (seen.found.wrong, seen.found.untraced) == ([], [])
        (row,) = seen.of(Kind.ROW)
        assert row.says == f"{ROW}: expected 15.18 CAD | billed 9.14 CAD | difference 6.04 CAD | unexplained"
        (revision,), (snapshot,) = seen.of(Kind.REVISION), seen.of(Kind.SNAPSHOT)
        assert {"revision", "made_at", "rule_version", "settings_hash", "snapshot_id", "content_hash"} <= revision.data.keys()
        assert len(snapshot.data["content_hash"]) == 64
        assert [step.reference for step in seen.of(Kind.CHARGE)] == ["flat", "cpu_seconds"]


def test_the_billed_side_goes_to_the_rows_of_the_source(traced: Traced) -> None:
    with traced.looked_at(ROW, charge="flat") as seen:
        (line,), (invoice,) = seen.of(Kind.INVOICE_LINE), seen.of(Kind.INVOICE)
        assert line.says.startswith("in_2/1: 9.14 CAD “Small × 1”, for 2026-04-01 to before 2026-05-01; plan, by line rule 1")
        assert invoice.data["total"] == "15.98"
        assert [step.reference for step in seen.of(Kind.EVIDENCE)] == ["paid 2/1", "credit 9"], "what names the line or invoice"
        rows = {step.reference: step.data["row"] for step in seen.of(Kind.SOURCE_ROW)}
        assert rows["invoices/in_2"]["lines"][1]["description"] == "Fee for moving in"
        assert {"plans/s", f"subscriptions/{FIRST}", "users/1", "invoices/in_2"} == rows.keys()


def test_the_expected_side_is_walked_again_from_the_price_to_the_tax(traced: Traced) -> None:
    with traced.looked_at(ROW, charge="cpu_seconds") as seen:
        (price,), (rounding,), (tax,) = seen.of(Kind.PRICE), seen.of(Kind.ROUNDING), seen.of(Kind.TAX)
        assert price.says.startswith(
            "Small: 2,900,000 cpu_seconds, of which 1,000 are included: 2,899,000 × 0.0075 per 3600: 6.0395"
        )
        assert rounding.says == "rounded once, half up: 6.04 CAD"
        assert tax.says == "HST 13 % of 6.04 CAD, CA-ON: 0.79 CAD"


def test_events_add_up_to_what_was_rated(traced: Traced) -> None:
    with traced.looked_at(ROW, charge="cpu_seconds") as seen:
        feed, later = seen.of(Kind.FEED)
        assert feed.says == "pushed: 29 events add up to 2,900,000 cpu_seconds, as rated"
        assert later.says.startswith("not counted: 1 event, 250,000 cpu_seconds: too late for this bill; on that of 2026-05")
        listed = seen.of(Kind.EVENT)
        assert len(listed) == 20 + 1
        assert listed[-1].says == "… more than 20: add --all for every one"
        first, taken, void = listed[0], listed[6], listed[7]
        assert first.says == "e01  2026-04-01T06:00:00-04:00  100000  pushed 2026-06-02T12:00:00-04:00"
        assert (taken.data["voided_by"], void.data["voids"], void.data["quantity"]) == ("not e07", "e07", "-100000")


def test_all_events_are_listed_when_asked_for_and_late_ones_name_their_bill(traced: Traced) -> None:
    with traced.looked_at(ROW, charge="cpu_seconds", all_events=True) as seen:
        events = seen.of(Kind.EVENT)
        assert len(events) == EVENTS + 1 + 1, "the void, and the late one"
        assert [step.reference for step in events if step.says.endswith("on the bill of 2026-05")] == ["late"]


def test_late_usage_is_traced_on_the_bill_that_adjusts_it(traced: Traced) -> None:
    with traced.looked_at(IN_MAY, charge="cpu_seconds") as seen:
        (adjusted,) = seen.of(Kind.ADJUSTMENT)
        assert adjusted.says == "adjusts 2026-04: 2,900,000 → 3,150,000 cpu_seconds, 6.04 → 6.56 CAD"
        assert [step.says for step in seen.of(Kind.FEED)] == [
            "pushed: 30 events add up to 3,150,000 cpu_seconds, as adjusted",
            "on the bills before: 29 events add up to 2,900,000 cpu_seconds",
            "pushed: 5 cpu_seconds of 1 event, as rated",
        ]
        assert [step.reference for step in seen.of(Kind.EVENT)] == ["late", "may"]
        assert seen.found.wrong == []


def test_what_explains_a_difference_is_traced_to_its_record(traced: Traced) -> None:
    with traced.looked_at(IN_MAY, charge="flat") as seen:
        (finding,), (record,), (after,) = seen.of(Kind.FINDING), seen.of(Kind.EVIDENCE), seen.of(Kind.WATERFALL)
        assert finding.says == "price override (remedy fix model): contract price 8.00"
        assert (record.reference, record.data["row"]["data"]) == ("contract 1", {"price": "8.00"})
        assert after.says == "after price override: 8.00 CAD, 0.00 CAD left of the difference"


EVENT = "WHERE idempotency_key = 'e01'"
DAMAGED = {
    "an event": (f"UPDATE usage_event SET quantity = quantity + 1 {EVENT}", "29 events come to 2,900,001 cpu_seconds, and not"),
    "a lost event": (
        f"DELETE FROM usage_event {EVENT}",
        "28 events come to 2,800,000 cpu_seconds, and not to 2,900,000 as rated",
    ),
    "the total": (
        "UPDATE usage_total SET quantity = quantity + 1",
        "the total of the month is 2,900,001, and 2,900,000 was rated",
    ),
    "the count": ("UPDATE usage_total SET events = 28", "and not to 2,900,000 as rated, of 28 events"),
    "the rating": (
        "UPDATE rated_line SET exact_numerator = exact_numerator + 1 WHERE charge = 'cpu_seconds'",
        "walked again it comes to 6.039583333333, and was rated 6.041666666667",
    ),
    "the rounding": ("UPDATE expected_line SET net = net + 0.01", "rated 6.04 CAD, expected 6.05 CAD, in the row 6.04 CAD"),
    "the tax": ("UPDATE expected_line SET tax = tax + 0.01", "the taxes come to 0.79 CAD and not to 0.80 CAD"),
    "no rated line": ("DELETE FROM rated_line", "no rated line stands for it"),
    "what was billed": (
        "UPDATE reconciliation_instance SET actual_net = actual_net + 0.01 WHERE actual_net IS NOT NULL",
        "the lines come to 9.14 CAD, and what was billed by them to 9.15 CAD",
    ),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_what_does_not_add_up_is_said(traced: Traced, what: str) -> None:
    statement, said = DAMAGED[what]
    with traced.looked_at(ROW, statement) as seen:
        assert [text for text in seen.found.wrong if said in text], seen.found.wrong


def test_an_explanation_that_leaves_a_cent_does_not_add_up(traced: Traced) -> None:
    left = """UPDATE reconciliation_instance SET explanation = jsonb_set(explanation, '{waterfall,0,residual}', '"0.01"')
               WHERE explanation ? 'waterfall'"""
    with traced.looked_at(IN_MAY, left) as seen:
        assert seen.found.wrong == ["price_override: it is explained, and this is left of the difference"]


def test_bills_before_that_say_otherwise_do_not_add_up(traced: Traced) -> None:
    with traced.looked_at(IN_MAY, "UPDATE adjustment SET old_quantity = 1") as seen:
        (wrong,) = seen.found.wrong
        assert wrong.endswith("the bills before come to 29 events add up to 2,900,000 cpu_seconds, and not to 1")


def test_what_came_after_the_metering_is_no_fault(traced: Traced) -> None:
    more = f"""INSERT INTO usage_event (period, series_id, idempotency_key, quantity, started_at, booked_in, stored_at)
               SELECT '{MAY}', series_id, 'more', 3, '2026-05-11Z', '{MAY}', '2026-06-03Z' FROM usage_event
                WHERE idempotency_key = 'may'"""
    with traced.looked_at(IN_MAY, "UPDATE usage_event SET stored_at = '2026-06-01Z'", more) as seen:
        assert seen.found.wrong == []
        (untraced,) = seen.found.untraced
        assert "2 events come to 8 cpu_seconds by now, and were 5 as rated, of 1 event: 1 came after it was metered" in untraced
    with traced.looked_at(IN_MAY, "UPDATE usage_event SET stored_at = '2026-06-01Z'", more.replace("06-03Z", "06-01Z")) as seen:
        assert len(seen.found.wrong) == 1, "it was there when the month was metered"


def test_dropped_events_are_said_with_what_is_still_known(traced: Traced) -> None:
    with traced.db.transaction() as conn:
        retention.drop(conn, APRIL, at=NOW, by="ada")
        seen = Looked.at(conn, traced.work(APRIL), Asked(row_id=ROW, charge="cpu_seconds"))
        conn.execute("UPDATE usage_running SET quantity = quantity + 1")
        after = Looked.at(conn, traced.work(APRIL), Asked(row_id=ROW, charge="cpu_seconds"))
        conn.rollback()
    (feed,) = seen.of(Kind.FEED)
    assert feed.says == (
        "pushed: the running total of 29 events is 2,900,000 cpu_seconds, as rated; 32 keys of events are still known"
    )
    assert seen.found.wrong == []
    assert seen.found.untraced == ["pushed: the single events of 2026-04 were dropped by ada on 2026-06-02 (fcb retention)"]
    assert after.found.wrong == ["pushed: 2,900,000 as rated"]


def test_the_feed_that_is_not_billed_is_a_second_witness(traced: Traced) -> None:
    other = f"""WITH one AS (INSERT INTO usage_series (service, feed, external_subscription_id, metric, aggregation)
                     VALUES ('small', 'pulled', '{FIRST}', 'cpu_seconds', 'sum') RETURNING series_id)
                INSERT INTO usage_running SELECT series_id, '{APRIL}', '{APRIL}', 'sum', 7, 2 FROM one"""
    with traced.looked_at(ROW, other, charge="cpu_seconds") as seen:
        assert "pulled, which is not billed: 2 events, 7 cpu_seconds" in seen.says(Kind.FEED)


def test_what_was_built_anew_since_the_revision_is_not_taken_for_it(traced: Traced) -> None:
    with traced.looked_at(ROW, "DELETE FROM period_stage WHERE stage = 'reconciliation'") as seen:
        assert len(seen.found.untraced) == 2
        assert "was built anew since this revision: run the period again" in seen.found.untraced[0]
        assert seen.of(Kind.PRICE) == seen.of(Kind.EVENT) == []
        assert len(seen.of(Kind.INVOICE_LINE)) == 1, "what was billed is in the snapshot"


def test_under_other_rules_the_price_is_not_walked_again(traced: Traced) -> None:
    with traced.db.transaction() as conn:
        work = replace(traced.work(APRIL), settings_hash="others")
        seen = Looked.at(conn, work, Asked(row_id=ROW, charge="cpu_seconds"))
    assert "which are no longer the reviewed ones" in seen.says(Kind.REVISION)[0]
    (untraced,) = seen.found.untraced
    assert untraced.startswith("the reviewed rules are no longer those of revision 1: run the period again, then trace")
    assert seen.of(Kind.FEED)[0].says.endswith("as rated"), "usage follows no rule"


def test_a_term_says_who_adopted_it_and_changes_the_price(traced: Traced) -> None:
    adopting = replace(traced, terms=(CONTRACT,))
    with adopting.looked_at(IN_MAY, charge="flat") as seen:
        step, decision = seen.of(Kind.TERM)[0], seen.of(Kind.DECISIONS)[0]
        assert step.says == (
            f"adopted contract_price of subscription {FIRST} from 2026-05-01: price 8.00; by ada on 2026-06-02 because of "
            f"small/2026-05/subscription/{FIRST} (fcb.toml)"
        )
        assert "price override: contract price 8.00: 8" in seen.says(Kind.CAUSE)
        assert any("walked again it comes to 8, and was rated 9.14" in text for text in seen.found.wrong), (
            "it was not run since"
        )
        assert CONTRACT.reference in [each.reference for each in decision.rests_on]


def test_what_people_signed_is_told_with_its_place_in_the_audit_log(traced: Traced) -> None:
    wanted = Wanted(
        row_ids=(ROW,),
        kind=Signing.ROW,
        reason=Reason.WRITE_OFF,
        text="not worth a letter",
        bearer=Bearer.US,
        expires_on=NOW.date().replace(month=9),
        author="ada",
    )
    said = Said(heir=Heir.SOURCE, owner="desk", ended_on=None, text="stays there", author="ada", at=NOW)
    with traced.db.transaction() as conn:
        acceptances.accept(conn, traced.service, wanted, NOW)
        carry(conn, traced.service, [FEE], said)
        row, fee = (Looked.at(conn, traced.work(APRIL), Asked(row_id=each)) for each in (ROW, FEE))
        head = audit.head(conn, Log.AUDIT)
        conn.rollback()
    (accepted,), (of_row,) = row.of(Kind.ACCEPTANCE), row.of(Kind.AUDIT)
    assert "write off, “not worth a letter”, borne by us; signed by ada on 2026-06-02, until before 2026-09-02" in accepted.says
    assert of_row.data["act"] == "acceptance_made"
    (successor,), (of_fee,) = fee.of(Kind.SUCCESSOR), fee.of(Kind.AUDIT)
    assert "the source keeps billing it, desk answers for it; “stays there”, said by ada" in successor.says
    assert head is not None
    assert (of_fee.data["act"], of_fee.data["hash"]) == ("successor_named", head.hash.hex())
    assert [each.data["hash"] for each in row.of(Kind.AUDIT)] != [head.hash.hex()], "each row has its own"


def test_what_stands_for_it_in_odoo_is_told_by_both_ids(traced: Traced) -> None:
    records = f"""INSERT INTO odoo_record (external_id, service, entity, source_id, model, odoo_id, seen_at) VALUES
        ('fcb.small_subscription_1', 'small', 'subscription', '{FIRST}', 'sale.order', 71, now()),
        ('fcb.small_invoice_1', 'small', 'invoice', '{FIRST}/{APRIL}', 'account.move', 72, now()),
        ('fcb.small_invoice_2', 'small', 'invoice', '{FIRST}/{MAY}', 'account.move', 73, now()),
        ('fcb.small_live_invoice_1', 'small', 'live_invoice', '{FIRST}/{APRIL}', 'account.move', 76, now()),
        ('fcb.small_live_invoice_2', 'small', 'live_invoice', '{FIRST}/{APRIL}/F-2', 'account.move', 77, now()),
        ('fcb.small_live_invoice_3', 'small', 'live_invoice', '{FIRST}/{MAY}/F-2', 'account.move', 78, now()),
        ('fcb.small_source_invoice_1', 'small', 'source_invoice', 'in_2', 'account.move', 74, now())"""
    link = "INSERT INTO account_link VALUES ('small', '1', 'linked', 75, '{}', 'made by the import', now())"
    with traced.looked_at(ROW, records, link) as seen:
        assert [step.data["odoo_id"] for step in seen.of(Kind.ODOO)[1:]] == [72, 76, 77, 74, 71, 75]
        assert f"subscription {FIRST}: fcb.small_subscription_1, sale.order 71" in seen.says(Kind.ODOO)


def test_an_unknown_row_is_refused_with_the_ids_that_may_be_meant(traced: Traced) -> None:
    wrong = {
        "small/2026-04/subscription/0": rf"did you mean one of: {ROW}",
        f"small/{APRIL}/subscription/{FIRST}x": rf"did you mean one of: {ROW}",
        f"small/{APRIL}/lines/in_2": rf"did you mean one of: {FEE}, {ROW}",
        f"small/{APRIL}/storage/9": "see  fcb rows",
        f"small/{APRIL}/line/in_2/2\0": "is no row id",
        "": "is no row id",
    }
    with traced.db.transaction() as conn:
        for row_id, said in wrong.items():
            with pytest.raises(InvalidInput, match=said):
                trace(conn, traced.work(APRIL), Asked(row_id=row_id))
        with pytest.raises(InvalidInput, match="has no charge 'storage'; it has: flat, cpu_seconds"):
            trace(conn, traced.work(APRIL), Asked(row_id=ROW, charge="storage"))
        with pytest.raises(RuleViolation, match="2026-06 was never reconciled; run it"):
            trace(conn, traced.work("2026-06"), Asked(row_id=ROW))


def test_events_are_read_while_they_are_walked(traced: Traced) -> None:
    with traced.db.transaction() as conn:
        root = trace(conn, traced.work(APRIL), Asked(row_id=ROW, charge="cpu_seconds", all_events=True))
        steps = list(root.rests_on)
        (expected,) = (step for step in steps[1].rests_on if step.kind is Kind.EXPECTED)
        (usage,) = (step for step in expected.rests_on if step.kind is Kind.USAGE)
        events = iter(next(iter(usage.rests_on)).rests_on)
        assert conn.execute("SELECT count(*) FROM pg_cursors").fetchone() == (0,), "nothing was read so far"
        assert next(events).reference == "e01"
        assert conn.execute("SELECT count(*) FROM pg_cursors").fetchone() == (1,), "the others wait in the database"
        assert sum(1 for _ in events) == EVENTS + 1 + 1


def test_a_change_that_snapshots_saw_is_told_with_both_values(traced: Traced, postgres_url: str) -> None:
    with database(postgres_url, template=traced.db.url.rpartition("/")[2]) as store:
        again = replace(traced, db=KeptStore(store))
        again.host.run("UPDATE plans SET price_monthly = 10 WHERE external_plan_id = 's'")
        again.snapshot(NOW + timedelta(days=1))
        again.host.run("UPDATE plans SET price_monthly = 9.14 WHERE external_plan_id = 's'")
        again.dual_run(MAY)
        with again.looked_at(IN_MAY, charge="flat") as seen:
            (change,) = (step for step in seen.of(Kind.EVIDENCE) if "as snapshots saw it" in step.says)
            assert change.data["between"] == ["2026-06-02T12:00:00-04:00", "2026-06-03T12:00:00-04:00"]
            assert "9.14" in change.says
            assert "10" in change.says
