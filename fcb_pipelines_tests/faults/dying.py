"""Ways to die between two calls: a port to Odoo and a store that end the work before or after their n-th call.

Owns: counting and ending. Does not own: what the work is (flips). What dies is not one of our own errors, as a process that is
killed raises none: nothing catches it, and the next attempt starts from what is there.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import psycopg

from fcb_pipelines.domain.errors import OutcomeUnknown, RolledBack
from fcb_pipelines.odoo.client import Domain, Loaded, Odoo, Row, ServerVersion
from fcb_pipelines.store.database import Connection, Database


class Died(BaseException):
    """The process ended here."""


class How(StrEnum):
    """What happens at a point."""

    BEFORE = "before"
    """The process ends before the call is made, or before the transaction is committed."""
    AFTER = "after"
    """The process ends when the call was carried out, or the transaction committed, and nobody was told yet."""
    UNHEARD = "unheard"
    """Odoo carries the call out and its answer is lost, or Postgres ends the session before it commits."""


@dataclass(slots=True)
class Fate:
    """At which point of the work what happens; counts the points on the way."""

    at: int | None = None
    how: How = How.BEFORE
    points: int = 0
    was_met: bool = False

    def is_now(self) -> bool:
        """Whether this point is the one; counts it."""
        self.points += 1
        is_it = self.points == self.at
        self.was_met |= is_it
        return is_it


@dataclass(slots=True)
class DyingOdoo:
    """The port, of which each call that may change something is a point."""

    odoo: Odoo
    fate: Fate
    done: list[tuple[str, str, tuple[Any, ...]]] = field(default_factory=list)
    """Model, method and ids of what was carried out."""

    def version(self) -> ServerVersion:
        return self.odoo.version()

    def user_id(self) -> int:
        return self.odoo.user_id()

    def search_read(self, model: str, domain: Domain, fields: Sequence[str], *, limit: int = 0) -> list[dict[str, Any]]:
        return self.odoo.search_read(model, domain, fields, limit=limit)

    def fields(self, model: str) -> Mapping[str, Row]:
        return self.odoo.fields(model)

    def load(self, model: str, fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> Loaded:
        with self._point(model, "load", [row[0] for row in rows]):
            return self.odoo.load(model, fields, rows)

    def write(self, model: str, ids: Sequence[int], values: Row) -> None:
        with self._point(model, "write", ids):
            self.odoo.write(model, ids, values)

    def unlink(self, model: str, ids: Sequence[int]) -> None:
        with self._point(model, "unlink", ids):
            self.odoo.unlink(model, ids)

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        if not method.startswith(("action_", "button_", "js_", "create")):
            return self.odoo.call(model, method, *args, **kwargs)
        with self._point(model, method, args[0]):
            return self.odoo.call(model, method, *args, **kwargs)

    @contextmanager
    def _point(self, model: str, method: str, ids: Sequence[Any]) -> Iterator[None]:
        is_now = self.fate.is_now()
        if is_now and self.fate.how is How.BEFORE:
            raise Died(f"before {model}.{method}")
        yield
        self.done.append((model, method, tuple(ids)))
        if is_now:
            raise Died(f"after {model}.{method}") if self.fate.how is How.AFTER else OutcomeUnknown(f"{model}.{method}")


@dataclass(frozen=True, slots=True, repr=False)
class DyingStore(Database):
    """The store, of which each transaction is a point."""

    fate: Fate = field(default_factory=Fate)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        is_now, how = self.fate.is_now(), self.fate.how
        with Database(self.url).transaction() as conn:
            yield conn
            if is_now and how is How.BEFORE:
                raise Died("before a commit")
            if is_now and how is How.UNHEARD:
                _end(self.url, conn)
        if is_now and how is How.AFTER:
            raise Died("after a commit")


def _end(url: str, conn: Connection) -> None:
    """Let Postgres end a session, as an administrator does who restarts it."""
    pid = conn.info.backend_pid
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


STRUCK = (Died, OutcomeUnknown, RolledBack)
"""What the work ends with at a point."""
