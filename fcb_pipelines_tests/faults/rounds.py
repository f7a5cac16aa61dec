"""One round of the experiment: a small service imported, changed and pruned, up to the step in which one thing goes wrong.

Owns: the order of a round, and what an operator does: run again until it is done. Nothing is mended by hand but the key.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache

from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.transport import Choice
from fcb_pipelines_tests.acts.chain import Chain
from fcb_pipelines_tests.faults.attempts import Access, End, Ended, Task, attempt, chain, work
from fcb_pipelines_tests.faults.disturbance import STEPS, Disturbance, Fault
from fcb_pipelines_tests.faults.ending import Ending, Verdict, ending, verdict
from fcb_pipelines_tests.faults.harm import harm_of
from fcb_pipelines_tests.faults.outside import Outside, kill
from fcb_pipelines_tests.faults.proxy import Proxy, between
from fcb_pipelines_tests.faults.small import BAD, GONE, OLD, UNLINED, email
from fcb_pipelines_tests.forks import FORKS

MOST_ATTEMPTS = 40
PAUSE_SECONDS = 0.05
"""Between two attempts: about as long as a restart takes, so that some meet a server that is not there."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A server to experiment with, and how patient to be with it."""

    admin: Access
    least: Access
    store_url: str
    outside: Outside
    faults: tuple[Fault, ...]
    transports: tuple[Choice, ...]
    short_seconds: float
    """How long we wait for an answer where one is to come too late."""
    pauses_seconds: Sequence[float]
    long_seconds: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Round:
    """What happened in a round."""

    what: Disturbance
    ended: tuple[Ended, ...]
    """How each attempt at the disturbed step ended."""
    disturbed: int
    retried: int
    again: int
    """What an import that follows, undisturbed, still found to do."""
    verdicts: Mapping[str, Verdict]
    """By step, beside an undisturbed service; there are none of steps after the disturbed one."""


@dataclass(kw_only=True)
class _Process:
    """The attempt that is running."""

    pid: int = 0

    def kill(self) -> None:
        if self.pid:
            kill(self.pid)


Undisturbed = Callable[[bool], Mapping[str, Ending]]
"""Where a service stands after each step if nothing goes wrong, by whether the user with the least rights imports it."""


def undisturbed(bench: Bench) -> Undisturbed:
    """The measure of all rounds on a server; looked at when first asked for."""

    @cache
    def endings(is_least: bool) -> Mapping[str, Ending]:
        with service(bench) as code:
            return {step: _quietly(bench, code, step, _access(bench, step, is_least))[1] for step in STEPS}

    return endings


def _access(bench: Bench, step: str, is_least: bool) -> Access:
    """Who does a step: the user with the least rights may not delete orders."""
    return bench.least if is_least and step != "prune" else bench.admin


def play(bench: Bench, what: Disturbance, expected: Undisturbed) -> Round:
    """One round."""
    before = STEPS[: STEPS.index(what.step)]
    with service(bench) as code:
        endings = {step: _quietly(bench, code, step, _access(bench, step, what.is_least))[1] for step in before}
        access = replace(_access(bench, what.step, what.is_least), transport=what.transport)
        ended, proxy = _disturbed(bench, what, _task(bench, code, what.step, access))
        again, endings[what.step] = _quietly(bench, code, what.step, access)
    return Round(
        what=what,
        ended=ended,
        disturbed=proxy.disturbed,
        retried=proxy.retried,
        again=again,
        verdicts={step: verdict(seen, expected(what.is_least)[step]) for step, seen in endings.items()},
    )


def _quietly(bench: Bench, code: str, step: str, access: Access) -> tuple[int, Ending]:
    """Do a step, or do it once more, and look; then somebody else meddles before the next."""
    touched = work(_task(bench, code, step, access))
    there = chain(_task(bench, code, step, bench.admin))
    seen = ending(there.odoo, there.db, code)
    if step == "import":
        _meddle(there)
    return touched, seen


def _disturbed(bench: Bench, what: Disturbance, task: Task) -> tuple[tuple[Ended, ...], Proxy]:
    """Run a step again and again until it is done; the proxy's end waits for all that it still does."""
    running = _Process()
    outside = replace(bench.outside, kill_us=running.kill)
    with between(task.access.url, task.access.key) as proxy:
        proxy.arm(what, harm_of(what.fault, outside, bench.short_seconds))
        through = replace(task, access=replace(task.access, url=proxy.url))
        ended = tuple(_attempts(proxy, through, running, bench.short_seconds if what.fault is Fault.TIMED_OUT else None))
    return ended, proxy


def _attempts(proxy: Proxy, task: Task, running: _Process, first_seconds: float | None) -> Iterator[Ended]:
    first = replace(task, timeout_seconds=first_seconds or task.timeout_seconds)
    for number in range(MOST_ATTEMPTS):
        ended = run(task if number else first, running)
        yield ended
        if ended.end in {End.DONE, End.BROKEN}:
            return
        # A refused key is what the operator mends; all else mends itself.
        proxy.is_key_wrong = False
        time.sleep(PAUSE_SECONDS)


def run(task: Task, running: _Process) -> Ended:
    """One attempt in a process of its own."""
    hear, tell = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=attempt, args=(task, tell))
    process.start()
    tell.close()
    running.pid = process.pid or 0
    process.join()
    running.pid = 0
    code = process.exitcode
    process.close()
    with hear:
        if code == 0 and hear.poll():
            told: Ended = hear.recv()
            return told
    return Ended(end=End.KILLED if code == -9 else End.BROKEN, why=f"it ended with {code}")


@contextmanager
def service(bench: Bench) -> Iterator[str]:
    """A service that nobody has had before, with what stood in Odoo before us; removed when the block ends."""
    code = f"f{secrets.token_hex(5)}"
    there = chain(_task(bench, code, "", bench.admin))
    there.odoo.call("res.partner", "create", {"name": f"{code} customer {OLD}", "email": email(code, OLD)})
    (country,) = there.odoo.search_read("res.country", [("code", "=", "CA")], ["id"])
    taken = {"module": "fcb", "name": f"{code}_user_{BAD}", "model": "res.country", "res_id": country["id"]}
    there.odoo.call("ir.model.data", "create", taken)
    try:
        yield code
    finally:
        _sweep(there.odoo, code)


def _meddle(there: Chain) -> None:
    """Somebody deletes a partner and an order's line in Odoo."""
    partners, lines = there.ids("res.partner"), there.ids("sale.order.line")
    there.odoo.unlink("res.partner", [partners[there.xid(f"user_{GONE}")]])
    there.odoo.unlink("sale.order.line", [lines[there.xid(f"subscription_{UNLINED}_line")]])


def _sweep(odoo: Odoo, code: str) -> None:
    """Remove all that bears the code, whether or not a round removed it."""
    for model, name in (("sale.order", "partner_id.name"), ("product.template", "name"), ("res.partner", "name")):
        found = odoo.search_read(model, [(name, "like", code)], ["id"])
        odoo.unlink(model, [row["id"] for row in found])
    left = odoo.search_read("ir.model.data", [("module", "=", "fcb"), ("name", "like", code)], ["id"])
    odoo.unlink("ir.model.data", [row["id"] for row in left])


def _task(bench: Bench, code: str, step: str, access: Access) -> Task:
    return Task(
        access=access,
        store_url=bench.store_url,
        service=code,
        step=step,
        timeout_seconds=bench.long_seconds,
        pauses_seconds=bench.pauses_seconds,
    )
