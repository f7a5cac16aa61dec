"""What is on record about a month: the cases of its instances, what lines pay for, and what else judges them.

Owns: how a snapshot's records become what explaining is given. Does not own: the rules (domain/explaining, domain/causes),
which records are read (acts/reconciliation).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fcb_pipelines.acts.directory import Directory
from fcb_pipelines.acts.directory import directory as indexed
from fcb_pipelines.acts.other_usage import counted_otherwise
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import SourceRecords
from fcb_pipelines.acts.used import usage_told
from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.carried import recurring
from fcb_pipelines.domain.case import Case, OtherUsage
from fcb_pipelines.domain.claimed import as_record
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.matching import BESIDE, PaysFor
from fcb_pipelines.domain.paying import billed_at, payers, pays_for, untold
from fcb_pipelines.domain.scenes import Month
from fcb_pipelines.domain.steps import priced
from fcb_pipelines.domain.terms import cases, is_known
from fcb_pipelines.store import claims, late_usage, successors
from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True)
class OnRecord:
    """Everything that is on record about a month."""

    month: Month
    case_of: Callable[[ExpectedLine], Case | None]
    pays_for: Mapping[str, PaysFor]
    plans: Mapping[str, str]
    """Expected line → its plan."""


def on_record(
    conn: Connection,
    work: PeriodWork,
    records: SourceRecords,
    expected: Sequence[ExpectedLine],
    lines: Sequence[ActualLine],
    *,
    before: Sequence[ActualLine],
    as_of: datetime,
) -> OnRecord:
    """Gather what `records` say of both sides of a month; cases are made one by one, as they are asked for.

    `before` are lines of any month, of customers of whom the month itself does not tell enough.
    """
    records = replace(records, evidence=(*records.evidence, *_claims(conn, work, records)))
    directory = indexed(records, work.service)
    told = pays_for(records.evidence, [*lines, *before])
    month = Month(
        as_of=as_of,
        closes_at=work.closes_at,
        lag=timedelta(days=work.service.arrears_lag_days),
        zone=work.service.zone,
        records=directory.records,
        tax_rounding=work.service.conventions.tax_rounding,
        billing_states={state.external_subscription_id: state for state in records.billing_states},
        internal=frozenset(user.external_user_id for user in records.users if user.is_internal),
        paying=payers(records.invoices, records.evidence),
        untold=untold(before, told),
        successors=successors.successors(conn, work.service.code),
        recurring=recurring((line for line in before if line.kind in BESIDE), work.service.zone),
        alive=frozenset(one.external_subscription_id for one in records.subscriptions if one.is_alive_in(work.period)),
    )
    cases_ = Cases(conn, work, directory, billed_at(lines, told))
    return OnRecord(month, cases_, told, plans_of(directory, expected))


def _claims(conn: Connection, work: PeriodWork, records: SourceRecords) -> Iterator[Evidence]:
    """Who bills these subscriptions, as it stood at the time of the work, so that it can be done again."""
    for one in claims.held(
        conn, work.service.code, [each.external_subscription_id for each in records.subscriptions], with_released=True
    ):
        if one.claimed_at <= work.now and (one.released_at is None or one.released_at > work.now):
            yield as_record(one.claim, one.claim_id)


def plans_of(directory: Directory, expected: Sequence[ExpectedLine]) -> dict[str, str]:
    """Expected line → the plan of its subscription."""
    found = {one.line_key: directory.subscriptions.get(one.external_subscription_id) for one in expected}
    return {key: one.external_plan_id for key, one in found.items() if one is not None}


def _makes_a_price(case: Case) -> bool:
    """Whether its records agree with one another: a minimum above a maximum predicts nothing."""
    try:
        priced(case)
    except InvalidInput:
        return False
    return True


class Cases:
    """The cases of a month, made when they are asked for."""

    def __init__(
        self,
        conn: Connection,
        work: PeriodWork,
        directory: Directory,
        billed_at: Mapping[tuple[str, str], datetime] | None = None,
    ) -> None:
        """Take the records of a month; without `billed_at` usage is counted in one way only."""
        self._conn, self._work, self._directory, self._billed_at = conn, work, directory, billed_at
        self._told = usage_told(conn, work.service.code, work.period, only=directory.subscriptions.keys())
        self._told.take(late_usage.stored(conn, work.service.code, work.period.key))
        self._made: dict[str, Case | None] = {}

    def __call__(self, line: ExpectedLine) -> Case | None:
        """The case of an expected line; None for adjustments, and for what was not priced from a plan."""
        if line.line_key not in self._made:
            self._made[line.line_key] = self._make(line)
        return self._made[line.line_key]

    def _make(self, line: ExpectedLine) -> Case | None:
        subscription = self._directory.subscriptions.get(line.external_subscription_id)
        if subscription is None:
            return None
        try:
            terms = self._directory.terms(self._work, subscription)
            found = [*cases(terms, self._work.period, self._told.of(line.external_subscription_id))]
        except InvalidInput:
            return None
        case = next((case for instance, case in found if instance.line_key == line.line_key and is_known(instance)), None)
        if case is None or not _makes_a_price(case := replace(case, records=self._directory.records)):
            return None
        return case if line.charge == FLAT else replace(case, usage=tuple(self._counted_otherwise(case)))

    def _counted_otherwise(self, case: Case) -> Iterable[OtherUsage]:
        if self._billed_at is None:
            return ()
        billed_at = self._billed_at.get((case.subscription.external_subscription_id, case.charge))
        return counted_otherwise(self._conn, self._work, case, billed_at)
