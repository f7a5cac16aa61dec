"""Usage as it was billed when its month was closed: terms, currency, customer.

Owns: table `billed_usage`; the caller owns the transaction. Written once, with the closing. Does not own: how late usage is
rated by it (domain/adjustments).
"""

from collections.abc import Collection

from psycopg.rows import dict_row

from fcb_pipelines.domain.adjustments import BilledUsage, LateUsage
from fcb_pipelines.domain.expected import UNRATED
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.rating import rated_line

_LINE = """line_key, external_subscription_id, charge, service_from, service_to, due_at, currency, quantity, included_quantity,
           unit_price, unit_batch, exact_numerator, exact_denominator, is_due, notes, rounding, metered"""
KEEP = f"""
    INSERT INTO billed_usage (service, period, external_user_id, {_LINE})
    SELECT service, period, expected.external_user_id,
           {", ".join(f"rated.{name.strip()}" if name.strip() != "line_key" else "line_key" for name in _LINE.split(","))}
      FROM rated_line AS rated JOIN expected_line AS expected USING (service, period, line_key)
     WHERE service = %(service)s AND period = %(period)s AND rated.adjusts IS NULL AND rated.charge <> ALL(%(others)s)
       AND rated.exact_numerator IS NOT NULL
"""  # noqa: S608 - our own columns
FIND = f"""
    SELECT period, external_user_id, {_LINE} FROM billed_usage
     WHERE service = %(service)s AND period = ANY(%(periods)s) AND external_subscription_id = ANY(%(subscriptions)s)
"""  # noqa: S608 - our own columns

Place = tuple[str, str, str]
"""Subscription, charge and month."""


def keep(conn: Connection, service: str, period: str) -> None:
    """Keep the usage of a month as it is rated and expected now. What has no known price was not billed and is not kept."""
    conn.execute(KEEP, {"service": service, "period": period, "others": [FLAT, UNRATED]})


def of_late(conn: Connection, service: str, late: Collection[LateUsage]) -> dict[Place, BilledUsage]:
    """What was billed of the months and subscriptions of late usage; nothing of what had no bill."""
    given = {
        "service": service,
        "periods": sorted({one.of_period for one in late}),
        "subscriptions": sorted({one.external_subscription_id for one in late}),
    }
    found: dict[Place, BilledUsage] = {}
    with conn.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(FIND, given):
            period, owner = row.pop("period"), row.pop("external_user_id")
            line = rated_line({**row, "adjusts": None})
            found[line.external_subscription_id, line.charge, period] = BilledUsage(line=line, external_user_id=owner)
    return found
