"""The directory of a snapshot: its records by id, and the terms of each subscription.

Owns: how a snapshot's records become terms. Does not own: what terms cost (domain/terms, domain/expected), reading (source).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import SourceRecords
from fcb_pipelines.domain.case import Records
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.partners import User
from fcb_pipelines.domain.plans import Plan
from fcb_pipelines.domain.seen import NOTHING_SEEN, Seen
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines.domain.terms import Terms
from fcb_pipelines.services import Service


@dataclass(frozen=True, slots=True)
class Directory:
    """The snapshot's records by id."""

    subscriptions: Mapping[str, Subscription]
    plans: Mapping[str, Plan]
    users: Mapping[str, User]
    evidence: Mapping[str, Sequence[Evidence]]
    adopted: Records
    """The source's history, and the terms that people adopted: what our own rating knows."""
    records: Records
    """Everything that is on record."""
    seen: Seen = NOTHING_SEEN
    """What the snapshots up to this one saw of plans and subscriptions that changed."""

    def terms(self, work: PeriodWork, subscription: Subscription) -> Terms:
        """The terms of a subscription; raises `InvalidInput` where its plan or customer is missing."""
        return self.terms_under(work.service, subscription)

    def terms_under(self, service: Service, subscription: Subscription) -> Terms:
        """The same, where no period is looked at."""
        plan = self.plans.get(subscription.external_plan_id)
        user = self.users.get(subscription.external_user_id)
        if plan is None or user is None:
            raise InvalidInput(f"its {'plan' if plan is None else 'user'} is missing from the snapshot, or bad there")
        return Terms(
            subscription=subscription,
            plan=plan,
            user=user,
            evidence=self.evidence.get(subscription.external_subscription_id, ()),
            terms_from=service.terms_from,
            families=service.plan_families,
            plans=self.plans,
            adopted=self.adopted,
            seen=self.seen,
        )


def directory(records: SourceRecords, service: Service) -> Directory:
    """Index a snapshot's records, and the terms that people adopted for its service."""
    adopted = [term.evidence(service.zone) for term in service.terms]
    history = (*records.history, *(entry.entry(service.zone) for entry in service.history))
    evidence: dict[str, list[Evidence]] = {}
    for record in records.evidence:
        evidence.setdefault(record.subject_id, []).append(record)
    return Directory(
        subscriptions={one.external_subscription_id: one for one in records.subscriptions},
        plans={plan.external_plan_id: plan for plan in records.plans},
        users={user.external_user_id: user for user in records.users},
        evidence=evidence,
        adopted=Records(adopted, history),
        records=Records(_with_terms(records.evidence, adopted), history),
        seen=records.seen,
    )


def _with_terms(evidence: Sequence[Evidence], adopted: Sequence[Evidence]) -> list[Evidence]:
    """All records, each once: a record that was adopted stands as it was adopted."""
    taken = {(one.kind, one.subject_kind, one.subject_id, one.reference) for one in adopted}
    others = (one for one in evidence if (one.kind, one.subject_kind, one.subject_id, one.reference) not in taken)
    return [*others, *adopted]
