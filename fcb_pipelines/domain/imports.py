"""Imports: which records of the source are taken into Odoo, and what an import did.

Owns: the scope of an import, the counts and the reasons it gives. Does not own: how a record looks in Odoo (odoo), how it is
written there (acts).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from fcb_pipelines.domain.changes import Changes, FieldChange
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.invoices import Invoice
from fcb_pipelines.domain.partners import User
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.plans import Plan, reason_to_skip
from fcb_pipelines.domain.subscriptions import Subscription


class Outcome(StrEnum):
    """Why a record of the source is not in Odoo as the source has it."""

    SKIPPED = "skipped"
    """Out of scope."""
    FAILED = "failed"
    """Bad, or refused by Odoo."""


class Action(StrEnum):
    """What is done with a record in Odoo."""

    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"
    """Only drafts and their lines; what an import made is never removed by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportIssue:
    """A record of the source that was not imported, by its id in the source, and why; written for the operator."""

    external_id: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffRow:
    """One record in Odoo, by our external id for it, and what an import changes in it."""

    external_id: str
    action: Action
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import of one entity did, or would do; counts are records of the source."""

    entity: Entity
    created: int
    changed: int
    unchanged: int
    skipped: int
    failed: int
    issues: tuple[ImportIssue, ...]
    diff: tuple[DiffRow, ...]
    missing_from_source: tuple[str, ...]
    """External ids of ours in Odoo that no record of the source stands behind any more: reported, never deleted."""


def subscriptions_in_scope(
    subscriptions: Iterable[Subscription], invoices: Iterable[Invoice], metered: Collection[str], first: Period, last: Period
) -> frozenset[str]:
    """Ids of those alive, invoiced or metered in the periods from `first` to `last`, both included."""
    billed = {invoice.external_subscription_id for invoice in invoices if first.start <= invoice.issued_at < last.end}
    return frozenset(
        one.external_subscription_id
        for one in subscriptions
        if one.external_subscription_id in billed
        or one.external_subscription_id in metered
        or (one.started_at < last.end and (one.ended_at is None or one.ended_at > first.start))
    )


def users_in_scope(users: Iterable[User], subscriptions: Iterable[Subscription], invoices: Iterable[Invoice]) -> frozenset[str]:
    """Ids of those that are active, or that a subscription or an invoice names."""
    named = {one.external_user_id for one in subscriptions} | {one.external_user_id for one in invoices}
    return frozenset(user.external_user_id for user in users if user.is_active or user.external_user_id in named)


def plans_to_skip(
    plans: Iterable[Plan], subscriptions: Iterable[Subscription], scope: Collection[str], *, take_all: bool
) -> dict[str, str]:
    """Ids of the plans that are left out, each with the reason; `scope` are the ids of subscriptions in scope."""
    referenced = {one.external_plan_id for one in subscriptions if one.external_subscription_id in scope}
    reasons = {plan.external_plan_id: reason_to_skip(plan, referenced, take_all=take_all) for plan in plans}
    return {plan_id: reason for plan_id, reason in reasons.items() if reason is not None}


def skipped(reasons: Mapping[str, str]) -> tuple[ImportIssue, ...]:
    """Issues of records out of scope."""
    return tuple(ImportIssue(external_id=each, outcome=Outcome.SKIPPED, reason=reasons[each]) for each in sorted(reasons))


def failed(reasons: Mapping[str, str]) -> tuple[ImportIssue, ...]:
    """Issues of records that could not be imported."""
    return tuple(ImportIssue(external_id=each, outcome=Outcome.FAILED, reason=reasons[each]) for each in sorted(reasons))


def diff_rows(made: Changes) -> tuple[DiffRow, ...]:
    """The changes as they are shown."""
    new = tuple(
        DiffRow(
            external_id=xid,
            action=Action.CREATE,
            fields=tuple(FieldChange(field=name, before=None, after=value) for name, value in fields.items()),
        )
        for xid, fields in made.create.items()
    )
    return (*new, *(DiffRow(external_id=xid, action=Action.CHANGE, fields=each) for xid, each in made.update.items()))


def summary(
    entity: Entity,
    made: Mapping[str, Sequence[str]],
    diff: Sequence[DiffRow],
    issues: Sequence[ImportIssue],
    gone: Iterable[str],
) -> Imported:
    """Count an import. `made` is source id → the external ids that stand for it in Odoo, its own first; none if it is linked.

    A record is created if its own is, and changed if anything else of it is; one that failed is only that.
    """
    actions = {row.external_id: row.action for row in diff}
    bad = {issue.external_id for issue in issues if issue.outcome is Outcome.FAILED}
    good = {source_id: [actions.get(xid) for xid in xids] for source_id, xids in made.items() if source_id not in bad}
    created = sum(each[:1] == [Action.CREATE] for each in good.values())
    unchanged = sum(not any(each) for each in good.values())
    return Imported(
        entity=entity,
        created=created,
        changed=len(good) - created - unchanged,
        unchanged=unchanged,
        skipped=sum(issue.outcome is Outcome.SKIPPED for issue in issues),
        failed=len(issues) - sum(issue.outcome is Outcome.SKIPPED for issue in issues),
        issues=tuple(issues),
        diff=tuple(diff),
        missing_from_source=tuple(sorted(gone)),
    )
