"""`fcb deliver`: sends messages to hosts and tells an operator what came of it."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Callable

import click

from fcb_pipelines.acts.senders import Senders, Work, keep_sending, require_on, sealing, send_due
from fcb_pipelines.cli.outages import Outages
from fcb_pipelines.cli.session import answer, clock, connected, json_option, say, service_option

LOOK_SECONDS = 0.25
PROGRESS_SECONDS = 60.0
"""Between two lines of what was sent, where there was something."""
OUTCOMES = {"delivered": "delivered", "waiting": "to be tried again", "dead": "given up"}


@click.command()
@click.option("--watch", is_flag=True, help="Go on until it is told to end, and send what comes within 2 seconds.")
@service_option
@json_option
def deliver(service_code: str | None, *, watch: bool, as_json: bool) -> None:
    """Send what is due to endpoints, once, and tell the operator what is to be told.

    With --watch it goes on until Ctrl+C or SIGTERM, which wait for the answers that are under way; it outlives a database that
    restarts. Any number of them may run at once. Without --service every service's messages are sent.

    Messages are signed by the real clock, whatever FCB_NOW says, because receivers hold it against theirs.
    """
    if watch and as_json:
        raise click.UsageError("--json tells how it ended, and --watch does not end: leave one out")
    with connected() as reached:
        settings = reached.settings.webhooks
        require_on(settings)
        sealing(settings)
        code = None if service_code is None else reached.settings.service(service_code).code
        senders = Senders(settings=settings, db=reached.database(), service=code, clock=clock)
        if watch:
            say(f"sending messages of {code or 'every service'}; Ctrl+C ends it")
            work = asyncio.run(_watched(senders))
            say(f"stopped: {_said(work.sent.outcomes)}")
            return
        work = asyncio.run(send_due(senders))
    if as_json:
        answer({**{name: work.sent.outcomes[name] for name in (*OUTCOMES, "late")}, "told": work.told, "problem": work.problem})
    else:
        say(f"{_said(work.sent.outcomes)}; {work.told} notices told")
    if work.problem is not None and not as_json:
        say(f"an operator could not be told: {work.problem}")


async def _watched(senders: Senders) -> Work:
    work, is_ending, loop = Work(), asyncio.Event(), asyncio.get_running_loop()

    def end() -> None:
        is_ending.set()
        # Whoever insists does not wait for answers.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    watching = asyncio.create_task(_tell_progress(work, is_ending.is_set))
    await keep_sending(senders, work, is_ending=is_ending.is_set)
    await watching
    return work


async def _tell_progress(work: Work, is_ending: Callable[[], bool]) -> None:
    outages, said, problem, last = Outages(), Counter[str](), None, time.monotonic()
    while not is_ending():
        await asyncio.sleep(LOOK_SECONDS)
        now = time.monotonic()
        if line := outages.seen(work.away, now):
            _log(line)
        if work.problem != problem:
            problem = work.problem
            _log(
                "info: the operator is told again" if problem is None else f"warning: an operator could not be told: {problem}"
            )
        if now - last >= PROGRESS_SECONDS and work.sent.outcomes != said:
            _log(f"info: {_said(work.sent.outcomes - said)} in the last {now - last:.0f} s")
            last, said = now, Counter(work.sent.outcomes)


def _said(outcomes: Counter[str]) -> str:
    late = f", {outcomes['late']:,} late" if outcomes["late"] else ""
    return ", ".join(f"{outcomes[name]:,} {words}" for name, words in OUTCOMES.items()) + late


def _log(said: str) -> None:
    say(f"{clock().isoformat(timespec='seconds')} {said}")
