"""Alarms: raised by what guards find, cleared by a named person or because it is no longer so; each in the audit log.

Owns: the acts `settle` and `clear`. Does not own: what is found (acts/guards), the table (store/alarms).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from fcb_pipelines.domain.alarms import NO_LONGER_SO, Alarm
from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.delivery import Notice, NoticeKind
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.guards import Finding
from fcb_pipelines.store import alarms as stored
from fcb_pipelines.store import notices
from fcb_pipelines.store.audit import append_audit
from fcb_pipelines.store.database import Connection

GUARD = "guard"
"""Who raises alarms, and clears what is no longer so, in the audit log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of alarms after a look."""

    raised: tuple[Alarm, ...]
    cleared: tuple[Alarm, ...]
    """No longer so."""
    open: tuple[Alarm, ...]
    """All that are open now, those raised before too."""


def settle(
    conn: Connection,
    service: str,
    found: Iterable[Finding],
    now: datetime,
    *,
    looked_at: Callable[[Alarm], bool] = lambda _: True,
) -> Settled:
    """Raise what was found and clear what was not found any more, of what was looked at."""
    every = tuple(found)
    there = {(one.kind, one.subject) for one in every}
    gone = [one for one in stored.open_alarms(conn, service) if looked_at(one) and (one.kind, one.subject) not in there]
    cleared = [stored.clear(conn, service, one.alarm_id, by=NO_LONGER_SO, at=now) for one in gone]
    raised = stored.raise_alarms(conn, service, every, now)
    still_open = stored.open_alarms(conn, service)
    # Whoever is told outside of our pages is told at once.
    notices.add(conn, service, map(_notice, raised), now)
    settled = Settled(raised=raised, cleared=tuple(one for one in cleared if one is not None), open=still_open)
    # Last, because whoever writes to the audit log holds it until the transaction ends.
    for one in settled.cleared:
        append_audit(conn, _entry(service, one, Act.ALARM_CLEARED, by=GUARD, at=now, text=NO_LONGER_SO))
    for one in settled.raised:
        append_audit(conn, _entry(service, one, Act.ALARM_RAISED, by=GUARD, at=now, text=one.words))
    return settled


def clear(conn: Connection, service: str, alarm_id: int, *, person: str, text: str, now: datetime) -> Alarm:
    """Clear an alarm as a named person, saying why; it is not raised again as long as the same is so.

    Raises `InvalidInput` without a text or a name, or with the name that only the guard uses, and `RuleViolation` where the
    alarm is not open.
    """
    if not text.strip():
        raise InvalidInput("say in --text why the alarm is cleared")
    if not person.strip() or person.strip() in {NO_LONGER_SO, GUARD}:
        raise InvalidInput("an alarm is cleared by a named person")
    one = stored.clear(conn, service, alarm_id, by=person, at=now)
    if one is None:
        raise RuleViolation(f"{service} has no open alarm {alarm_id}: see  fcb alarms --service {service}")
    append_audit(conn, _entry(service, one, Act.ALARM_CLEARED, by=person, at=now, text=text.strip()))
    return one


def _notice(one: Alarm) -> Notice:
    words = f"alarm {one.alarm_id}, {one.kind.value.replace('_', ' ')}: {one.words}. To do: {one.what_to_do}"
    return Notice(kind=NoticeKind.ALARM, subject=one.subject, words=words)


def _entry(service: str, one: Alarm, act: Act, *, by: str, at: datetime, text: str) -> AuditEntry:
    data = {"kind": one.kind.value, "subject": one.subject, "text": text}
    return AuditEntry(at=at, actor=by, act=act, service=service, subject=f"alarm {one.alarm_id}", data=data)
