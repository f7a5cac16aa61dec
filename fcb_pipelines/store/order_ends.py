"""Live subscriptions that ended in Odoo, in our store: each order once.

Owns: table `order_end`; the caller owns the transaction. Does not own: when an order has ended (acts/order_ends).
"""

from datetime import datetime

from fcb_pipelines.domain.news import EndedBy
from fcb_pipelines.store.database import Connection

_HOW = {EndedBy.ODOO_CANCELLED: "cancelled", EndedBy.ODOO_CLOSED: "closed"}
ADD = """
    INSERT INTO order_end (service, external_subscription_id, order_id, how, seen_at)
    VALUES (%(service)s, %(external_subscription_id)s, %(order_id)s, %(how)s, %(seen_at)s)
    ON CONFLICT DO NOTHING
"""


def add(conn: Connection, service: str, subscription: str, *, order_id: int, by: EndedBy, seen_at: datetime) -> bool:
    """Record that the order of a subscription has ended; whether that is new."""
    given = {"service": service, "external_subscription_id": subscription, "order_id": order_id}
    return conn.execute(ADD, {**given, "how": _HOW[by], "seen_at": seen_at}).rowcount == 1
