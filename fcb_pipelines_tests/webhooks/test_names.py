"""The look-up of names: once an attempt, bounded in time, and a name that hangs holds up no other."""

import asyncio
import socket
import threading
import time
from collections import Counter

import pytest

from fcb_pipelines.webhooks.names import LOOK_UP_SECONDS, MOST_NAMES_AT_ONCE, Lookups, Unresolved, system_look_up
from fcb_pipelines.webhooks.resolving import SystemResolver


class Scripted:
    """Looks names up by what they are called; those that begin with `hang` wait until they are let go."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.asked: Counter[str] = Counter()

    def __call__(self, host: str) -> tuple[str, ...]:
        self.asked[host] += 1
        if host.startswith("hang"):
            self.free.wait(10)
        if host.startswith("bad"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return ("192.0.2.1",)


def test_a_look_up_has_the_contract_s_time() -> None:
    assert (LOOK_UP_SECONDS, MOST_NAMES_AT_ONCE) == (5.0, 256)


def test_names_are_looked_up_anew_each_time() -> None:
    script = Scripted()
    lookups = Lookups(script)
    assert [lookups.addresses("good.example") for _ in range(3)] == [("192.0.2.1",)] * 3
    assert script.asked == {"good.example": 3}


def test_what_the_resolver_says_no_to_is_said() -> None:
    lookups = Lookups(Scripted())
    said = Unresolved(reason="bad.example cannot be looked up: Name or service not known")
    assert [lookups.addresses("bad.example") for _ in range(2)] == [said, said]


def test_a_name_that_hangs_is_given_up_and_holds_one_thread_however_often_asked() -> None:
    script = Scripted()
    lookups = Lookups(script, at_once=2)
    for _ in range(5):
        assert lookups.addresses("hang.example", 0.01) == Unresolved(reason="hang.example could not be looked up within 0.01 s")
        assert lookups.addresses("good.example", 1) == ("192.0.2.1",)
    assert script.asked == {"hang.example": 1, "good.example": 5}
    script.free.set()
    assert lookups.addresses("hang.example", 1) == ("192.0.2.1",)


def test_when_all_threads_hang_others_wait_no_longer_than_their_time() -> None:
    script = Scripted()
    lookups = Lookups(script, at_once=2)
    for name in ("hang.1", "hang.2"):
        lookups.begin(name)
    assert isinstance(lookups.addresses("good.example", 0.05), Unresolved)
    script.free.set()
    assert lookups.addresses("good.example", 1) == ("192.0.2.1",)


def test_deliveries_wait_for_names_side_by_side() -> None:
    script = Scripted()

    async def run() -> tuple[list[object], float]:
        resolver = SystemResolver(Lookups(script), timeout_seconds=0.2)
        began = time.monotonic()
        names = [f"hang.{number}" for number in range(20)] + ["good.example", "bad.example"]
        return list(await asyncio.gather(*map(resolver.addresses, names))), time.monotonic() - began

    found, seconds = asyncio.run(run())
    script.free.set()
    assert all(isinstance(each, Unresolved) for each in found[:20])
    assert found[20] == ("192.0.2.1",)
    assert seconds < 3


def test_two_at_once_share_one_look_up_and_one_that_gives_up_leaves_it_to_the_other() -> None:
    script = Scripted()

    async def run() -> tuple[object, object]:
        lookups = Lookups(script)
        impatient = SystemResolver(lookups, timeout_seconds=0.05).addresses("hang.example")
        patient = SystemResolver(lookups, timeout_seconds=2).addresses("hang.example")
        asyncio.get_running_loop().call_later(0.15, script.free.set)
        first, second = await asyncio.gather(impatient, patient)
        return first, second

    first, second = asyncio.run(run())
    assert isinstance(first, Unresolved)
    assert second == ("192.0.2.1",)
    assert script.asked == {"hang.example": 1}


def test_the_system_knows_this_machine() -> None:
    assert {"127.0.0.1", "::1"} & set(system_look_up("localhost"))
    with pytest.raises(socket.gaierror):
        system_look_up("nobody.invalid")
