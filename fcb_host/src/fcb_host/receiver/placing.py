"""Placing: on which deployment a message is decided on, where its invoice is held against another one than it names.

A subscription may have got another deployment between a failure and a payment, or none. An invoice is held against one
deployment at a time, so that nobody is suspended twice for it:

    it is owed        where somebody is suspended for it; else on the deployment that is named, and on no other one any more
    nothing is owed   everywhere where it is held, one after the other; where it is held nowhere, on the one that is named

Owns: that rule. Pure. Does not own: where invoices are held (deployments), what is decided there (effects).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fcb_host.receiver.messages import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A deployment against which something is held that a message has a word on."""

    deployment: str
    is_suspended: bool
    """Whether it is, or may be, suspended for it; or has ended, and would be if that were taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to go on with a message."""

    deployment: str
    """Empty where there is none: then nobody can act on it."""
    lets_go: str | None = None
    """The deployment that it is no longer held against; to be seen to before anything else."""


def place(at: str, message: Message, holders: Sequence[Holder]) -> Place:
    """Where to go on with a message that stands at a deployment, at first the one that it names; "" where it names none."""
    elsewhere = [each for each in holders if each.deployment != at]
    is_under_way = at != message.deployment
    if not message.is_open:
        # What was begun at one is brought to its end before the next: it may be held there no longer.
        return Place(deployment=at if is_under_way or not elsewhere else elsewhere[0].deployment)
    keeping = [each for each in elsewhere if each.is_suspended or not at]
    if keeping:
        return Place(deployment=keeping[0].deployment)
    return Place(deployment=at, lets_go=elsewhere[0].deployment if elsewhere else None)
