"""Runs a service through the real path of a month, in memory: rated, expected, actual, explained, reconciled.

Owns: how the pure parts of the acts follow one another where nothing is stored. Does not own: any rule.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from fcb_pipelines.acts import invoices, on_record, rating
from fcb_pipelines.acts.directory import Directory
from fcb_pipelines.acts.directory import directory as indexed
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.reconciliation import owners
from fcb_pipelines.acts.source import SourceRecords
from fcb_pipelines.acts.used import UsageTold
from fcb_pipelines.domain import paying
from fcb_pipelines.domain.actual import ActualLine, actual_lines
from fcb_pipelines.domain.case import Case, OtherUsage
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.reconciliation import reconcile
from fcb_pipelines.domain.rows import Row
from fcb_pipelines.domain.scenes import Month
from fcb_pipelines.domain.tax import TaxRate, TaxTable
from fcb_pipelines.store.database import Database

TAXES = TaxTable(
    rates=tuple(
        TaxRate(place=place, component=component, percent=Decimal(percent), valid_from=date(2010, 1, 1))
        for place, component, percent in (
            ("CA-ON", "HST", "13"),
            ("CA-NS", "HST", "14"),
            ("CA-QC", "GST", "5"),
            ("CA-QC", "QST", "9.975"),
        )
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A service as a snapshot has it, and the month that is looked at."""

    work: PeriodWork
    records: SourceRecords
    usage: Mapping[tuple[str, str], Decimal]
    other_usage: Mapping[str, tuple[OtherUsage, ...]] = field(default_factory=dict)
    """Subscription → the ways in which its events can be counted otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Both sides of the month, and everything that was issued."""

    world: World
    expected: tuple[ExpectedLine, ...]
    issued: tuple[ActualLine, ...]

    @property
    def actual(self) -> tuple[ActualLine, ...]:
        """What was billed for the month."""
        zone, key = self.world.work.service.zone, self.world.work.period.key
        return tuple(line for line in self.issued if line.period(zone).key == key)


def work_on(values: PeriodWork, *, now: datetime) -> PeriodWork:
    """The same month looked at at another time."""
    return replace(values, now=now)


def sides(world: World) -> Sides:
    """Rate and expect the month, and build the actual side."""
    work, records = world.work, world.records
    rated = rating.rated_period(work, records, UsageTold(world.usage), rating.Late((), {}))
    expected = rating.expected_lines(work, records, rated.lines, {})
    taxes = invoices.taxes_of(work.service, records, work.taxes)
    return Sides(world=world, expected=expected, issued=actual_lines(records.invoices, records.evidence, {}, taxes))


def reconciled(both: Sides, *, actual: Sequence[ActualLine] | None = None) -> tuple[Row, ...]:
    """The rows of the month; `actual` takes the place of what was billed for it."""
    work, records = both.world.work, both.world.records
    directory = indexed(records, work.service)
    pays_for = paying.pays_for(records.evidence, both.issued)
    month = Month(
        as_of=work.now,
        closes_at=work.closes_at,
        zone=work.service.zone,
        records=directory.records,
        tax_rounding=work.service.conventions.tax_rounding,
        billing_states={state.external_subscription_id: state for state in records.billing_states},
        internal=frozenset(user.external_user_id for user in records.users if user.is_internal),
        paying=paying.payers(records.invoices, records.evidence),
        untold=paying.untold(both.issued, pays_for),
        alive=frozenset(one.external_subscription_id for one in records.subscriptions if one.is_alive_in(work.period)),
    )
    return reconcile(
        f"{work.service.code}/{work.period.key}",
        owners(work, records),
        both.expected,
        both.actual if actual is None else actual,
        month,
        case_of=_Cases(both.world, directory),
        pays_for=pays_for,
        plans=on_record.plans_of(directory, both.expected),
    )


class _Cases(on_record.Cases):
    """The cases of a month whose usage stands in no table."""

    def __init__(self, world: World, directory: Directory) -> None:
        self._world, self._work, self._directory = world, world.work, directory
        self._told = UsageTold(world.usage)
        self._made: dict[str, Case | None] = {}

    def _counted_otherwise(self, case: Case) -> Sequence[OtherUsage]:
        return self._world.other_usage.get(case.subscription.external_subscription_id, ())


NOWHERE = Database("postgresql://nowhere.invalid/")
"""No step here may ask a database: one that does fails."""
