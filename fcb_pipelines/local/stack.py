"""The embedded stack: what was not configured is started, shared by all `fcb` commands, and stopped by the last to leave.

Owns: which parts a command needs, joining, leaving, and resetting. Does not own: the processes (keeper), what is in the
databases (databases), the state folder (state).
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import psycopg

from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.local.children import CannotStart, spawn, tail
from fcb_pipelines.local.databases import Need, addresses_of, need_of
from fcb_pipelines.local.keeper import ADDRESSES_FILE, KEEPER_LOCK, PARTS_FILE, WANTED_FILE, Part
from fcb_pipelines.local.sandbox import READY_PAGE, SOURCE_FOLDER, answers
from fcb_pipelines.local.state import (
    MARKER,
    USERS_LOCK,
    StateRemoved,
    is_free,
    is_ours,
    is_whole,
    locked,
    make_state,
    refuse_others,
    remove_leftovers,
    remove_state,
    try_lock,
    waited_for,
    write_private,
)
from fcb_pipelines.settings import Settings, load

START_LOCK = "start.lock"
START_SECONDS = 120.0
STOP_SECONDS = 90.0
_PAUSE = 0.05
_ATTEMPTS = 10
"""At a folder that one reset after the other removes; where none can be made at all they are soon over."""

Report = Callable[[str], None]


@contextmanager
def running(settings: Settings, *, environ: Mapping[str, str], folder: Path, report: Report) -> Iterator[Settings]:
    """Have everything there that was not configured while the block runs; yields the settings with all addresses.

    What several commands use at once is shared; the last one to leave waits until it has stopped. Given only real
    addresses, nothing is started or written. Raises `CannotStart` with what mends it.
    """
    need = need_of(environ, folder=folder)
    if not need.parts:
        yield settings
        return
    state, users = used(settings.state_dir)
    try:
        with users:
            with locked(state / START_LOCK):
                _enter(state, need, report)
            yield load(environ, folder=folder)
    finally:
        _wait_if_last(state)


def is_running(state: Path) -> bool:
    """Whether an embedded stack runs for this state folder."""
    return is_ours(state) and not is_free(state / KEEPER_LOCK)


def reset(state: Path) -> None:
    """Remove the state folder and everything it keeps; raises `RuleViolation` while a command uses it.

    Of two at once the second waits until the first has done it. What an earlier reset left when it was killed goes too.
    """
    refuse_others(state)
    with suppress(StateRemoved), locked(state / MARKER):
        _remove(state)
    remove_leftovers(state)


def _remove(state: Path) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while (alone := _alone(state)) is None:
        if _is_used(state) or time.monotonic() > deadline:
            raise RuleViolation(f"an fcb command uses {state} right now: end it (Ctrl-C where it runs), then reset again")
        time.sleep(_PAUSE)
    with alone:
        remove_state(state)


def _alone(state: Path) -> IO[bytes] | None:
    """The users' lock once no user and no keeper is left."""
    lock = try_lock(state / USERS_LOCK)
    while lock is not None and not is_free(state / KEEPER_LOCK):
        # Nobody uses the stack, and the keeper is about to see that.
        lock.close()
        time.sleep(_PAUSE)
        lock = try_lock(state / USERS_LOCK)
    return lock


def used(path: Path) -> tuple[Path, IO[bytes]]:
    """The state folder and the users' lock, shared; a folder that a reset removes while we wait for that is made anew."""
    for _ in range(_ATTEMPTS):
        with suppress(StateRemoved):
            return _used_once(path)
    return _used_once(path)


def _used_once(path: Path) -> tuple[Path, IO[bytes]]:
    state = make_state(path)
    users = waited_for(state / USERS_LOCK, shared=True)
    if not is_whole(state):
        # Of a folder that stays in its place a reset removes only the content.
        users.close()
        raise StateRemoved(state)
    return state, users


def _wait_if_last(state: Path) -> None:
    with suppress(StateRemoved):
        _wait_for_end(state)


def _wait_for_end(state: Path) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while not is_free(state / KEEPER_LOCK) and time.monotonic() < deadline and not _is_used(state):
        time.sleep(_PAUSE)


def _is_used(state: Path) -> bool:
    """Whether a command holds the users' lock; the keeper that stops holds it alone."""
    return not is_free(state / USERS_LOCK) and is_free(state / USERS_LOCK, shared=True)


def _enter(state: Path, need: Need, report: Report) -> None:
    was_free = is_free(state / KEEPER_LOCK)
    try:
        addresses = addresses_of(state, need, _joined(state, need, report))
    except (psycopg.OperationalError, CannotStart):
        # A part of the stack that we joined may have died: then its keeper ends too, and a new one starts everything again.
        if was_free or not _ends_soon(state):
            raise
        addresses = addresses_of(state, need, _joined(state, need, report))
    write_private(state / ADDRESSES_FILE, json.dumps({**_read(state / ADDRESSES_FILE), **addresses}, indent=2))


def _ends_soon(state: Path) -> bool:
    deadline = time.monotonic() + 5.0
    while not is_free(state / KEEPER_LOCK) and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    return is_free(state / KEEPER_LOCK)


def _joined(state: Path, need: Need, report: Report) -> dict[str, str]:
    """Where the parts listen, once the keeper has them all; the caller holds the start lock."""
    if is_free(state / KEEPER_LOCK):
        for name in (PARTS_FILE, ADDRESSES_FILE):
            (state / name).unlink(missing_ok=True)
        _want(state, need.parts)
        report(f"starting {need.title} in {state}")
        _start_keeper(state)
        return _wait_for(state, need.parts)
    _want(state, need.parts.union(Part(part) for part in json.loads((state / WANTED_FILE).read_text(encoding="utf-8"))))
    parts = _wait_for(state, need.parts)
    if Part.ODOO in need.parts and not answers(f"{parts[Part.ODOO]}{READY_PAGE}"):
        raise CannotStart("the Odoo sandbox does not answer")
    return parts


def _start_keeper(state: Path) -> None:
    command = [sys.executable, "-m", "fcb_pipelines.local.keeper", str(state)]
    log = state / "logs" / "keeper.log"
    child = spawn(
        "the keeper of the embedded stack", command, log=log, environ=os.environ, folder=SOURCE_FOLDER, if_parent_dies=None
    )
    if child.process.wait() != 0:
        raise child.failure("did not start")


def _wait_for(state: Path, wanted: frozenset[Part]) -> dict[str, str]:
    deadline = time.monotonic() + START_SECONDS
    while not wanted <= (parts := _read(state / PARTS_FILE)).keys():
        if "error" in parts:
            raise CannotStart(parts["error"])
        if is_free(state / KEEPER_LOCK):
            raise CannotStart(f"the embedded stack ended; the end of its log:\n{tail(state / 'logs' / 'keeper.log')}")
        if time.monotonic() > deadline:
            raise CannotStart(f"the embedded stack was not ready within {START_SECONDS:.0f} s")
        time.sleep(_PAUSE)
    return parts


def _want(state: Path, parts: frozenset[Part]) -> None:
    write_private(state / WANTED_FILE, json.dumps(sorted(parts)))


def _read(file: Path) -> dict[str, str]:
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}
