"""Live invoices on each Odoo: claimed, drafted, read back, posted once and only where nothing objects."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.acts.draft_invoices import draft_invoices_complete
from fcb_pipelines.acts.guards import guard
from fcb_pipelines.acts.inert import shadow_inert
from fcb_pipelines.acts.live_invoices import LiveDone, Switches, live_invoices
from fcb_pipelines.acts.live_posting import live_invoices_complete, posting_objections_now
from fcb_pipelines.acts.stop import Stopped, resume, stop
from fcb_pipelines.acts.unflip_plan import billed
from fcb_pipelines.acts.unflip_plan import live_invoices as live_invoices_of
from fcb_pipelines.domain.acceptances import Signature
from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.guards import Finding, Kind
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.domain.usage import PUSHED
from fcb_pipelines.odoo import live as odoo_live
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.store import alarms, flips, hand_backs, read_back
from fcb_pipelines_tests.acts.chain import silent
from fcb_pipelines_tests.acts.gone_live import go_back, go_live
from fcb_pipelines_tests.acts.late import CORE_HOURS, event, push, with_march_closed
from fcb_pipelines_tests.acts.live_month import APRIL, JUNE, LIVE, MARCH, MAY, LiveMonth, a_live_month
from fcb_pipelines_tests.acts.month import Month
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.source.small_host import FIRST

SHADOW_APRIL, SHADOW_MAY = (f"invoice_{FIRST}=2f2026-{month}" for month in ("04", "05"))
AGAIN = f"{LIVE}=2fF-2"
NOT_ALLOWED = Switches(may_draft=False, may_post=True)
ADA = Signature(person="ada", at=NOW, text="looked at it")


@pytest.fixture
def live(month: Month) -> LiveMonth:
    """Rated, and live."""
    return a_live_month(month)


def ids(done: LiveDone) -> list[str]:
    return [one.id for one in done.objections]


def test_a_month_is_claimed_drafted_read_back_and_posted_once(live: LiveMonth) -> None:
    """Also while it is an alarm that nobody billed it: posting is the cure."""
    live.close()
    with live.april.chain.db.transaction() as conn:
        late = Finding(kind=Kind.NEVER_BILLED, subject=f"{FIRST}/flat/2026-05-01", words="late", evidence={})
        alarms.raise_alarms(conn, live.code, [late], NOW)
    done = live.live(now=MAY + timedelta(days=5))
    assert (ids(done), done.refused, done.drafted.differences, done.is_clean) == ([], {}, (), True), "May is not over"
    assert done.posted == (live.april.chain.xid(LIVE),)
    move = live.april.moves()[LIVE]
    assert (move["state"], f"{move['amount_untaxed']:.2f}", f"{move['amount_total']:.2f}") == ("posted", "9.89", "11.18")
    names = [line["name"] for line in live.april.lines(move)]
    assert [name.partition(" – ")[2][:24] for name in names] == ["2026-04-01 to 2026-04-30", "2026-05-01 to 2026-05-31"]
    assert live.claims() == [("cpu_seconds", APRIL, "odoo", "F-1"), ("flat", MAY, "odoo", "F-1")]
    (noted,) = live.noted()
    assert noted == {"posted": [{"invoice": live.april.chain.xid(LIVE), "odoo_id": move["id"]}], "refused": {}}
    again = live.live()
    assert (again.posted, again.drafted.untouched, len(live.noted()), live.april.moves()[LIVE]["id"]) == ((), 1, 1, move["id"])
    assert all(one.holds for one in live_invoices_complete(live.may.work))
    assert shadow_inert(live.april.chain.odoo, live.april.chain.db, live.april.chain.service) == ()


def test_shadow_drafts_hold_what_the_source_bills_and_nothing_that_odoo_does(live: LiveMonth) -> None:
    """Of April the price, which the source had billed; of May nothing, as its price and its usage are Odoo's."""
    for month, name, gross in ((live.april, SHADOW_APRIL, "10.33"), (live.may, SHADOW_MAY, None)):
        done = month.drafted()
        assert [str(one.gross.amount) for one in done.totals.values()] == [gross] * (gross is not None)
        assert (name in month.moves(), draft_invoices_complete(month.work).missing) == (gross is not None, {})
        assert all(one.holds for one in draft_invoices_complete(month.work).equations)
    go_back(live.april.chain.db, live.code, FIRST)
    assert [str(one.gross.amount) for one in live.april.drafted().totals.values()] == ["11.18"]
    assert live.live(may_post=False).drafted.created == 0, "who is not live owes Odoo nothing"


