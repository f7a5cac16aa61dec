"""Reconciliation: every charge instance of a month against what was billed for it, both sides, nothing guessed.

Owns: the statuses that follow from two sides, and which rows there are. Does not own: which lines meet (matching), why
something differs (explaining), coverage (coverage). No figure sums across currencies.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from fcb_pipelines.domain import explaining
from fcb_pipelines.domain.actual import ActualLine, shared_by_net
from fcb_pipelines.domain.claimed import apart
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.explaining import CaseOf, Group
from fcb_pipelines.domain.kin import KinOf, no_kin
from fcb_pipelines.domain.matching import PARTNER_MISMATCH, Left, Matched, Pass, PaysFor, matched
from fcb_pipelines.domain.money import Money, total
from fcb_pipelines.domain.rows import NO_EXPLANATION, Amounts, Explanation, Instance, Reference, Row, Status, Verdict
from fcb_pipelines.domain.scenes import Month

RULE_VERSION = "3"
"""Raised whenever a change of the rules may change a figure; each revision of a period says under which it was made."""

NOT_YET_ISSUED = "not_yet_issued"
SUBSCRIPTION_UNKNOWN = "subscription_unknown"
NOT_ALIVE = "not_alive"
"""The subscription does not live in the month and was charged all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOwner:
    """A subscription of the source and whose it is; one that lives in the month gets a row, whatever is due or billed."""

    external_subscription_id: str
    external_user_id: str
    currency: str
    is_alive: bool = True
    notes: tuple[str, ...] = ()


def no_case(_: ExpectedLine) -> None:
    """Where nothing is known but the lines: then only what agrees is decided."""
    return


def reconcile(
    prefix: str,
    owners: Iterable[RowOwner],
    expected: Sequence[ExpectedLine],
    actual: Iterable[ActualLine],
    month: Month,
    *,
    case_of: CaseOf = no_case,
    pays_for: Mapping[str, PaysFor] | None = None,
    plans: Mapping[str, str] | None = None,
    kin_of: KinOf = no_kin,
) -> tuple[Row, ...]:
    """Compare both sides of one month.

    `prefix` begins row ids, such as `nexacloud/2026-04`; `owners` are all subscriptions of the source. `case_of` tells what is
    on record about an expected line; `pays_for` and `plans` are as `matched` takes them, `kin_of` as `explained` does.

    Lines that do not count as billed are left out. Every counting line lies in exactly one row, and every expected line too.
    """
    told = apart(expected, (line for line in actual if line.counts), month.records)
    sides = told.with_them(matched(told.expected, told.lines, pays_for, plans))
    table = _Table(prefix, owners, month)
    groups = explaining.explained(sides.met, case_of, month, kin_of)
    for group in groups:
        if group.is_whole:
            table.add_group(group)
        else:
            table.add_apart(group)
    table.add_rest(sides)
    return table.rows()


