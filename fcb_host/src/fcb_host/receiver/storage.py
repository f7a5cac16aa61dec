"""The port to the receiver's database: a transaction, the statements in it, and a part of it that may fail alone.

Owns: what a storage must do, and how statements are written for any of them: parameters as `:name`, locks as Postgres spells
them (SQLite, which locks the whole file, takes them away). Does not own: the statements (inbox, deployments), the tables.
"""

from contextlib import AbstractContextManager
from datetime import datetime, timezone
from typing import Any, Protocol


class Transaction(Protocol):
    """An open transaction that writes; it is committed when its block ends and rolled back when that raises."""

    @property
    def connection(self) -> Any:
        """The driver's own connection, for whoever writes into the same database."""

    def rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """What a query answers."""

    def change(self, statement: str, **values: object) -> int:
        """Carry a statement out; how many rows it changed."""

    def part(self) -> AbstractContextManager[None]:
        """A part that is undone alone where its block raises (a savepoint)."""


class Storage(Protocol):
    """A database that keeps messages and deployments; safe for any number of threads and processes at once.

    The block raises StorageUnavailable where the database cannot be used; then nothing of it is committed, unless the
    connection was lost in the moment of the commit. Whatever else is raised in the block passes through.
    """

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin; the tables are there."""


def milliseconds(moment: datetime) -> int:
    """A moment as it is stored: milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def moment(stored: int) -> datetime:
    """A stored moment, in UTC."""
    return datetime.fromtimestamp(stored / 1000, timezone.utc)
