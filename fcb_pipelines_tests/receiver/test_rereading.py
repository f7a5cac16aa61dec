"""What was parked or could not be read is read again when a person says so; on both storages."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from fcb_host.receiver.acting import What
from fcb_host.receiver.inbox import Standing
from fcb_host.receiver.rereading import read_again
from fcb_pipelines_tests.receiver.conftest import House
from fcb_pipelines_tests.receiver.said import ENDED, FAILED, NOW, PAID, body, invoice, signed


def again(house: House, *numbers: int, **said: Any) -> int:
    """Read these again, or all where none is given."""
    given: dict[str, Any] = {"service": ""} | said
    with house.storage.transaction() as tx:
        return read_again(tx, numbers or None, who="Ada", now=house.clock(), **given)


def as_an_older_version_had_it(house: House, standing: Standing) -> None:
    """What a version that did not know how to read a message kept of it."""
    with house.storage.transaction() as tx:
        tx.change(
            "UPDATE fcb_receiver_message "
            "SET standing = :standing, deployment = '', subscription = '', subject = '', sequence = 0",
            standing=standing.value,
        )
        tx.change("DELETE FROM fcb_receiver_heard")


@pytest.mark.parametrize("standing", [Standing.PARKED, Standing.UNREADABLE])
def test_what_an_older_version_could_not_read_is_acted_on_once(house: House, standing: Standing) -> None:
    house.take("a")
    as_an_older_version_had_it(house, standing)
    assert house.act() == []
    assert (again(house), again(house)) == (1, 0)
    assert house.act() == [What.SUSPENDED]
    assert (again(house), house.act()) == (0, [])
    assert house.take("a").status == 200
    assert house.act() == []
    assert house.host.acts == [("suspend", "dep-1", "a")]
    with house.storage.transaction() as tx:
        assert tx.rows("SELECT what, who, deployment FROM fcb_receiver_act ORDER BY number") == [
            ("read again", "Ada", "dep-1"),
            ("begin suspend", "", "dep-1"),
            ("suspend", "", "dep-1"),
        ]


@pytest.mark.parametrize("is_acted_between", [False, True])
def test_what_was_overtaken_meanwhile_is_stale(house: House, is_acted_between: bool) -> None:
    house.take("a")
    as_an_older_version_had_it(house, Standing.PARKED)
    house.take("b", PAID, sequence=2)
    if is_acted_between:
        house.act()
    assert again(house) == 1
    assert What.STALE in house.act()
    assert (house.host.acts, house.standings()) == ([], {"a": "stale", "b": "done"})


def test_a_parked_payment_restores_once_it_is_read(house: House) -> None:
    house.take("b", PAID, sequence=2)
    as_an_older_version_had_it(house, Standing.PARKED)
    house.take("a")
    assert house.act() == [What.SUSPENDED]
    again(house)
    assert house.act() == [What.RESTORED]


def test_what_names_no_deployment_is_about_the_one_that_a_later_message_names(house: House) -> None:
    house.take("a", deployment_id=None)
    house.take("other", deployment_id="dep-2", external_subscription_id="sub-2", sequence=9)
    house.act()
    assert (again(house), house.standings()["a"]) == (0, "parked")
    house.take("test", ENDED, sequence=2, deployment_id="dep-17")
    assert house.act() == [What.PENDING]
    assert again(house) == 1
    assert house.act() == [What.NOTED]
    assert house.entries()["a"].deployment == "dep-17"


def test_it_is_the_one_that_is_named_and_not_the_one_where_that_message_is_decided_on(house: House) -> None:
    house.take("a")
    house.take("end", ENDED, sequence=2, deployment_id=None)
    house.act()
    house.take("b", PAID, sequence=3, deployment_id="dep-2")
    house.take("c", PAID, sequence=4, deployment_id=None, invoice=invoice(78, paid=True))
    assert house.act() == [What.RESTORED, What.REFUSED]
    assert house.entries()["b"].deployment == "dep-1"
    assert again(house) == 1
    assert house.act() == [What.PENDING]
    assert house.entries()["end"].deployment == "dep-2"


def test_an_earlier_message_says_nothing_of_the_deployment_that_there_is_now(house: House) -> None:
    house.take("first", PAID, deployment_id="dep-0")
    house.take("a", sequence=2, deployment_id=None)
    house.act()
    assert again(house) == 0


@pytest.mark.parametrize(("type_", "what"), [(FAILED, What.SUSPENDED), (ENDED, What.PENDING)])
def test_a_person_may_say_which_deployment_it_is(house: House, type_: str, what: What) -> None:
    house.take("a", type_, deployment_id=None)
    house.take("named", "invoice.sent")
    assert house.act() == [What.REFUSED]
    number = house.entries()["a"].number
    assert again(house, number, 999, deployment="dep-17") == 1
    assert house.act() == [what]
    assert house.entries()["a"].deployment == "dep-17"
    assert house.standings()["named"] == "parked"


def test_what_is_still_not_to_be_acted_on_stays_where_it_is(house: House) -> None:
    house.take("a", "invoice.sent")
    house.take("b", service="cumulus")
    content = signed("c", b"not json")
    house.receiver.take(content.headers, content.body, NOW)
    house.take("d", external_subscription_id="sub-2", deployment_id="dep-2")
    house.act()
    before = house.standings()
    assert again(house, *(one.number for one in house.entries().values()), service="nexacloud") == 0
    assert house.act() == []
    assert house.standings() == before == {"a": "parked", "b": "done", "c": "unreadable", "d": "done"}


def test_another_service_is_read_once_the_setting_is_mended(house: House) -> None:
    came = signed("a", body("a"))
    wrong = replace(house.receiver, service="nexacluod")
    assert wrong.take(came.headers, came.body, NOW).status == 202
    assert (again(house, service="nexacluod"), again(house, service="nexacloud")) == (0, 1)
    assert house.act() == [What.SUSPENDED]


def test_two_who_read_again_at_once_read_it_once(house: House) -> None:
    house.take("a")
    as_an_older_version_had_it(house, Standing.PARKED)
    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(lambda _: again(house), range(4))) == 1
    assert house.act() == [What.SUSPENDED]


def test_what_somebody_dismissed_is_not_read_again(house: House) -> None:
    house.take("a")
    as_an_older_version_had_it(house, Standing.DONE)
    assert (again(house), house.act()) == (0, [])
