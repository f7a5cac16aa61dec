"""Attestations: what only a person can know, said by a named person, for a time.

Owns: what can be attested, about what, with which value, and when an attestation holds. Does not own: storage
(store/attestations), what it clears (objections).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import amount_text, minor_units, money, rounded


class Statement(StrEnum):
    """What can be attested, and of what kind of subject."""

    SOURCE_STOPPED = "source_stopped"
    """Of a subscription: the source will not bill it again."""
    SOURCE_RESUMED = "source_resumed"
    """Of a subscription, after an unflip: the source bills it again; from when it is signed on its own meter counts."""
    PAID_THROUGH = "paid_through"
    """Of `subscription/charge`: the first day that the source has not billed, as `value`."""
    PREVIEW = "preview"
    """Of `subscription/charge`: the first amount that Odoo will bill is right, as `value` such as `16.67 CAD`, net."""
    NO_TOKEN = "no_token"  # noqa: S105 (a statement, not a secret)
    """Of a customer: pays without a stored payment token."""
    BALANCE = "balance"
    """Of `customer/currency`: the opening balance in Odoo is right, as `value`, although the source's cannot be told."""
    NO_DISPUTE = "no_dispute"
    """Of a customer: nothing is disputed or past due that must keep them out."""
    FIXED_IN_SOURCE = "fixed_in_source"
    """Of a row: what the source billed wrong was given back or billed there."""
    FEED_ALIVE = "feed_alive"
    """Of the service, or of a subscription: it is idle; the usage feed works."""
    RECEIVER = "receiver"
    """Of the service: its receiver passed a signed test message."""
    REHEARSED = "rehearsed"
    """Of the service: flip and unflip were rehearsed with the version that is its `value`."""
    AUTO_CLOSE = "auto_close"
    """Of the service: Odoo closes unpaid subscriptions later than the host's own policy does."""
    AUTO_SEND = "auto_send"
    """Of the service: Odoo e-mails no invoice by itself, or it is meant to."""
    NOT_ENDING = "not_ending"
    """Of a subscription: nobody cancelled it for later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """One statement of one person."""

    attestation_id: str
    statement: Statement
    subject: str
    """A subscription, a customer, `subscription/charge` or `customer/currency`; empty for the service as a whole."""
    value: str | None
    """What exactly is attested; it clears nothing else."""
    text: str
    """Why, in the person's own words."""
    author: str
    made_at: datetime
    expires_at: datetime
    withdrawn_at: datetime | None = None

    @property
    def ended_at(self) -> datetime:
        """From when on it cannot be relied on."""
        return self.expires_at if self.withdrawn_at is None else min(self.withdrawn_at, self.expires_at)

    def holds_at(self, moment: datetime) -> bool:
        """Whether it can be relied on then."""
        return self.made_at <= moment < self.ended_at

    def is_since(self, moment: datetime | None) -> bool:
        """Whether it was said after a moment; None is one that never was."""
        return moment is None or self.made_at > moment


def resumed_at(said: Iterable[Attestation], seen: Mapping[str, datetime]) -> dict[str, datetime]:
    """By subscription, when it was last said that the source bills it again, by a person or by what an unflip has `seen`.

    From then on nobody may rely on a word of before that it had stopped. What a person took back was never so.
    """
    found = dict(seen)
    for one in said:
        if one.statement is Statement.SOURCE_RESUMED and one.withdrawn_at is None:
            found[one.subject] = max(one.made_at, found.get(one.subject, one.made_at))
    return found


class About(StrEnum):
    """What a statement is about."""

    SERVICE = "service"
    SUBSCRIPTION = "subscription"
    CUSTOMER = "customer"
    CHARGE = "subscription/charge"
    CURRENCY = "customer/currency"
    ROW = "row"


class Value(StrEnum):
    """What exactly a statement says."""

    NONE = "none"
    AMOUNT = "amount"
    DAY = "day"
    VERSION = "version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a statement is made."""

    about: tuple[About, ...]
    value: Value = Value.NONE


