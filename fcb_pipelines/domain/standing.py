"""How a message to one endpoint stands, for people: its state, and what its endpoint makes of it.

Owns: the words, and which message a person must see to. Does not own: when a message is tried again (delivery), who is told
(notices).
"""

from collections.abc import Mapping
from enum import StrEnum

from fcb_pipelines.domain.delivery import DeliveryState
from fcb_pipelines.domain.endpoints import Endpoint


class Standing(StrEnum):
    """Where a message to one endpoint stands."""

    WAITING = "waiting"
    HELD = "held"
    DELIVERED = "delivered"
    DEAD = "dead"
    DROPPED = "dropped"


WORDS: Mapping[Standing, str] = {
    Standing.WAITING: "it is tried when its time comes",
    Standing.HELD: "its endpoint is disabled; it is sent once that is enabled",
    Standing.DELIVERED: "the receiver answered 2xx",
    Standing.DEAD: "given up after the last attempt; a person may replay it",
    Standing.DROPPED: "its endpoint was removed; it is never sent there",
}


def standing(state: DeliveryState, endpoint: Endpoint) -> Standing:
    """How a message of that state stands at its endpoint."""
    if state is not DeliveryState.WAITING:
        return Standing(state.value)
    if endpoint.removed_at is not None:
        return Standing.DROPPED
    return Standing.WAITING if endpoint.disabled_at is None else Standing.HELD
