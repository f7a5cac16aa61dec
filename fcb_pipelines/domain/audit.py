"""The hash chain of the access log and the audit log: how a row is bound to all rows before it, and what a broken chain tells.

Owns: canonical bytes and hash of a row, the head, and the rule that finds the first thing wrong. Does not own: the tables
(store/audit), what is noted of a call (access).

A row's hash is SHA-256 of the hash before it and of the row's canonical bytes: JSON of log, position and values, keys sorted,
nothing blank, ASCII only. A time is text in UTC with six decimals. The first row follows the hash of the log's own name, so
that no row can be moved from one log to the other.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from fcb_pipelines.domain.access import AccessEntry
from fcb_pipelines.domain.errors import InvalidInput

LONGEST_TEXT = 255
"""Characters of what the outside says of itself that are kept."""

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)
_HEAD = re.compile(r"(access_log|audit_log):(\d{1,18}):([0-9a-f]{64})")


class Log(StrEnum):
    """The logs, by their tables."""

    ACCESS = "access_log"
    AUDIT = "audit_log"


class Act(StrEnum):
    """What the audit log knows so far."""

    ACCEPTANCE_APPLIED = "acceptance_applied"
    ACCEPTANCE_APPROVED = "acceptance_approved"
    ACCEPTANCE_MADE = "acceptance_made"
    ACCEPTANCE_WITHDRAWN = "acceptance_withdrawn"
    ALARM_CLEARED = "alarm_cleared"
    ALARM_RAISED = "alarm_raised"
    ATTESTED = "attested"
    ATTESTATION_WITHDRAWN = "attestation_withdrawn"
    ENDPOINT_ADDED = "endpoint_added"
    ENDPOINT_DISABLED = "endpoint_disabled"
    ENDPOINT_ENABLED = "endpoint_enabled"
    ENDPOINT_REMOVED = "endpoint_removed"
    ENDPOINT_SECRET_ROTATED = "endpoint_secret_rotated"  # noqa: S105 (the name of an act)
    FLIP_APPROVED = "flip_approved"
    FLIP_ARMED = "flip_armed"
    FLIP_GIVEN_UP = "flip_given_up"
    FLIP_PLANNED = "flip_planned"
    FLIP_STEP = "flip_step"
    INVOICES_POSTED = "invoices_posted"
    KEY_CREATED = "key_created"
    KEY_ROTATED = "key_rotated"
    KEY_REVOKED = "key_revoked"
    MESSAGES_REPLAYED = "messages_replayed"
    PERIOD_CLOSED = "period_closed"
    RESUMED = "resumed"
    REPORT_LINK_MADE = "report_link_made"
    REPORT_LINK_OPENED = "report_link_opened"
    SIGNED_ON_A_PAGE = "signed_on_a_page"
    SIGNER_ADDED = "signer_added"
    SIGNER_REVOKED = "signer_revoked"
    SUCCESSOR_NAMED = "successor_named"
    TERM_ADOPTED = "term_adopted"
    STOPPED = "stopped"
    SUBSCRIPTION_TERMINATED = "subscription_terminated"
    TERMINATION_CORRECTED = "termination_corrected"
    TERMINATION_WITHDRAWN = "termination_withdrawn"
    USAGE_DROPPED = "usage_dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One act of a person, or of a host with its key."""

    at: datetime
    actor: str
    """The login name of who did it, on the machine where it was done; of a host the id of its key."""
    act: Act
    service: str | None
    subject: str
    """What it was done to: the id of a key, of a decision or an acceptance, the external id of a subscription."""
    data: Mapping[str, Any]
    """JSON without floats; never a secret."""


@dataclass(frozen=True, slots=True)
class Chained:
    """A row in its place; `values` as in the table, times as text."""

    position: int
    values: tuple[Any, ...]
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """Where a log ends: as many rows, the last with this hash. Kept outside, it proves all rows up to there."""

    log: Log
    count: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.log}:{self.count}:{self.hash.hex()}"

    @classmethod
    def read(cls, text: str) -> "Head":
        """The head that `str` wrote; raises `InvalidInput`."""
        found = _HEAD.fullmatch(text.strip())
        if found is None:
            raise InvalidInput(f"{text!r} is not a head as `fcb audit verify` prints it: access_log:COUNT:HASH")
        return cls(Log(found[1]), int(found[2]), bytes.fromhex(found[3]))


class Wrong(StrEnum):
    """What can be wrong with a log."""

    CHANGED = "changed"
    MISSING = "missing"
    REORDERED = "reordered"
    ADDED = "added"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    HEADLESS = "headless"


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """The first place where a log is not as it was written."""

    log: Log
    position: int
    wrong: Wrong
    detail: str
    before: bytes
    """The hash that the row at this position has to follow."""
    stored: bytes | None = None
    """The hash that the row at this position has; None where there is none."""


def first_hash(log: Log) -> bytes:
    """What the first row follows."""
    return hashlib.sha256(f"fcb/{log}".encode()).digest()


