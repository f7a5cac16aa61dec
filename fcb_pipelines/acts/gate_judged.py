"""What the gate is told of months that were reconciled: their rows as they are signed now, and what they do not cover.

Owns: which rows are read, and the comparison of what was kept with the newest snapshot. Does not own: what is wrong with any of
it (domain/objections).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fcb_pipelines.acts.report import was_closed
from fcb_pipelines.acts.source import SourceRecords
from fcb_pipelines.domain.acceptances import state
from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.gate_facts import JudgedPeriod, Uncovered
from fcb_pipelines.domain.gate_rows import as_signed
from fcb_pipelines.domain.rows import Row
from fcb_pipelines.services import Service
from fcb_pipelines.store import acceptances as signed
from fcb_pipelines.store import invoices, judged
from fcb_pipelines.store import reconciliation as stored
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.reconciliation import Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """Whose rows are read whole."""

    customers: tuple[str, ...]
    subscriptions: tuple[str, ...]


def periods(conn: Connection, service: Service, whose: Whose | None, now: datetime) -> tuple[JudgedPeriod, ...]:
    """The newest revision of every period; with nobody named the rows of everybody, those alone that do not agree."""
    today = now.astimezone(service.zone).date()
    # What a revision says was bound when it was made, and it never changes: what is asked now is time, approval, withdrawal.
    states = {one.acceptance_id: state(one, is_bound=True, today=today) for one in signed.acceptances(conn, service.code)}
    return tuple(
        JudgedPeriod(
            period=one.period,
            rows=tuple(as_signed(row, states) for row in _rows(conn, one, whose)),
            is_whole=whose is not None,
            currency=service.currency,
            was_closed=was_closed(service, one),
            made_at=one.made_at,
            rule_version=one.rule_version,
            settings_hash=one.settings_hash,
        )
        for one in stored.latest_revisions(conn, service.code)
    )


def _rows(conn: Connection, revision: Revision, whose: Whose | None) -> tuple[Row, ...]:
    if whose is None:
        return stored.rows_apart(conn, revision.revision_id)
    return judged.rows_of(conn, revision.revision_id, whose.customers, whose.subscriptions)


def uncovered(
    conn: Connection, service: Service, records: SourceRecords, lines: Sequence[ActualLine], customers: Iterable[str]
) -> tuple[Uncovered, ...]:
    """What the newest snapshot has of customers that the newest revisions of closed months have not, or otherwise."""
    wanted = frozenset(customers)
    by_period: dict[str, list[ActualLine]] = defaultdict(list)
    for line in lines:
        if line.external_user_id in wanted and line.counts:
            by_period[line.period(service.zone).key].append(line)
    found: list[Uncovered] = []
    for revision in stored.latest_revisions(conn, service.code):
        if was_closed(service, revision):
            kept = [line for line in invoices.actual(conn, service.code, revision.period) if line.external_user_id in wanted]
            found += _lines(revision.period, by_period[revision.period], kept)
            found += _subscriptions(conn, service, records, revision, wanted)
    return tuple(found)


def _lines(period: str, now: Iterable[ActualLine], kept: Iterable[ActualLine]) -> Iterator[Uncovered]:
    known: Mapping[str, ActualLine] = {line.line_key: line for line in kept if line.counts}
    there = {line.line_key: line for line in now}
    for key in sorted(known.keys() | there.keys()):
        line, before = there.get(key), known.get(key)
        if line is not None and before is not None and _same(line) == _same(before):
            continue
        one = line or before
        assert one is not None  # noqa: S101 - the key is of one of both
        because = "was billed since" if before is None else "is not billed any more" if line is None else "was changed since"
        yield Uncovered(period=period, external_user_id=one.external_user_id, reference=key, net=one.net, because=because)


def _same(line: ActualLine) -> tuple[object, ...]:
    """What of a line decides how it compares."""
    return line.net, line.tax, line.external_subscription_id, line.charge, line.service_from, line.service_to


def _subscriptions(
    conn: Connection, service: Service, records: SourceRecords, revision: Revision, customers: frozenset[str]
) -> Iterator[Uncovered]:
    placed, period = judged.subscriptions_in(conn, revision.revision_id), service.period(revision.period)
    for one in records.subscriptions:
        key = one.external_subscription_id
        if one.external_user_id in customers and key not in placed and one.is_alive_in(period):
            yield Uncovered(
                period=revision.period,
                external_user_id=one.external_user_id,
                reference=key,
                net=None,
                because="was alive and has no row",
            )
