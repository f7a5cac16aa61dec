"""A round with all parties for real: facts in our outbox, a sender, the way, a receiver and its worker, and what befalls them.

Owns: the order of a round, and what an operator does in it: start what died, set the clocks right, let time pass. Does not
own: what befalls whom (plans), what must be left in the end (judged).
"""

import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import psycopg

from fcb_host.receiver import inbox
from fcb_host.receiver.inbox import Standing
from fcb_host.signing import TOLERANCE_SECONDS
from fcb_pipelines.acts.delivery import Point
from fcb_pipelines.local.postgres import EmbeddedPostgres
from fcb_pipelines.store.database import Connection
from fcb_pipelines_tests.faults import senders
from fcb_pipelines_tests.faults.journey import facts, outage, way
from fcb_pipelines_tests.faults.journey.bench import Bench, Round, laid_out
from fcb_pipelines_tests.faults.journey.host import LOG, LOOKS_EVERY_SECONDS, Doom, Moment
from fcb_pipelines_tests.faults.journey.judged import Verdict, verdict
from fcb_pipelines_tests.faults.journey.left import left
from fcb_pipelines_tests.faults.journey.plans import APART, OURS, THEIRS, Circumstance, Plan, Strike
from fcb_pipelines_tests.faults.journey.way import Captured

POINTS = {
    Strike.SENDER_TAKEN: Point.TAKEN,
    Strike.SENDER_SENDING: Point.SENDING,
    Strike.SENDER_ANSWERED: Point.ANSWERED,
    Strike.SENDER_RECORDED: Point.RECORDED,
    Strike.SENDER_STOPPED: Point.RECORDED,
}
MOMENTS = {
    Strike.RECEIVER_ACCEPTING: Moment.ACCEPTING,
    Strike.RECEIVER_STORED: Moment.STORED,
    Strike.RECEIVER_ACTED: Moment.ACTED,
    Strike.RECEIVER_NOTED: Moment.NOTED,
}
OUTAGES: dict[Strike, Callable[[EmbeddedPostgres], None]] = {
    Strike.OURS_KILLED: outage.kill,
    Strike.OURS_STOPPED: outage.stop_at_once,
    Strike.OURS_ENDED: outage.end_sessions,
    Strike.THEIRS_KILLED: outage.kill,
    Strike.THEIRS_STOPPED: outage.stop_at_once,
    Strike.THEIRS_ENDED: outage.end_sessions,
}
INSIDE, OUTSIDE = "captured, sent again inside the tolerance", "captured, sent again outside the tolerance"
AT_FIRST, LATER = 6, 2
"""Deployments that are told of before anything happens, and afterwards."""
MOST_GOES = 7
"""With the two before them fewer than after which a message is given up."""
LONGEST_SECONDS = 30.0
TIME_PASSES = """
    UPDATE delivery d SET next_try_at = next_try_at - interval '2 days', lease_until = lease_until - interval '2 days'
      FROM message m WHERE m.message_id = d.message_id AND m.service = %s AND d.state = 'waiting'
"""
NOT_REFUSED = """
    SELECT count(*) FROM delivery_attempt a JOIN delivery d USING (delivery_id) JOIN message m USING (message_id)
     WHERE m.service = %s AND a.status IS DISTINCT FROM 401
"""
WHY = f"seconds from now: more than {TOLERANCE_SECONDS} are not accepted"
"""What a receiver has in its log of a message from another time."""
SENT_AGAIN = 3
FAR = timedelta(seconds=3 * TOLERANCE_SECONDS)


def play(plan: Plan, bench: Bench, folder: Path) -> tuple[Round, Verdict]:
    """A round from its first fact to what is left."""
    with laid_out(plan, bench, folder) as one:
        _tell(one, "first", AT_FIRST)
        one.way.is_backwards = plan.circumstance is Circumstance.BACKWARDS
        one.way.loses = plan.loses
        one.host.start(Doom(moment=MOMENTS.get(plan.strike), count=plan.count))
        _first_go(one)
        _tell(one, "later", LATER)
        _all_go(one)
        _quiet(one)
        _captured_again(one)
        _quiet(one)
        one.end()
        _counted(one)
        return one, verdict(left(one), one.different)


def _tell(one: Round, name: str, count: int) -> None:
    told = [*facts.scenes(one.chance, name, count)]
    one.way.last |= {each.deployment: len(each.words) for each in told}
    facts.tell(one.db, one.service, told)


def _first_go(one: Round) -> None:
    """Send for the first time, up to what befalls somebody, while a fact is begun that is never committed."""
    plan = one.plan
    if plan.strike in OUTAGES:
        one.way.meets, one.way.meets_at, one.way.is_after = lambda: _strike(one), plan.count, plan.is_after
    ghost: Connection = psycopg.connect(one.db.url)
    facts.say(ghost, one.service, "ghost", (facts.FAILED, 1))
    first = one.sender(_sender_strike(plan), plan.apart)
    _until_struck(one, first)
    _taken_back(one, ghost)
    one.host.revive()
    if plan.circumstance in APART:
        _is_refused_cleanly(one)
    if plan.strike is Strike.SENDER_STOPPED:
        _goes_on_late(one, first)


def _sender_strike(plan: Plan) -> senders.Strike | None:
    if plan.strike not in POINTS:
        return None
    number = signal.SIGSTOP if plan.strike is Strike.SENDER_STOPPED else signal.SIGKILL
    return senders.Strike(point=POINTS[plan.strike], count=plan.count, signal=number)


