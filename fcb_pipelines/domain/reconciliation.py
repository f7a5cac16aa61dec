"""Reconciliation: every charge instance of a month against what was billed for it, both sides, nothing guessed.

Owns: the statuses that follow from two sides, and which rows there are. Does not own: which lines meet (matching), why
something differs (causes), coverage (coverage). No figure sums across currencies.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.matching import PARTNER_MISMATCH, OpenLines
from fcb_pipelines.domain.money import total
from fcb_pipelines.domain.rows import Amounts, Instance, Reference, Row, Status, Verdict

RULE_VERSION = "1"
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


def reconcile(
    prefix: str,
    owners: Iterable[RowOwner],
    expected: Sequence[ExpectedLine],
    actual: Iterable[ActualLine],
    *,
    as_of: datetime,
    closes_at: datetime,
) -> tuple[Row, ...]:
    """Compare both sides of one month.

    `prefix` begins row ids, such as `nexacloud/2026-04`; `owners` are all subscriptions of the source.
    `as_of` is the time of the snapshot, so that the same snapshot gives the same rows whenever it is looked at; before
    `closes_at`, the month's end and the lag after it, what is absent is not yet issued.

    Lines that do not count as billed are left out. Every counting line lies in exactly one row, and every expected line too.
    """
    known = {one.external_subscription_id: one for one in owners}
    open_lines = OpenLines(line for line in actual if line.counts)
    instances: dict[str, list[Instance]] = defaultdict(list)
    invoices: dict[str, list[str]] = defaultdict(list)
    for line in sorted(expected, key=lambda line: (line.service_from, line.charge != FLAT, line.line_key)):
        lines = open_lines.taken_by(line)
        place = _place(line, known)
        instances[place].append(_compared(line, lines, is_open=as_of < closes_at))
        invoices[place] += [one.external_invoice_id for one in lines]
    rows = []
    for left, notes in open_lines.left(expected):
        subscription = left.external_subscription_id
        if subscription is None or left.net.currency != _currency_of(subscription, known, left):
            rows.append(_line_row(prefix, left, notes))
            continue
        owner = known.setdefault(subscription, _unknown(left))
        instances[subscription].append(_unexpected(left, notes or _foreign(left, owner)))
        invoices[subscription].append(left.external_invoice_id)
    for place, one in known.items():
        if one.is_alive or instances[place]:
            rows.append(_subscription_row(f"{prefix}/subscription/{place}", one, instances[place], invoices[place]))
    return tuple(sorted(rows, key=lambda row: row.row_id))


def _place(line: ExpectedLine, known: dict[str, RowOwner]) -> str:
    """Which row of a subscription a line is in: what is adjusted of a month with another currency has one of its own."""
    owner = known.setdefault(line.external_subscription_id, _owner_of(line))
    if line.currency == owner.currency:
        return line.external_subscription_id
    place = f"{line.external_subscription_id}/{line.currency}"
    known.setdefault(place, replace(owner, currency=line.currency))
    return place


def _compared(line: ExpectedLine, lines: tuple[ActualLine, ...], *, is_open: bool) -> Instance:
    expected = None if line.net is None else Amounts(net=line.net, tax=line.tax, gross=line.gross)
    actual = _side(lines, line.currency)
    status = _status(expected, actual, is_known=line.net is not None)
    is_early = is_open and status is Status.ONLY_EXPECTED
    return Instance(
        charge=line.charge,
        service_from=line.service_from,
        service_to=line.service_to,
        due_at=line.due_at,
        currency=line.currency,
        expected=expected,
        actual=actual,
        status=status,
        verdict=_verdict(status),
        is_due=line.is_due,
        billed=total((abs(one.net) for one in lines), line.currency),
        notes=(*line.notes, *((NOT_YET_ISSUED,) if is_early else ()), *_notes(lines)),
        evidence=_references(lines),
    )


def _unexpected(line: ActualLine, notes: tuple[str, ...]) -> Instance:
    actual = _side((line,), line.net.currency)
    # A line of nothing on an instance that does not exist is no difference: 0 = 0.
    status = Status.ONLY_ACTUAL if line.net or line.tax else Status.NOTHING_DUE
    return Instance(
        charge=line.charge or line.kind,
        service_from=line.service_from,
        service_to=line.service_to,
        due_at=None,
        currency=line.net.currency,
        expected=None,
        actual=actual,
        status=status,
        verdict=_verdict(status),
        is_due=False,
        billed=abs(line.net),
        notes=(*notes, *line.notes),
        evidence=_references((line,)),
    )


def _status(expected: Amounts | None, actual: Amounts | None, *, is_known: bool) -> Status:
    if actual is None:
        return Status.ONLY_EXPECTED if not is_known or (expected and expected.net) else Status.NOTHING_DUE
    if expected is None:
        return Status.ONLY_ACTUAL
    if not (expected.net or actual.net or actual.tax):
        return Status.NOTHING_DUE
    return Status.MATCH if (expected.net, expected.tax) == (actual.net, actual.tax) else Status.DELTA


def _verdict(status: Status) -> Verdict:
    """Until causes are looked for, whatever differs is unexplained."""
    return {Status.MATCH: Verdict.MATCH, Status.NOTHING_DUE: Verdict.NOTHING_DUE}.get(status, Verdict.UNEXPLAINED)


def _side(lines: Sequence[ActualLine], currency: str) -> Amounts | None:
    if not lines:
        return None
    net, tax = total((line.net for line in lines), currency), total((line.tax for line in lines), currency)
    return Amounts(net=net, tax=tax, gross=net + tax)


def _notes(lines: Sequence[ActualLine]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(note for line in lines for note in line.notes))


def _references(lines: Sequence[ActualLine]) -> tuple[Reference, ...]:
    return tuple(Reference(kind="invoice_line", reference=line.line_key) for line in lines)


def _currency_of(subscription: str, known: Mapping[str, RowOwner], line: ActualLine) -> str:
    return known[subscription].currency if subscription in known else line.net.currency


def _foreign(line: ActualLine, owner: RowOwner) -> tuple[str, ...]:
    return (PARTNER_MISMATCH,) if line.external_user_id != owner.external_user_id else ()


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


def _line_row(prefix: str, line: ActualLine, notes: tuple[str, ...]) -> Row:
    return Row(
        row_id=f"{prefix}/line/{line.line_key}",
        external_subscription_id=line.external_subscription_id,
        external_user_id=line.external_user_id,
        currency=line.net.currency,
        line_key=line.line_key,
        external_invoice_ids=(line.external_invoice_id,),
        instances=(_unexpected(line, notes),),
    )


def _subscription_row(row_id: str, one: RowOwner, instances: Sequence[Instance], invoices: Iterable[str]) -> Row:
    notes = one.notes if one.is_alive else (*one.notes, NOT_ALIVE)
    return Row(
        row_id=row_id,
        external_subscription_id=one.external_subscription_id,
        external_user_id=one.external_user_id,
        currency=one.currency,
        line_key=None,
        external_invoice_ids=tuple(sorted(set(invoices))),
        instances=tuple(instances),
        notes=notes,
    )