class _Table:
    """The rows of a month while they are filled."""

    def __init__(self, prefix: str, owners: Iterable[RowOwner], month: Month) -> None:
        self.prefix, self.month = prefix, month
        self.known = {one.external_subscription_id: one for one in owners}
        self.instances: dict[str, list[Instance]] = defaultdict(list)
        self.invoices: dict[str, set[str]] = defaultdict(set)
        self.line_rows: list[Row] = []

    def add_group(self, group: Group) -> None:
        """Give each instance its part of what was billed."""
        for one, instance in zip(group.met.expected, _whole(group), strict=True):
            place = self._place(one)
            self.instances[place].append(instance)
            self.invoices[place].update(line.external_invoice_id for line in group.met.lines)

    def add_apart(self, group: Group) -> None:
        """Show lines and instances by themselves, as nothing says how much of the money is whose."""
        for one, told in zip(group.met.expected, group.told, strict=True):
            if group.met.by is Pass.TOTAL:
                self.add_absent(one)
            else:
                notes = tuple(f"within: {line.line_key}" for line in group.met.lines)
                self._add_expected(one, Verdict.UNEXPLAINED, told.explanation, notes)
        for line in group.met.lines:
            self.add_left(Left(line=line))

    def add_rest(self, sides: Matched) -> None:
        """What was not billed, and what met nothing."""
        for one in sides.absent:
            self.add_absent(one)
        for left in sides.left:
            self.add_left(left)

    def add_absent(self, one: ExpectedLine) -> None:
        """An instance that nothing was billed for."""
        if one.net is not None and not one.net:
            self._add_expected(one, Verdict.NOTHING_DUE, NO_EXPLANATION)
            return
        verdict, explanation = explaining.absent(one, self.month)
        is_early = self.month.as_of < self.month.decides_at(one)
        self._add_expected(one, verdict, explanation, (NOT_YET_ISSUED,) if is_early else ())

    def add_left(self, left: Left) -> None:
        """A line that met nothing: in the row of the subscription that it names, or one of its own."""
        line, subscription = left.line, left.line.external_subscription_id
        verdict, explanation = explaining.left(left, self.month)
        is_foreign = subscription is None or line.net.currency != self._currency(subscription, line)
        if is_foreign or subscription is None:
            self.line_rows.append(_line_row(self.prefix, line, _unexpected(line, left.notes, verdict, explanation)))
            return
        owner = self.known.setdefault(subscription, _unknown(line))
        notes = left.notes or ((PARTNER_MISMATCH,) if line.external_user_id != owner.external_user_id else ())
        if notes and verdict is Verdict.CARRIED:
            verdict = Verdict.UNEXPLAINED
        self.instances[subscription].append(_unexpected(line, notes, verdict, explanation))
        self.invoices[subscription].add(line.external_invoice_id)

    def rows(self) -> tuple[Row, ...]:
        """All rows, by row id."""
        found = [*self.line_rows]
        for place, one in self.known.items():
            if one.is_alive or self.instances[place]:
                row_id = f"{self.prefix}/subscription/{place}"
                found.append(_subscription_row(row_id, one, self.instances[place], self.invoices[place]))
        return tuple(sorted(found, key=lambda row: row.row_id))

    def _add_expected(self, one: ExpectedLine, verdict: Verdict, explanation: Explanation, notes: tuple[str, ...] = ()) -> None:
        self.instances[self._place(one)].append(_instance(one, None, verdict, explanation, notes=notes))

    def _place(self, line: ExpectedLine) -> str:
        """Which row of a subscription a line is in: what is adjusted of a month with another currency has one of its own."""
        owner = self.known.setdefault(line.external_subscription_id, _owner_of(line))
        if line.currency == owner.currency:
            return line.external_subscription_id
        place = f"{line.external_subscription_id}/{line.currency}"
        self.known.setdefault(place, replace(owner, currency=line.currency))
        return place

    def _currency(self, subscription: str, line: ActualLine) -> str:
        return self.known[subscription].currency if subscription in self.known else line.net.currency


def _whole(group: Group) -> Iterable[Instance]:
    """The instances of a group with their parts of its net, its tax and its weight in the coverage."""
    lines, currency = group.met.lines, group.met.expected[0].currency
    nets = [told.net for told in group.told if told.net is not None]
    taxes = shared_by_net(total((line.tax for line in lines), currency), [net.amount for net in nets])
    weights = shared_by_net(total((abs(line.net) for line in lines), currency), [abs(net.amount) for net in nets])
    for one, told, net, tax, weight in zip(group.met.expected, group.told, nets, taxes, weights, strict=True):
        side = Amounts(net=net, tax=tax, gross=net + tax)
        yield _instance(one, side, told.verdict, told.explanation, lines=lines, billed=weight)


