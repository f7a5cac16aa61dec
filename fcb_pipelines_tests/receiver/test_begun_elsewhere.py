"""What was begun on a deployment is brought to its end, though later messages name another one; on both storages."""

from typing import Any

import pytest

from fcb_host.receiver import deployments
from fcb_host.receiver.acting import What
from fcb_host.receiver.effects import Act, State
from fcb_pipelines_tests.receiver.conftest import House
from fcb_pipelines_tests.receiver.said import FAILED, PAID, invoice

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
