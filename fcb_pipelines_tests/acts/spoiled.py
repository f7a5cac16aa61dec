"""What can be spoiled in a store in which nothing stands against a flip, with what the gate says then."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from fcb_pipelines.acts.claims import take
from fcb_pipelines.acts.stop import stop
from fcb_pipelines.domain.acceptances import Signature
from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.domain.flip import Phase, Step
from fcb_pipelines.domain.guards import Finding
from fcb_pipelines.domain.guards import Kind as Guarded
from fcb_pipelines.domain.read_back import Difference
from fcb_pipelines.domain.read_back import Part as Written
from fcb_pipelines.store import alarms, journal, read_back, snapshots
from fcb_pipelines.store.read_back import ReadBack
from fcb_pipelines_tests.acts.gated import Gated, link, reconcile, snapshot
from fcb_pipelines_tests.acts.planted_source import billing_row, evidence_row, invoice_row, subscription_row, user_row
from fcb_pipelines_tests.builders import day
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.flips import an_entry, keep
from fcb_pipelines_tests.signed import an_instance

MAY_DAY = "2026-05-01T00:00:00+00:00"
Spoil = Callable[[Gated], Any]


def host(**entities: Any) -> Spoil:
    """The host says otherwise in a new snapshot."""
    return lambda gated: snapshot(gated.conn, gated.service, **entities)


def _bills(*more: dict[str, Any], without: str = "", **changes: Any) -> Spoil:
    """The host's bills: three paid ones, of which one may be missing, and more."""
    ends = {"2026-03": "2026-04-01", "2026-04": "2026-05-01", "2026-05": "2026-06-01"}
    given = {"status": "paid"} | changes
    own = [invoice_row(f"i-{month}", "50", f"{month}-01", end, **given) for month, end in ends.items() if month != without]
    return host(invoices=[*own, *more])


def _differs(gated: Gated) -> None:
    one = Difference(external_id="fcb.x", field="tax", sent="2.60", stored="0", why="somebody changed it")
    done = ReadBack(part=Written.PLANS, period="", records=1, read_at=NOW)
    read_back.replace(gated.conn, gated.service.code, done, [one])


def _neighbour(gated: Gated) -> None:
    both = [subscription_row(), subscription_row("s-2", external_user_id="u-2", started_at="2026-06-01T12:00:00+00:00")]
    snapshot(gated.conn, gated.service, users=[user_row(), user_row(external_user_id="u-2")], subscriptions=both)
    link(gated.conn, gated.service, {"u-2": 11})
    link(gated.conn, gated.service, {"u-1": 11})


def claimed(gated: Gated) -> None:
    one = Claim(
        external_subscription_id="s-1",
        charge="flat",
        service_from=day("2026-06-01"),
        service_to=day("2026-07-01"),
        biller=Biller.SOURCE,
        reference="i-6/1",
    )
    take(gated.conn, gated.service, [one], NOW)


def _alarmed(gated: Gated) -> None:
    one = Finding(kind=Guarded.BILLED_TWICE, subject="s-9/flat/2026-06-01", words="both bill it", evidence={})
    alarms.raise_alarms(gated.conn, gated.service.code, [one], NOW)


def begun_elsewhere(gated: Gated) -> None:
    keep(gated.conn, gated.plan, "F-ffffffffffff")
    entry = an_entry(Step.CLAIMED, Phase.BEFORE, flip_id="F-ffffffffffff", external_subscription_id="s-1")
    journal.append(gated.conn, gated.service.code, entry)


def _forged(gated: Gated) -> None:
    gated.conn.execute(
        "INSERT INTO attestation (attestation_id, service, statement, subject, text, author, made_at, expires_at)"
        " VALUES ('T-99', 'shop', 'no_dispute', 'u-1', 'trust me', 'ada', %s, %s)",
        [NOW, NOW + timedelta(days=9)],
    )


def _evidence(kind: str, subject_kind: str, subject: str, **changes: Any) -> Spoil:
    nothing = evidence_row(kind="balance", subject_kind="user", subject_id="u-1", data={"amount": "0"}, reference="b")
    values = {"kind": kind, "subject_kind": subject_kind, "subject_id": subject, "data": {}, "reference": "r1"}
    return host(evidence=[nothing, evidence_row(**values | changes)])