def instant(at: datetime) -> str:
    """A time as a row's canonical bytes have it."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def row_hash(log: Log, position: int, values: Sequence[Any], before: bytes) -> bytes:
    """The hash of a row that follows the hash `before`."""
    return hashlib.sha256(before + _ENCODER.encode([log.value, position, *values]).encode("ascii")).digest()


def chained(head: Head, rows: Iterable[tuple[Any, ...]]) -> tuple[tuple[Chained, ...], Head]:
    """Rows with their places after a head, and the head that they make."""
    placed: list[Chained] = []
    before = head.hash
    for position, values in enumerate(rows, start=head.count + 1):
        before = row_hash(head.log, position, values, before)
        placed.append(Chained(position, values, before))
    return tuple(placed), Head(head.log, head.count + len(placed), before)


def access_values(entry: AccessEntry) -> tuple[Any, ...]:
    """A call in the order of the table's columns; what the outside chose is cut and made printable, never refused."""
    shown = (_printable(entry.address), _printable(entry.method), _printable(entry.route))
    return (instant(entry.at), entry.key_id, entry.service, *shown, entry.scope, entry.outcome, entry.status)


def audit_values(entry: AuditEntry) -> tuple[Any, ...]:
    """An act in the order of the table's columns; raises `InvalidInput` for data that would not be read as it was written."""
    values = (instant(entry.at), entry.actor, entry.act, entry.service, entry.subject, entry.data)
    _check(list(values))
    return values


def first_break(log: Log, head: Head | None, rows: Iterable[Chained], known: Sequence[Head] = ()) -> Break | None:
    """The first thing wrong with a log; None if it is whole. Rows come by position; `known` are heads that were kept outside.

    A row that is not what its place asks for counts as changed, and one that is not there as missing, whether or not it stands
    elsewhere in the log (`belongs`).
    """
    kept = {each.count: each.hash for each in known if each.log is log}
    before, count = first_hash(log), 0
    if kept.get(0, before) != before:
        return Break(log=log, position=0, wrong=Wrong.REWRITTEN, before=before, detail="the kept head is of no log of ours")
    for row in rows:
        wrong = _wrong(log, row, count + 1, before)
        if wrong is None and kept.get(row.position, row.hash) != row.hash:
            wrong = Wrong.REWRITTEN
        if wrong is not None:
            stored = row.hash if row.position == count + 1 else None
            position = min(row.position, count + 1)
            return Break(log=log, position=position, wrong=wrong, detail=_DETAILS[wrong], before=before, stored=stored)
        before, count = row.hash, row.position
    return _wrong_end(log, head, count, before, max(kept, default=0))


def _wrong(log: Log, row: Chained, place: int, before: bytes) -> Wrong | None:
    if row.position != place:
        return Wrong.MISSING if row.position > place else Wrong.ADDED
    return None if row_hash(log, place, row.values, before) == row.hash else Wrong.CHANGED


def _wrong_end(log: Log, head: Head | None, count: int, last: bytes, kept_count: int) -> Break | None:
    """What is wrong with a log whose rows follow one another."""
    if head is None:
        position, wrong = count, Wrong.HEADLESS
    elif count < max(head.count, kept_count):
        position, wrong = count + 1, Wrong.TRUNCATED
    elif count > head.count:
        position, wrong = head.count + 1, Wrong.ADDED
    elif last != head.hash:
        position, wrong = count, Wrong.CHANGED
    else:
        return None
    return Break(log=log, position=position, wrong=wrong, detail=_DETAILS[wrong], before=last)


def belongs(found: Break, row: Chained) -> bool:
    """Whether a row that stands elsewhere is the one that was written at the place of a break."""
    return row_hash(found.log, found.position, row.values, found.before) in (row.hash, found.stored)


_DETAILS = {
    Wrong.CHANGED: "the row is not what was written there, or rows before it were taken out and the rest renumbered",
    Wrong.MISSING: "there is no such row",
    Wrong.ADDED: "the row was not written by us",
    Wrong.TRUNCATED: "the log ends before this row, which was written",
    Wrong.REWRITTEN: "the rows up to here are not those whose head was kept",
    Wrong.HEADLESS: "the row that says where the log ends is gone",
}


def _printable(text: str) -> str:
    cut = text[:LONGEST_TEXT]
    return cut if cut.isprintable() else "".join(each if each.isprintable() else "?" for each in cut)


def _check(value: object) -> None:
    """Refuse what JSON in the database does not give back as it was: floats, NUL, lone surrogates, other types."""
    if isinstance(value, str):
        if "\0" in value or value.encode("utf-8", "replace").decode() != value:
            raise InvalidInput("the audit log keeps no text with NUL or lone surrogates")
    elif isinstance(value, Mapping):
        for name, each in value.items():
            _check(str(name))
            _check(each)
    elif isinstance(value, list):
        for each in value:
            _check(each)
    elif value is not None and not isinstance(value, bool | int):
        raise InvalidInput(f"the audit log keeps no {type(value).__name__}: write it as text")
