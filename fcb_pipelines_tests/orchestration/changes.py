"""What can be changed in the world of `ready`: in its host, its store, its Odoo, and in what people said.

Owns: the changes. Does not own: which objection comes of each (against).
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from fcb_pipelines.acts import acceptances, flip
from fcb_pipelines.acts.acceptances import Wanted
from fcb_pipelines.acts.claims import take
from fcb_pipelines.acts.flip_evidence import going
from fcb_pipelines.acts.stop import stop
from fcb_pipelines.cli.session import operator
from fcb_pipelines.domain.acceptances import Bearer, Kind, Reason, Signature
from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.flip import Part, Phase, Step
from fcb_pipelines.domain.guards import Finding
from fcb_pipelines.domain.guards import Kind as Guarded
from fcb_pipelines.domain.partners import AccountLink, LinkState
from fcb_pipelines.domain.read_back import Difference
from fcb_pipelines.domain.read_back import Part as Written
from fcb_pipelines.domain.reconciliation import RULE_VERSION
from fcb_pipelines.domain.rows import NO_EXPLANATION, Explanation, Instance, Status, Verdict
from fcb_pipelines.store import alarms, flips, journal, partners, read_back
from fcb_pipelines.store.read_back import ReadBack
from fcb_pipelines_tests.acts.planted_source import billing_row, evidence_row
from fcb_pipelines_tests.builders import TORONTO
from fcb_pipelines_tests.domain.flip_facts import matched
from fcb_pipelines_tests.flips import an_entry
from fcb_pipelines_tests.orchestration.ready import World
from fcb_pipelines_tests.orchestration.ready_host import bill, host, no_balance, usual
from fcb_pipelines_tests.signed import a_row, an_instance, decided

Change = Callable[[World], object]
OTHER = "F-ffffffffffff"


def by_host(**entities: object) -> Change:
    """The host says otherwise in a new snapshot."""
    return lambda world: world.snapshot(**entities)  # type: ignore[arg-type]


def billed(**changes: object) -> Change:
    """The host's bill of the oldest month is otherwise now."""

    def change(world: World) -> None:
        _, *others = host(world.months)["invoices"]
        world.snapshot(invoices=[bill(world.months.closed[0], **changes), *others])  # type: ignore[arg-type]

    return change


def billed_too(**changes: object) -> Change:
    """The host has a bill more of the oldest month."""

    def change(world: World) -> None:
        more = bill(world.months.closed[0], "7", "i-more", **changes)
        world.snapshot(invoices=[*host(world.months)["invoices"], more])

    return change


def on_record(kind: str, **changes: object) -> Change:
    """The host has a record more about the customer."""
    values = {"kind": kind, "subject_kind": "user", "subject_id": "u-1", "data": {}, "reference": "r1"}
    return by_host(evidence=[no_balance(), no_balance("u-2"), evidence_row(**values | changes)])


def odd(verdict: Verdict, explanation: Explanation = NO_EXPLANATION) -> Change:
    """A difference in the oldest month."""

    return lambda world: world.reconcile(world.months.old, difference(world, verdict, explanation))


def difference(world: World, verdict: Verdict, explanation: Explanation = NO_EXPLANATION) -> Instance:
    """Of something that is billed once, in the oldest month."""
    values: dict[str, Any] = {"status": Status.DELTA, "is_due": False, "verdict": verdict, "explanation": explanation}
    return an_instance(period=world.months.old, charge="set_up", **values)


def unsaid(statement: Statement, subject: str = "") -> Change:
    """Whoever said it takes it back."""
    return lambda world: world.take_back(statement, subject)


def cancelled(world: World) -> None:
    soon = (world.now + timedelta(hours=2)).isoformat()
    world.snapshot(billing_state=[billing_row(auto_renew=False, cancel_at=soon)])


def nobody_billed_usage(world: World) -> None:
    """What was due for usage was nothing, so that nothing was compared."""
    for month in world.months.closed:
        world.reconcile(month.key, whole=(usual(month.key)[0], matched(month.key, "cpu_seconds", "0.00")))


def alarmed(world: World) -> None:
    one = Finding(kind=Guarded.BILLED_TWICE, subject="s-9/flat", words="both bill it", evidence={})
    with world.db.transaction() as conn:
        alarms.raise_alarms(conn, "shop", [one], world.now)


def begun_elsewhere(world: World) -> None:
    with world.db.transaction() as conn:
        there = flips.flip(conn, "shop", world.flip_id)
        assert there is not None
        assert flips.add(conn, replace(there, flip_id=OTHER, plan_hash="other"))
        journal.append(conn, "shop", an_entry(Step.CLAIMED, Phase.BEFORE, flip_id=OTHER, external_subscription_id="s-1"))


