"""The journal of a flip as a whole: what was done, by whom it was armed, and whether all of it is there.

Owns: the act `read`. Does not own: which entries may follow one another (domain/flip), keeping them (store/journal).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fcb_pipelines.acts.flip import standing
from fcb_pipelines.acts.flip_run import Stands
from fcb_pipelines.domain.arming import Arming
from fcb_pipelines.domain.flip import Entry, faults
from fcb_pipelines.services import Service
from fcb_pipelines.store import flips
from fcb_pipelines.store import journal as stored
from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """Everything that was done of a flip."""

    stands: Stands
    armings: tuple[Arming, ...]
    entries: Sequence[Entry]
    """By subscription, each in its order."""
    faults: tuple[str, ...]
    """What is wrong with it; nothing where every step has its end and the audit log says the same."""


def read(conn: Connection, service: Service, flip_id: str) -> Journal:
    """Read it; raises `InvalidInput` for a flip that is not there."""
    stands = standing(conn, service, flip_id)
    found = stored.of_flip(conn, flip_id)
    wrong = [f"{one}: {fault}" for one, entries in found.items() for fault in faults(entries)]
    return Journal(
        stands=stands,
        armings=flips.armings(conn, flip_id),
        entries=[entry for entries in found.values() for entry in entries],
        faults=(*wrong, *stored.unproved(conn, service.code, flip_id)),
    )
