"""Matching: which actual lines and charge instances belong together, in passes that consume lines and guess nothing.

Owns: the passes, their order, and why a line is left over. Does not own: whether the amounts of what met agree (explaining),
what a match is worth (reconciliation). An empty id matches nothing, and a line that could be for several things is left over.

| pass | a line meets | by |
|---|---|---|
| instance | one instance | the same subscription, charge and service range |
| range | one instance | the same subscription and charge, a range that overlaps with that of this one alone |
| subscription | all that is due of a subscription | an invoice that names it, without a range |
| reference | the instances of the subscriptions named | a record that says what the line pays for |
| product | as many instances as its quantity says | the same customer and plan, an overlapping range |
| total | all that is due of a customer | an invoice without any of these; held together by its amount alone |
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from fcb_pipelines.domain.actual import CREDITED_AND_ISSUED_ANEW, STATUS_UNVERIFIED, ActualLine
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.instances import FLAT, INTERNAL
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.money import ZERO, Money, total

DOUBLE_BILLED = "double_billed"
PARTNER_MISMATCH = "partner_mismatch"
CURRENCY_MISMATCH = "currency_mismatch"
AMBIGUOUS = "ambiguous"
"""A line that could be for several things: it is for none of them."""

_CHANGES = frozenset({LineKind.PRORATION, LineKind.DISCOUNT, LineKind.CREDIT})
"""Lines that change what another line bills of an instance; several of them, of any invoice, bill it together."""
BESIDE = frozenset({LineKind.ADD_ON, LineKind.ONE_OFF, LineKind.TAX})
"""Lines that no charge of ours is billed by."""


class Pass(StrEnum):
    """How lines and instances met."""

    INSTANCE = "instance"
    RANGE = "range"
    SUBSCRIPTION = "subscription"
    REFERENCE = "reference"
    PRODUCT = "product"
    TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaysFor:
    """What a record says that a line pays for."""

    subscriptions: tuple[str, ...]
    references: tuple[str, ...]
    is_credit: bool = False
    """Whether it links a credit to what it gives back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """Lines and instances that belong together; each of both is in one such group at most."""

    by: Pass
    """The weakest pass that any of its lines came by."""
    expected: tuple[ExpectedLine, ...]
    lines: tuple[ActualLine, ...]
    records: tuple[PaysFor, ...] = ()

    @property
    def currency(self) -> str:
        """The one currency of all its lines and instances."""
        return self.expected[0].currency

    @property
    def billed(self) -> Money:
        """Σ net of its lines."""
        return total((line.net for line in self.lines), self.currency)

    @property
    def agrees(self) -> bool:
        """Whether what was billed is what we would bill, net."""
        nets = [one.net for one in self.expected if one.net is not None]
        return len(nets) == len(self.expected) and total(nets, self.currency) == self.billed


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A line that met nothing, and why where that is known."""

    line: ActualLine
    notes: tuple[str, ...] = ()
    claimed_by: ActualLine | None = None
    """The line that bills the same instance already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """Everything of a month in its place: what met, what was not billed, what is left over."""

    met: tuple[Met, ...]
    absent: tuple[ExpectedLine, ...]
    left: tuple[Left, ...]


def matched(
    expected: Sequence[ExpectedLine],
    actual: Iterable[ActualLine],
    pays_for: Mapping[str, PaysFor] | None = None,
    plans: Mapping[str, str] | None = None,
) -> Matched:
    """Put lines and instances of one month together.

    `pays_for` are records by line key; `plans` says the plan of an expected line by its key.
    """
    sides = _Sides(expected, actual, pays_for or {}, plans or {})
    for each in (sides.by_instance, sides.by_what_they_name, sides.by_product, sides.by_total):
        each()
    return sides.result()


