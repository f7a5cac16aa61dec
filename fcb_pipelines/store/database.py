"""Connections to our own database, and the locks that runs take.

Owns: how a transaction is opened. Does not own: the schema (schema), any table (see the noun's own file).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import psycopg
from psycopg.rows import TupleRow

from fcb_pipelines.domain.errors import InvalidSettings, Refused, RolledBack, RuleViolation

Connection = psycopg.Connection[TupleRow]
_ENDED = (psycopg.OperationalError, psycopg.errors.IdleInTransactionSessionTimeout)
"""What a session ends with: the database or the way to it is gone, or the database ended it."""


@dataclass(frozen=True, slots=True)
class Database:
    """Our own Postgres, by its URL; the URL holds a password and is never shown."""

    url: str

    def __repr__(self) -> str:
        return "Database(…)"

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Statements wait at most ten seconds for a lock, so that a forgotten session stops nobody for long. Raises `Refused` if
        the database cannot be reached or has other tables than this version, `RolledBack` if it stops answering.
        """
        with _told(), connect(self.url) as conn:
            yield conn


class Session:
    """One connection for many transactions one after the other; opened when first needed, and anew after a failure."""

    def __init__(self, db: Database, name: str, *, most_idle: timedelta) -> None:
        """`name` is what the database lists it under.

        A transaction of one who stands still so long is ended, so that the rows that it holds are others' again.
        """
        self._db, self._name, self._most_idle = db, name, most_idle
        self._conn: Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction, as `Database.transaction` has it; raises what that raises."""
        if self._conn is None:
            self._conn = connect(self._db.url, name=self._name, most_idle=self._most_idle)
        with _told():
            try:
                with self._conn.transaction():
                    yield self._conn
            except _ENDED:
                self.close()
                raise

    def close(self) -> None:
        """End the connection; the next transaction opens another."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None


@contextmanager
def _told() -> Iterator[None]:
    """What the database says, as errors that tell who must act."""
    try:
        yield
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        raise Refused(f"our own database is not of this version ({_first_line(error)}): run  fcb migrate") from error
    except _ENDED as error:
        raise RolledBack(f"our own database stopped answering ({_first_line(error)}): run again") from error


def connect(url: str, *, autocommit: bool = False, name: str = "fcb", most_idle: timedelta | None = None) -> Connection:
    """A session on our own database, listed there under `name`; raises `Refused` if it cannot be reached.

    `most_idle` is how long a transaction may stand still before the database ends it; None: as the database is set.
    """
    options = "-c timezone=UTC -c lock_timeout=10s"
    if most_idle is not None:
        options += f" -c idle_in_transaction_session_timeout={most_idle // timedelta(milliseconds=1)}ms"
    try:
        return psycopg.connect(url, options=options, application_name=name, connect_timeout=10, autocommit=autocommit)
    except psycopg.OperationalError as error:
        reason = _first_line(error)
        raise Refused(f"our own database cannot be reached: {reason}. Check FCB_DATABASE_URL and the network") from None
    except psycopg.ProgrammingError:
        # Its own message would quote the address.
        example = "postgresql://fcb:password@host:5432/fcb"
        raise InvalidSettings(f"FCB_DATABASE_URL is not a Postgres address such as {example}") from None


def exclusive(conn: Connection, *parts: str) -> None:
    """Keep others from the same work until this transaction ends; raises `RuleViolation` at once if somebody is at it.

    `parts` name the work, such as a service and a period.
    """
    name = "/".join(parts)
    row = conn.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name]).fetchone()
    if row is None or not row[0]:
        raise RuleViolation(f"another run is working on {name} right now: wait for it to end, then run again")


@contextmanager
def in_bulk(conn: Connection) -> Iterator[None]:
    """Statements that join a month as a whole, within a transaction.

    The planner knows nothing yet of rows that were only just written, takes them for a few, and would look up each by itself.
    """
    conn.execute("SET LOCAL enable_nestloop = off")
    conn.execute("SET LOCAL work_mem = '64MB'")
    yield
    conn.execute("SET LOCAL enable_nestloop TO DEFAULT")
    conn.execute("SET LOCAL work_mem TO DEFAULT")


def _first_line(error: psycopg.Error) -> str:
    return str(error).strip().partition("\n")[0]
