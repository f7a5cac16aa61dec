"""Series: one number for (service, feed, subscription, metric), by which events, identities and totals are kept.

Owns: table `usage_series`. Does not own: what is stored under the numbers (events, running).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.metrics import Aggregation
from fcb_pipelines.domain.usage import UsageEvent, Void
from fcb_pipelines.store.database import Connection


class Series(NamedTuple):
    """What the events of a series have in common."""

    service: str
    feed: str
    external_subscription_id: str
    metric: str

    @classmethod
    def of(cls, fact: UsageEvent | Void) -> "Series":
        """The series that an event or a void is of."""
        return cls(fact.service, fact.feed, fact.external_subscription_id, fact.metric)


FIND = """
    WITH wanted AS (
        SELECT * FROM unnest(%(services)s::text[], %(feeds)s::text[], %(subscriptions)s::text[], %(metrics)s::text[])
            AS each (service, feed, external_subscription_id, metric))
    SELECT series_id, service, feed, external_subscription_id, metric, aggregation
      FROM usage_series JOIN wanted USING (service, feed, external_subscription_id, metric)
"""
ADD = """
    INSERT INTO usage_series (service, feed, external_subscription_id, metric, aggregation)
    SELECT * FROM unnest(%(services)s::text[], %(feeds)s::text[], %(subscriptions)s::text[], %(metrics)s::text[],
                         %(aggregations)s::text[])
     ORDER BY 1, 2, 3, 4
    ON CONFLICT DO NOTHING
"""


class SeriesNumbers:
    """The numbers of series, remembered; new ones are made. Only for as long as the transactions that made them stand."""

    def __init__(self, aggregations: Mapping[str, Aggregation]) -> None:
        """`aggregations` by metric; a metric that is not among them is summed."""
        self._aggregations = aggregations
        self._known: dict[Series, int] = {}
        self._subscriptions: set[str] = set()

    def of(self, conn: Connection, series: Iterable[Series]) -> Mapping[Series, int]:
        """The numbers of these series, and of others.

        Raises `RuleViolation` where events of a series are stored under another aggregation: what they came to so far would
        mean something else.
        """
        wanted = sorted({each for each in series if each not in self._known})
        if wanted:
            self._find(conn, wanted)
            missing = [each for each in wanted if each not in self._known]
            if missing:
                conn.execute(ADD, {**_columns(missing), "aggregations": [str(self._aggregation(one)) for one in missing]})
                self._find(conn, missing)
        return self._known

    @property
    def subscriptions(self) -> Collection[str]:
        """The subscriptions of the series whose numbers are remembered; nobody deletes a series."""
        return self._subscriptions

    def _find(self, conn: Connection, wanted: Sequence[Series]) -> None:
        for number, *names, aggregation in conn.execute(FIND, _columns(wanted)):
            found = Series(*names)
            if aggregation != self._aggregation(found):
                raise RuleViolation(
                    f"usage of metric {found.metric} is stored as {aggregation} and fcb.toml says "
                    f"{self._aggregation(found)}: declare a metric of another name for the new meaning"
                )
            self._known[found] = number
            self._subscriptions.add(found.external_subscription_id)

    def _aggregation(self, series: Series) -> Aggregation:
        return self._aggregations.get(series.metric, Aggregation.SUM)


def _columns(series: Sequence[Series]) -> dict[str, list[str]]:
    names = ("services", "feeds", "subscriptions", "metrics")
    return dict(zip(names, map(list, zip(*series, strict=True)), strict=True))
