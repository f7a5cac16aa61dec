"""The id of an invoice that Odoo bills for real: its subscription, its month and, where that was billed before, its flip.

Owns: how it is written and read. Does not own: the external id that is made of it (external_ids), which flip it is
(acts/live_keys).

It is `subscription/month`. A month of which an unflip gave the invoice back is billed again by the next flip, on an invoice of
its own: `subscription/month/flip`. A flip is never called like a month, so that each id can be read in one way alone.
"""

import re
from dataclasses import dataclass

from fcb_pipelines.domain.external_ids import source_id

_MONTH = re.compile(r"\d{4}-\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveKey:
    """What an invoice stands for."""

    external_subscription_id: str
    month: str
    """Such as `2026-07`."""
    flip_id: str | None = None
    """None for the first invoice of the month."""

    def __str__(self) -> str:
        """As it is written."""
        return "/".join((self.external_subscription_id, self.month, *([self.flip_id] if self.flip_id else [])))


def live_key(written: str) -> LiveKey:
    """Read an id; a draft of any other kind whose id ends in its month is read likewise."""
    head, _, tail = written.rpartition("/")
    if _MONTH.fullmatch(tail):
        return LiveKey(external_subscription_id=head, month=tail)
    subscription, _, month = head.rpartition("/")
    return LiveKey(external_subscription_id=subscription, month=month, flip_id=tail)


def key_of(xid: str) -> LiveKey:
    """Read it from an external id."""
    return live_key(source_id(xid))
