"""What the steps of a flip are told of the source and by people, and everything that an act on a flip is given.

Owns: reading it (`evidence`), and the step from connections to `Going`. Does not own: what follows from it (flip_steps), where
a boundary is (domain/boundaries).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.flip import Going
from fcb_pipelines.acts.flip_planner import OdooSeen, Planner
from fcb_pipelines.acts.flip_steps import Evidence
from fcb_pipelines.acts.gate import FlipGate
from fcb_pipelines.acts.gate_said import rules
from fcb_pipelines.acts.source import SourceRecords, load, usable
from fcb_pipelines.domain.attestations import Attestation, Statement, resumed_at
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.tax import TaxTable
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import subscription_plans
from fcb_pipelines.services import Service
from fcb_pipelines.store import attestations, journal, snapshots
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.flips import StoredFlip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What people attested, as far as it holds."""

    holding: tuple[Attestation, ...]

    def of(self, statement: Statement, subject: str) -> Attestation | None:
        """The last attestation of a subject that holds."""
        found = [one for one in self.holding if (one.statement, one.subject) == (statement, subject)]
        return max(found, key=lambda one: (one.made_at, one.attestation_id), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Billed:
    """Up to when the source has billed what a flip left to it."""

    db: Database
    service: Service
    flip: StoredFlip
    records: SourceRecords
    taxes: TaxTable
    now: datetime

    def to(self, subscription: str) -> Mapping[str, tuple[datetime, str]]:
        """By charge that was left to the source, until when all of it is billed or not due, with what proves it.

        It is asked from where it was left on: a later bill, or a later month in which nothing is due, is no bill of it.
        """
        with self.db.transaction() as conn:
            planner = self._planner(conn, subscription)
        return planner.billed_on(subscription, self._left(subscription)) if planner else {}

    def _left(self, subscription: str) -> dict[str, datetime]:
        planned = (one for one in self.flip.plan.subscriptions if one.external_subscription_id == subscription)
        return {charge.charge: charge.final_from for one in planned for charge in one.charges if charge.final_from is not None}

    def _planner(self, conn: Connection, subscription: str) -> Planner | None:
        if subscription not in {one.external_subscription_id for one in self.records.subscriptions}:
            return None
        return Planner.of(conn, self.service, self.records, [subscription], OdooSeen(), taxes=self.taxes, now=self.now)


def evidence(db: Database, odoo: Odoo, service: Service, flip: StoredFlip, *, taxes: TaxTable, now: datetime) -> Evidence:
    """What there is as of the last snapshot and now. Raises `RuleViolation` where there is no snapshot to build on."""
    with db.transaction() as conn:
        header = snapshots.latest_snapshot(conn, service.code)
        if header is None:
            raise RuleViolation(f"there is no snapshot of {service.code} yet:  fcb import --service {service.code}")
        records = load(conn, usable(header), service)
        said = attestations.attestations(conn, service.code)
        resumed = resumed_at(said, journal.resumed(conn, service.code))
    return Evidence(
        snapshot_id=header.snapshot_id,
        taken_at=header.taken_at,
        billing={one.external_subscription_id: one for one in records.billing_states},
        attested=_Said(holding=tuple(one for one in said if one.holds_at(now))).of,
        resumed=resumed,
        billed_to=_Billed(db=db, service=service, flip=flip, records=records, taxes=taxes, now=now).to,
        plans={interval.months: plan_id for interval, plan_id in subscription_plans(odoo).items()},
    )


def going(reached: Connections, service: Service, actor: str) -> Going:
    """Everything that an act on a flip is given, in the name of whoever does it."""
    db, odoo, settings = reached.database(), reached.odoo(), reached.settings
    return Going(
        db=db,
        odoo=odoo,
        service=service,
        now=reached.now,
        actor=actor,
        report=reached.report,
        gate=FlipGate(db=db, odoo=odoo, service=service, rules=rules(reached, service)),
        evidence=lambda flip: evidence(db, odoo, service, flip, taxes=settings.tax_table, now=reached.now),
        may_confirm=settings.odoo_confirm_orders,
        may_charge=settings.odoo_attach_tokens,
    )
