"""The keeper: one process that owns the embedded parts while any `fcb` command uses them, however those commands end.

Owns: starting the parts that are wanted, telling where they listen, watching them, and stopping them in order once the last
user has left (the system frees the lock of a user that was killed). Does not own: which parts a command needs and what is in
the databases (stack).
"""

import json
import os
import signal
import sys
import time
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import IO

from fcb_pipelines.domain.errors import FcbError
from fcb_pipelines.local.children import Child
from fcb_pipelines.local.postgres import EmbeddedPostgres
from fcb_pipelines.local.sandbox import DATABASE, start_sandbox
from fcb_pipelines.local.state import USERS_LOCK, try_lock, write_private

KEEPER_LOCK = "keeper.lock"
"""Held by the keeper while it lives; its text is the keeper's process id, for people."""
WANTED_FILE = "wanted.json"
"""List of parts that the commands asked for."""
PARTS_FILE = "parts.json"
"""Part → where it listens, and `error` if one could not be started."""
ADDRESSES_FILE = "addresses.json"
WATCH_SECONDS = 0.1


class Part(StrEnum):
    """What the embedded stack can start, in that order."""

    POSTGRES = "postgres"
    ODOO = "odoo"


class Keeper:
    """The parts that run for one state folder."""

    def __init__(self, state: Path) -> None:
        """Take the state folder; nothing starts before `keep`."""
        self._state = state
        self._postgres = EmbeddedPostgres(state)
        self._children: list[Child] = []
        self._parts: dict[str, str] = {}
        self._alone: IO[bytes] | None = None
        self._is_asked_to_stop = False

    def keep(self) -> None:
        """Run until nobody uses the stack, a part dies, or a signal asks for the end; then stop what was started."""
        try:
            while not self._is_asked_to_stop and not self._is_unused():
                self._start_wanted()
                self._refuse_dead()
                time.sleep(WATCH_SECONDS)
        except FcbError as error:
            self._parts = {"error": str(error)}
            self._tell()
            raise
        finally:
            (self._state / ADDRESSES_FILE).unlink(missing_ok=True)
            self._stop()

    def ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        """Answer a signal: the loop ends at its next turn."""
        self._is_asked_to_stop = True

    def _is_unused(self) -> bool:
        # Kept until this process ends: who comes now waits until everything has stopped.
        self._alone = try_lock(self._state / USERS_LOCK)
        return self._alone is not None

    def _start_wanted(self) -> None:
        wanted = json.loads((self._state / WANTED_FILE).read_text(encoding="utf-8"))
        for part in Part:
            if part in wanted and part not in self._parts:
                self._parts[part] = self._start(part)
                self._tell()

    def _start(self, part: Part) -> str:
        if part is Part.POSTGRES:
            url = self._postgres.start()
            self._children.append(self._postgres.child)
            return url
        address, child = start_sandbox(self._state, self._postgres.ensure_database(DATABASE))
        self._children.append(child)
        return address

    def _refuse_dead(self) -> None:
        for child in self._children:
            if not child.is_alive:
                raise child.failure("died")

    def _tell(self) -> None:
        write_private(self._state / PARTS_FILE, json.dumps(self._parts))

    def _stop(self) -> None:
        for child in reversed(self._children[1:]):
            child.stop((signal.SIGTERM, 10.0))
        self._postgres.stop()


def main(folder: str) -> int:
    """Become the keeper of a state folder; 0 if there is one already, 1 if a part failed.

    The caller's child ends at once and successfully when the lock is held; the keeper itself goes on as nobody's child.
    """
    state = Path(folder)
    lock = try_lock(state / KEEPER_LOCK)
    if lock is None:
        return 0
    if os.fork():
        return 0
    (state / KEEPER_LOCK).write_text(str(os.getpid()), encoding="utf-8")
    keeper = Keeper(state)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, keeper.ask_to_stop)
    try:
        keeper.keep()
    except FcbError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        lock.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