def test_whatever_objects_leaves_a_draft(live: LiveMonth) -> None:
    """One after the other: an open month, posting that is off, an alarm, what somebody added to the draft."""
    assert ids(live.live()) == ["month_open"]
    live.close()
    assert ids(live.live(may_post=False)) == ["posting_off"]
    db = live.april.chain.db
    with db.transaction() as conn:
        twice = Finding(kind=Kind.BILLED_TWICE, subject=f"{FIRST}/flat/2026-04-01", words="both", evidence={})
        (alarm,) = alarms.raise_alarms(conn, live.code, [twice], NOW)
    assert ids(live.live()) == ["open_alarm"]
    with db.transaction() as conn:
        alarms.clear(conn, live.code, alarm.alarm_id, by="ada", at=NOW)
    line = {"name": "theirs", "quantity": 1, "price_unit": 5, "tax_ids": []}
    live.april.chain.odoo.write("account.move", [live.april.moves()[LIVE]["id"]], {"invoice_line_ids": [[0, 0, line]]})
    done = live.live()
    assert (ids(done), live.april.moves()[LIVE]["state"], live.noted()) == (["read_back", "money"], "draft", [])
    assert all(one.what_to_do for one in done.objections)


def test_what_the_source_claims_is_neither_drafted_nor_claimed_for_odoo(live: LiveMonth) -> None:
    live.close()
    live.claim("flat", MAY, JUNE, Biller.SOURCE)
    done = live.live()
    assert (LIVE in live.april.moves(), ids(done), done.posted) == (False, ["read_back", "money"], ())
    (why,) = done.drafted.failed.values()
    assert "the claim of source from 2026-05-01 to 2026-06-01 (F-1) is in the way" in why
    assert live.claims() == [("flat", MAY, "source", "F-1")], "all of a subscription is claimed, or nothing"


def test_what_the_newest_snapshot_says_the_source_billed_is_neither_claimed_nor_drafted(live: LiveMonth) -> None:
    """Nor is it posted before the month was reconciled or a guard has looked; once it is no bill any more, it is."""
    live.close()
    live.bill_by_both()
    shown, done = live.live(dry_run=True), live.live()
    assert (ids(done), done.posted, LIVE in live.april.moves(), live.claims()) == (["read_back", "money"], (), False, [])
    assert shown.drafted.failed == done.drafted.failed
    (why,) = done.drafted.failed.values()
    assert "its flat from 2026-05-01 is billed by the source: 9.14 CAD (in_5/1)" in why
    live.april.host.run("DELETE FROM invoices WHERE external_invoice_id = 'in_5'")
    live.april.snapshot()
    assert live.live().posted == (live.april.chain.xid(LIVE),)


def test_what_was_drafted_before_the_source_billed_it_stays_a_draft_until_a_person_settled_it(live: LiveMonth) -> None:
    live.close()
    live.live(may_post=False)
    live.bill_by_both()
    done = live.live()
    assert (ids(done), done.posted, live.april.moves()[LIVE]["state"]) == (["read_back"], (), "draft")
    chain = live.april.chain
    (alarm,) = [one for one in guard(chain.db, chain.odoo, chain.service, NOW).alarms.open if one.kind is Kind.BILLED_TWICE]
    assert ids(live.live()) == ["read_back", "open_alarm"]
    with chain.db.transaction() as conn:
        alarms.clear(conn, live.code, alarm.alarm_id, by="ada", at=NOW)
    assert live.live().posted == (chain.xid(LIVE),)


def test_who_is_stopped_does_nothing_and_goes_on_after(live: LiveMonth) -> None:
    live.close()
    db, service = live.april.chain.db, live.april.chain.service
    with db.transaction() as conn:
        stop(conn, service, ADA)
    with pytest.raises(Stopped, match="looked at it"):
        live.live()
    with pytest.raises(RuleViolation, match="FCB_ODOO_DRAFT_INVOICES=true"):
        live_invoices(live.may.work, live.april.chain.odoo, NOT_ALLOWED, dry_run=False, report=silent)
    assert live.live(dry_run=True).drafted.created == 1, "looking is always allowed, and changes nothing"
    assert [one.id for one in posting_objections_now(live.may.work, is_on=True)] == ["stopped", "read_back", "money"]
    assert (live.claims(), live.april.moves()) == ([], {})
    with db.transaction() as conn:
        resume(conn, service, ADA)
    assert len(live.live().posted) == 1


