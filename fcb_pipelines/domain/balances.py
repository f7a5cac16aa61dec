"""Opening balances: what a customer has with the source beside its invoices, against what Odoo opens with.

Owns: which records make a balance, when it cannot be told, and the comparison per customer and currency. Does not own: reading
Odoo (odoo/balances), what a movement says of an invoice (causes/account_credit, causes/deposit).

What a customer has is above 0: a credit, a deposit, a payment that no invoice took. A source that has no record of any of
these kinds tells no balance of anybody, which is not a balance of 0.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.money import MINOR_UNITS, ZERO, Money, decimal, total

STATED = "balance"
"""Evidence of what a customer has in a currency on a day; movements before it are in it."""
MOVEMENTS = frozenset({"account_credit", "deposit", "unapplied_payment"})
"""Evidence of one amount: it stays with the customer as long as no invoice is named that took it."""

Key = tuple[str, str]
"""Customer and currency."""


class Comparison(StrEnum):
    """How the source's balance and Odoo's compare."""

    EQUAL = "equal"
    DIFFERENT = "different"
    NOT_KNOWN = "not_known"
    """One side cannot be told: a person has to say it (statement `balance`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBalance:
    """What the source says that a customer has in a currency."""

    amount: Money | None
    """None where its records do not tell."""
    references: tuple[str, ...] = ()
    why: str = ""
    """Why it cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Both sides of one customer and currency."""

    external_user_id: str
    currency: str
    source: Money | None
    odoo: Money | None
    references: tuple[str, ...] = ()
    """Records of the source that it rests on."""
    why: str = ""
    """What cannot be told of either side."""

    @property
    def comparison(self) -> Comparison:
        """Missing data never pass for equal."""
        if self.source is None or self.odoo is None:
            return Comparison.NOT_KNOWN
        return Comparison.EQUAL if self.source == self.odoo else Comparison.DIFFERENT


NO_RECORDS = "the source has no record of credits, deposits or unapplied payments at all (evidence account_credit, balance, …)"


def source_balances(evidence: Iterable[Evidence], customers: Mapping[str, str], as_of: datetime) -> Mapping[Key, SourceBalance]:
    """What each customer has as of a moment; `customers` are those asked for with the currency that they are billed in.

    A customer with records in other currencies has a balance in each of these too. Of one without records it is 0 where the
    source has such records of anybody, else it cannot be told.
    """
    told = [one for one in evidence if one.subject_kind == "user" and (one.kind == STATED or one.kind in MOVEMENTS)]
    found: dict[Key, list[Evidence]] = defaultdict(list)
    for one in told:
        if one.subject_id in customers:
            found[one.subject_id, _currency(one, customers[one.subject_id])].append(one)
    keys = {*found, *customers.items()}
    untold = SourceBalance(amount=None, why=NO_RECORDS)
    return {key: _balance(key[1], found.get(key, ()), as_of) if told else untold for key in sorted(keys)}


def compared(
    told: Mapping[Key, SourceBalance], odoo: Mapping[Key, Money], without_partner: Collection[str] = ()
) -> tuple[Balance, ...]:
    """Both sides by customer and currency; in Odoo a customer has nothing where nothing is open.

    Of customers without a partner nothing can be told there.
    """
    found = []
    untold = {user: one for (user, _), one in told.items() if one.why == NO_RECORDS}
    for key in sorted({*told, *odoo}):
        user, currency = key
        nothing = Money(ZERO, currency) if currency in MINOR_UNITS else None
        has_partner = user not in without_partner
        ours = told.get(key) or untold.get(user) or SourceBalance(amount=nothing)
        why = [ours.why, "" if has_partner else "the customer has no partner in Odoo"]
        found.append(
            Balance(
                external_user_id=user,
                currency=currency,
                source=ours.amount,
                odoo=odoo.get(key, nothing) if has_partner else None,
                references=ours.references,
                why="; ".join(filter(None, why)),
            )
        )
    return tuple(found)


def _currency(record: Evidence, default: str) -> str:
    return str(record.data.get("currency") or default)


def _balance(currency: str, records: Iterable[Evidence], as_of: datetime) -> SourceBalance:
    """The last stated balance and the movements after it."""
    held = sorted((one for one in records if one.holds_at(as_of)), key=lambda one: (_since(one), one.reference))
    stated = [one for one in held if one.kind == STATED]
    if len(stated) > 1 and _since(stated[-1]) == _since(stated[-2]):
        why = f"{stated[-2].reference} and {stated[-1].reference} both state it from the same day on"
        return SourceBalance(amount=None, references=(stated[-2].reference, stated[-1].reference), why=why)
    since = _since(stated[-1]) if stated else ""
    counted = [*stated[-1:], *(one for one in held if one.kind != STATED and _since(one) >= since and _stays(one))]
    try:
        # A movement of the day of a stated balance may be in it or not: then nobody can tell.
        _require_apart(stated[-1:], counted[1:] if stated else [])
        money = total((Money(_amount(one), currency) for one in counted), currency)
    except InvalidInput as error:
        return SourceBalance(amount=None, references=tuple(one.reference for one in counted), why=str(error))
    return SourceBalance(amount=money, references=tuple(one.reference for one in counted))


def _require_apart(stated: Iterable[Evidence], movements: Iterable[Evidence]) -> None:
    for balance in stated:
        for one in movements:
            if _since(one) == _since(balance):
                raise InvalidInput(f"{one.reference} is of the same day as the stated balance {balance.reference}")


def _since(record: Evidence) -> str:
    return "" if record.valid_from is None else record.valid_from.isoformat()


def _stays(record: Evidence) -> bool:
    """Whether no invoice took it."""
    return not record.data.get("invoice")


def _amount(record: Evidence) -> Decimal:
    value = record.data.get("amount")
    if value is None:
        raise InvalidInput(f"{record.reference} has no amount")
    try:
        return decimal(value)
    except InvalidInput as error:
        raise InvalidInput(f"{record.reference}: amount {value!r}: {error}") from error