def _until_struck(one: Round, first: BaseProcess) -> None:
    strike = one.plan.strike
    if strike is Strike.SENDER_STOPPED:
        senders.until_stopped(first)
    else:
        _ended(first, -signal.SIGKILL if strike in POINTS else 0)
    one.struck[strike] += strike in POINTS
    if strike in OUTAGES:
        assert one.struck[strike], "a sender ended before so many messages were on their way"
    if strike in OUTAGES and OUTAGES[strike] is not outage.end_sessions:
        outage.again(_struck(one))


def _ended(sender: BaseProcess, code: int = 0) -> None:
    sender.join(LONGEST_SECONDS)
    assert sender.exitcode == code, f"a sender ended with {sender.exitcode}"


def _strike(one: Round) -> None:
    """What befalls a Postgres while a message is on its way."""
    OUTAGES[one.plan.strike](_struck(one))
    one.struck[one.plan.strike] += 1


def _struck(one: Round) -> EmbeddedPostgres:
    return one.bench.theirs if one.plan.strike in THEIRS else one.bench.ours


def _taken_back(one: Round, ghost: Connection) -> None:
    """Roll back what was begun, unless its session is over already."""
    try:
        ghost.rollback()
        is_alive = True
    except psycopg.OperationalError:
        is_alive = False
    ghost.close()
    if is_alive == (one.plan.strike in OURS):
        one.different.append(f"the session of a fact that was not committed is {'alive' if is_alive else 'over'}")


def _is_refused_cleanly(one: Round) -> None:
    """While the clocks are apart nothing is accepted, and both sides have it that the time is wrong."""
    _time_passes(one)
    _ended(one.sender(apart=one.plan.apart))
    with one.storage.transaction() as tx:
        if inbox.latest(tx, most=1):
            one.different.append("a message was accepted outside the tolerance")
    with one.db.transaction() as conn:
        row = conn.execute(NOT_REFUSED, [one.service]).fetchone()
    if row != (0,) and one.plan.strike is not Strike.RECEIVER_ACCEPTING:
        one.different.append(f"attempts that were not answered 401: {row}")
    one.host.revive()
    one.struck[one.plan.circumstance] += WHY in (one.folder / LOG).read_text(encoding="utf-8")


def _goes_on_late(one: Round, stopped: BaseProcess) -> None:
    """Others send all that the stopped one had; then it goes on, and changes nothing of our books."""
    _all_go(one)
    before = one.books()
    assert stopped.pid is not None
    os.kill(stopped.pid, signal.SIGCONT)
    _ended(stopped)
    if one.books() != before:
        one.different.append("a sender that had lost its lease changed our books")


def _all_go(one: Round) -> None:
    """Let time pass, and senders send, until our books have it that all is delivered."""
    for _ in range(MOST_GOES):
        if all(state == "delivered" for _, state, *_ in one.books()):
            return
        _time_passes(one)
        _ended(one.sender())
        one.host.revive()


def _time_passes(one: Round) -> None:
    """Two days: leases are over, and what waits is due."""
    with one.db.transaction() as conn:
        conn.execute(TIME_PASSES, [one.service])


def _quiet(one: Round) -> None:
    """Wait until the receiver has acted on all that it has, and who is to die has died."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        one.host.revive()
        with one.storage.transaction() as tx:
            if not inbox.listed(tx, [Standing.WAITING], most=1):
                break
        time.sleep(LOOKS_EVERY_SECONDS)
    if one.plan.strike in MOMENTS:
        one.host.doomed()


def _captured_again(one: Round) -> None:
    """Send what was captured again, byte by byte: now, and when the receiver's clock has gone on or was put back."""
    now = one.host.house.clock().timestamp()
    inside = [each for each in one.way.captured if abs(each.timestamp - now) < TOLERANCE_SECONDS - LONGEST_SECONDS]
    for each in one.chance.sample(inside, min(SENT_AGAIN, len(inside))):
        _is_answered(one, each, 200, INSIDE)
        by = one.chance.choice((FAR, -FAR)).total_seconds()
        one.host.house.ahead.value += by
        _is_answered(one, each, 401, OUTSIDE)
        one.host.house.ahead.value -= by


def _is_answered(one: Round, request: Captured, wanted: int, what: str) -> None:
    answer = way.sent(one.host.house.port, request)
    found = None if answer is None else way.status(answer)
    one.struck[what] += 1
    if found != wanted:
        one.different.append(f"{what}: answered {found}, not {wanted}")


def _counted(one: Round) -> None:
    """Hold what really befell them against the plan."""
    plan, taken = one.plan, one.way.taken
    one.struck[plan.strike] += one.host.deaths if plan.strike in MOMENTS else 0
    one.struck[Circumstance.FAIR] += plan.circumstance is Circumstance.FAIR
    one.struck[Circumstance.ANSWERS_LOST] += one.way.lost
    one.struck[Circumstance.BACKWARDS] += sum((about, number + 1) in taken[:at] for at, (about, number) in enumerate(taken))
    wanted = (plan.strike, plan.circumstance, INSIDE, OUTSIDE)
    one.different += [f"it was never so: {each}" for each in wanted if not one.struck[each]]
    one.messages = len(one.books())
