"""Rating a period: charge instances of every subscription alive, priced exactly, then rounded and taxed.

What usage changes that came too late for the bill of an earlier month is on the bill as well, as an adjustment.

Owns: the acts `rate_period` and `expect_period`. Does not own: the rules (domain/expected, domain/adjustments), storage.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import NamedTuple

from fcb_pipelines.acts.directory import Directory
from fcb_pipelines.acts.directory import directory as indexed
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import SourceRecords, load
from fcb_pipelines.acts.used import UsageTold, usage_told
from fcb_pipelines.domain.adjustments import Adjustment, BilledUsage, LateUsage, adjustment, of_terms
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.expected import ExpectedLine, RatedLine, expected_line, rated_lines, unrated_line
from fcb_pipelines.domain.money import exact_text, plain
from fcb_pipelines.domain.partners import User
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.quotas import Used, used_before
from fcb_pipelines.domain.revisions import content_hash
from fcb_pipelines.domain.terms import priced_by, unpriced
from fcb_pipelines.store import adjustments as stored_adjustments
from fcb_pipelines.store import billed_usage, late_usage, stages
from fcb_pipelines.store import rating as stored


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
    adjustments: tuple[Adjustment, ...]
    """Of bills before; their lines are among `lines`."""


def rate_period(work: PeriodWork) -> RatedPeriod:
    """Price every charge instance of the month from the stored usage totals, and the late usage that is on its bill.

    Replaces what was rated before.
    """
    service, period = work.service.code, work.period.key
    with work.db.transaction() as conn:
        work.lock(conn)
        origin = work.require(conn, stages.USAGE_TOTALS)
        records = load(conn, origin.snapshot_id, work.service)
        late = late_usage.stored(conn, service, period)
        told = usage_told(conn, service, work.period)
        rated = rated_period(work, records, told, Late(late, billed_usage.of_late(conn, service, late)))
        stored.replace_rated(conn, service, period, rated.lines)
        stored_adjustments.replace(conn, service, period, rated.adjustments)
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
        billed = billed_usage.of_late(conn, service, late_usage.stored(conn, service, period))
        lines = expected_lines(work, records, stored.rated(conn, service, period), billed)
        stored.replace_expected(conn, service, period, lines)
        digest = content_hash([{"key": line.line_key, "net": str(line.net), "tax": str(line.tax)} for line in lines])
        stages.record(conn, work.stage(stages.EXPECTED_INVOICES, snapshot_id=origin.snapshot_id, content_hash=digest))
    return lines


class Late(NamedTuple):
    """Late usage of a bill, and what was billed of its months before."""

    usage: Sequence[LateUsage]
    billed: Mapping[billed_usage.Place, BilledUsage]


def rated_period(work: PeriodWork, records: SourceRecords, told: UsageTold, late: Late) -> RatedPeriod:
    """Price the month of every subscription; one that cannot be priced gets a line that says so, and stops no other."""
    directory = indexed(records, work.service)
    reasons = _unpriceable(records, told)
    # First, because what late usage took of a quota is not there for the usage of this month.
    adjustments, untold = _adjustments(work, directory, told, late)
    lines = [*_lines(work, records, directory, told, reasons), *(one.line for one in adjustments)]
    for key, why in untold.items():
        reasons[key] += why
    currencies = _currencies(records)
    for key, why in reasons.items():
        lines.append(unrated_line(key, work.period, currencies.get(key, work.service.currency), "; ".join(why)))
    issues = [RatingIssue(external_subscription_id=key, reason="; ".join(why)) for key, why in sorted(reasons.items())]
    in_order = sorted(lines, key=lambda line: line.line_key)
    return RatedPeriod(lines=tuple(in_order), issues=tuple(issues), adjustments=tuple(adjustments))


def _lines(
    work: PeriodWork, records: SourceRecords, directory: Directory, told: UsageTold, reasons: dict[str, list[str]]
) -> list[RatedLine]:
    """The month's own lines; why some of it cannot be priced is added to the reasons."""
    lines: list[RatedLine] = []
    for subscription in records.subscriptions:
        key = subscription.external_subscription_id
        used = told.of(key)
        try:
            terms = directory.terms(work, subscription)
            reasons_here = [_without_a_price(used, metric) for metric in unpriced(terms, work.period, used)]
            if reasons_here:
                reasons[key] += reasons_here
            lines += rated_lines(terms, work.period, used)
        except InvalidInput as error:
            if any(used.of_month.values()) or subscription.is_alive_in(work.period):
                reasons[key].append(str(error))
    return lines


def _without_a_price(used: Used, metric: str) -> str:
    return f"{plain(used.of_month[metric])} {metric}, a metric without a price"