FORMS: Mapping[Statement, Form] = {
    Statement.SOURCE_STOPPED: Form(about=(About.SUBSCRIPTION,)),
    Statement.SOURCE_RESUMED: Form(about=(About.SUBSCRIPTION,)),
    Statement.PAID_THROUGH: Form(about=(About.CHARGE,), value=Value.DAY),
    Statement.PREVIEW: Form(about=(About.CHARGE,), value=Value.AMOUNT),
    Statement.NO_TOKEN: Form(about=(About.CUSTOMER,)),
    Statement.BALANCE: Form(about=(About.CURRENCY,), value=Value.AMOUNT),
    Statement.NO_DISPUTE: Form(about=(About.CUSTOMER,)),
    Statement.FIXED_IN_SOURCE: Form(about=(About.ROW,)),
    Statement.FEED_ALIVE: Form(about=(About.SERVICE, About.SUBSCRIPTION)),
    Statement.RECEIVER: Form(about=(About.SERVICE,)),
    Statement.REHEARSED: Form(about=(About.SERVICE,), value=Value.VERSION),
    Statement.AUTO_CLOSE: Form(about=(About.SERVICE,)),
    Statement.AUTO_SEND: Form(about=(About.SERVICE,)),
    Statement.NOT_ENDING: Form(about=(About.SUBSCRIPTION,)),
}


def about(statement: Statement, subject: str) -> About:
    """What a subject of a statement is; raises `InvalidInput` for one that it cannot be."""
    form = FORMS[statement]
    if not subject:
        if About.SERVICE in form.about:
            return About.SERVICE
        raise InvalidInput(f"{statement} is said of a {form.about[0]}: name it")
    if form.about == (About.SERVICE,):
        raise InvalidInput(f"{statement} is said of the service as a whole: name no subject, not {subject!r}")
    found = form.about[-1]
    if found in (About.CHARGE, About.CURRENCY) and not all(each.strip() for each in parts(subject)):
        raise InvalidInput(f"{statement} is said of a {found}, and {subject!r} is none: write it with a / between")
    if found is About.CURRENCY:
        minor_units(parts(subject)[1])
    return found


def parts(subject: str) -> tuple[str, str]:
    """Subscription and charge, or customer and currency; the second is empty where there is no `/`."""
    first, _, last = subject.rpartition("/")
    return (first, last) if first else (subject, "")


def checked_value(statement: Statement, subject: str, value: str | None, version: str) -> str | None:
    """What is said, in the one way in which it is compared; raises `InvalidInput`. `version` is that of this program."""
    asked = FORMS[statement].value
    if asked is Value.NONE:
        if value is not None:
            raise InvalidInput(f"{statement} has no value: leave --value {value!r} out")
        return None
    if value is None or not value.strip():
        raise InvalidInput(f"{statement} needs --value: {_WANTED[asked]}")
    text = " ".join(value.split())
    if asked is Value.DAY:
        return _day(text)
    if asked is Value.VERSION:
        if text != version:
            raise InvalidInput(
                f"--value {text!r} is not this version, which is {version}: rehearse with the one that will flip"
            )
        return text
    return _amount(statement, subject, text)


_WANTED = {
    Value.AMOUNT: "an amount with its currency, such as '16.67 CAD', net",
    Value.DAY: "the first day that the source has not billed, such as 2026-07-01",
    Value.VERSION: "the version that was rehearsed",
}


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise InvalidInput(f"--value {text!r} is no day: give {_WANTED[Value.DAY]}") from None


def _amount(statement: Statement, subject: str, text: str) -> str:
    try:
        amount = money(text)
    except InvalidInput as error:
        raise InvalidInput(f"--value {text!r} is no amount: give {_WANTED[Value.AMOUNT]} ({error})") from None
    if rounded(amount.amount, amount.currency) != amount:
        raise InvalidInput(f"--value {text!r} has more decimals than {amount.currency} has: nobody is billed that")
    if statement is Statement.BALANCE and amount.currency != parts(subject)[1]:
        raise InvalidInput(f"--value {text!r} is not in {parts(subject)[1]}, of which it is said")
    return f"{amount_text(amount.amount, amount.currency)} {amount.currency}"
