"""Closed periods: on which bill an event comes that is told too late for its own.

Owns: the rule. Does not own: which periods were closed (store/closings), when one may be (acts/closing).
"""

from collections.abc import Collection

from fcb_pipelines.domain.period import Period


def booked_in(period: Period, closed: Collection[str]) -> str:
    """The month whose bill an event of a period is on: its own, or the first one after it that is not closed."""
    while period.key in closed:
        period = period.next()
    return period.key
