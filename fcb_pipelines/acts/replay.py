"""Replay: a period's newest revision worked again from its own snapshot, to see whether the same comes of it.

Owns: the act `replay`, and what may be why not. Does not own: any stage (rating, invoices, reconciliation), which are the ones
that every run uses. Nothing is kept: all stages run in one transaction that is rolled back.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from fcb_pipelines.acts.invoices import actual_period
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.rating import expect_period, rate_period
from fcb_pipelines.acts.reconciliation import reconcile_period
from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.domain.audit import Act
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.reconciliation import RULE_VERSION
from fcb_pipelines.store import audit, claims, reconciliation, stages
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.reconciliation import Revision

SIGNED = (
    Act.ACCEPTANCE_MADE,
    Act.ACCEPTANCE_APPROVED,
    Act.ACCEPTANCE_WITHDRAWN,
    Act.SUCCESSOR_NAMED,
    Act.SUBSCRIPTION_TERMINATED,
    Act.TERMINATION_CORRECTED,
    Act.TERMINATION_WITHDRAWN,
)
"""What people say of rows; a revision has what was said before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What came of a revision that was worked again."""

    revision: Revision
    content_hash: str
    rows: tuple[Mapping[str, Any], ...]
    """Rows that came out otherwise, as a run tells what changed."""
    since: tuple[str, ...]
    """What was said or used since the revision, and may be why."""

    @property
    def is_same(self) -> bool:
        """Whether the same rows came of it, to the byte."""
        return self.content_hash == self.revision.content_hash


@dataclass(frozen=True, slots=True)
class _Rehearsal(Database):
    """Our own store, where every transaction is a part of one that is never committed."""

    conn: Connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A part that is taken back if the block raises, and with the whole in the end."""
        with self.conn.transaction():
            yield self.conn


def replay(work: PeriodWork) -> Replayed:
    """Work the newest revision of a period again from its snapshot, as of the time it was made; nothing of it is kept.

    Raises `RuleViolation` where the period was never reconciled, or the reviewed rules or the rule version are no longer those
    of its revision: then other rows are right.
    """
    with work.db.transaction() as conn:
        revision = _newest(conn, work)
        before = stages.find(conn, revision.service, revision.period, stages.USAGE_TOTALS)
        rehearsed = replace(work, db=_Rehearsal(work.db.url, conn), now=revision.made_at)
        usage_totals(rehearsed, revision.snapshot_id)
        rate_period(rehearsed)
        expect_period(rehearsed)
        actual_period(rehearsed)
        reconcile_period(rehearsed)
        (again,) = reconciliation.latest_revisions(conn, revision.service, revision.period)
        usage = stages.find(conn, revision.service, revision.period, stages.USAGE_TOTALS)
        conn.rollback()
        is_same_usage = before is not None and usage is not None and before.content_hash == usage.content_hash
        return Replayed(
            revision=revision,
            content_hash=again.content_hash,
            rows=tuple(again.changes.get("rows", ())),
            since=(
                *([] if is_same_usage else ["the usage of the month is not what it was metered as"]),
                *_said(conn, revision),
            ),
        )


def _newest(conn: Connection, work: PeriodWork) -> Revision:
    code, period = work.service.code, work.period.key
    again = f"fcb run --service {code} --period {period}"
    latest = reconciliation.latest_revisions(conn, code, period)
    if not latest:
        raise RuleViolation(f"{code} {period} was never reconciled; run it: {again}")
    revision = latest[0]
    if revision.settings_hash != work.settings_hash:
        raise RuleViolation(f"the reviewed rules are no longer those of revision {revision.revision} of {period}: {again}")
    if revision.rule_version != RULE_VERSION:
        said = f"revision {revision.revision} of {period} was made by rule version {revision.rule_version}, this is"
        raise RuleViolation(f"{said} {RULE_VERSION}: {again}")
    return revision


def _said(conn: Connection, revision: Revision) -> Iterator[str]:
    """What people said after the revision was made; at the same moment too, where a clock stands as the demo's does."""
    changed = claims.changed_since(conn, revision.service, revision.made_at)
    if changed:
        yield f"who bills what: {changed} claims were made or released"
    for entry in audit.noted(conn, revision.service, SIGNED):
        if entry.at >= revision.made_at:
            yield f"{entry.act.replace('_', ' ')}: {entry.subject}, by {entry.actor} at {entry.at.isoformat()}"
