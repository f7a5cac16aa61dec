"""Late usage from before a boundary: the source's to bill, so it is handed back to it and never on an invoice of Odoo.

Owns: the act `hand_back_late`. Does not own: what late usage is (domain/adjustments), the list (store/hand_backs).
"""

from decimal import Decimal

from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.live_months import Side, side
from fcb_pipelines.domain.unflips import HandBack
from fcb_pipelines.store import closings, flips, hand_backs, rating
from fcb_pipelines.store.database import Connection

BECAUSE = "late usage from before the boundary"


def hand_back_late(conn: Connection, work: PeriodWork) -> tuple[HandBack, ...]:
    """Note what came late on a month's bill for the time before a boundary; what it was, also where it was noted before.

    Only of a closed month, whose bill has what it will ever have: one row for each bill, whatever is told on later ones.
    """
    code, key = work.service.code, work.period.key
    live = flips.live_subscriptions(conn, code)
    if not live or not closings.is_closed(conn, code, key):
        return ()
    boundaries = {name: one.boundaries for name, one in live.items()}
    expected = {line.line_key: line for _, line in rating.expected_due(conn, code, work.period.next(), list(live))}
    found = [
        _handed_back(expected[line.line_key], line.quantity)
        for line in rating.rated(conn, code, key)
        if line.adjusts is not None and line.line_key in expected and side(expected[line.line_key], boundaries) is Side.SHADOW
    ]
    for one in found:
        reference = f"{live[one.external_subscription_id].flip_id}/{key}"
        hand_backs.add(conn, code, [one], because=BECAUSE, reference=reference, now=work.now)
    return tuple(found)


def _handed_back(line: ExpectedLine, quantity: Decimal) -> HandBack:
    return HandBack(
        external_subscription_id=line.external_subscription_id,
        charge=line.charge,
        service_from=line.service_from,
        service_to=line.service_to,
        quantity=quantity,
    )
