"""Cohorts: which subscriptions go live together, because customers and their invoices cannot be split.

Owns: how what was asked for is read and closed, and why each subscription was added or left out. Does not own: what is done
with a cohort (flip_plans), the proof that it may be (gate).

A cohort is closed over customers: all of a customer's subscriptions that will be billed again go together, and so do customers
that are one partner in Odoo or share an invoice, until nothing is added. What ends before Odoo would bill it needs no flip and
is left out, and so is what nothing is ever billed for (an internal account's, or a plan that costs nothing whatever is used).
It stays where it is.
"""

import difflib
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.subscriptions import Subscription

CUSTOMER, SUBSCRIPTION = "customer:", "subscription:"
"""Said before an id that is both a customer's and a subscription's."""
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Ties:
    """What holds customers together beside being one and the same."""

    partners: Mapping[str, int] = field(default_factory=dict)
    """Customer → partner in Odoo."""
    invoices: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Invoice in scope → the customers that it is to, or that own what it names."""
    idle: Mapping[str, str] = field(default_factory=dict)
    """Subscription → why nothing is ever billed for it."""
    cancelled: Mapping[str, datetime] = field(default_factory=dict)
    """Subscription → when it is going to end, as the source says of those that are cancelled for later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """The subscriptions that go together, by id."""

    asked_for: tuple[str, ...]
    subscriptions: tuple[str, ...]
    drawn_in: Mapping[str, str]
    """Subscription → why it was added to those asked for."""
    left_out: Mapping[str, str]
    """Subscription of these customers → why it needs no flip."""


def names(text: str) -> tuple[str, ...]:
    """The customers and subscriptions of a file, one to a line; `#` begins a comment."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return tuple(dict.fromkeys(line for line in lines if line))


def closed(asked_for: Sequence[str], subscriptions: Iterable[Subscription], ties: Ties, begins: datetime) -> Cohort:
    """The closure of what was asked for: customers with all that they have, subscriptions by name.

    `begins` is the moment from which on Odoo is to bill.

    Raises `InvalidInput` for a name that nobody has, with those that are like it, for one that is both, and where nothing of
    what was asked for will be billed again.
    """
    known = {one.external_subscription_id: one for one in subscriptions}
    asked = _Asked(known)
    for name in asked_for:
        asked.take(name)
    why = dict(_reached(asked.customers, known.values(), ties))
    in_order = sorted(
        (one for one in known.values() if one.external_user_id in why), key=lambda one: one.external_subscription_id
    )
    left_out = {one.external_subscription_id: said for one in in_order if (said := _needs_none(one, ties, begins)) is not None}
    kept = tuple(one.external_subscription_id for one in in_order if one.external_subscription_id not in left_out)
    asked.require(left_out, kept)
    drawn_in = {each: why[known[each].external_user_id] for each in kept if each not in asked.named}
    return Cohort(asked_for=tuple(asked_for), subscriptions=kept, drawn_in=drawn_in, left_out=left_out)


class _Asked:
    """What was asked for, told apart into customers and subscriptions."""

    def __init__(self, known: Mapping[str, Subscription]) -> None:
        self._known = known
        self._of_customer: dict[str, list[str]] = defaultdict(list)
        for key, one in known.items():
            self._of_customer[one.external_user_id].append(key)
        self.customers: dict[str, str] = {}
        """Customer → how it came to be asked for."""
        self.named: set[str] = set()
        """Subscriptions that nobody has to be told of why they are here."""
        self._singly: list[str] = []

    def take(self, name: str) -> None:
        """Add a customer or a subscription."""
        key = name.removeprefix(CUSTOMER).removeprefix(SUBSCRIPTION)
        is_customer = key in self._of_customer and not name.startswith(SUBSCRIPTION)
        is_subscription = key in self._known and not name.startswith(CUSTOMER)
        if is_customer and is_subscription:
            raise InvalidInput(f"{key} is a customer and a subscription: write {CUSTOMER}{key} or {SUBSCRIPTION}{key}")
        if not is_customer and not is_subscription:
            raise InvalidInput(f"{name} is neither a customer with subscriptions nor a subscription{self._like(key)}")
        if is_customer:
            self.customers.setdefault(key, f"of customer {key}, as asked")
            self.named.update(self._of_customer[key])
        else:
            self.named.add(key)
            self._singly.append(key)
            self.customers.setdefault(self._known[key].external_user_id, f"of the same customer as {key}")

    def require(self, left_out: Mapping[str, str], kept: Sequence[str]) -> None:
        """Raise `InvalidInput` where what was named needs no flip."""
        for key in self._singly:
            if key in left_out:
                raise InvalidInput(f"{key} needs no flip: {left_out[key]}")
        if not kept:
            raise InvalidInput("nothing of what was asked for will be billed again, so there is nothing to flip")

    def _like(self, key: str) -> str:
        near = difflib.get_close_matches(key, [*self._known, *self._of_customer], n=_MOST_NAMED)
        return f"; there is {', '.join(sorted(near))}" if near else "; fcb status names what was imported"


def _needs_none(one: Subscription, ties: Ties, begins: datetime) -> str | None:
    key = one.external_subscription_id
    ends = [moment for moment in (one.ended_at, ties.cancelled.get(key)) if moment is not None]
    if ends and min(ends) <= begins:
        return f"it ends on {min(ends).astimezone(begins.tzinfo).date()}, before Odoo would bill it"
    return ties.idle.get(key)


def _reached(start: Mapping[str, str], subscriptions: Iterable[Subscription], ties: Ties) -> Iterator[tuple[str, str]]:
    """Every customer that is reached, with the tie by which it was."""
    owners = {one.external_user_id for one in subscriptions}
    bonds = _bonds(ties)
    waiting, seen = deque(start), set(start)
    yield from start.items()
    while waiting:
        customer = waiting.popleft()
        for other, why in bonds.get(customer, ()):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
                if other in owners:
                    yield other, why


def _bonds(ties: Ties) -> dict[str, list[tuple[str, str]]]:
    """Customer → others that go with it, and why."""
    together: dict[str, list[str]] = {f"invoice {key}": sorted(found) for key, found in sorted(ties.invoices.items())}
    for customer, partner in sorted(ties.partners.items()):
        together.setdefault(f"partner {partner} in Odoo", []).append(customer)
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for what, customers in together.items():
        for one in customers if len(customers) > 1 else ():
            verb = "is" if what.startswith("partner") else "shares"
            found[one] += [(each, f"customer {each} {verb} {what} with customer {one}") for each in customers if each != one]
    return found
