"""Messages: what the central side says, read strictly where an effect hangs on it and tolerantly everywhere else.

Owns: the types, the names of the fields, and what of a body is needed. Pure. Does not own: whether the body is to be believed
(signing), what follows from it (effects). Fields that are not named here are left alone: they may come and go.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone
from enum import Enum
from typing import Any, NoReturn

MOST_CHARACTERS = 255
MOST_SEQUENCE = 2**63 - 1


class Type(str, Enum):
    """What a message tells."""

    PAYMENT_FAILED = "invoice.payment_failed"
    PAYMENT_SUCCEEDED = "invoice.payment_succeeded"
    TERMINATED = "subscription.terminated"
    RECONCILED = "reconciliation.completed"
    FLIPPED = "flip.completed"
    TEST = "endpoint.test"


WITHOUT_EFFECT = frozenset({Type.RECONCILED, Type.FLIPPED, Type.TEST})
END, CHARGE = "end", "charge"
PAYMENT = "payment"
POSTED, UNPAID = "posted", frozenset({"not_paid", "partial"})
_FOR_PEOPLE = "it is told for people and changes nothing"
_LAST_YEAR = 9000
_FURTHEST_BEHIND = timedelta(hours=12)
"""A day is over everywhere so long after it is in UTC: in which zone a date was meant is not said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that a deployment hangs on."""

    message_id: str
    type: Type
    subscription: str
    sequence: int
    """Rises with each message of the same subscription."""
    deployment: str
    """As its subscription has it when it is told; empty where it has none."""
    subject: str
    """What it is about: an invoice, the charge of what has no invoice, or the end."""
    invoice: str = ""
    """What people call the invoice; empty where there is none."""
    amount: str = ""
    """For people: a decimal and a currency, never computed with."""
    is_open: bool = False
    """Whether it is owed: the invoice is posted and not paid, or there is none yet to be paid."""
    is_final: bool = False
    """Whether the central side tries no further, or lets the invoice be no longer."""
    grace_until: datetime | None = None
    """Until when an unpaid invoice is let be; None where nothing was said of it: then only a final failure counts."""
    is_given_back: bool = False
    """Whether nothing was paid, and nothing is owed all the same: by a credit note, or because the invoice was cancelled."""
    ended_at: datetime | None = None
    """When the subscription ends or ended, where it is said."""

    @property
    def settles(self) -> tuple[str, ...]:
        """The subjects on which it has the last word: a payment that went through ends what no invoice names, too."""
        is_paid = self.type is Type.PAYMENT_SUCCEEDED and not self.is_given_back
        return (self.subject, CHARGE) if is_paid else (self.subject,)


@dataclass(frozen=True, slots=True)
class NoEffect:
    """A message that is kept and changes nothing; `type` as it was written."""

    type: str
    why: str
    is_parked: bool
    """Whether a person should see it: nobody here knows what to do with it."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A body that breaks the contract."""

    why: str


Reading = Message | NoEffect | Unreadable


class _Broken(ValueError):
    """The body is not what it must be."""


def read(message_id: str, body: bytes, *, service: str = "") -> Reading:
    """What a body says that came under this id, and was signed. Whatever it holds, the answer is a value.

    Where a service is named, what is about another one is for a person: it changes nothing here.
    """
    try:
        return _read(message_id, _object(body), service)
    except RecursionError:
        return Unreadable("it is nested too deep")
    except _Broken as fault:
        return Unreadable(str(fault))
    except ValueError:
        return Unreadable("it is not JSON")


def _read(message_id: str, told: Mapping[str, Any], service: str) -> Reading:
    if told.get("id") != message_id:
        raise _Broken("id is not the webhook-id that it came with")
    written = _text(told, "type")
    try:
        kind = Type(written)
    except ValueError:
        return NoEffect(written, "its type is not known here: a later version of fcb_host may", is_parked=True)
    data = told.get("data")
    if kind in WITHOUT_EFFECT and not (isinstance(data, dict) and "service" in data):
        return NoEffect(written, _FOR_PEOPLE, is_parked=False)
    if not isinstance(data, dict):
        raise _Broken("data is missing or not an object")
    if service and _text(data, "service") != service:
        why = f"it is about the service {data['service']}, and what is received here is about {service}"
        return NoEffect(written, why, is_parked=True)
    if kind in WITHOUT_EFFECT:
        return NoEffect(written, _FOR_PEOPLE, is_parked=False)
    if _is_null(data, "deployment_id") and _is_null(data, "external_subscription_id"):
        return NoEffect(written, "it is about no subscription", is_parked=True)
    return _message(message_id, kind, _sequence(told), data)


