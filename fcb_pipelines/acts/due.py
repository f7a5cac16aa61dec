"""What is due: the expected lines of a month, each with how it was rated, by subscription.

Owns: reading them with the stages that they are of. Does not own: which of them stand on which draft (`draft_invoices`,
`live_due`), the amounts (domain/expected).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from fcb_pipelines.acts.draft_references import drawn
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import SourceRecords, load
from fcb_pipelines.domain.drafts import Draft, Due, Kept, draft, draft_key
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.expected import ExpectedLine, RatedLine
from fcb_pipelines.store import rating as stored
from fcb_pipelines.store import stages
from fcb_pipelines.store.stages import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthDue:
    """What is due for a month, by subscription, and the snapshot that it was rated from."""

    records: SourceRecords
    stood: tuple[Stage, ...]
    """The stages that it was read from."""
    due: tuple[Due, ...]


def month_due(work: PeriodWork) -> MonthDue:
    """The expected lines of a month, each with how it was rated, by subscription."""
    service, period = work.service.code, work.period.key
    with work.db.transaction() as conn:
        # Read first: what is due is of these stages, or the drafting notices that they were built anew.
        stood = stages.standing(conn, service, period, [stages.RATED_LINES, stages.EXPECTED_INVOICES])
        origin = work.require(conn, stages.RATED_LINES, stages.EXPECTED_INVOICES)
        records = load(conn, origin.snapshot_id, work.service)
        rated = {line.line_key: line for line in stored.rated(conn, service, period)}
        expected = stored.expected(conn, service, period)
    return MonthDue(records=records, stood=stood, due=tuple(by_subscription(records, rated, expected)))


def by_subscription(records: SourceRecords, rated: Mapping[str, RatedLine], expected: Iterable[ExpectedLine]) -> Iterable[Due]:
    """Lines by subscription, with the plan of each; `rated` is by line key."""
    plan_of = {one.external_subscription_id: one.external_plan_id for one in records.subscriptions}
    names = {plan.external_plan_id: plan.name.strip() for plan in records.plans}
    lines: dict[str, list[ExpectedLine]] = defaultdict(list)
    for line in expected:
        lines[line.external_subscription_id].append(line)
    for subscription, each in lines.items():
        plan = plan_of.get(subscription)
        yield Due(
            external_subscription_id=subscription,
            external_plan_id=plan,
            plan_name=names.get(plan or "", "a plan that is not known"),
            lines=tuple((line, rated.get(line.line_key)) for line in sorted(each, key=lambda one: (one.due_at, one.line_key))),
        )


def drafts_of(
    work: PeriodWork, due: Iterable[Due], kept: Kept, refused: Mapping[str, str], *, is_invoice: bool
) -> tuple[dict[str, Draft], dict[str, str]]:
    """The drafts of a month by key, and why there are none of others; `refused` says by subscription what keeps it out."""
    key = work.period.key

    def drawn_of(one: Due) -> Draft | None:
        if one.external_subscription_id in refused:
            raise InvalidInput(refused[one.external_subscription_id])
        return draft(one, key, kept, work.service.zone, is_invoice=is_invoice)

    return drawn({draft_key(one.external_subscription_id, key): partial(drawn_of, one) for one in due})
