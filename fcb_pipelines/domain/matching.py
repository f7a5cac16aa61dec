"""Matching: which actual lines bill a charge instance, in passes that consume lines and guess nothing.

Owns: the one pass there is, by (subscription, charge, service range), and why a line is left over. Does not own: what a match
is worth (reconciliation). An empty id matches nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby

from fcb_pipelines.domain.actual import STATUS_UNVERIFIED, ActualLine
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.money import ZERO

DOUBLE_BILLED = "double_billed"
PARTNER_MISMATCH = "partner_mismatch"
CURRENCY_MISMATCH = "currency_mismatch"


class OpenLines:
    """The actual lines of a month that nothing consumed yet; each is consumed at most once."""

    def __init__(self, lines: Iterable[ActualLine]) -> None:
        self._lines = sorted(lines, key=lambda line: (line.issued_at, line.external_invoice_id, line.ordinal))
        self._taken: set[str] = set()
        self._by_instance: dict[tuple[object, ...], list[ActualLine]] = defaultdict(list)
        for line in self._lines:
            if key := _instance_key(line):
                self._by_instance[key].append(line)

    def taken_by(self, expected: ExpectedLine) -> tuple[ActualLine, ...]:
        """Consume the lines that bill an instance: same subscription, charge, service range, partner and currency.

        Several lines of one invoice bill it together. Of several invoices the first that asks for money takes it, a void that
        nobody confirmed last; another bills it twice and is left over.
        """
        same_instance = self._by_instance.get(_instance_key(expected) or (), [])
        fitting = [line for line in same_instance if line.line_key not in self._taken and not _mismatches(expected, line)]
        invoices = [tuple(lines) for _, lines in groupby(fitting, key=lambda line: (line.issued_at, line.external_invoice_id))]
        lines = min(invoices, key=_rank, default=())
        self._taken.update(line.line_key for line in lines)
        return lines

    def left(self, expected: Sequence[ExpectedLine]) -> Iterable[tuple[ActualLine, tuple[str, ...]]]:
        """Lines that nothing consumed, each with why: billed twice, or another partner or currency than expected."""
        by_instance = {_instance_key(line): line for line in expected}
        for line in self._lines:
            if line.line_key not in self._taken:
                one = by_instance.get(_instance_key(line)) if _instance_key(line) else None
                yield line, () if one is None else _mismatches(one, line) or ((DOUBLE_BILLED,) if line.net.amount > 0 else ())


def _rank(lines: Sequence[ActualLine]) -> tuple[bool, bool]:
    """Which of the invoices on one instance bills it: false sorts first, and the earlier of equals wins."""
    is_unverified = any(STATUS_UNVERIFIED in line.notes for line in lines)
    return is_unverified, sum((line.net.amount for line in lines), ZERO) <= 0


def _instance_key(line: ExpectedLine | ActualLine) -> tuple[object, ...] | None:
    """What makes two lines the same instance; None, which is never looked up, where a part is missing."""
    key = (line.external_subscription_id, line.charge, line.service_from, line.service_to)
    return None if None in key else key


def _mismatches(expected: ExpectedLine, actual: ActualLine) -> tuple[str, ...]:
    found = (
        (PARTNER_MISMATCH, expected.external_user_id != actual.external_user_id),
        (CURRENCY_MISMATCH, expected.currency != actual.net.currency),
    )
    return tuple(note for note, holds in found if holds)
