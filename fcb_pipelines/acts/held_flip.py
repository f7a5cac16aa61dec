"""A flip that one run goes on with: held in each transaction, and left to others as soon as they may have gone on with it.

Owns: the question whether a run may still journal and change anything. Does not own: the lock that keeps others out
(store/imports), what is journalled (flip_run).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from fcb_pipelines.acts.arming import held
from fcb_pipelines.domain.errors import Overtaken
from fcb_pipelines.domain.flip import Entry
from fcb_pipelines.services import Service
from fcb_pipelines.store import journal
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.flips import StoredFlip
from fcb_pipelines.store.imports import ImportLock


@dataclass(slots=True, kw_only=True)
class HeldFlip:
    """What a run knows of the journal, and asks before it adds to it."""

    db: Database
    service: Service
    flip_id: str
    lock: ImportLock
    """What keeps other runs of the service out, as long as its session lives."""
    last: int = 0
    """The number of the last entry of the flip that the run knows of."""
    noted: int = 0
    """The same once the transaction under way has ended."""

    def begin(self, conn: Connection) -> StoredFlip:
        """Hold the flip until the transaction ends; from its last entry on this run alone may add any. Raises `Overtaken`."""
        there = self._locked(conn)
        self.last = self.noted = journal.last(conn, self.flip_id)
        return there

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One in which the flip is held; raises like `hold`."""
        with self.db.transaction() as conn:
            self.hold(conn)
            yield conn

    def hold(self, conn: Connection) -> StoredFlip:
        """Hold the flip, as it is now, until the transaction ends; raises `Overtaken` where another run may have gone on."""
        there = self._locked(conn)
        if journal.last(conn, self.flip_id) != self.last:
            raise Overtaken(
                f"another run went on with {self.flip_id} while this one was under way, which ended there: what Odoo answered "
                f"it last is not in the journal. See  fcb journal {self.flip_id} , then run again"
            )
        return there

    def require(self) -> None:
        """Raise `Overtaken` where this run may go on no more; ask right before each call that may change something."""
        with self.transaction():
            pass

    def note(self, conn: Connection, entries: Sequence[Entry]) -> None:
        """Journal lines in a transaction that holds the flip; `keep` them once it has ended."""
        self.noted = journal.append(conn, self.service.code, *entries) or self.last

    def keep(self) -> None:
        """What was noted is in the journal now."""
        self.last = self.noted

    def _locked(self, conn: Connection) -> StoredFlip:
        # The row first: whoever is let in after this run waits for it there, and reads what this transaction commits.
        there = held(conn, self.service, self.flip_id)
        if not self.lock.is_held(conn):
            raise Overtaken(
                f"the session that kept other runs of {self.service.code} out has ended: {self.flip_id} was left where it "
                "was. Run again; what had begun is looked at first"
            )
        return there
