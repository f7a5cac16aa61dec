"""Claims: who bills a charge instance. There is one biller, whoever it is.

Owns: the record of a claim, and which claims cannot stand beside each other. Does not own: storage, where no two of them ever
overlap (store/claims), from when on who bills (boundaries, flip_plans).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise


class Biller(StrEnum):
    """Who bills."""

    SOURCE = "source"
    ODOO = "odoo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One biller for one charge of one subscription over `[service_from, service_to)`."""

    external_subscription_id: str
    charge: str
    service_from: datetime
    service_to: datetime
    biller: Biller
    reference: str
    """What it rests on: the line of the source's invoice, or the flip."""

    @property
    def charge_key(self) -> tuple[str, str]:
        """What only one can bill at a time."""
        return self.external_subscription_id, self.charge

    def overlaps(self, other: "Claim") -> bool:
        """Whether both would bill the same time of the same charge."""
        is_same = self.charge_key == other.charge_key
        return is_same and self.service_from < other.service_to and other.service_from < self.service_to


def overlapping(claims: Iterable[Claim]) -> Iterator[tuple[Claim, Claim]]:
    """Neighbours in time of one charge that overlap, the earlier one first; none where all can stand together."""
    ordered = sorted(claims, key=lambda one: (one.charge_key, one.service_from, one.service_to, one.reference))
    yield from ((one, other) for one, other in pairwise(ordered) if one.overlaps(other))