SPOILED: dict[str, tuple[Spoil, set[str]]] = {
    "a row that is undecided": (
        lambda gated: reconcile(gated.conn, gated.service, "2026-03", an_instance(period="2026-03", actual="40.86")),
        {"unexplained"},
    ),
    "a month run again under other rules": (
        lambda gated: gated.conn.execute("UPDATE period_revision SET rule_version = '0' WHERE period = '2026-05'"),
        {"too_few_clean_periods"},
    ),
    "a bill that came since": (_bills(invoice_row("i-9", "7", "2026-05-01", "2026-06-01", status="paid")), {"coverage"}),
    "a bill that is gone": (_bills(without="2026-04"), {"coverage"}),
    "a bill that was changed": (_bills(tax="1", total="51"), {"coverage"}),
    "a subscription without a row": (
        host(subscriptions=[subscription_row(), subscription_row("s-7", ended_at="2026-05-20T00:00:00+00:00")]),
        {"coverage"},
    ),
    "a line that nobody knows": (
        _bills(invoice_row("i-9", "7", "2026-05-01", "2026-06-01", status="paid", line={"kind": None})),
        {"coverage", "unknown_line_kind"},
    ),
    "a subscription that the source renews": (host(billing_state=[billing_row(auto_renew=True)]), {"source_not_stopped"}),
    "no billing state": (host(billing_state=[]), {"source_not_stopped", "ending"}),
    "a pending cancellation": (
        host(billing_state=[billing_row(auto_renew=False, cancel_at="2026-06-20T04:00:00+00:00")]),
        {"ending"},
    ),
    "an end": (host(subscriptions=[subscription_row(ended_at="2026-06-02T12:00:00+00:00")]), {"ending"}),
    "a bill that is open for long": (_bills(status="open"), {"past_due"}),
    "a bill that is written off": (_bills(status="uncollectible"), {"past_due"}),
    "a dispute of the customer": (_evidence("dispute", "user", "u-1"), {"open_dispute"}),
    "a dispute of an invoice": (_evidence("dispute", "invoice", "i-2026-05"), {"open_dispute"}),
    "a dispute of a subscription": (_evidence("dispute", "subscription", "s-1"), {"open_dispute"}),
    "a dispute that was won": (_evidence("dispute", "user", "u-1", data={"status": "Won"}), set()),
    "a dispute that is over": (_evidence("dispute", "user", "u-1", valid_to=MAY_DAY), set()),
    "a dispute of somebody else": (_evidence("dispute", "user", "u-9"), set()),
    "a credit": (
        _evidence("account_credit", "user", "u-1", data={"amount": "5"}, valid_from="2026-05-01T00:00:00+00:00"),
        {"balance_unequal"},
    ),
    "no record of balances": (host(evidence=[]), {"balance_unequal"}),
    "a place without rates": (host(users=[user_row(state="NU")]), {"tax_undecided"}),
    "no link": (lambda gated: gated.conn.execute("DELETE FROM account_link"), {"partner_unlinked", "balance_unequal"}),
    "a neighbour": (_neighbour, {"partner_linked_twice"}),
    "a claim": (claimed, {"claimed_otherwise"}),
    "the kill switch": (
        lambda gated: stop(gated.conn, gated.service, Signature(person="ada", at=NOW, text="wait")),
        {"stopped"},
    ),
    "an alarm": (_alarmed, {"alarm_open"}),
    "a read-back difference": (_differs, {"read_back_difference"}),
    "no read-back": (
        lambda gated: read_back.forget(gated.conn, gated.service.code, Written.PARTNERS),
        {"read_back_difference"},
    ),
    "another flip": (begun_elsewhere, {"already_live"}),
    "a forged attestation": (_forged, {"audit_broken"}),
    "a snapshot that was refused": (
        lambda gated: snapshots.refuse_snapshot(gated.conn, snapshot(gated.conn, gated.service), "no users at all"),
        {"snapshot_too_old"},
    ),
    "a day later": (lambda gated: setattr(gated, "now", NOW + timedelta(hours=25)), {"snapshot_too_old"}),
    "a month later": (
        lambda gated: setattr(gated, "now", NOW + timedelta(days=29)),
        {"snapshot_too_old", "receiver", "not_rehearsed", "feed_silent", "boundary_unproved"},
    ),
    "the next month closed": (
        lambda gated: setattr(gated, "now", day("2026-07-02")),
        {"snapshot_too_old", "receiver", "not_rehearsed", "feed_silent", "boundary_unproved", "period_not_closed"},
    ),
}
