"""A closed month, where only that it is closed matters."""

from datetime import UTC, datetime

from fcb_pipelines.store.closings import Closing, close
from fcb_pipelines.store.database import Connection


def closed(conn: Connection, service: str, period: str, *, by: str = "ada", feed: str = "pulled") -> bool:
    """Close a month; whether it was open."""
    at = datetime(2026, 6, 2, tzinfo=UTC)
    return close(
        conn,
        Closing(
            service=service,
            period=period,
            closed_at=at,
            closed_by=by,
            snapshot_id=1,
            usage_hash="of nothing",
            billed_feed=feed,
        ),
    )
