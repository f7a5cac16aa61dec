"""How far a reader came, and what it handed over lately.

Owns: the table `seen` and the cursor in `fact`. Functions take a connection of the spool; the caller owns the transaction. Does
not own: the reading (reader).
"""

import sqlite3
from datetime import datetime, timedelta, timezone


def reached(conn: sqlite3.Connection, reader: str) -> datetime | None:
    """The latest start of all rows read; None before the first."""
    found = conn.execute("SELECT value FROM fact WHERE name = ?", (_name(reader),)).fetchone()
    return None if found is None else datetime.fromisoformat(found[0])


def reach(conn: sqlite3.Connection, reader: str, moment: datetime, overlap: timedelta) -> None:
    """Remember that rows up to `moment` were read, and forget what was handed over before any later reading can begin."""
    came = reached(conn, reader)
    latest = moment if came is None else max(came, moment)
    conn.execute(
        "INSERT INTO fact VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (_name(reader), _text(latest))
    )
    conn.execute("DELETE FROM seen WHERE reader = ? AND at < ?", (reader, _text(latest - overlap)))


def is_seen(conn: sqlite3.Connection, reader: str, key: str, content: bytes) -> bool:
    """Whether the row was handed over with this content."""
    found = conn.execute("SELECT content FROM seen WHERE reader = ? AND row_key = ?", (reader, key)).fetchone()
    return found is not None and bytes(found[0]) == content


def see(conn: sqlite3.Connection, reader: str, key: str, content: bytes, at: datetime) -> None:
    """Remember that the row was handed over with this content."""
    conn.execute(
        "INSERT INTO seen VALUES (?, ?, ?, ?) ON CONFLICT (reader, row_key) DO UPDATE SET content = excluded.content",
        (reader, key, content, _text(at)),
    )


def forget(conn: sqlite3.Connection, reader: str) -> None:
    """Forget all of it."""
    conn.execute("DELETE FROM fact WHERE name = ?", (_name(reader),))
    conn.execute("DELETE FROM seen WHERE reader = ?", (reader,))


def _name(reader: str) -> str:
    return f"reader/{reader}"


def _text(moment: datetime) -> str:
    """Times as text that sorts as they do."""
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds")