def flipped_again(live: LiveMonth, before: str = "F-1", flip_id: str = "F-2", invoice: str = LIVE) -> LiveMonth:
    """What was posted is taken back by an unflip, and another flip takes the same month live."""
    db = live.april.chain.db
    live.take_back(invoice, before)
    go_back(db, live.code, FIRST, flip_id=before)
    go_live(db, live.code, FIRST, {"flat": MAY, "cpu_seconds": APRIL}, flip_id=flip_id)
    return live


def states(live: LiveMonth) -> dict[str, tuple[str, str]]:
    """The live invoices in Odoo, with what each comes to."""
    found = live.april.moves()
    return {name: (one["state"], f"{one['amount_total']:.2f}") for name, one in found.items() if name.startswith("live_")}


def test_a_month_that_an_unflip_gave_back_is_billed_by_the_next_flip_on_an_invoice_of_its_own(live: LiveMonth) -> None:
    """And so is one that the second flip billed, by the third; each flip bills it once, however often it is run."""
    live.close()
    live.live()
    for before, flip_id, invoice in (("F-1", "F-2", LIVE), ("F-2", "F-3", AGAIN)):
        flipped_again(live, before, flip_id, invoice)
        name = f"{LIVE}=2f{flip_id}"
        done, again = live.live(), live.live()
        assert (ids(done), done.drafted.differences, done.posted) == ([], (), (live.april.chain.xid(name),))
        assert (again.is_clean, again.posted, again.drafted.untouched) == (True, (), 1)
        assert {one[-1] for one in live.claims()} == {flip_id}
        assert all(one.holds for one in live_invoices_complete(live.may.work))
        assert guard(live.april.chain.db, live.april.chain.odoo, live.april.chain.service, NOW).is_quiet
    assert states(live) == dict.fromkeys((LIVE, AGAIN, f"{LIVE}=2fF-3"), ("posted", "11.18"))


@pytest.mark.parametrize("dies_at", ["load", "action_post"])
def test_a_crash_of_the_second_flips_month_is_resumed_with_the_same_invoice(live: LiveMonth, dies_at: str) -> None:
    live.close()
    live.live()
    flipped_again(live)
    with pytest.raises(ConnectionResetError):
        live.live(odoo=DiesAfter(live.april.chain.odoo, dies_at))
    assert set(states(live)) == {LIVE, AGAIN}, "it is in Odoo, and our store does not know"
    assert live.live().posted == (live.april.chain.xid(AGAIN),)
    assert live.live().posted == ()
    assert states(live) == dict.fromkeys((LIVE, AGAIN), ("posted", "11.18"))


def test_what_a_second_flip_posted_under_the_plain_id_stays_the_invoice_of_its_month(live: LiveMonth) -> None:
    """The first flip was taken back before it billed anything."""
    db = live.april.chain.db
    go_back(db, live.code, FIRST)
    go_live(db, live.code, FIRST, {"flat": MAY, "cpu_seconds": APRIL}, flip_id="F-2")
    live.close()
    assert live.live().posted == (live.april.chain.xid(LIVE),)
    assert (live.live().posted, set(states(live))) == ((), {LIVE})


def test_what_somebody_gave_back_by_hand_is_never_billed_anew(live: LiveMonth) -> None:
    """Also not after another flip was taken back: the difference is named, and a person decides."""
    test_what_a_second_flip_posted_under_the_plain_id_stays_the_invoice_of_its_month(live)
    chain = live.april.chain
    odoo_live.credit(chain.odoo, live.april.moves()[LIVE]["id"], chain.xid("credit_note_0"), reason="a favour", on=NOW.date())
    done = live.live()
    assert (done.posted, ids(done), set(states(live))) == ((), ["read_back", "money"], {LIVE})


