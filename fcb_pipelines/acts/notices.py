"""Telling an operator what was noted for them: by mail, by a POST to an address of theirs, or both.

Owns: the act `tell`. Does not own: why there is something to tell (domain/delivery, acts/alarms), each way (senders), the pause
after a failure (domain/notices).

It counts as told once every way took it. A way that took it is not given it again: another one that fails must not fill the
mailbox that this one reaches.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from fcb_pipelines.domain.notices import Told, pause
from fcb_pipelines.store import notices as store
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.notices import WaitingNotice

LEASE = timedelta(minutes=3)
"""More than all ways together may take."""
MOST_AT_ONCE = 100
Way = Callable[[Sequence[Told], str], Awaitable[str | None]]
"""Tells them at once, under an id that is the same for the same ones; why it could not, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of what was to be told."""

    told: int = 0
    untold: int = 0
    problems: tuple[str, ...] = ()


async def tell(db: Database, ways: Mapping[str, Way]) -> Outcome:
    """Tell what is due; with no way nothing is taken, and all of it waits."""
    if not ways:
        return Outcome()
    waiting = await asyncio.to_thread(_take, db)
    problems = {name: await _tell(name, way, waiting) for name, way in ways.items()} if waiting else {}
    return await asyncio.to_thread(_note, db, waiting, problems) if waiting else Outcome()


async def _tell(name: str, way: Way, waiting: Sequence[WaitingNotice]) -> str | None:
    """Why a way did not take those that it did not have yet."""
    new = [one for one in waiting if name not in one.taken_by]
    if not new:
        return None
    told = [Told(service=one.service, kind=one.kind, words=one.words, raised_at=one.raised_at) for one in new]
    return await way(told, "_".join(("notices", str(new[0].notice_id), str(new[-1].notice_id), str(len(new)))))


def _take(db: Database) -> tuple[WaitingNotice, ...]:
    with db.transaction() as conn:
        return store.take(conn, most=MOST_AT_ONCE, lasting=LEASE)


def _note(db: Database, waiting: Sequence[WaitingNotice], problems: Mapping[str, str | None]) -> Outcome:
    failed = {name: problem for name, problem in problems.items() if problem is not None}
    with db.transaction() as conn:
        if not failed:
            store.note_told(conn, waiting)
            return Outcome(told=len(waiting))
        told = [one for one in waiting if not failed.keys() - set(one.taken_by)]
        store.note_told(conn, told)
        untold = [one for one in waiting if failed.keys() - set(one.taken_by)]
        for one in untold:
            taken_by = sorted({*one.taken_by, *(problems.keys() - failed.keys())})
            store.note_untold(conn, one, taken_by=taken_by, problem="; ".join(failed.values()), pause=pause(one.attempts))
    return Outcome(told=len(told), untold=len(untold), problems=tuple(failed.values()))
