"""One attempt at one step, in a process of its own that can be killed.

Owns: what the process does and how it says how it ended. What was killed says nothing.
"""

import multiprocessing.connection
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

from fcb_pipelines.acts.prune import prunable, prune
from fcb_pipelines.domain.errors import FcbError, OutcomeUnknown, Refused, RolledBack, RuleViolation
from fcb_pipelines.odoo.lanes import Lanes
from fcb_pipelines.odoo.transport import Choice, connect
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.slots import Slots
from fcb_pipelines_tests.acts.chain import Chain, counts, silent
from fcb_pipelines_tests.acts.source_records import a_service
from fcb_pipelines_tests.faults.small import source


class End(StrEnum):
    """How an attempt ended."""

    DONE = "done"
    UNKNOWN = "outcome unknown"
    ROLLED_BACK = "rolled back"
    REFUSED = "refused"
    BUSY = "another import is running"
    KILLED = "killed"
    BROKEN = "an error that is none of ours"


ENDS: tuple[tuple[type[FcbError], End], ...] = (
    (OutcomeUnknown, End.UNKNOWN),
    (RolledBack, End.ROLLED_BACK),
    (Refused, End.REFUSED),
    (RuleViolation, End.BUSY),
)


@dataclass(frozen=True, kw_only=True)
class Access:
    """Where Odoo is and as whom we come."""

    url: str
    database: str
    user: str
    key: str = field(repr=False)
    transport: Choice


@dataclass(frozen=True, kw_only=True)
class Task:
    """One step of one service, and with which patience."""

    access: Access
    store_url: str
    service: str
    step: str
    timeout_seconds: float
    pauses_seconds: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How it ended, why, and how many records an import made or changed."""

    end: End
    why: str = ""
    touched: int = 0


@cache
def slots(store_url: str) -> Slots:
    """As in the product every call takes one, and whoever is killed must leave none taken."""
    return Slots(store_url, "odoo", limit=2)


def chain(task: Task) -> Chain:
    access = task.access
    odoo = connect(
        access.url,
        access.database,
        access.user,
        access.key,
        transport=access.transport,
        timeout_seconds=task.timeout_seconds,
        pauses_seconds=task.pauses_seconds,
        slot=slots(task.store_url).slot,
    )
    lanes = Lanes(count=2, clock=slots(task.store_url).working_seconds)
    return Chain(db=Database(task.store_url), odoo=odoo, service=a_service(task.service), lanes=lanes)


def attempt(task: Task, told: multiprocessing.connection.Connection) -> None:
    """What the process does."""
    try:
        told.send(Ended(end=End.DONE, touched=work(task)))
    except FcbError as error:
        end = next((end for kind, end in ENDS if isinstance(error, kind)), End.BROKEN)
        told.send(Ended(end=end, why=f"{type(error).__name__}: {error}"))


def work(task: Task) -> int:
    """Do the step; answers how many records were made, changed, removed or archived."""
    there, now = chain(task), source(task.service, task.step)
    if task.step == "prune":
        reading = there.reading(now)
        ids = [one.external_id for one in prunable(reading, take_all=False)]
        done = prune(reading, ids=ids, take_all=False, report=silent)
        return len(done.removed) + len(done.archived)
    return sum(sum(counts(done)[:2]) for done in there.all(now))
