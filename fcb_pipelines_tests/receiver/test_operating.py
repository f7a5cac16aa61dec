"""The end of a deployment, and what a person decides and forgets; on both storages."""

from collections import Counter
from datetime import timedelta

import pytest

from fcb_host.errors import NotPossible
from fcb_host.receiver import operating
from fcb_host.receiver.acting import What
from fcb_pipelines_tests.receiver.conftest import House
from fcb_pipelines_tests.receiver.said import ENDED, PAID


def confirm(house: House, deployment: str = "dep-1") -> None:
    with house.storage.transaction() as tx:
        operating.confirm(tx, deployment, who="Ada", now=house.clock())


def withdraw(house: House) -> str:
    with house.storage.transaction() as tx:
        return operating.withdraw(tx, "dep-1", who="Ada", now=house.clock()).value


def test_deprovision_needs_the_grace_period_and_a_person(house: House) -> None:
    house.take("end", ENDED)
    assert house.act() == [What.PENDING]
    with pytest.raises(NotPossible, match="kept until 2026-06-16 16:00 UTC"):
        confirm(house)
    house.clock.on(days=14)
    assert house.act() == []
    (ending,) = house.status().ending
    assert (ending.deployment, ending.confirmed_by) == ("dep-1", None)
    confirm(house)
    with pytest.raises(NotPossible, match="confirmed by Ada already"):
        confirm(house)
    assert house.act() == [What.DEPROVISIONED]
    assert (house.host.acts, house.status().deployments) == ([("deprovision", "dep-1", "end")], {"deprovisioned": 1})
    house.take("paid", PAID, sequence=2)
    assert house.act() == [What.REFUSED]
    assert house.status().needs_a_person
    for act in (confirm, withdraw):
        with pytest.raises(NotPossible, match="dep-1 is deprovisioned: there is no termination"):
            act(house)


@pytest.mark.parametrize("is_confirmed", [False, True])
def test_a_termination_may_be_withdrawn_until_it_is_begun(house: House, is_confirmed: bool) -> None:
    house.take("end", ENDED)
    house.act()
    house.clock.on(days=14)
    if is_confirmed:
        confirm(house)
    assert withdraw(house) == "active"
    house.clock.on(days=99)
    assert house.act() == []
    assert (house.host.acts, house.standings()) == ([], {"end": "withdrawn"})
    house.take("again", ENDED, sequence=5)
    assert house.act() == [What.PENDING]


def test_what_was_begun_cannot_be_withdrawn(house: House) -> None:
    house.take("end", ENDED)
    house.act()
    house.clock.on(days=14)
    confirm(house)
    house.host.failures = [TimeoutError()]
    assert house.act() == [What.FAILED]
    with pytest.raises(NotPossible, match="may be done"):
        withdraw(house)


def test_what_was_paid_or_not_while_it_had_ended_counts_when_that_is_withdrawn(house: House) -> None:
    house.take("a")
    house.act()
    house.take("end", ENDED, sequence=2)
    house.take("b", PAID, sequence=3)
    assert house.act() == [What.PENDING, What.NOTED]
    assert withdraw(house) == "suspended"
    assert house.act() == [What.RESTORED]
    assert house.host.acts == [("suspend", "dep-1", "a"), ("restore", "dep-1", "end")]


def test_a_second_termination_changes_nothing_of_the_first(house: House) -> None:
    house.take("end", ENDED)
    house.act()
    house.take("corrected", ENDED, sequence=2)
    assert house.act() == [What.NOTED]
    house.clock.on(days=14)
    confirm(house)
    assert house.act() == [What.DEPROVISIONED]


def test_deprovisions_have_a_cap_of_their_own(house: House) -> None:
    for number in range(3):
        house.take(f"m{number}", ENDED, external_subscription_id=f"sub-{number}", deployment_id=f"dep-{number}")
    house.act()
    house.clock.on(days=15)
    for number in range(3):
        confirm(house, f"dep-{number}")
    assert Counter(house.act()) == {What.DEPROVISIONED: 1, What.HELD: 2}
    with house.storage.transaction() as tx:
        assert operating.release(tx, None, who="Ada", now=house.clock()) == 2
    assert house.act() == [What.DEPROVISIONED] * 2


def test_nobody_knows_a_deployment_that_no_message_was_about(house: House) -> None:
    with pytest.raises(NotPossible, match="no message was ever about dep-1"):
        confirm(house)


def test_messages_are_kept_ninety_days_and_what_is_open_longer(house: House) -> None:
    house.take("a")
    house.take("end", ENDED, sequence=2)
    house.take("twice", PAID, sequence=3)
    house.take("late", deployment_id="dep-2", external_subscription_id="sub-2")
    house.host.failures = [OSError("away")]
    house.act()
    with house.storage.transaction() as tx, pytest.raises(NotPossible, match="at least 90 days"):
        operating.forget(tx, older_than=timedelta(days=89.9), now=house.clock())
    house.clock.on(days=50)
    house.take("twice", PAID, sequence=3)
    house.act()
    house.clock.on(days=41)
    with house.storage.transaction() as tx:
        assert operating.forget(tx, older_than=timedelta(days=90), now=house.clock()) == 1
    assert set(house.entries()) == {"end", "twice", "late"}
    # What was forgotten is not acted on a second time: what it said is overtaken.
    house.take("a")
    assert house.act() == [What.STALE]


def test_what_was_looked_at_is_dismissed_and_stays_known(house: House) -> None:
    house.take("a", "invoice.sent")
    house.take("b")
    house.take("b", PAID)
    house.act()
    numbers = {name: one.number for name, one in house.entries().items()}
    with house.storage.transaction() as tx:
        assert operating.dismiss(tx, [*numbers.values(), 999], who="Ada", now=house.clock()) == 2
    assert not house.status().needs_a_person
    assert house.take("a", "invoice.sent").status == 200
