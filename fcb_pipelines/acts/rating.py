"""Rating a period: charge instances of every subscription alive, priced exactly, then rounded and taxed.

Owns: the acts `rate_period` and `expect_period`. Does not own: the rules (domain/expected), storage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import SourceRecords, load
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.expected import ExpectedLine, RatedLine, Terms, expected_line, rated_lines, unrated_line
from fcb_pipelines.domain.money import ZERO, exact_text
from fcb_pipelines.domain.partners import User
from fcb_pipelines.domain.plans import CPU_SECONDS, Plan
from fcb_pipelines.domain.revisions import content_hash
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines.store import rating as stored
from fcb_pipelines.store import stages
from fcb_pipelines.store import usage as stored_usage


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingIssue:
    """A subscription whose price cannot be told, and why."""

    external_subscription_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedPeriod:
    """What rating a period gave."""

    lines: tuple[RatedLine, ...]
    issues: tuple[RatingIssue, ...]


def rate_period(work: PeriodWork) -> RatedPeriod:
    """Price every charge instance of the month from the stored usage totals; replaces what was rated before."""
    service, period = work.service.code, work.period.key
    with work.db.transaction() as conn:
        work.lock(conn)
        origin = work.require(conn, stages.USAGE_TOTALS)
        records = load(conn, origin.snapshot_id, work.service)
        usage = {
            (total.external_subscription_id, total.metric): total.quantity
            for total in stored_usage.totals(conn, service, period)
        }
        rated = _rated_period(work, records, usage)
        stored.replace_rated(conn, service, period, rated.lines)
        digest = content_hash([{"key": line.line_key, "exact": _exact_text(line.exact)} for line in rated.lines])
        stages.record(conn, work.stage(stages.RATED_LINES, snapshot_id=origin.snapshot_id, content_hash=digest))
    return rated


def expect_period(work: PeriodWork) -> tuple[ExpectedLine, ...]:
    """Round and tax the rated lines of the month; replaces what was expected before."""
    service, period = work.service.code, work.period.key
    with work.db.transaction() as conn:
        work.lock(conn)
        origin = work.require(conn, stages.RATED_LINES)
        records = load(conn, origin.snapshot_id, work.service)
        owners = _owners(records)
        users = {user.external_user_id: user for user in records.users}
        lines = tuple(
            _expected(work, line, owner, users.get(owner))
            for line in stored.rated(conn, service, period)
            for owner in [owners[line.external_subscription_id]]
        )
        stored.replace_expected(conn, service, period, lines)
        digest = content_hash([{"key": line.line_key, "net": str(line.net), "tax": str(line.tax)} for line in lines])
        stages.record(conn, work.stage(stages.EXPECTED_INVOICES, snapshot_id=origin.snapshot_id, content_hash=digest))
    return lines


def _rated_period(work: PeriodWork, records: SourceRecords, usage: Mapping[tuple[str, str], Decimal]) -> RatedPeriod:
    """Price the month of every subscription; one that cannot be priced gets a line that says so, and stops no other."""
    lines: list[RatedLine] = []
    bad = (one for one in records.bad if one.entity == "subscriptions")
    issues = [RatingIssue(external_subscription_id=one.external_id, reason=one.reason) for one in bad]
    directory = _directory(records)
    for subscription in records.subscriptions:
        key = subscription.external_subscription_id
        try:
            lines += rated_lines(_terms(work, directory, subscription), work.period, usage.get((key, CPU_SECONDS), ZERO))
        except InvalidInput as error:
            if subscription.is_alive_in(work.period):
                issues.append(RatingIssue(external_subscription_id=key, reason=str(error)))
    currency = work.service.currency
    lines += [unrated_line(issue.external_subscription_id, work.period, currency, issue.reason) for issue in issues]
    return RatedPeriod(lines=tuple(sorted(lines, key=lambda line: line.line_key)), issues=tuple(issues))


@dataclass(frozen=True, slots=True)
class _Directory:
    """The snapshot's records by id."""

    plans: Mapping[str, Plan]
    users: Mapping[str, User]
    evidence: Mapping[str, Sequence[Evidence]]


def _directory(records: SourceRecords) -> _Directory:
    evidence: dict[str, list[Evidence]] = {}
    for record in records.evidence:
        evidence.setdefault(record.subject_id, []).append(record)
    plans = {plan.external_plan_id: plan for plan in records.plans}
    return _Directory(plans, {user.external_user_id: user for user in records.users}, evidence)


def _terms(work: PeriodWork, directory: _Directory, subscription: Subscription) -> Terms:
    plan = directory.plans.get(subscription.external_plan_id)
    user = directory.users.get(subscription.external_user_id)
    if plan is None or user is None:
        raise InvalidInput(f"its {'plan' if plan is None else 'user'} is missing from the snapshot, or bad there")
    return Terms(
        subscription=subscription,
        plan=plan,
        user=user,
        evidence=directory.evidence.get(subscription.external_subscription_id, ()),
        terms_from=work.service.terms_from,
        proration=work.service.conventions.proration,
    )


def _owners(records: SourceRecords) -> dict[str, str]:
    """Subscription → customer, of bad rows too."""
    bad = {one.external_id: str(one.row.get("external_user_id") or "") for one in records.bad if one.entity == "subscriptions"}
    return bad | {one.external_subscription_id: one.external_user_id for one in records.subscriptions}


def _expected(work: PeriodWork, line: RatedLine, owner: str, user: User | None) -> ExpectedLine:
    return expected_line(
        line,
        owner,
        user,
        default_place=work.service.place_of_supply,
        on=line.due_at.astimezone(work.service.zone).date(),
        taxes=work.taxes,
        rounding=work.service.conventions.tax_rounding,
    )


def _exact_text(exact: Fraction | None) -> str | None:
    return None if exact is None else exact_text(exact)
