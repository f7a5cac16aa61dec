"""Whether our database can be worked with: for whoever asks the server, and for its own log.

Owns: which part is not ready, and what is said of it. Does not own: reaching the database, its revision (store).
"""

from dataclasses import dataclass
from enum import StrEnum

import psycopg

from fcb_pipelines.domain.errors import RemoteError
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.schema import newest_revision, stored_revision


class Part(StrEnum):
    """What is needed before usage can be stored."""

    DATABASE = "database"
    """Our database answers."""
    MIGRATIONS = "migrations"
    """It has the tables of this version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReady:
    """The part that is not ready."""

    part: Part
    detail: str
    """For everybody: without an address or a name."""
    reason: str = ""
    """For the operator: what the database said. No secret is in it."""


def not_ready(db: Database) -> NotReady | None:
    """The part that is not ready; None where all is."""
    try:
        stored = stored_revision(db)
    except (RemoteError, psycopg.Error) as error:
        return NotReady(part=Part.DATABASE, detail="our own database does not answer", reason=str(error).partition("\n")[0])
    if stored == (newest := newest_revision()):
        return None
    if stored is not None and stored > newest:
        detail = f"our own database is of a later version ({stored}) than this program ({newest}): update it"
    else:
        detail = f"our own database is of revision {stored or 'none'}, this version needs {newest}: run  fcb migrate"
    return NotReady(part=Part.MIGRATIONS, detail=detail)
