"""The loop played by itself: what must become of the host's deployments, step by step, and how long each took.

Owns: the story and what must be so after each step. Does not own: any of the parties (control).
"""

import time
from collections.abc import Callable, Iterator

from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.standing import Standing
from fcb_pipelines.local.loop.control import ControlLoop, Seen
from fcb_pipelines.local.loop.example import GRACE_SECONDS

FINAL = 4
"""Attempts after which an invoice counts as unpaid for good (dunning_rules)."""
WAIT_SECONDS = 30.0
PAUSE_SECONDS = 0.2
FIRST, OTHER = "SUB-2001", "SUB-2002"


def play(loop: ControlLoop, pause: Callable[[], None] = lambda: time.sleep(PAUSE_SECONDS)) -> Iterator[str]:
    """Fail, suspend, pay, restore, end, remove; a line for each. Raises `RuleViolation` where the host did not obey in time."""
    for attempt in range(1, FINAL):
        loop.fail(FIRST)
        yield _until(loop, pause, f"attempt {attempt} of {FINAL} declined", FIRST, _told(attempt, "running"))
    loop.fail(FIRST)
    yield _until(loop, pause, f"attempt {FINAL} of {FINAL} declined", FIRST, _is("suspended"))
    loop.pay(FIRST)
    yield _until(loop, pause, "paid", FIRST, _is("running"))
    loop.end(OTHER)
    yield _until(loop, pause, "order cancelled", OTHER, lambda one: one.machine.awaits != "" and one.machine.state == "running")
    yield _until(loop, pause, "its time at the host is over", OTHER, lambda one: one.machine.may_be_confirmed)
    loop.confirm(OTHER)
    yield _until(loop, pause, "confirmed by a person at the host", OTHER, _is("removed"))
    left = {one.bill.subscription: one.machine.state for one in loop.seen()}
    if left != {FIRST: "running", OTHER: "removed"}:
        raise RuleViolation(f"at the end the deployments are {left}")


def _is(state: str) -> Callable[[Seen], bool]:
    return lambda one: one.machine.state == state


def _told(failures: int, state: str) -> Callable[[Seen], bool]:
    return lambda one: (one.bill.failures, one.machine.state) == (failures, state)


def _until(loop: ControlLoop, pause: Callable[[], None], what: str, subscription: str, is_so: Callable[[Seen], bool]) -> str:
    began = time.monotonic()
    while True:
        (one,) = (each for each in loop.seen() if each.bill.subscription == subscription)
        took = time.monotonic() - began
        if is_so(one) and _is_obeyed(loop):
            waits = f" ({one.machine.awaits})" if one.machine.awaits else ""
            return f"{subscription}: {what}: {one.machine.name} is {one.machine.state}{waits} after {took:.1f} s"
        if took > WAIT_SECONDS + GRACE_SECONDS:
            raise RuleViolation(f"{subscription}: {what}, and after {took:.0f} s {one.machine.name} is {one.machine.state}")
        pause()


def _is_obeyed(loop: ControlLoop) -> bool:
    """Whether the host has every message and acted on it."""
    is_sent = all(each.standing is Standing.DELIVERED for shown in loop.messages() for each in shown.sent)
    return is_sent and loop.host.now().waiting == 0
