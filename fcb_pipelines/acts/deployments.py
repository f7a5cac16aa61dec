"""Which deployment a subscription is, by the last snapshot: what a host knows it by.

Owns: the reading `deployments`. Does not own: snapshots (source).
"""

from collections.abc import Iterable

from fcb_pipelines.store import snapshots
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.snapshot_parts import Part


def deployments(conn: Connection, service: str, subscriptions: Iterable[str | None]) -> dict[str, str]:
    """By subscription the deployment that it is for; without those that have none or are not in the last snapshot."""
    wanted = frozenset(one for one in subscriptions if one is not None)
    header = snapshots.latest_snapshot(conn, service) if wanted else None
    if header is None:
        return {}
    rows = Part(subscriptions=wanted, customers=()).rows(conn, header.snapshot_id, "subscriptions")
    return {subscription: row["external_deployment_id"] for subscription, row in rows if row.get("external_deployment_id")}
