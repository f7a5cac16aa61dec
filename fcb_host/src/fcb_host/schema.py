"""The tables of the spool.

Owns: what is kept and in which form. Does not own: the connection (spool), what is done with the rows (waiting, refusals,
condition, reader). Moments are milliseconds since 1970; quantities stand as text inside `body` and are never computed with.
"""

import sqlite3

from fcb_host.errors import SpoolUnavailable

VERSION = 1

_STATEMENTS = (
    # Waits to be sent. `due_at` in the future is a lease of a sender or a pause; no row ever gets the position of another.
    """
    CREATE TABLE event (
        position    INTEGER PRIMARY KEY AUTOINCREMENT,
        identity    BLOB NOT NULL UNIQUE,
        body        TEXT NOT NULL,
        recorded_at INTEGER NOT NULL,
        due_at      INTEGER NOT NULL,
        attempts    INTEGER NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX event_due ON event (due_at, position)",
    "CREATE INDEX event_held ON event (position) WHERE attempts > 0",
    # Refused for good: kept until a person retries or drops it.
    """
    CREATE TABLE refused (
        number      INTEGER PRIMARY KEY AUTOINCREMENT,
        identity    BLOB NOT NULL,
        body        TEXT NOT NULL,
        code        TEXT NOT NULL,
        reason      TEXT NOT NULL,
        recorded_at INTEGER NOT NULL,
        refused_at  INTEGER NOT NULL
    )
    """,
    "CREATE INDEX refused_identity ON refused (identity)",
    "CREATE TABLE lease (token TEXT PRIMARY KEY, until INTEGER NOT NULL, events INTEGER NOT NULL)",
    "CREATE TABLE fact (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    # What a reader handed over within its overlap, so that reading it again sends nothing again.
    """
    CREATE TABLE seen (
        reader  TEXT NOT NULL,
        row_key TEXT NOT NULL,
        content BLOB NOT NULL,
        at      TEXT NOT NULL,
        PRIMARY KEY (reader, row_key)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX seen_at ON seen (reader, at)",
    # How many rows there are, because counting millions takes seconds.
    "INSERT INTO fact VALUES ('queued', 0), ('refused', 0)",
    "CREATE TRIGGER event_added AFTER INSERT ON event BEGIN UPDATE fact SET value = value + 1 WHERE name = 'queued'; END",
    "CREATE TRIGGER event_gone AFTER DELETE ON event BEGIN UPDATE fact SET value = value - 1 WHERE name = 'queued'; END",
    "CREATE TRIGGER refused_added AFTER INSERT ON refused BEGIN UPDATE fact SET value = value + 1 WHERE name = 'refused'; END",
    "CREATE TRIGGER refused_gone AFTER DELETE ON refused BEGIN UPDATE fact SET value = value - 1 WHERE name = 'refused'; END",
    f"PRAGMA user_version = {VERSION}",
)


def bring_up(conn: sqlite3.Connection) -> None:
    """Make the tables if there are none, in the transaction of the caller. Raises SpoolUnavailable for another version's."""
    version = int(conn.execute("PRAGMA user_version").fetchone()[0])
    if version == VERSION:
        return
    if version != 0:
        raise SpoolUnavailable(f"the spool was made by another version of fcb_host (its tables are of version {version})")
    for statement in _STATEMENTS:
        conn.execute(statement)
