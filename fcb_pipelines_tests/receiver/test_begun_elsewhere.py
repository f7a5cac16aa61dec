"""What was begun on a deployment is brought to its end, though later messages name another one; on both storages."""

from datetime import timedelta
from typing import Any

import pytest

from fcb_host.receiver import deployments, operating
from fcb_host.receiver.acting import What
from fcb_host.receiver.effects import Act, State
from fcb_pipelines_tests.receiver.conftest import House
from fcb_pipelines_tests.receiver.said import ENDED, FAILED, PAID, invoice

LATER: dict[str, Any] = {"final": False, "grace_ends_on": "2026-06-20"}
BACK: list[tuple[str, dict[str, Any]]] = [
    (PAID, {"settled_by": "cancellation"}),
    (PAID, {"settled_by": "credit_note"}),
    (FAILED, {"invoice": invoice(paid=True)}),
    (FAILED, LATER),
]


def stand(house: House) -> dict[str, tuple[State, Act | None, int]]:
    """Every deployment: where it stands, what was begun, how much is held against it."""
    with house.storage.transaction() as tx:
        return {one.deployment_id: (one.state, one.begun, len(one.unpaid)) for one in deployments.listed(tx)}


def begun(house: House, type_: str, said: dict[str, Any]) -> None:
    """dep-1 was suspended, and the host failed once as it was to be restored."""
    house.take("a")
    assert house.act() == [What.SUSPENDED]
    house.take("b", type_, sequence=2, **said)
    house.host.failures = [OSError("away")]
    assert house.act() == [What.FAILED]


@pytest.mark.parametrize(("type_", "said"), BACK)
@pytest.mark.parametrize("next_", [FAILED, PAID])
def test_a_restore_that_was_begun_is_done_though_the_last_word_is_on_another_one(
    house: House, type_: str, said: dict[str, Any], next_: str
) -> None:
    begun(house, type_, said)
    house.take("c", next_, sequence=3, deployment_id="dep-2")
    house.act()
    house.clock.on(hours=1)
    house.act()
    house.take("d", PAID, sequence=4, deployment_id="dep-2")
    house.act()
    assert stand(house) == dict.fromkeys(stand(house), (State.ACTIVE, None, 0))
    assert [each for each in house.host.acts if each[1] == "dep-1"] == [("suspend", "dep-1", "a"), ("restore", "dep-1", "b")]


@pytest.mark.parametrize(("type_", "said"), BACK)
def test_it_is_tried_until_the_host_does_it_and_suspends_nobody_again(house: House, type_: str, said: dict[str, Any]) -> None:
    begun(house, type_, said)
    house.take("c", sequence=3, deployment_id="dep-2")
    assert house.act() == [What.SUSPENDED]
    house.host.failures = [OSError("away")] * 2
    for _ in range(2):
        house.clock.on(hours=1)
        assert house.act() == [What.FAILED]
    house.clock.on(hours=1)
    assert house.act() == [What.RESTORED]
    assert stand(house) == {"dep-1": (State.ACTIVE, None, 0), "dep-2": (State.SUSPENDED, None, 1)}


def test_another_message_that_ends_it_has_the_key_that_it_was_begun_by(house: House) -> None:
    begun(house, PAID, {"settled_by": "cancellation"})
    house.take("c", sequence=3, deployment_id="dep-2")
    house.take("other", PAID, sequence=4, invoice=invoice(78, paid=True))
    assert house.act() == [What.SUSPENDED, What.RESTORED]
    assert house.host.acts[-1] == ("restore", "dep-1", "b")
    house.clock.on(hours=1)
    assert house.act() == [What.STALE]


def test_a_stale_message_does_nothing_where_the_opposite_is_wanted_now(house: House) -> None:
    begun(house, PAID, {"settled_by": "cancellation"})
    house.take("c", sequence=3, deployment_id="dep-2")
    house.take("other", sequence=4, invoice=invoice(78))
    house.host.failures = [OSError("away")] * 2
    assert house.act(most_suspensions=9) == [What.FAILED, What.FAILED]
    house.clock.on(seconds=5)
    house.act(most_suspensions=9)
    assert (house.standings()["b"], house.host.acts[-1][1:]) == ("stale", ("dep-1", "other"))
    assert stand(house)["dep-1"] == (State.SUSPENDED, None, 1)


def withdrawn(house: House) -> None:
    with house.storage.transaction() as tx:
        operating.withdraw(tx, "dep-1", who="Ada", now=house.clock())


def settled_elsewhere(house: House) -> None:
    """dep-1 was suspended and ended; then a payment settled its invoice there, and went on to dep-2."""
    house.take("a")
    house.take("end", ENDED, sequence=2)
    house.take("charge", sequence=3, deployment_id="dep-2", invoice=None)
    assert house.act() == [What.SUSPENDED, What.PENDING, What.SUSPENDED]
    house.take("b", PAID, sequence=4, deployment_id="dep-2")
    assert house.act() == [What.NOTED, What.RESTORED]


@pytest.mark.parametrize("failures", [0, 1])
def test_one_for_which_all_was_paid_elsewhere_is_restored_when_its_end_is_withdrawn(house: House, failures: int) -> None:
    settled_elsewhere(house)
    withdrawn(house)
    house.host.failures = [OSError("away")] * failures
    assert house.act() == [[What.RESTORED], [What.FAILED]][failures]
    house.clock.on(hours=1)
    house.act()
    assert stand(house) == {"dep-1": (State.ACTIVE, None, 0), "dep-2": (State.ACTIVE, None, 0)}
    # No other act on it was ever asked for under this key.
    assert house.host.acts[3:] == [("restore", "dep-1", "end")]
    house.clock.on(hours=1)
    assert house.act() == []


def test_it_is_restored_though_what_was_told_of_it_is_old(house: House) -> None:
    settled_elsewhere(house)
    house.clock.on(days=100)
    with house.storage.transaction() as tx:
        # What was told of dep-2, which serves, is not needed any more.
        assert operating.forget(tx, older_than=timedelta(days=90), now=house.clock()) == 2
    assert set(house.entries()) == {"a", "end"}
    withdrawn(house)
    assert house.act() == [What.RESTORED]


def test_a_key_is_not_used_again_for_the_restore_after_a_withdrawal(house: House) -> None:
    house.take("old", invoice=invoice(70), external_subscription_id="sub-2")
    assert house.act() == [What.SUSPENDED]
    house.take("paid", PAID, sequence=2, invoice=invoice(70, paid=True), external_subscription_id="sub-2")
    assert house.act() == [What.RESTORED]
    settled_elsewhere(house)
    withdrawn(house)
    assert house.act() == [What.RESTORED]
    assert house.host.acts[-1] == ("restore", "dep-1", "end")


def test_a_restore_that_was_begun_before_the_end_is_done_after_its_withdrawal(house: House) -> None:
    begun(house, PAID, {"settled_by": "cancellation"})
    house.take("end", ENDED, sequence=3)
    house.take("c", sequence=4, deployment_id="dep-2")
    house.act()
    house.clock.on(hours=1)
    assert house.act() == [What.STALE]
    withdrawn(house)
    assert house.act() == [What.RESTORED]
    assert house.host.acts[-1] == ("restore", "dep-1", "b")


def test_a_withdrawal_restores_nothing_while_something_is_due(house: House) -> None:
    house.take("a")
    house.take("end", ENDED, sequence=2)
    house.act()
    withdrawn(house)
    assert house.act() == [What.NOTED]
    assert stand(house) == {"dep-1": (State.SUSPENDED, None, 1)}
