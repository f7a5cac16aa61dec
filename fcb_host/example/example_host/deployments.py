"""The deployments of the example: a table beside the receiver's own, and what is done with them.

Owns: the table `deployment` and its three states. Does not own: why anything is done (the receiver). A real host would stop and
remove machines here, or write a row into its table of jobs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fcb_host.receiver.acting import Call
from fcb_host.receiver.storage import Storage, Transaction

_TABLE = """
    CREATE TABLE IF NOT EXISTS deployment (
        id         text PRIMARY KEY,
        state      text NOT NULL,
        reason     text NOT NULL,
        message_id text NOT NULL
    )
"""
_ADD = "INSERT INTO deployment VALUES (:name, 'running', '', '') ON CONFLICT (id) DO NOTHING"
RUNNING, SUSPENDED, REMOVED = "running", "suspended", "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A deployment as the host has it."""

    name: str
    state: str
    reason: str
    message_id: str


class Deployments:
    """What the receiver asks for. Written over its own connection: each happens exactly once."""

    def suspend(self, call: Call) -> None:
        """Stop it, and keep everything."""
        _set(call, SUSPENDED)

    def restore(self, call: Call) -> None:
        """Let it run again."""
        _set(call, RUNNING)

    def deprovision(self, call: Call) -> None:
        """Remove it."""
        _set(call, REMOVED)


def add(storage: Storage, names: Sequence[str]) -> None:
    """Make the table, and these deployments running where they are not there yet."""
    with storage.transaction() as tx:
        tx.change(_TABLE)
        for name in names:
            tx.change(_ADD, name=name)


def listed(tx: Transaction) -> list[Machine]:
    """All of them, by name."""
    rows = tx.rows("SELECT id, state, reason, message_id FROM deployment ORDER BY id")
    return [Machine(name=name, state=state, reason=reason, message_id=key) for name, state, reason, key in rows]


def _set(call: Call, state: str) -> None:
    mark = "?" if _is_sqlite(call.connection) else "%s"
    statement = f"UPDATE deployment SET state = {mark}, reason = {mark}, message_id = {mark} WHERE id = {mark}"  # noqa: S608
    done = call.connection.execute(statement, (state, call.reason, call.message_id, call.deployment_id))
    if done.rowcount != 1:
        raise LookupError(f"there is no deployment {call.deployment_id} here: EXAMPLE_HOST_DEPLOYMENTS names those there are")


def _is_sqlite(connection: Any) -> bool:
    return type(connection).__module__ == "sqlite3"


def now_text(moment: datetime) -> str:
    """A moment as the page shows it."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
