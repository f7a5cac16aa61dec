"""Handing usage back: what was used from the boundary on, up to the moment at which the source was seen to bill again.

Owns: that moment, the rows for the time before it, and the two steps that write them. Does not own: the sum of usage
(unflip_plan, store/hand_backs), the other steps of the way back (unflip_steps).

Until the source bills again nobody bills what is used, however long that takes. So nothing is handed back before that was seen:
then everything up to that moment is, once, whatever came late, and from that moment on the source's own meter counts. The
moment is that of the evidence, and not of the run that reads it, for in between the source counts already. It is journalled
with the rows, in their transaction; the step that says that the source bills again takes it from there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fcb_pipelines.acts.flip_run import Looking, Run, Storing, Told, waiting
from fcb_pipelines.acts.flip_steps import Evidence
from fcb_pipelines.acts.unflip_plan import left_of
from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.flip import Step
from fcb_pipelines.domain.flip_plans import SubscriptionPlan
from fcb_pipelines.domain.unflips import UP_TO, HandBack
from fcb_pipelines.store import hand_backs
from fcb_pipelines.store.database import Connection

BECAUSE = "used while Odoo was to bill it"
RESUMED = "resumed"
"""In what the journal says of a step: what says that the source bills again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """That the source bills a subscription again."""

    at: datetime
    """As of when that was said."""
    told: Mapping[str, Any]
    """By what or whom, for the journal."""


@dataclass(frozen=True, slots=True)
class HandingBack:
    """A step that waits until the source bills again, and hands back what was used up to then and was not handed back yet."""

    evidence: Evidence

    def take(self, run: Run, one: SubscriptionPlan, step: Step) -> Told:
        """Wait, or write the rows in the transaction that journals them and the moment up to which they go."""
        seen = _journalled(run, one) or resumed(self.evidence, run, one)
        if seen is None:
            return Looking(_waits).take(run, one, step)
        return Storing(lambda run, conn, one: _handed_back(run, conn, one, seen)).take(run, one, step)


def resumed(evidence: Evidence, run: Run, one: SubscriptionPlan) -> Resumed | None:
    """The first that says so since Odoo does not bill it: the source by its own word, or a person."""
    subscription = one.external_subscription_id
    found = []
    there = evidence.billing.get(subscription)
    if there is not None and there.auto_renew and there.biller != Biller.ODOO:
        found.append(Resumed(at=evidence.taken_at, told={"snapshot": evidence.snapshot_id, "biller": there.biller}))
    said = evidence.attested(Statement.SOURCE_RESUMED, subscription)
    if said is not None:
        found.append(Resumed(at=said.made_at, told={"attestation": said.attestation_id, "author": said.author}))
    since = _since(run, one)
    return min((each for each in found if each.at >= since), key=lambda each: each.at, default=None)


def as_row(one: HandBack) -> dict[str, str]:
    """Usage as the journal has it and as it is written for the source; its times in UTC."""
    start, end = (moment.astimezone(UTC).isoformat() for moment in (one.service_from, one.service_to))
    return {"charge": one.charge, "from": start, "to": end, "quantity": str(one.quantity)}


def _journalled(run: Run, one: SubscriptionPlan) -> Resumed | None:
    """What was seen when its usage was handed back; None where that was not done, or before anybody had seen it."""
    done = run.course(one.external_subscription_id).done.get(Step.USAGE_HANDED_BACK)
    if done is None or UP_TO not in done.data:
        return None
    return Resumed(at=datetime.fromisoformat(done.data[UP_TO]), told=done.data[RESUMED])


def _handed_back(run: Run, conn: Connection, one: SubscriptionPlan, seen: Resumed) -> Told:
    """Nothing is handed back of a time that is not over, whatever a clock elsewhere says."""
    up_to = min(seen.at, run.now).astimezone(UTC)
    flip_id = run.flip.flip_id
    found = left_of(conn, run.service, flip_id, one, up_to)
    hand_backs.add(conn, run.service.code, found, because=BECAUSE, reference=flip_id, now=run.now)
    return Told(data={RESUMED: dict(seen.told), UP_TO: up_to.isoformat(), "handed_back": [as_row(each) for each in found]})


def _waits(run: Run, one: SubscriptionPlan) -> Told:
    since, bills_from = _since(run, one).isoformat(timespec="minutes"), min(each.boundary for each in one.charges)
    return waiting(
        f"nothing says since {since} that the source bills it again: have it bill from {bills_from} on and take a snapshot "
        f"(fcb import), or sign it:  fcb attest source_resumed {one.external_subscription_id} --text WHY"
    )


def _since(run: Run, one: SubscriptionPlan) -> datetime:
    """From when on Odoo does not bill it."""
    return run.course(one.external_subscription_id).done[Step.BACK_TO_DRAFT].at
