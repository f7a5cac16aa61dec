"""Reading again: what was parked or could not be read, once what was missing is there.

A later version of fcb_host knows more types; the settings name another service; a subscription has its deployment by now. Owns:
the operator's word to read such messages again. What is read then waits to be acted on as if it had just come, so one that was
overtaken meanwhile is stale, and none is acted on twice. Functions take a transaction; the caller owns it. Does not own: what a
body says (messages), acting on it (acting).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from fcb_host.receiver import deployments, inbox, messages
from fcb_host.receiver.inbox import Entry, Standing
from fcb_host.receiver.messages import Message
from fcb_host.receiver.storage import Transaction

_AGAIN = (Standing.PARKED, Standing.UNREADABLE)


def read_again(
    tx: Transaction, numbers: Sequence[int] | None, *, who: str, service: str, deployment: str = "", now: datetime
) -> int:
    """Read these messages again, or all; answers how many stand otherwise now.

    `service` is the one that is received here, as in the settings. `deployment` is for those that name none; without it, it is
    the one that the last later message of the same subscription names, if any: that may be decided on elsewhere.
    """
    chosen = [each for each in inbox.listed(tx, _AGAIN, most=1_000_000) if numbers is None or each.number in numbers]
    return sum(_read(tx, each, who=who, service=service, deployment=deployment, now=now) for each in chosen)


def _read(tx: Transaction, entry: Entry, *, who: str, service: str, deployment: str, now: datetime) -> bool:
    reading = messages.read(entry.message_id, entry.body, service=service)
    if isinstance(reading, Message) and not reading.deployment:
        reading = replace(reading, deployment=deployment or _named_later(tx, entry.source, reading))
    standing = inbox.put_again(tx, entry, reading, now=now)
    if standing is None or standing in _AGAIN:
        return False
    about = reading.deployment if isinstance(reading, Message) else ""
    deployments.did(tx, "read again", about, message_id=entry.message_id, who=who, why=entry.why, now=now)
    return True


def _named_later(tx: Transaction, source: str, message: Message) -> str:
    """The deployment that the last later message names that names one; empty where there is none."""
    said = (messages.read(each.message_id, each.body) for each in inbox.later(tx, source, message))
    return next((each.deployment for each in said if isinstance(each, Message) and each.deployment), "")
