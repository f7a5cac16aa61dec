"""Never compared: what was last due for a charge was never held against a bill of the source that is not zero.

Yearly prices are like that for most of the year: nothing that was seen says that Odoo would bill them right.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.flip_plans import ChargePlan, SubscriptionPlan
from fcb_pipelines.domain.gate import Class, Kind, Objection, lapsed, of_charge, to_attest
from fcb_pipelines.domain.gate_facts import GateFacts
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.previews import previewed
from fcb_pipelines.domain.rows import Instance

_Charge = tuple[str | None, str]


def _find(facts: GateFacts) -> Iterator[Objection]:
    due = _due(facts)
    for one, charge in facts.charges:
        # From its boundary on Odoo bills it, and what Odoo bills proves nothing of itself.
        own = [each for each in due.get((one.external_subscription_id, charge.charge), ()) if each[0] < charge.boundary]
        found = max(own, key=lambda pair: pair[0])[1] if own else None
        amount = previewed(one, charge)
        scope = of_charge(one.external_subscription_id, charge.charge)
        is_signed = amount is not None and facts.attested(Statement.PREVIEW, scope, str(amount)) is not None
        if not is_signed and (found is None or not _is_compared(found)):
            yield _objection(facts, one, charge, found)


def _due(facts: GateFacts) -> dict[_Charge, list[tuple[datetime, Instance]]]:
    """What was due of each charge, with its start, in months that had closed: before, much is not issued yet."""
    found: dict[_Charge, list[tuple[datetime, Instance]]] = defaultdict(list)
    for period in facts.periods:
        for row in period.rows if period.was_closed else ():
            for one in row.instances:
                if one.service_from is not None and one.is_due:
                    found[row.external_subscription_id, one.charge].append((one.service_from, one))
    return found


def _is_compared(one: Instance) -> bool:
    return bool(one.expected is not None and one.actual is not None and one.actual.net)


def _objection(facts: GateFacts, one: SubscriptionPlan, charge: ChargePlan, found: Instance | None) -> Objection:
    scope, amount = of_charge(one.external_subscription_id, charge.charge), previewed(one, charge)
    before = "" if found is None or found.service_from is None else f" (last due {found.service_from:%Y-%m-%d})"
    said = lapsed(facts, Statement.PREVIEW, scope)
    do = to_attest(facts, Statement.PREVIEW, scope, "AMOUNT" if amount is None else amount)
    return Objection(
        id=KIND.id,
        scope=scope,
        klass=Class.ATTESTED if said else Class.UNDECIDABLE,
        words=f"no bill of the source was ever compared with it{before}: Odoo would bill {_billed(charge)}{said}",
        evidence=() if charge.last_bill is None else (charge.last_bill.line_key,),
        what_to_do=f"look at the amount, and  {do}",
    )


def _billed(charge: ChargePlan) -> str:
    if charge.first_net is not None:
        return str(charge.first_net)
    return "what nobody knows" if charge.charge == FLAT else "what is used"


KIND = Kind(
    id="never_compared",
    asks="whether what was last due for a charge was ever held against a bill that is not zero",
    classes=(Class.UNDECIDABLE, Class.ATTESTED),
    clears="such a bill, or PREVIEW with exactly the amount that Odoo will bill",
    find=_find,
    needs_plan=True,
)
