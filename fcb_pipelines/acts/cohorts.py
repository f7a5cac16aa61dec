"""Closing a cohort over customers, partners in Odoo and consolidated invoices, by what a snapshot says.

Owns: the act `cohort`, and which facts tie customers together. Does not own: the closure itself (domain/cohorts).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from fcb_pipelines.acts.invoices import lines_told
from fcb_pipelines.acts.source import SourceRecords
from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.cohorts import Cohort, Ties, closed
from fcb_pipelines.domain.matching import PaysFor
from fcb_pipelines.domain.money import ZERO
from fcb_pipelines.domain.paying import pays_for
from fcb_pipelines.domain.plans import Plan
from fcb_pipelines.domain.rating import Standard
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines.services import Service
from fcb_pipelines.store import partners
from fcb_pipelines.store.database import Connection

INTERNAL = "its customer is an internal account, of which nothing is due"
FREE = "its plan costs nothing, whatever is used"


def cohort(conn: Connection, service: Service, records: SourceRecords, asked_for: Sequence[str], begins: datetime) -> Cohort:
    """The closure of what was asked for, as a snapshot has it; `begins` is the moment from which on Odoo is to bill.

    Raises `InvalidInput` as `domain.cohorts.closed`.
    """
    links = partners.links(conn, service.code)
    lines = lines_told(records)
    ties = Ties(
        partners={user: link.odoo_id for user, link in links.items() if link.odoo_id is not None},
        invoices=_sharing(lines, pays_for(records.evidence, lines), _owners(service, records)),
        idle=dict(_idle(records)),
        cancelled={one.external_subscription_id: one.cancel_at for one in records.billing_states if one.cancel_at is not None},
    )
    return closed(asked_for, records.subscriptions, ties, begins)


def _owners(service: Service, records: SourceRecords) -> Mapping[str, frozenset[str]]:
    """Subscription → everybody it ever belonged to."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in records.subscriptions:
        found[one.external_subscription_id].add(one.external_user_id)
    for entry in (*records.history, *(each.entry(service.zone) for each in service.history)):
        if (entry.subject_kind, entry.field) == ("subscription", "user") and entry.value:
            found[entry.subject_id].add(entry.value)
    return {key: frozenset(owners) for key, owners in found.items()}


def _sharing(
    lines: Iterable[ActualLine], told: Mapping[str, PaysFor], owners: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[str]]:
    """Invoice that counts → the customers it is to and those who own what it names, where they are several."""
    found: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        if line.counts and line.external_user_id:
            of_invoice = found[line.external_invoice_id]
            of_invoice.add(line.external_user_id)
            record = told.get(line.line_key)
            for named in (line.external_subscription_id, *(record.subscriptions if record else ())):
                of_invoice |= owners.get(named or "", frozenset())
    return {invoice: frozenset(customers) for invoice, customers in found.items() if len(customers) > 1}


def _idle(records: SourceRecords) -> Iterator[tuple[str, str]]:
    """Subscriptions that nothing is ever billed for, and why."""
    internal = {user.external_user_id for user in records.users if user.is_internal}
    plans = {plan.external_plan_id: plan for plan in records.plans}
    for one in records.subscriptions:
        if one.external_user_id in internal:
            yield one.external_subscription_id, INTERNAL
        elif _costs_nothing(one, plans.get(one.external_plan_id)):
            yield one.external_subscription_id, FREE


def _costs_nothing(one: Subscription, plan: Plan | None) -> bool:
    """Whether neither its flat price nor any use of it can ever come to anything."""
    if plan is None or one.contract_price or plan.flat_prices.get(one.interval) != ZERO:
        return False
    charges = [each.charge for each in plan.metered]
    return all(isinstance(each, Standard) and not each.unit_price and not each.minimum_amount for each in charges)
