"""Previews: the first amount of a charge that Odoo will bill, as a person signs for it.

Owns: which amount that is. Does not own: how it is planned (flip_plans), what a signature clears (objections).
"""

from fcb_pipelines.domain.flip_plans import ChargePlan, SubscriptionPlan
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.money import ZERO, Money


def previewed(one: SubscriptionPlan, charge: ChargePlan) -> Money | None:
    """What a person signs for when they attest the first amount of a charge; None where nobody can know what they would sign.

    Where only usage can tell, that is nothing: who signs says that it is right that nothing was ever billed for it.
    """
    if charge.first_net is not None or charge.charge == FLAT:
        return charge.first_net
    every = (charge, *one.charges)
    planned = [each.first_net.currency for each in every if each.first_net is not None]
    billed = [each.last_bill.net.currency for each in every if each.last_bill is not None]
    return Money(ZERO, (planned or billed)[0]) if planned or billed else None