def test_the_second_unflip_takes_back_what_the_second_flip_billed_alone(live: LiveMonth) -> None:
    chain = live.april.chain
    live.close()
    live.live()
    before: dict[str, Any] = {"moves": {str(live.april.moves()[LIVE]["id"]): {}}}
    flipped_again(live).live()
    with chain.db.transaction() as conn:
        plan = flips.live_subscriptions(conn, live.code)[FIRST].plan
    theirs = replace(plan, order_id=chain.ids("sale.order")[chain.xid(f"subscription_{FIRST}")])
    there = live_invoices_of(chain.db, chain.odoo, chain.service)
    found = billed(chain.odoo, chain.service, theirs, before, there)
    assert [one.odoo_id for one in found.posted] == [live.april.moves()[AGAIN]["id"]]
    other = replace(theirs, external_subscription_id=f"{FIRST}/2026-05")
    assert billed(chain.odoo, chain.service, other, before, there).posted == ()


class DiesAfter:
    """An Odoo that loads or posts, and of which we do not hear any more."""

    def __init__(self, odoo: Odoo, method: str) -> None:
        self._odoo, self._method, self._is_dead = odoo, method, False

    def __getattr__(self, name: str) -> Any:
        if self._is_dead:
            raise ConnectionResetError(name)
        return getattr(self._odoo, name)

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        answer = self._odoo.call(model, method, *args, **kwargs)
        self._is_dead = method == self._method
        return answer

    def load(self, *args: Any, **kwargs: Any) -> Any:
        answer = self._odoo.load(*args, **kwargs)
        self._is_dead = self._method == "load"
        return answer


def test_a_crash_after_posting_is_resumed_and_noted_once(live: LiveMonth) -> None:
    live.close()
    with pytest.raises(ConnectionResetError):
        live.live(odoo=DiesAfter(live.april.chain.odoo, "action_post"))
    move = live.april.moves()[LIVE]
    assert (move["state"], live.noted()) == ("posted", [])
    assert live.live().posted == (live.april.chain.xid(LIVE),)
    assert live.live().posted == ()
    ((noted,), after) = live.noted(), live.april.moves()[LIVE]
    assert ([one["odoo_id"] for one in noted["posted"]], after) == ([move["id"]], move)


def test_a_posted_month_is_never_invoiced_again(live: LiveMonth) -> None:
    """Whatever it would come to now: the difference is named, and the invoice stays as the customer has it."""
    live.close()
    live.live()
    before = live.april.moves()[LIVE]
    live.april.host.run("UPDATE plans SET price_monthly = 12, valid_from = valid_from + interval '1 second'")
    live.april.snapshot()
    live.april.rated()
    with live.april.chain.db.transaction() as conn:
        assert read_back.last(conn, live.code, Part.LIVE_INVOICES, "2026-05") is None, "its usage was rated anew"
    live.may.rated()
    done = live.live()
    assert (live.april.moves()[LIVE], done.posted, set(ids(done))) == (before, (), {"read_back", "money"})


@pytest.mark.parametrize("boundary", [MARCH, APRIL], ids=["used while live", "used before"])
def test_late_usage_goes_where_the_time_of_its_use_belongs(month: Month, boundary: datetime) -> None:
    """Told in April for March, which was closed: on Odoo's next invoice, or handed back to the source that bills March."""
    month.imported()
    live = LiveMonth(april=with_march_closed(month))
    push(live.april, event(live.april, "late", 100 * CORE_HOURS, "2026-03-21T10:00Z"))
    push(live.april, event(live.april, "may", 0, "2026-05-10T10:00Z"))
    live.rated()
    go_live(month.chain.db, live.code, FIRST, {"flat": MAY, "cpu_seconds": boundary})
    assert live.live().handed_back == (), "more may come on a bill that is open"
    live.close(feed=PUSHED)
    shown, done = live.live(dry_run=True), live.live()
    assert (done.is_clean, done.posted, shown.handed_back) == (True, (live.april.chain.xid(LIVE),), done.handed_back)
    told = [line["name"].rpartition(" – ")[2] for line in live.april.lines(live.april.moves()[LIVE])]
    late = "late cpu_seconds: 360000 more than billed before"
    with live.april.chain.db.transaction() as conn:
        noted = hand_backs.of_reference(conn, live.code, "F-1/2026-04")
    assert (late in told, noted == done.handed_back) == (boundary == MARCH, True)
    assert [(one.charge, one.service_to, one.quantity) for one in noted] == (
        [] if boundary == MARCH else [("cpu_seconds", APRIL, Decimal(360_000))]
    )
    assert {charge for charge, start, *_ in live.claims() if start < APRIL} == set(), "late usage is of what was claimed before"
