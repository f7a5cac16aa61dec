"""Shell around the act that takes a snapshot of the source.

Owns: one step for all entities, because they are read in one transaction.
"""

from collections import Counter
from collections.abc import Iterator

import dagster as dg

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.quality import unusable
from fcb_pipelines.acts.source import SnapshotTaken, take_snapshot
from fcb_pipelines.assets.shell import SOURCE, key, table
from fcb_pipelines.services import Service

ENTITIES = {
    "users": "The service's customers.",
    "plans": "Price lists, active or not, priced or not.",
    "subscriptions": "One per deployment.",
    "usage": "Usage events of every period in scope, stored once and for ever.",
    "invoices": "What the service issued, with its lines.",
}


def source_assets(service: Service) -> list[dg.AssetsDefinition]:
    """The five entities of the source as one snapshot."""
    specs = [
        dg.AssetSpec(
            key=key(service, SOURCE, name),
            description=f"{description} As of the last snapshot.",
            group_name=SOURCE,
            kinds={"postgres"},
            owners=[service.owner],
        )
        for name, description in ENTITIES.items()
    ]

    @dg.multi_asset(name=f"take_{service.code}_snapshot", specs=specs)
    def snapshot(connections: dg.ResourceParam[Connections]) -> Iterator[dg.MaterializeResult[None]]:
        """Read the source in one repeatable-read, read-only transaction and keep what it says."""
        database = connections.database()
        taken = take_snapshot(database, service, connections.now, connections.report)
        with database.transaction() as conn:
            bad = Counter(one.entity for one in unusable(conn, service, taken.snapshot_id))
        yield from (
            dg.MaterializeResult(asset_key=key(service, SOURCE, name), metadata=_metadata(taken, name, bad[name]))
            for name in ENTITIES
        )

    return [snapshot]


def _metadata(taken: SnapshotTaken, entity: str, bad: int) -> dict[str, dg.MetadataValue]:
    return {
        "snapshot": dg.MetadataValue.int(taken.snapshot_id),
        "bad rows": dg.MetadataValue.int(bad),
        **(_usage(taken) if entity == "usage" else _rows(taken, entity)),
    }


def _rows(taken: SnapshotTaken, entity: str) -> dict[str, dg.MetadataValue]:
    gone = [{"id": one.external_id} for one in taken.disappeared if one.entity == entity]
    return {"rows": dg.MetadataValue.int(taken.rows[entity]), "gone since the last snapshot": table(gone)}


def _usage(taken: SnapshotTaken) -> dict[str, dg.MetadataValue]:
    periods = [
        {
            "period": header.period,
            "events": header.events,
            "new": header.new_events,
            "duplicates": header.duplicates,
            "conflicts": header.conflicts,
            "rejected": header.rejected,
            "gone": header.absent,
        }
        for header in taken.usage.values()
    ]
    return {"events": dg.MetadataValue.int(sum(header.events for header in taken.usage.values())), "periods": table(periods)}
