"""The tables of the spool.

Owns: what is kept and in which form. Does not own: the connection (spool), what is done with the rows (waiting, refusals,
condition, reader). Moments are milliseconds since 1970; quantities stand as text inside `body` and are never computed with.
"""

import sqlite3

from fcb_host.errors import SpoolUnavailable

VERSION = 2

_HELD = (
    # What an event that the central side would not take yet is held for: its code and reason, and since when that one;
    # and since when each code that it was ever held for, as JSON.
    "ALTER TABLE event ADD COLUMN held_code TEXT",
    "ALTER TABLE event ADD COLUMN held_reason TEXT",
    "ALTER TABLE event ADD COLUMN held_since INTEGER",
    "ALTER TABLE event ADD COLUMN held_of TEXT",
    "ALTER TABLE event ADD COLUMN held_firsts TEXT NOT NULL DEFAULT '{}'",
    # 1 from when it is leased until there is an answer that tells of it: a lost answer may have said that it is stored.
    "ALTER TABLE event ADD COLUMN may_be_stored INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX event_held ON event (held_code, held_of, held_since, due_at) WHERE held_code IS NOT NULL",
)

_FROM_1 = (
    "DROP INDEX event_held",
    *_HELD,
    # The first version held for this alone, and kept neither a reason nor whether the last sending was answered.
    """
    UPDATE event
       SET held_code = 'unknown_subscription', held_reason = '', held_since = recorded_at,
           held_of = json_extract(body, '$.external_subscription_id'),
           held_firsts = json_object('unknown_subscription', recorded_at), may_be_stored = 1
     WHERE attempts > 0
    """,
    f"PRAGMA user_version = {VERSION}",
)

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
    *_HELD,
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

_WAYS = {0: _STATEMENTS, 1: _FROM_1}


def bring_up(conn: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an earlier version up to date, in the transaction of the caller.

    Raises SpoolUnavailable for those of a later version.
    """
    version = int(conn.execute("PRAGMA user_version").fetchone()[0])
    if version == VERSION:
        return
    if version not in _WAYS:
        raise SpoolUnavailable(
            f"the spool was made by a later version of fcb_host (its tables are of version {version}, here they are of "
            f"{VERSION}): install that version here too"
        )
    for statement in _WAYS[version]:
        conn.execute(statement)
