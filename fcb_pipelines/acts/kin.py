"""Kin: what plain subscriptions say of a parameter that they share with others.

Owns: which of them are asked. Does not own: what they say (domain/predicting), which stand for others (store/plain_kin).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fcb_pipelines.acts.directory import directory
from fcb_pipelines.acts.on_record import Cases
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import load
from fcb_pipelines.domain.kin import Shared
from fcb_pipelines.domain.plans import Plan
from fcb_pipelines.domain.predicting import Agreeing, agreeing
from fcb_pipelines.services import Service
from fcb_pipelines.store import plain_kin
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.plain_kin import AdoptedBounds
from fcb_pipelines.store.plain_rows import Looked
from fcb_pipelines.store.snapshot_parts import Part


@dataclass(frozen=True, slots=True)
class Kin:
    """Asks the plain subscriptions of a month."""

    conn: Connection
    work: PeriodWork
    looked: Looked
    plans: tuple[Plan, ...]

    def __call__(self, shared: Shared) -> Iterable[Agreeing]:
        """What they say of what is shared."""
        families = self.work.service.plan_families
        cut = [plan.external_plan_id for plan in self.plans if families.of(plan).name in shared.families]
        found = plain_kin.kin(self.conn, self.looked, _adopted(self.work.service), shared=shared.plans, cut=cut)
        part = Part(
            subscriptions={line.external_subscription_id for line, _ in found},
            customers={line.external_user_id for line, _ in found},
        )
        records = load(self.conn, self.looked.snapshot_id, self.work.service, part.rows)
        case_of = Cases(self.conn, self.work, directory(records, self.work.service))
        for line, count in found:
            case = case_of(line)
            if case is not None and line.net is not None and shared.concerns(case):
                yield agreeing([case], [line.net], count)


def _adopted(service: Service) -> AdoptedBounds:
    terms = [term.evidence(service.zone) for term in service.terms]
    ends = (at for term in terms for at in (term.valid_from, term.valid_to))
    return AdoptedBounds(
        subjects=frozenset(term.subject_id for term in terms if term.subject_kind != "plan"),
        bounds=[at for at in ends if at is not None],
    )
