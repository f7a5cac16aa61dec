"""A subscription whose deployment changed between messages: who is suspended and restored is decided by the invoice."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import pytest

from fcb_host.receiver import deployments, operating
from fcb_host.receiver.acting import What, Worker
from fcb_host.receiver.effects import State
from fcb_host.receiver.messages import Message
from fcb_host.receiver.placing import Holder, Place, place
from fcb_host.receiver.storage import Storage, Transaction
from fcb_pipelines_tests.receiver.conftest import House
from fcb_pipelines_tests.receiver.said import ENDED, FAILED, PAID, heard, invoice

OPEN, SETTLED = heard(), heard(type_=PAID)
LATER: dict[str, Any] = {"final": False, "grace_ends_on": "2026-06-20"}


def holder(name: str, *, suspended: bool = False) -> Holder:
    return Holder(deployment=name, is_suspended=suspended)


@pytest.mark.parametrize(
    ("at", "message", "holders", "there"),
    [
        ("dep-1", OPEN, [], Place(deployment="dep-1")),
        ("dep-1", OPEN, [holder("dep-1")], Place(deployment="dep-1")),
        ("dep-1", OPEN, [holder("a"), holder("b", suspended=True)], Place(deployment="b")),
        ("dep-1", OPEN, [holder("a")], Place(deployment="dep-1", lets_go="a")),
        ("", OPEN, [holder("a")], Place(deployment="a")),
        ("", OPEN, [], Place(deployment="")),
        ("dep-1", SETTLED, [], Place(deployment="dep-1")),
        ("dep-1", SETTLED, [holder("a"), holder("dep-1")], Place(deployment="a")),
        # Placed there before: what was begun there is gone through with.
        ("z", SETTLED, [holder("a", suspended=True)], Place(deployment="z")),
        ("", heard(type_=PAID, deployment_id=None), [holder("a")], Place(deployment="a")),
    ],
)
def test_where_a_message_is_decided_on(at: str, message: Message, holders: list[Holder], there: Place) -> None:
    assert place(at, message, holders) == there


@pytest.mark.parametrize("named", ["dep-2", None])
def test_a_payment_restores_who_is_suspended_for_the_invoice_whatever_it_names(house: House, named: str | None) -> None:
    house.take("a")
    house.act()
    house.take("b", PAID, sequence=2, deployment_id=named)
    assert house.act() == [What.RESTORED]
    assert house.host.acts == [("suspend", "dep-1", "a"), ("restore", "dep-1", "b")]
    assert house.entries()["b"].deployment == "dep-1"
    assert house.entries()["b"].why.endswith(f"(told of {named or 'no deployment'}, held against dep-1)")


@pytest.mark.parametrize("named", ["dep-2", None])
def test_a_further_failure_of_the_invoice_suspends_no_second_one(house: House, named: str | None) -> None:
    house.take("a")
    house.act()
    house.take("b", sequence=2, deployment_id=named)
    assert house.act() == [What.NOTED]
    house.take("c", PAID, sequence=3, deployment_id="dep-3")
    assert house.act() == [What.RESTORED]
    assert house.host.acts == [("suspend", "dep-1", "a"), ("restore", "dep-1", "c")]


def test_another_invoice_of_the_subscription_counts_where_it_is_told_of(house: House) -> None:
    house.take("a")
    house.take("b", sequence=2, deployment_id="dep-2", invoice=invoice(78))
    house.act()
    house.take("c", PAID, sequence=3, deployment_id="dep-2", invoice=invoice(77, paid=True))
    house.act()
    assert house.status().deployments == {"active": 1, "suspended": 1}
    assert house.host.acts[-1] == ("restore", "dep-1", "c")


def test_what_was_not_due_yet_is_held_against_the_deployment_that_the_last_word_names(house: House) -> None:
    house.take("a", **LATER)
    house.act()
    house.take("b", sequence=2, deployment_id="dep-2")
    assert house.act() == [What.SUSPENDED]
    house.take("c", PAID, sequence=3)
    assert house.act() == [What.RESTORED]
    assert house.host.acts == [("suspend", "dep-2", "b"), ("restore", "dep-2", "c")]


def test_a_failure_that_names_none_counts_where_its_invoice_is_held_and_else_waits_for_a_person(house: House) -> None:
    house.take("a", **LATER)
    house.act()
    house.take("b", sequence=2, deployment_id=None)
    house.take("c", sequence=2, deployment_id=None, external_subscription_id="sub-2")
    assert house.act() == [What.SUSPENDED, What.REFUSED]
    assert house.standings()["c"] == "parked"
    assert house.entries()["c"].why == "its subscription has no deployment"
    assert house.host.acts == [("suspend", "dep-1", "b")]


def test_a_payment_that_names_none_and_came_first_leaves_nobody_suspended(house: House) -> None:
    house.take("b", PAID, sequence=2, deployment_id=None)
    house.act()
    house.take("a")
    assert house.act() == [What.STALE]
    assert house.host.acts == []


def test_one_payment_restores_all_that_are_suspended_for_what_it_settles(house: House) -> None:
    house.take("a", invoice=None)
    house.take("b", sequence=2, deployment_id="dep-2")
    house.act()
    house.host.failures = [OSError("away")]
    house.take("c", PAID, sequence=3, deployment_id="dep-3")
    assert house.act() == [What.FAILED]
    house.clock.on(minutes=1)
    assert house.act() == [What.RESTORED, What.RESTORED]
    assert house.host.acts[2:] == [("restore", "dep-1", "c"), ("restore", "dep-2", "c")]
    assert (house.standings()["c"], house.status().deployments) == ("done", {"active": 2})


def test_one_that_is_gone_keeps_nobody_else_from_being_suspended_and_restored(house: House) -> None:
    house.take("a")
    house.take("end", ENDED, sequence=2)
    house.act()
    house.clock.on(days=14)
    with house.storage.transaction() as tx:
        operating.confirm(tx, "dep-1", who="Ada", now=house.clock())
    house.act()
    house.take("b", sequence=3, deployment_id="dep-2")
    house.take("c", PAID, sequence=4, deployment_id="dep-2", invoice=invoice(78, paid=True))
    house.act()
    house.take("d", PAID, sequence=5, deployment_id="dep-2")
    house.act()
    assert house.host.acts[1:] == [("deprovision", "dep-1", "end"), ("suspend", "dep-2", "b"), ("restore", "dep-2", "d")]


def test_what_was_paid_elsewhere_counts_when_an_end_is_withdrawn(house: House) -> None:
    house.take("a")
    house.act()
    house.take("end", ENDED, sequence=2)
    house.take("b", PAID, sequence=3, deployment_id="dep-2")
    assert house.act() == [What.PENDING, What.NOTED]
    with house.storage.transaction() as tx:
        operating.withdraw(tx, "dep-1", who="Ada", now=house.clock())
    assert house.act() == [What.RESTORED]
    assert house.host.acts[1:] == [("restore", "dep-1", "end")]


def test_whatever_is_named_in_whatever_order_one_is_suspended_while_it_is_owed_and_nobody_once_it_is_paid(house: House) -> None:
    chance = random.Random(7)  # noqa: S311 (no secret)
    told = [(FAILED, 1), (FAILED, 2), (PAID, 3), (FAILED, 4), (PAID, 5)]
    for number, order in enumerate(chance.sample(list(permutations(told)), 12)):
        for type_, sequence in order:
            named = chance.choice([f"{number}-a", f"{number}-b", None])
            about: dict[str, Any] = {"external_subscription_id": f"sub-{number}", "deployment_id": named}
            house.take(f"{number}-{sequence}", type_, sequence=sequence, **about)
            if chance.random() < 0.7:
                house.act(most_suspensions=999)
            assert sum(suspended(house, number).values()) <= 1
        house.act(most_suspensions=999)
        assert set(suspended(house, number).values()) <= {0}


def suspended(house: House, number: int) -> dict[str, int]:
    """By deployment whether the host has it suspended, by its acts."""
    now: dict[str, int] = {}
    for what, name, _ in house.host.acts:
        if name.startswith(f"{number}-"):
            now[name] = now.get(name, 0) + (1 if what == "suspend" else -1)
    return now


@dataclass(frozen=True)
class Watched:
    """A transaction that tells when it is about to hold something against a deployment."""

    inner: Transaction
    told: Callable[[], object]

    @property
    def connection(self) -> Any:
        return self.inner.connection

    def rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        return self.inner.rows(statement, **values)

    def change(self, statement: str, **values: object) -> int:
        if "INSERT INTO fcb_receiver_unpaid" in statement:
            self.told()
        return self.inner.change(statement, **values)

    def part(self) -> AbstractContextManager[None]:
        return self.inner.part()


@dataclass(frozen=True)
class WatchedStorage:
    """A storage of such transactions."""

    inner: Storage
    told: Callable[[], object]

    @contextmanager
    def transaction(self) -> Iterator[Watched]:
        with self.inner.transaction() as tx:
            yield Watched(tx, self.told)


def test_a_payment_waits_for_the_failure_that_somebody_decides_on_elsewhere(house: House) -> None:
    house.take("a")
    with ThreadPoolExecutor(1) as threads:
        payments: list[Future[list[What]]] = []

        def pay() -> list[What]:
            house.take("b", PAID, sequence=2, deployment_id="dep-2")
            return house.act()

        def begin() -> None:
            if not payments:
                payments.append(threads.submit(pay))
                # In SQLite nothing of it can be done meanwhile, in Postgres all but the decision.
                wait(payments, timeout=0.5)

        worker = Worker(storage=WatchedStorage(house.storage, begin), actions=house.host)
        worker.run(house.clock())
        payments[0].result()
    house.act()
    with house.storage.transaction() as tx:
        assert [(each.state, each.unpaid) for each in deployments.listed(tx) if each.deployment_id == "dep-1"] == [
            (State.ACTIVE, frozenset())
        ]