class _Sides:
    """Both sides while they are put together; a group is named by the least of its instances."""

    def __init__(
        self,
        expected: Sequence[ExpectedLine],
        actual: Iterable[ActualLine],
        pays_for: Mapping[str, PaysFor],
        plans: Mapping[str, str],
    ) -> None:
        self.expected = sorted(expected, key=lambda line: (line.service_from, line.charge != FLAT, line.line_key))
        self.lines = sorted(actual, key=lambda line: (line.issued_at, line.external_invoice_id, line.ordinal))
        self.pays_for = pays_for
        self.of_subscription: dict[str, list[int]] = defaultdict(list)
        self.of_plan: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.of_customer: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, line in enumerate(self.expected):
            if INTERNAL in line.notes:
                # Nothing is due of an account of the service itself, so nothing that is billed to it can be for that.
                continue
            self.of_subscription[line.external_subscription_id].append(number)
            self.of_customer[line.external_user_id, line.currency].append(number)
            if plan := plans.get(line.line_key):
                self.of_plan[line.external_user_id, plan].append(number)
        self.group = list(range(len(self.expected)))
        self.came_by: dict[str, tuple[Pass, tuple[int, ...]]] = {}
        self.claims: dict[int, list[ActualLine]] = defaultdict(list)
        self.hit: set[int] = set()
        self.refused: dict[str, Left] = {}

    def by_instance(self) -> None:
        """The same subscription, charge, service range, partner and currency.

        Several lines of one invoice bill it together. Of several invoices the first that asks for money takes it, a void that
        nobody confirmed last; another bills it twice and is left over. One that was given back in full and issued anew is there
        with both, which leave it billed once.
        """
        at = {
            key: number
            for numbers in self.of_subscription.values()
            for number in numbers
            if (key := _key(self.expected[number]))
        }
        found: dict[int, list[ActualLine]] = defaultdict(list)
        for line in self.lines:
            number = at.get(_key(line) or ())
            if number is not None and not self._refuse_others(line, [number]):
                found[number].append(line)
        for number, lines in found.items():
            invoices = [tuple(each) for _, each in groupby(lines, key=lambda line: (line.issued_at, line.external_invoice_id))]
            first = min(invoices, key=_rank)
            for line in lines:
                if line in first or CREDITED_AND_ISSUED_ANEW in line.notes:
                    self._join(line, Pass.INSTANCE, [number])
                else:
                    self._refuse_claim(line, first[0])

    def by_what_they_name(self) -> None:
        """What an invoice's own subscription id, or a record about the line, says that it pays for."""
        for line in self._open():
            named = line.external_subscription_id
            record = self.pays_for.get(line.line_key)
            if named is None and record is None:
                continue
            by = Pass.REFERENCE if named is None else Pass.RANGE if line.service_from else Pass.SUBSCRIPTION
            wanted = (named,) if named is not None else record.subscriptions if record else ()
            targets = [self._fitting(line, each) for each in wanted]
            if not all(targets) or (named is not None and line.service_from and len(targets[0]) > 1):
                continue
            self._take(line, by, [number for each in targets for number in each])

    def by_product(self) -> None:
        """As many instances of the customer on the line's plan as its quantity says, if there are exactly so many."""
        for line in self._open():
            if line.product is None or line.external_subscription_id is not None or line.service_from is None:
                continue
            on_plan = self.of_plan.get((line.external_user_id, line.product), [])
            fits = [each for each in on_plan if _is_meant(line, self.expected[each]) and not self.claims[each]]
            if len(fits) == (1 if line.quantity is None else line.quantity):
                self._take(line, Pass.PRODUCT, fits)
            elif fits:
                self.refused[line.line_key] = Left(line=line, notes=(AMBIGUOUS,))

    def by_total(self) -> None:
        """All that is due of a customer and met nothing, and the one invoice without ranges, references and subscription."""
        open_lines: dict[tuple[str, str], list[ActualLine]] = defaultdict(list)
        for line in self._open():
            if line.kind is LineKind.BALANCING and line.external_subscription_id is None and line.ordinal >= 0:
                open_lines[line.external_user_id, line.net.currency].append(line)
        for customer, lines in open_lines.items():
            if len({line.external_invoice_id for line in lines}) > 1 or any(line.line_key in self.pays_for for line in lines):
                continue
            due = [number for number in self.of_customer.get(customer, ()) if self._is_open(number, lines[0])]
            for line in lines if due else ():
                self._join(line, Pass.TOTAL, due)

    def result(self) -> Matched:
        """What met, and what is left of both sides."""
        lines: dict[int, list[ActualLine]] = defaultdict(list)
        for line in self.lines:
            if line.line_key in self.came_by:
                lines[self._root(self.came_by[line.line_key][1][0])].append(line)
        instances: dict[int, list[ExpectedLine]] = defaultdict(list)
        for number, one in enumerate(self.expected):
            instances[self._root(number)].append(one)
        return Matched(
            met=tuple(self._met(instances[root], lines[root]) for root in sorted(lines)),
            absent=tuple(one for root, found in instances.items() if root not in lines for one in found),
            left=tuple(self.refused.get(line.line_key) or Left(line=line) for line in self._unmet()),
        )

    def _met(self, instances: Sequence[ExpectedLine], lines: Sequence[ActualLine]) -> Met:
        passes = [self.came_by[line.line_key][0] for line in lines]
        records = [self.pays_for[line.line_key] for line in lines if line.line_key in self.pays_for]
        order = tuple(Pass)
        return Met(
            by=max(passes, key=order.index),
            expected=tuple(instances),
            lines=tuple(lines),
            records=tuple(dict.fromkeys(records)),
        )

    def _open(self) -> Iterator[ActualLine]:
        return (line for line in self._unmet() if line.line_key not in self.refused)

    def _unmet(self) -> list[ActualLine]:
        return [line for line in self.lines if line.line_key not in self.came_by]

    def _fitting(self, line: ActualLine, subscription: str) -> list[int]:
        """The instances of a subscription that a line can be for, by its kind, its range or the day it was issued."""
        mine = self.of_subscription.get(subscription, ())
        return [number for number in mine if _is_meant(line, self.expected[number])]

    def _is_open(self, number: int, line: ActualLine) -> bool:
        one = self.expected[number]
        return one.is_due and number not in self.hit and one.due_at <= line.issued_at

    def _take(self, line: ActualLine, by: Pass, targets: list[int]) -> None:
        """Let a line meet its targets, unless another invoice bills one of them already, or they are of somebody else."""
        if self._refuse_others(line, targets):
            return
        other = next((claim for each in targets for claim in self.claims[each] if _is_second(line, claim)), None)
        if other is not None:
            self._refuse_claim(line, other)
        else:
            self._join(line, by, targets)

    def _refuse_others(self, line: ActualLine, targets: Iterable[int]) -> bool:
        notes = tuple(dict.fromkeys(note for each in targets for note in _mismatches(self.expected[each], line)))
        if notes:
            self.refused[line.line_key] = Left(line=line, notes=notes)
        return bool(notes)

    def _refuse_claim(self, line: ActualLine, other: ActualLine) -> None:
        notes = (DOUBLE_BILLED,) if line.net.amount > 0 else ()
        self.refused[line.line_key] = Left(line=line, notes=notes, claimed_by=other)

    def _join(self, line: ActualLine, by: Pass, targets: Sequence[int]) -> None:
        self.came_by[line.line_key] = by, tuple(targets)
        least = min(self._root(each) for each in targets)
        self.hit.update(targets)
        for each in targets:
            self.group[self._root(each)] = least
            if line.kind not in _CHANGES:
                self.claims[each].append(line)

    def _root(self, number: int) -> int:
        while self.group[number] != number:
            number = self.group[number]
        return number