def _adjustments(
    work: PeriodWork, directory: Directory, told: UsageTold, all_late: Late
) -> tuple[list[Adjustment], dict[str, list[str]]]:
    """Rate late usage that comes to another quantity; with it, why some of it cannot be priced, by subscription."""
    adjustments: list[Adjustment] = []
    reasons: dict[str, list[str]] = defaultdict(list)
    for late in all_late.usage:
        try:
            if late.is_other:
                ways = [*_ways(work, directory, told, all_late.billed, late)]
                adjustments += (adjustment(line_of, late, work.period) for line_of in ways)
        except InvalidInput as error:
            reasons[late.external_subscription_id].append(f"{late}: {error}")
        told.take([late])
    return adjustments, reasons


def _ways(
    work: PeriodWork,
    directory: Directory,
    told: UsageTold,
    all_billed: Mapping[billed_usage.Place, BilledUsage],
    late: LateUsage,
) -> Iterator[Callable[[Decimal], RatedLine | None]]:
    """How late usage is priced, by each charge of its metric: as it was billed, else as its month's terms say now."""
    used = told.of(late.external_subscription_id)
    billed = [
        one for place, one in all_billed.items() if (place[0], place[2]) == (late.external_subscription_id, late.of_period)
    ]
    of_metric = [one for one in billed if one.metric == late.metric]
    for one in of_metric:
        yield partial(one.line_of, used_before=_used_before(one, late, work.period, used))
    if of_metric:
        return
    subscription = directory.subscriptions.get(late.external_subscription_id)
    if subscription is None:
        raise InvalidInput("the source does not have its subscription, or no good row of it")
    terms, month = directory.terms(work, subscription), Period(late.of_period, work.service.zone)
    charges = [charge for charge in priced_by(terms, month) if charge.metric == late.metric]
    if not charges:
        raise InvalidInput("a metric without a price")
    yield from (of_terms(terms, month, charge, used) for charge in charges)


def _used_before(billed: BilledUsage, late: LateUsage, bill: Period, used: Used) -> Fraction | None:
    """What other months that were billed by now took of the quota that the usage of this one counts against."""
    months = billed.line.pricing.quota.months
    others = [month for month in months if month != late.of_period and month < bill.key]
    return used_before(late.metric, others, used.of) if months else None


def _unpriceable(records: SourceRecords, told: UsageTold) -> dict[str, list[str]]:
    """What cannot be priced before any price is looked at, by subscription: bad rows, and use that nobody answers for.

    A row without an id is no subscription; it is counted with the bad rows of the snapshot.
    """
    reasons: dict[str, list[str]] = defaultdict(list)
    for bad in records.bad:
        if bad.entity == "subscriptions" and bad.external_id and bad.reason not in reasons[bad.external_id]:
            reasons[bad.external_id].append(bad.reason)
    known = {one.external_subscription_id for one in records.subscriptions} | reasons.keys()
    for key in sorted(told.of_month.keys() - known):
        for metric, quantity in sorted(told.of_month[key].items()):
            reasons[key].append(f"{plain(quantity)} {metric} of a subscription that the source does not have")
    return reasons


def _currencies(records: SourceRecords) -> dict[str, str]:
    """Subscription → currency of its plan, where that is known."""
    plans = {plan.external_plan_id: plan.currency for plan in records.plans}
    found = {one.external_subscription_id: plans.get(one.external_plan_id) for one in records.subscriptions}
    return {key: currency for key, currency in found.items() if currency is not None}


def _owners(records: SourceRecords, billed: Mapping[billed_usage.Place, BilledUsage]) -> Callable[[RatedLine], str]:
    """The customer of a line: who was billed for what it adjusts, else whose the subscription is, of bad rows too."""
    bad = {one.external_id: str(one.row.get("external_user_id") or "") for one in records.bad if one.entity == "subscriptions"}
    owners = bad | {one.external_subscription_id: one.external_user_id for one in records.subscriptions}

    def owner_of(line: RatedLine) -> str:
        before = billed.get((line.external_subscription_id, line.charge, line.adjusts)) if line.adjusts else None
        return before.external_user_id if before else owners.get(line.external_subscription_id, "")

    return owner_of


def expected_lines(
    work: PeriodWork, records: SourceRecords, rated: Iterable[RatedLine], billed: Mapping[billed_usage.Place, BilledUsage]
) -> tuple[ExpectedLine, ...]:
    """Round and tax rated lines, each for its customer; `billed` is what late usage among them adjusts."""
    users = {user.external_user_id: user for user in records.users}
    owner_of = _owners(records, billed)
    return tuple(_expected(work, line, owner, users.get(owner)) for line in rated for owner in [owner_of(line)])


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
