"""Gap before the start: a charge in advance is billed up to a day before the first month of Odoo, and nobody bills between."""

from collections.abc import Iterator
from datetime import datetime

from fcb_pipelines.domain.boundaries import GAP
from fcb_pipelines.domain.flip_plans import ChargePlan
from fcb_pipelines.domain.gate import Class, Kind, Objection, of_charge
from fcb_pipelines.domain.gate_facts import GateFacts
from fcb_pipelines.domain.period import Period


def _find(facts: GateFacts) -> Iterator[Objection]:
    if facts.plan is None:
        return
    start = Period(facts.plan.not_before, facts.zone).start
    for one in facts.not_begun:
        for charge in one.charges:
            if _is_gap(charge, start):
                yield Objection(
                    id=KIND.id,
                    scope=of_charge(one.external_subscription_id, charge.charge),
                    klass=Class.PROVEN,
                    words=f"the source billed it until {_day(facts, charge.boundary)} and Odoo is not to bill before "
                    f"{_day(facts, start)}: nobody would bill the time between",
                    evidence=(charge.reference,) if charge.reference else (),
                    since=charge.boundary,
                    what_to_do="let the source bill until then, run that month, and plan anew, or plan with an earlier "
                    "--not-before",
                )


def _is_gap(charge: ChargePlan, start: datetime) -> bool:
    """Whether the plan says so, or it is due at the start of its range, and that start is before Odoo may bill."""
    is_told = any(note.startswith(GAP) for note in charge.notes)
    return is_told or charge.first_due <= charge.boundary < start


def _day(facts: GateFacts, moment: datetime) -> str:
    return moment.astimezone(facts.zone).date().isoformat()


KIND = Kind(
    id="gap_before_start",
    asks="whether a charge in advance ends with the source before Odoo is to begin",
    classes=(Class.PROVEN,),
    clears="a bill of the source up to there, or an earlier --not-before",
    find=_find,
    needs_plan=True,
)