def rewritten(world: World) -> None:
    """Somebody with the rights of the owner of the tables rewrites who said what."""
    world.run("ALTER TABLE audit_log DISABLE TRIGGER append_only")
    world.run("UPDATE audit_log SET actor = 'mallory' WHERE position = 2")
    world.run("ALTER TABLE audit_log ENABLE TRIGGER append_only")


def claimed(world: World) -> None:
    """Another flip bills the same month; what no bill of the source stands behind would be released."""
    month = world.months.first
    one = Claim(
        external_subscription_id="s-1",
        charge="flat",
        service_from=month.start,
        service_to=month.end,
        biller=Biller.ODOO,
        reference=OTHER,
    )
    with world.db.transaction() as conn:
        take(conn, world.service, [one], world.now)


def linked(customer: str, partner: int | None) -> Change:
    def change(world: World) -> None:
        state = LinkState.AMBIGUOUS if partner is None else LinkState.LINKED
        one = AccountLink(external_user_id=customer, state=state, odoo_id=partner, candidates=(3, 4), reason="two share it")
        with world.db.transaction() as conn:
            partners.put_links(conn, "shop", [one], world.now)

    return change


def same_partner(world: World) -> None:
    linked("u-2", world.partner())(world)


def read_back_differs(world: World) -> None:
    one = Difference(external_id="fcb.x", field="tax", sent="2.60", stored="0", why="somebody changed it")
    with world.db.transaction() as conn:
        read_back.replace(conn, "shop", ReadBack(part=Written.PLANS, period="", records=1, read_at=world.now), [one])


def stopped(world: World) -> None:
    with world.db.transaction() as conn:
        stop(conn, world.service, Signature(person="ada", at=world.now, text="wait"))


def unknown_line(world: World) -> None:
    billed_too(line={"kind": None, "description": "???"})(world)
    world.keep_lines()


def confirmed_by_hand(world: World) -> None:
    world.admin.call("sale.order", "action_confirm", [world.order_id("s-2")])


def locked(world: World) -> None:
    (company,) = world.admin.search_read("res.company", [], ["id"])
    world.admin.write("res.company", [company["id"]], {"fiscalyear_lock_date": world.months.first.end.date().isoformat()})


def repeats(world: World) -> None:
    values = {"move_type": "out_invoice", "partner_id": world.partner(), "auto_post": "monthly"}
    world.admin.call("account.move", "create", values)


def moved(world: World) -> None:
    world.admin.write("sale.order", [world.order_id()], {"partner_id": world.partner("u-2")})


def price_changed(world: World) -> None:
    (line,) = world.admin.search_read("sale.order.line", [("order_id", "=", world.order_id())], ["id"])
    world.admin.write("sale.order.line", [line["id"]], {"price_unit": 49.0})


def forgotten(world: World) -> None:
    world.run("DELETE FROM odoo_record WHERE service = 'shop' AND entity = %s AND source_id = 's-1'", Entity.SUBSCRIPTION)


def within_range(world: World) -> None:
    day = world.months.first.start.date() + timedelta(days=14)
    world.attest(Statement.PAID_THROUGH, "s-1/cpu_seconds", day.isoformat())


def gone(world: World) -> None:
    """They are live, and charging is armed."""
    flip.go(going(world.connections, world.service, operator()), world.flip_id)
    world.arm(Part.CHARGE)


def charging_armed(world: World) -> None:
    """Charging is armed, and how they pay is said, of what is not live."""
    world.attest(Statement.NO_TOKEN, "u-1")
    world.arm(Part.CHARGE)


def until_yesterday(world: World) -> None:
    """Somebody said only until today that the receiver works."""
    world.take_back(Statement.RECEIVER)
    world.attest(Statement.RECEIVER, days=1)


def accepted_until_yesterday(world: World) -> None:
    """What is undecided in the oldest month is accepted only until today, and the month says so."""
    period = world.months.old
    row = a_row(
        *usual(period), difference(world, Verdict.UNEXPLAINED), period=period, external_user_id="u-1", subscription="s-1"
    )
    world.reconcile(period, whole=row.instances)
    wanted = Wanted(
        row_ids=(row.row_id,),
        kind=Kind.ROW,
        reason=Reason.GOODWILL,
        text="agreed by phone",
        bearer=Bearer.US,
        expires_on=world.now.astimezone(TORONTO).date() + timedelta(days=1),
        author="ada",
    )
    with world.db.transaction() as conn:
        made = acceptances.accept(conn, world.service, wanted, world.now).acceptances
    ((signed,), _) = decided([row], made, as_of=world.now, rules=RULE_VERSION, period=period)
    world.reconcile(period, whole=signed.instances)
