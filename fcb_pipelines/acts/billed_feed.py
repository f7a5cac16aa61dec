"""By which feed a month is billed: the one it was closed with, however settings change, else the one that is billed now.

Owns: that rule. A month that was billed by one feed would be billed a second time if what the other told of it were late usage.
"""

from fcb_pipelines.domain.period import Period
from fcb_pipelines.services import Service
from fcb_pipelines.store.closings import closings
from fcb_pipelines.store.database import Connection


def as_billed(conn: Connection, service: Service, period: Period) -> Service:
    """The service with the feed by which a month of it is billed."""
    closing = closings(conn, service.code).get(period.key)
    return service if closing is None else service.model_copy(update={"billed_feed": closing.billed_feed})
