"""The digest: what a person must know of the newest revisions, and of what was signed.

Owns: which things are told, and of which rows. Does not own: where they come from (acts/digest), verdicts (rows), changes
(revisions).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from fcb_pipelines.domain.acceptances import Acceptance, State
from fcb_pipelines.domain.actual import EDITED_AFTER_ISSUE
from fcb_pipelines.domain.alarms import Alarm
from fcb_pipelines.domain.guards import STOPS_POSTING
from fcb_pipelines.domain.matching import DOUBLE_BILLED
from fcb_pipelines.domain.money import Money
from fcb_pipelines.domain.reconciliation import NOT_YET_ISSUED
from fcb_pipelines.domain.rows import Instance, Row, Status, Verdict

SOON = timedelta(days=14)
"""How long before its end an acceptance is told."""


class Topic(StrEnum):
    """What is told, the gravest first."""

    VERDICT_CHANGED = "verdict_changed"
    EDITED_INVOICE = "edited_invoice"
    CLAIMED_TWICE = "claimed_twice"
    LIVE_UNBILLED = "live_unbilled"
    NEW_UNDECIDED = "new_undecided"
    DUE_NOT_ISSUED = "due_not_issued"
    SILENT_FEED = "silent_feed"
    ACCEPTANCE_VOID = "acceptance_void"
    ACCEPTANCE_EXPIRES = "acceptance_expires"


TOPICS: Mapping[Topic, str] = {
    Topic.VERDICT_CHANGED: "verdicts changed although snapshot, settings and rules are the same: a defect of ours",
    Topic.EDITED_INVOICE: "closed invoices were edited after they were issued",
    Topic.CLAIMED_TWICE: "charges were billed twice",
    Topic.LIVE_UNBILLED: "charges of live subscriptions are billed by nobody",
    Topic.NEW_UNDECIDED: "money is undecided that was not before",
    Topic.DUE_NOT_ISSUED: "charges are due, past their lag, and were not issued",
    Topic.SILENT_FEED: "the host pushes no usage",
    Topic.ACCEPTANCE_VOID: "acceptances decide nothing any more, because what was signed is another",
    Topic.ACCEPTANCE_EXPIRES: "acceptances end soon",
}
"""What each topic says, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing that a person must know."""

    topic: Topic
    period: str
    subject: str
    """A row, an acceptance, or a feed."""
    words: str
    amount: Money | None = None


def of_revision(period: str, rows: Sequence[Row], changes: Mapping[str, Any], *, is_first: bool) -> Iterable[Told]:
    """What the newest revision of a period tells; `changes` are those from the revision before, as they were stored."""
    changed = {each["row_id"]: each for each in changes.get("rows", ())}
    is_same_origin = not changes.get("because")
    for row in rows:
        change = changed.get(row.row_id)
        if row.verdict is Verdict.UNEXPLAINED and (is_first or _came_to_it(change)):
            words = row.sentence or "undecided"
            yield _told(Topic.NEW_UNDECIDED, period, row, words, row.abs_difference)
        if is_same_origin and change is not None and _changed_by_itself(change):
            before, after = change["fields"]["verdict"]
            yield _told(Topic.VERDICT_CHANGED, period, row, f"{before} → {after}")
        for one in row.instances:
            yield from _of_instance(period, row, one)


def _of_instance(period: str, row: Row, one: Instance) -> Iterable[Told]:
    notes = {note.partition(":")[0] for note in one.notes}
    causes = {finding.cause for finding in one.explanation.findings}
    if EDITED_AFTER_ISSUE in notes:
        yield _told(Topic.EDITED_INVOICE, period, row, f"{one.charge} on {', '.join(row.external_invoice_ids)}", one.billed)
    if DOUBLE_BILLED in notes | causes:
        yield _told(Topic.CLAIMED_TWICE, period, row, one.charge, one.billed)
    if _is_missing(one) and NOT_YET_ISSUED not in notes:
        yield _told(Topic.DUE_NOT_ISSUED, period, row, one.charge, one.difference)


def _is_missing(one: Instance) -> bool:
    return one.is_due and one.status is Status.ONLY_EXPECTED and one.verdict is Verdict.UNEXPLAINED


def _came_to_it(change: Mapping[str, Any] | None) -> bool:
    """Whether a row is new, or was decided before."""
    return change is not None and (change["change"] == "added" or "verdict" in change["fields"])


def _changed_by_itself(change: Mapping[str, Any]) -> bool:
    """Whether a verdict is another and nobody's signature is why."""
    return Verdict.ACCEPTED not in change["fields"].get("verdict", [Verdict.ACCEPTED])


def of_acceptances(signed: Iterable[tuple[Acceptance, State]], today: date) -> Iterable[Told]:
    """What is to be known of what people signed."""
    for one, state in signed:
        ends = one.decision.expires_on
        if state is State.VOID_CHANGED:
            yield _of(one, Topic.ACCEPTANCE_VOID, f"of {one.subject}, by {one.decision.author}")
        elif state is State.IN_FORCE and ends <= today + SOON:
            yield _of(one, Topic.ACCEPTANCE_EXPIRES, f"of {one.subject}, on {ends}")


def _of(one: Acceptance, topic: Topic, words: str) -> Told:
    return Told(topic=topic, period=one.period, subject=one.acceptance_id, words=words, amount=one.amount)


def of_alarms(open_: Iterable[Alarm]) -> Iterable[Told]:
    """What guards found after a flip, and nobody cleared: money that two bill, or nobody."""
    for one in open_:
        topic = Topic.CLAIMED_TWICE if one.kind in STOPS_POSTING else Topic.LIVE_UNBILLED
        yield Told(
            topic=topic, period=f"{one.raised_at:%Y-%m}", subject=f"alarm {one.alarm_id}", words=f"{one.subject}: {one.words}"
        )


def silent(period: str, feed: str, subscriptions: int) -> Iterable[Told]:
    """That a feed told nothing of a month in which subscriptions lived; nothing where it did."""
    if subscriptions:
        words = f"while {subscriptions} subscriptions are alive, which is not zero usage"
        yield Told(topic=Topic.SILENT_FEED, period=period, subject=feed, words=words)


def in_order(found: Iterable[Told]) -> tuple[Told, ...]:
    """The gravest topic first; within one by period, the most money first."""
    order = list(Topic)
    return tuple(sorted(found, key=lambda one: (order.index(one.topic), one.period, *_by_money(one))))


def _by_money(one: Told) -> tuple[object, ...]:
    return (0 if one.amount is None else -abs(one.amount).amount), one.subject


def _told(topic: Topic, period: str, row: Row, words: str, amount: Money | None = None) -> Told:
    return Told(topic=topic, period=period, subject=row.row_id, words=words, amount=amount)
