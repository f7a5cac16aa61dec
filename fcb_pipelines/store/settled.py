"""What reconciled months say of single charges: for which ranges nothing is due, and whose share of a shared line is how much.

Owns: reading those two of table `reconciliation_instance`; the caller owns the transaction. Does not own: revisions and rows
(reconciliation).
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal

from fcb_pipelines.domain.money import Money
from fcb_pipelines.store.database import Connection

Place = tuple[str, str]
"""Subscription and charge."""

NOTHING_DUE = """
    SELECT external_subscription_id, charge, service_from, service_to, row_id
      FROM reconciliation_instance JOIN reconciliation_row USING (revision_id, row_id)
     WHERE revision_id = ANY(%s) AND external_subscription_id = ANY(%s) AND due_at IS NOT NULL
       AND reconciliation_instance.status = 'nothing_due'
     ORDER BY external_subscription_id COLLATE "C", charge COLLATE "C", service_from, service_to, row_id COLLATE "C"
"""
SHARES = """
    SELECT external_subscription_id, charge, e.reference, i.currency, sum(i.actual_net)
      FROM reconciliation_instance AS i JOIN reconciliation_row USING (revision_id, row_id)
     CROSS JOIN LATERAL jsonb_to_recordset(i.evidence) AS e (kind text, reference text)
     WHERE revision_id = ANY(%s) AND external_subscription_id = ANY(%s) AND i.actual_net IS NOT NULL AND e.kind = 'invoice_line'
     GROUP BY external_subscription_id, charge, e.reference, i.currency
"""


def nothing_due(
    conn: Connection, revision_ids: Sequence[int], subscriptions: Collection[str]
) -> dict[Place, tuple[tuple[datetime, datetime, str], ...]]:
    """The ranges of a charge of which these revisions say that nothing is due, in order, each with the row that says so.

    What lies between two of them may be due: that nothing is due for a month says nothing of the one before it.
    """
    found: dict[Place, list[tuple[datetime, datetime, str]]] = defaultdict(list)
    for subscription, charge, *range_ in conn.execute(NOTHING_DUE, [list(revision_ids), list(subscriptions)]):
        start, end, row_id = range_
        found[subscription, charge].append((start, end, row_id))
    return {place: tuple(ranges) for place, ranges in found.items()}


def shares(conn: Connection, revision_ids: Sequence[int], subscriptions: Collection[str]) -> dict[tuple[str, str, str], Money]:
    """What was billed of a charge by the lines of its instance, net, by each of those lines' keys."""
    rows = conn.execute(SHARES, [list(revision_ids), list(subscriptions)])
    return {(subscription, charge, line): Money(Decimal(net), currency) for subscription, charge, line, currency, net in rows}