def _instance(
    one: ExpectedLine,
    actual: Amounts | None,
    verdict: Verdict,
    explanation: Explanation,
    *,
    lines: Sequence[ActualLine] = (),
    billed: Money | None = None,
    notes: tuple[str, ...] = (),
) -> Instance:
    expected = None if one.net is None else Amounts(net=one.net, tax=one.tax, gross=one.gross)
    status = Status.DELTA if explanation.is_in_total else _status(expected, actual, verdict)
    return Instance(
        charge=one.charge,
        service_from=one.service_from,
        service_to=one.service_to,
        due_at=one.due_at,
        currency=one.currency,
        expected=expected,
        actual=actual,
        status=status,
        verdict=Verdict.NOTHING_DUE if status is Status.NOTHING_DUE else verdict,
        is_due=one.is_due,
        billed=billed or total((), one.currency),
        notes=(*one.notes, *notes, *dict.fromkeys(note for line in lines for note in line.notes)),
        evidence=_references(lines),
        explanation=explanation,
    )


def _unexpected(line: ActualLine, notes: tuple[str, ...], verdict: Verdict, explanation: Explanation) -> Instance:
    # A line of nothing on an instance that does not exist is no difference: 0 = 0.
    status = Status.ONLY_ACTUAL if line.net or line.tax else Status.NOTHING_DUE
    return Instance(
        charge=line.charge or line.kind,
        service_from=line.service_from,
        service_to=line.service_to,
        due_at=None,
        currency=line.net.currency,
        expected=None,
        actual=Amounts(net=line.net, tax=line.tax, gross=line.gross),
        status=status,
        verdict=Verdict.NOTHING_DUE if status is Status.NOTHING_DUE else verdict,
        is_due=False,
        billed=abs(line.net),
        notes=(*notes, *line.notes),
        evidence=_references((line,)),
        explanation=NO_EXPLANATION if status is Status.NOTHING_DUE else explanation,
    )


def _status(expected: Amounts | None, actual: Amounts | None, verdict: Verdict) -> Status:
    if actual is None:
        return Status.ONLY_EXPECTED if expected is None or expected.net else Status.NOTHING_DUE
    if expected is None:
        return Status.ONLY_ACTUAL
    if not (expected.net or actual.net or actual.tax):
        return Status.NOTHING_DUE
    # A share of an invoice's tax may be a cent off where the whole of it is right.
    is_same = expected.net == actual.net and (expected.tax == actual.tax or verdict is Verdict.MATCH)
    return Status.MATCH if is_same else Status.DELTA


def _references(lines: Sequence[ActualLine]) -> tuple[Reference, ...]:
    return tuple(Reference(kind="invoice_line", reference=line.line_key) for line in lines)


def _owner_of(line: ExpectedLine) -> RowOwner:
    """The owner of a line whose subscription could not be read as a record: the line says what is known of it."""
    return RowOwner(
        external_subscription_id=line.external_subscription_id, external_user_id=line.external_user_id, currency=line.currency
    )


def _unknown(line: ActualLine) -> RowOwner:
    return RowOwner(
        external_subscription_id=line.external_subscription_id or "",
        external_user_id=line.external_user_id,
        currency=line.net.currency,
        notes=(SUBSCRIPTION_UNKNOWN,),
    )


def _line_row(prefix: str, line: ActualLine, instance: Instance) -> Row:
    return Row(
        row_id=f"{prefix}/line/{line.line_key}",
        external_subscription_id=line.external_subscription_id,
        external_user_id=line.external_user_id,
        currency=line.net.currency,
        line_key=line.line_key,
        external_invoice_ids=(line.external_invoice_id,),
        instances=(instance,),
    )


def _subscription_row(row_id: str, one: RowOwner, instances: Sequence[Instance], invoices: Iterable[str]) -> Row:
    notes = one.notes if one.is_alive else (*one.notes, NOT_ALIVE)
    return Row(
        row_id=row_id,
        external_subscription_id=one.external_subscription_id,
        external_user_id=one.external_user_id,
        currency=one.currency,
        line_key=None,
        external_invoice_ids=tuple(sorted(invoices)),
        instances=tuple(sorted(instances, key=_place_in_row)),
        notes=notes,
    )


def _place_in_row(instance: Instance) -> tuple[object, ...]:
    """Charges by the start of their range, the flat price first; lines that no charge stands behind follow."""
    start = "" if instance.service_from is None else instance.service_from.isoformat()
    keys = tuple(each.reference for each in instance.evidence)
    return instance.due_at is None, start, instance.charge != "flat", instance.charge, keys
