"""What the worker does with what waits: order, caps, failures, the end of a deployment; on both storages."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from threading import Barrier
from typing import Any

import pytest

from fcb_host.receiver import inbox, operating
from fcb_host.receiver.acting import What, Worker
from fcb_pipelines_tests.receiver.conftest import TERMS, House
from fcb_pipelines_tests.receiver.said import FAILED, PAID, Told, invoice


def states(house: House) -> dict[str, int]:
    return house.status().deployments


def test_suspend_and_restore_in_order(house: House) -> None:
    house.take("a")
    assert house.act() == [What.SUSPENDED]
    house.take("b", PAID, sequence=2)
    assert house.act() == [What.RESTORED]
    assert house.host.acts == [("suspend", "dep-1", "a"), ("restore", "dep-1", "b")]
    assert states(house) == {"active": 1}
    assert house.act() == []


def test_delivered_in_reverse_they_end_restored(house: House) -> None:
    house.take("b", PAID, sequence=2)
    house.act()
    house.take("a", sequence=1)
    assert house.act() == [What.STALE]
    assert (house.host.acts, states(house), house.standings()) == ([], {"active": 1}, {"b": "done", "a": "stale"})


def test_a_suspension_that_was_paid_before_anybody_acted_is_none(house: House) -> None:
    house.take("a")
    house.take("b", PAID, sequence=2)
    assert house.act() == [What.STALE, What.NOTED]
    assert house.host.acts == []


def test_two_invoices_in_any_order_end_the_same(house: House) -> None:
    said = [("a", FAILED, 1, 77), ("b", FAILED, 2, 78), ("c", PAID, 3, 77), ("d", PAID, 4, 78)]
    for number, order in enumerate(list(permutations(said))[::3]):
        for name, type_, sequence, which in order:
            about: dict[str, Any] = {"deployment_id": f"dep-{number}", "external_subscription_id": f"sub-{number}"}
            house.take(f"{name}{number}", type_, sequence=sequence, invoice=invoice(which, paid=type_ == PAID), **about)
            house.act(most_suspensions=99)
    assert states(house) == {"active": 8}
    undone = Counter({"suspend": 1, "restore": -1})
    balance: Counter[str] = Counter()
    for what, deployment, _ in house.host.acts:
        balance[deployment] += undone[what]
    assert set(balance.values()) == {0}


def test_paying_one_of_two_restores_nothing(house: House) -> None:
    house.take("a")
    house.take("b", sequence=2, invoice=invoice(78))
    house.take("c", PAID, sequence=3)
    house.act()
    assert states(house) == {"suspended": 1}
    house.take("d", PAID, sequence=4, invoice=invoice(78, paid=True))
    house.act()
    assert [act[0] for act in house.host.acts] == ["suspend", "restore"]


def test_a_payment_ends_what_has_no_invoice_though_its_own_invoice_failed_again(house: House) -> None:
    house.take("c", sequence=3, final=False)
    house.take("a", sequence=1, invoice=None)
    house.act()
    house.take("b", PAID, sequence=2)
    assert house.act() == [What.RESTORED]
    assert states(house) == {"active": 1}


def test_what_fails_waits_longer_and_longer_is_seen_and_stops_nobody(house: House) -> None:
    house.host.failures = [OSError("the hypervisor\nis away\0"), KeyError("x")]
    house.take("a")
    house.take("b", external_subscription_id="sub-2", deployment_id="dep-2")
    assert house.act() == [What.FAILED, What.FAILED]
    status = house.status()
    assert (status.failing, status.needs_a_person) == (2, True)
    assert status.last_problem == "suspend failed: OSError: the hypervisor is away"
    assert house.act() == []
    entry = house.entries()["a"]
    assert (entry.standing.value, entry.attempts, entry.due_at - entry.received_at) == ("waiting", 1, timedelta(seconds=5))
    house.host.failures = [OSError("again")]
    house.clock.on(seconds=5)
    assert sorted(house.act()) == [What.FAILED, What.SUSPENDED]
    house.clock.on(seconds=10)
    assert house.act() == [What.SUSPENDED]
    assert sorted(house.host.acts) == [("suspend", "dep-1", "a"), ("suspend", "dep-2", "b")]
    assert not house.status().needs_a_person


def test_what_failed_may_have_happened_and_is_undone_when_it_was_paid(house: House) -> None:
    house.host.failures = [TimeoutError()]
    house.take("a")
    assert house.act() == [What.FAILED]
    house.take("b", PAID, sequence=2)
    house.clock.on(minutes=5)
    assert sorted(house.act()) == [What.RESTORED, What.STALE]
    assert house.host.acts == [("restore", "dep-1", "b")]


def test_what_was_done_when_the_process_ended_is_undone_when_it_was_paid(house: House) -> None:
    class Dies(Told):
        def suspend(self, call: Any) -> None:
            super().suspend(call)
            raise KeyboardInterrupt

    house.host = Dies()
    house.take("a")
    with pytest.raises(KeyboardInterrupt):
        house.act()
    house.take("b", PAID, sequence=2)
    assert sorted(house.act()) == [What.RESTORED, What.STALE]
    assert house.host.acts == [("suspend", "dep-1", "a"), ("restore", "dep-1", "b")]


def test_what_an_action_wrote_before_it_failed_is_not_there(house: House) -> None:
    class Writes(Told):
        def suspend(self, call: Any) -> None:
            call.connection.execute("CREATE TABLE IF NOT EXISTS of_the_host (name text)")
            call.connection.execute("INSERT INTO of_the_host VALUES ('a')")
            super().suspend(call)

    house.host = Writes(failures=[ValueError()])
    house.take()
    assert house.act() == [What.FAILED]
    house.clock.on(minutes=1)
    assert house.act() == [What.SUSPENDED]
    with house.storage.transaction() as tx:
        assert tx.rows("SELECT count(*) FROM of_the_host") == [(1,)]


def many(house: House, count: int, type_: str = FAILED) -> None:
    for number in range(count):
        about: dict[str, Any] = {"external_subscription_id": f"sub-{number}", "deployment_id": f"dep-{number}"}
        house.take(f"m{number}-{type_[-6:]}", type_, **about)


def test_a_runaway_stops_at_the_cap_and_goes_on_when_it_is_released(house: House) -> None:
    many(house, 10)
    done = Counter(house.act())
    assert done == {What.SUSPENDED: 3, What.HELD: 7}
    assert house.act() == []
    house.clock.on(hours=2)
    assert house.act() == []
    status = house.status()
    assert (status.messages, status.needs_a_person) == ({"done": 3, "held": 7}, True)
    with house.storage.transaction() as tx:
        (first, *_) = inbox.listed(tx, [inbox.Standing.HELD])
        assert first.why.startswith("held: suspend beyond the cap")
        assert operating.release(tx, [first.number, 999], who="Ada", now=house.clock()) == 1
    assert house.act() == [What.SUSPENDED]
    with house.storage.transaction() as tx:
        assert operating.release(tx, None, who="Ada", now=house.clock()) == 6
    assert house.act() == [What.SUSPENDED] * 6
    assert len(set(house.host.acts)) == len(house.host.acts) == 10


def test_small_runs_are_one_runaway_and_an_hour_later_it_is_another(house: House) -> None:
    for number in range(5):
        house.take(f"m{number}", deployment_id=f"dep-{number}", external_subscription_id=f"sub-{number}")
        house.act()
        house.clock.on(minutes=1)
    assert Counter(house.standings().values()) == {"done": 3, "held": 2}
    house.clock.on(hours=1)
    house.take("later", deployment_id="later", external_subscription_id="later")
    assert house.act() == [What.SUSPENDED]


def test_what_is_held_and_then_paid_is_let_go(house: House) -> None:
    many(house, 4)
    house.act()
    house.take("paid", PAID, sequence=2, external_subscription_id="sub-3", deployment_id="dep-3")
    assert house.act() == [What.NOTED]
    assert house.standings()["m3-failed"] == "stale"
    assert len(house.host.acts) == 3


def test_what_is_held_is_not_carried_out_by_a_message_on_something_else(house: House) -> None:
    many(house, 4)
    house.act()
    house.clock.on(hours=2)
    other: dict[str, Any] = {"external_subscription_id": "sub-3", "deployment_id": "dep-3"}
    house.take("paid", PAID, sequence=2, invoice=invoice(99, paid=True), **other)
    house.take("failed", sequence=3, invoice=invoice(98), final=False, **other)
    assert house.act() == [What.NOTED, What.NOTED]
    assert len(house.host.acts) == 3
    assert house.entries()["paid"].why == "noted; its suspension is held: unpaid: INV/77 (49.00 CAD)"
    with house.storage.transaction() as tx:
        operating.release(tx, None, who="Ada", now=house.clock())
    assert house.act() == [What.SUSPENDED]


def test_a_suspension_that_raised_and_may_have_happened_counts_against_the_cap(house: House) -> None:
    house.host.failures = [TimeoutError()] * 5
    many(house, 5)
    assert Counter(house.act()) == {What.FAILED: 3, What.HELD: 2}
    house.host.failures = []
    house.clock.on(minutes=1)
    assert Counter(house.act()) == {What.SUSPENDED: 3}
    # What never comes to an end holds nobody up for ever.
    house.clock.on(hours=1)
    house.take("later", deployment_id="later", external_subscription_id="later")
    assert house.act() == [What.SUSPENDED]


def test_what_was_begun_and_never_done_counts_for_its_hour(house: House) -> None:
    house.host.failures = [TimeoutError()] * 9
    many(house, 3)
    house.act()
    house.clock.on(minutes=61)
    house.act()
    house.host.failures = []
    house.take("later", deployment_id="later", external_subscription_id="later")
    assert What.SUSPENDED in house.act()
    assert ("suspend", "later", "later") in house.host.acts


def test_the_cap_holds_for_four_workers_together(house: House) -> None:
    many(house, 12)
    with ThreadPoolExecutor(4) as threads:
        done = sum(threads.map(lambda _: Counter(house.act()), range(4)), Counter())
    assert done == {What.SUSPENDED: 3, What.HELD: 9}
    assert len(house.host.acts) == 3


class Slow(Told):
    """A host that takes its time."""

    def suspend(self, call: Any) -> None:
        time.sleep(0.1)
        super().suspend(call)


def together(house: House, **terms: Any) -> Counter[What]:
    """Four workers that begin at once."""
    start = Barrier(4)

    def work(_: int) -> Counter[What]:
        start.wait()
        return Counter(house.act(**terms))

    with ThreadPoolExecutor(4) as threads:
        return sum(threads.map(work, range(4)), Counter())


def test_nobody_counts_against_the_cap_while_another_one_acts(house: House) -> None:
    house.host = Slow()
    many(house, 8)
    assert together(house, most_suspensions=1) == {What.SUSPENDED: 1, What.HELD: 7}


def test_nobody_decides_on_a_deployment_while_another_one_acts_on_it(house: House) -> None:
    house.host = Slow()
    for number in range(4):
        house.take(f"m{number}", sequence=number, invoice=invoice(number))
    assert together(house) == {What.SUSPENDED: 1, What.NOTED: 3}
    assert len(house.host.acts) == 1


def test_workers_at_once_never_act_on_the_same(house: House) -> None:
    many(house, 40)
    assert together(house, most_suspensions=99) == {What.SUSPENDED: 40}
    assert len(set(house.host.acts)) == len(house.host.acts) == 40


def test_a_worker_of_one_service_acts_on_nothing_of_another_that_was_taken_before_it_was_set(house: House) -> None:
    house.take("a", service="cumulus")
    assert Worker(storage=house.storage, actions=house.host, service="nexacloud").run(house.clock()) == [What.REFUSED]
    assert (house.host.acts, house.standings()) == ([], {"a": "parked"})
    assert house.entries()["a"].why.startswith("not to be acted on any more: it is about the service cumulus")


def test_a_worker_has_usual_terms(house: House) -> None:
    usual = Worker(storage=house.storage, actions=house.host).terms
    assert (usual.most_suspensions, usual.most_deprovisions, usual.grace, usual.window) == (
        10,
        5,
        timedelta(days=14),
        TERMS.window,
    )
