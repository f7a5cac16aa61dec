"""Metrics: what is counted, and how the events of a month become one quantity.

Owns: the aggregations. Does not own: which metrics a service has (services), what a unit costs (plans).
"""

from enum import StrEnum


class Aggregation(StrEnum):
    """How the events of a subscription in a month become its quantity."""

    SUM = "sum"
    """All quantities together."""
    MAX = "max"
    """The largest quantity."""
    LAST = "last"
    """The quantity of the event that starts last; of several that start at once, the one whose key sorts last."""
    UNIQUE_COUNT = "unique_count"
    """How many distinct values."""
