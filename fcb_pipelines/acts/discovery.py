"""Discovering conventions: what the bills of all months that were reconciled say of how parts of a range are priced.

Owns: the act `conventions`, which gathers the bills, and says what to declare or to adopt; it writes nothing. Does not own:
when a convention is proposed (domain/discovery).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fcb_pipelines.acts.directory import Directory, directory
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import load
from fcb_pipelines.domain.case import Case
from fcb_pipelines.domain.discovery import Discovery, PartlyPaid, discovered, partly_paid
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.instances import FLAT, INTERNAL
from fcb_pipelines.domain.rows import Instance, Remedy, Row, Verdict
from fcb_pipelines.domain.terms import flat_cases
from fcb_pipelines.services import Service
from fcb_pipelines.store import reconciliation as stored
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.reconciliation import Revision

WorkOf = Callable[[str], PeriodWork]
"""What acts on a period need, by its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """What was found for one plan family, and how it is made ours."""

    found: Discovery
    settings: str | None
    """The lines of `fcb.toml` that declare the proposal; None without one, and where it is declared already."""
    adopt: str | None
    """The command that writes them, where a row was explained by the proposal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conventions:
    """What the months say, family by family."""

    families: tuple[Convention, ...]
    periods: tuple[str, ...]
    """The months that were read."""
    set_aside: tuple[str, ...]
    """Rows whose bill says nothing: somebody accepted it, or it pays for something else too."""


@dataclass(slots=True)
class _Gathered:
    """What is gathered month by month."""

    parts: dict[str, list[PartlyPaid]]
    set_aside: list[str]
    explained: dict[tuple[str, str], str]
    """(plan family, convention as a row names it) → the first row that it explained."""


def conventions(conn: Connection, service: Service, work_of: WorkOf) -> Conventions:
    """Try every convention on what was billed for parts of a range, in the newest revision of each month."""
    revisions = stored.latest_revisions(conn, service.code)
    gathered = _Gathered(defaultdict(list), [], {})
    for snapshot_id in dict.fromkeys(one.snapshot_id for one in revisions):
        known = directory(load(conn, snapshot_id, service), service)
        for revision in (one for one in revisions if one.snapshot_id == snapshot_id):
            _gather(gathered, conn, work_of(revision.period), revision, known)
    return Conventions(
        families=tuple(_families(service, gathered)),
        periods=tuple(one.period for one in revisions),
        set_aside=tuple(sorted(gathered.set_aside)),
    )


def _gather(gathered: _Gathered, conn: Connection, work: PeriodWork, revision: Revision, known: Directory) -> None:
    rows = stored.rows(conn, revision.revision_id)
    others = _paid_beside(rows)
    for row in rows:
        for instance in (one for one in row.instances if one.charge == FLAT and INTERNAL not in one.notes):
            _note_explained(gathered.explained, row, instance)
            part = _part(work, known, row, instance)
            if part is None:
                continue
            if instance.verdict is Verdict.ACCEPTED or any(others[one.reference] > 1 for one in instance.evidence):
                gathered.set_aside.append(row.row_id)
            else:
                gathered.parts[part.family].append(part)


def _paid_beside(rows: Iterable[Row]) -> Counter[str]:
    """Line key → how many instances it pays for: a sum for several of them was shared out by what we think of each."""
    paid = (one for row in rows for one in row.instances if one.billed or (one.expected is not None and one.expected.net))
    return Counter(reference.reference for one in paid for reference in one.evidence)


def _note_explained(explained: dict[tuple[str, str], str], row: Row, instance: Instance) -> None:
    for finding in instance.explanation.findings:
        for convention in finding.conventions if finding.remedy is Remedy.FIX_MODEL else ():
            explained.setdefault((finding.family, convention), row.row_id)


def _part(work: PeriodWork, known: Directory, row: Row, instance: Instance) -> PartlyPaid | None:
    """What an instance that was expected says; None for one that was not, and where no record says what it owes."""
    if instance.due_at is None:
        return None
    billed = None if instance.actual is None else instance.actual.net
    for case in _cases(work, known, row.external_subscription_id or ""):
        if (case.service_from, case.service_to) == (instance.service_from, instance.service_to):
            try:
                return partly_paid(case, row.row_id, billed, instance.currency)
            except InvalidInput:
                # Its records contradict one another: it predicts nothing, as in explaining.
                return None
    return None


def _cases(work: PeriodWork, known: Directory, subscription: str) -> Iterator[Case]:
    one = known.subscriptions.get(subscription)
    if one is not None:
        try:
            found = [*flat_cases(known.terms(work, one), work.period)]
        except InvalidInput:
            # It could not be priced, which its row says.
            return
        yield from (replace(case, records=known.records) for _, case in found)


def _families(service: Service, gathered: _Gathered) -> Iterator[Convention]:
    """Every declared family and the service's own, in their order, as far as plans of theirs were billed."""
    families = service.plan_families
    for family in (families.service, *families.declared):
        parts: Sequence[PartlyPaid] = gathered.parts.get(family.name, ())
        found = discovered(family.name, family.conventions.proration, parts)
        yield Convention(found=found, settings=_settings(service, found), adopt=_adopt(service, found, gathered.explained))


def _settings(service: Service, found: Discovery) -> str | None:
    if found.proposal is None or found.proposal is found.declared:
        return None
    if not found.family:
        return f'[services.{service.code}.conventions]\nproration = "{found.proposal}"'
    return f'# in the [[services.{service.code}.families]] of name = "{found.family}"\nproration = "{found.proposal}"'


def _adopt(service: Service, found: Discovery, explained: Mapping[tuple[str, str], str]) -> str | None:
    if _settings(service, found) is None:
        return None
    row_id = explained.get((found.family, f"proration = {found.proposal}"))
    return None if row_id is None else f"fcb adopt {row_id} --service {service.code} --convention proration={found.proposal}"