def _is_meant(line: ActualLine, one: ExpectedLine) -> bool:
    """Whether a line can be for an instance: by kind, and by range or, without one, by the day it was issued."""
    charge = FLAT if line.kind in _CHANGES else line.charge or one.charge
    if line.kind in BESIDE or line.kind is LineKind.UNKNOWN or line.ordinal < 0 or one.charge != charge:
        return False
    if line.service_from is None or line.service_to is None:
        return one.due_at <= line.issued_at
    return line.service_from < one.service_to and one.service_from < line.service_to


def _is_second(line: ActualLine, claim: ActualLine) -> bool:
    """Whether a line bills what another invoice bills already; lines of ranges that lie apart bill parts of it."""
    if line.kind in _CHANGES or claim.external_invoice_id == line.external_invoice_id:
        return False
    if CREDITED_AND_ISSUED_ANEW in line.notes and CREDITED_AND_ISSUED_ANEW in claim.notes:
        return False
    if None in {line.service_from, line.service_to, claim.service_from, claim.service_to}:
        return True
    return line.service_from < claim.service_to and claim.service_from < line.service_to  # type: ignore[operator]


def _rank(lines: Sequence[ActualLine]) -> tuple[bool, bool]:
    """Which of the invoices on one instance bills it: false sorts first, and the earlier of equals wins."""
    is_unverified = any(STATUS_UNVERIFIED in line.notes for line in lines)
    return is_unverified, sum((line.net.amount for line in lines), ZERO) <= 0


def _key(line: ExpectedLine | ActualLine) -> tuple[object, ...] | None:
    """What makes two lines the same instance; None, which is never looked up, where a part is missing."""
    key = (line.external_subscription_id, line.charge, line.service_from, line.service_to)
    return None if None in key else key


def _mismatches(expected: ExpectedLine, actual: ActualLine) -> tuple[str, ...]:
    found = (
        (PARTNER_MISMATCH, expected.external_user_id != actual.external_user_id),
        (CURRENCY_MISMATCH, expected.currency != actual.net.currency),
    )
    return tuple(note for note, holds in found if holds)