def _message(message_id: str, kind: Type, sequence: int, data: Mapping[str, Any]) -> Message:
    about = Message(
        message_id=message_id,
        type=kind,
        sequence=sequence,
        subscription=_text(data, "external_subscription_id"),
        deployment="" if _is_null(data, "deployment_id") else _text(data, "deployment_id"),
        subject=END,
    )
    return replace(about, ended_at=_moment(data, "ended_at")) if kind is Type.TERMINATED else _payment(about, data)


def _payment(about: Message, data: Mapping[str, Any]) -> Message:
    # What could not be charged has no invoice where the central side's Odoo deleted its draft.
    invoice = data.get("invoice")
    amount = f"{_text(data, 'amount')} {_text(data, 'currency')}"
    if invoice is None:
        paid = replace(about, subject=CHARGE, amount=amount)
    elif isinstance(invoice, dict):
        paid = replace(about, subject=_subject(invoice), invoice=_called(invoice), amount=amount)
    else:
        raise _Broken("invoice is not an object or null")
    if about.type is Type.PAYMENT_SUCCEEDED:
        return replace(paid, is_given_back=data.get("settled_by", PAYMENT) != PAYMENT)
    return replace(
        paid,
        is_open=invoice is None or (_text(invoice, "state") == POSTED and _text(invoice, "payment_state") in UNPAID),
        is_final=_flag(data, "final"),
        grace_until=_end_of_day(data, "grace_ends_on"),
    )


def _subject(invoice: Mapping[str, Any]) -> str:
    number = invoice.get("id")
    # A bool is an int to Python.
    if type(number) is not int or not 0 <= number <= MOST_SEQUENCE:
        raise _Broken("the id of the invoice is not a whole number")
    return f"invoice/{number}"


def _called(invoice: Mapping[str, Any]) -> str:
    return str(invoice["id"]) if invoice.get("number") is None else _text(invoice, "number")


def _object(body: bytes) -> dict[str, Any]:
    # Decoded here: json would guess at UTF-16 and UTF-32 too.
    told = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refused)
    if not isinstance(told, dict):
        raise _Broken("it is not a JSON object")
    return told


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Broken("a name stands twice in one object")
    return made


def _refused(constant: str) -> None:
    raise _Broken(f"{constant} is not a number")


def _is_null(told: Mapping[str, Any], name: str) -> bool:
    """Whether it is said that there is none, which is not the same as nothing said."""
    return name in told and told[name] is None


def _text(told: Mapping[str, Any], name: str) -> str:
    text = told.get(name)
    if not isinstance(text, str) or not 1 <= len(text) <= MOST_CHARACTERS:
        raise _Broken(f"{name} is not a text of 1 to {MOST_CHARACTERS} characters")
    if not text.isprintable():
        raise _Broken(f"{name} holds a character that cannot be shown")
    return text


def _flag(told: Mapping[str, Any], name: str) -> bool:
    said = told.get(name)
    if not isinstance(said, bool):
        raise _Broken(f"{name} is not true or false")
    return said


def _sequence(told: Mapping[str, Any]) -> int:
    said = told.get("sequence")
    # A bool is an int to Python.
    if type(said) is not int or not 0 <= said <= MOST_SEQUENCE:
        raise _Broken("sequence is not a whole number")
    return said


def _end_of_day(told: Mapping[str, Any], name: str) -> datetime | None:
    """When a day is over in every zone; None where none is named."""
    if told.get(name) is None:
        return None
    try:
        day = datetime.combine(date.fromisoformat(_text(told, name)), time(), timezone.utc)
        return day + timedelta(days=1) + _FURTHEST_BEHIND
    except (ValueError, OverflowError):
        raise _Broken(f"{name} is not a day such as 2026-06-15") from None


def _moment(told: Mapping[str, Any], name: str) -> datetime | None:
    if told.get(name) is None:
        return None
    text = _text(told, name)
    try:
        # Python 3.10 does not know the Z. In UTC, so that no sum with it leaves the calendar unseen.
        moment = datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith("Z") else text)
        return moment.astimezone(timezone.utc) if moment.utcoffset() is not None and moment.year < _LAST_YEAR else _refuse(name)
    except (ValueError, OverflowError):
        return _refuse(name)


def _refuse(name: str) -> NoReturn:
    raise _Broken(f"{name} is not a moment such as 2026-06-15T04:00:00Z")
