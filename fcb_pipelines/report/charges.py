"""A charge of a row as its page shows it: both sides by net, tax and gross, and each record that it rests on.

Owns: what a reference of the evidence says in words. Does not own: why the charge is as it is (domain/explaining).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fcb_pipelines.acts.report import Base
from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.money import ZERO, Money
from fcb_pipelines.domain.rows import Amounts, Instance
from fcb_pipelines.report.amounts import day, with_currency, words_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One part of both sides."""

    name: str
    expected: Money | None
    actual: Money | None
    difference: Money | None
    """Absent where a side is undecided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record that a charge rests on."""

    reference: str
    kind: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A charge instance, with all that its page shows."""

    instance: Instance
    sides: tuple[Side, ...]
    records: tuple[Record, ...]


def charge(base: Base, lines: Mapping[str, ActualLine], one: Instance) -> Charge:
    """What the page of a row shows of one of its charges; `lines` are those of the invoices by their keys."""
    return Charge(instance=one, sides=tuple(_sides(one)), records=tuple(_records(base, lines, one)))


def _sides(one: Instance) -> Iterable[Side]:
    for name in ("net", "tax", "gross"):
        expected, actual = _part(one.expected, name), _part(one.actual, name)
        yield Side(name=name, expected=expected, actual=actual, difference=_difference(one, expected, actual))


def _part(side: Amounts | None, name: str) -> Money | None:
    return None if side is None else getattr(side, name)


def _difference(one: Instance, expected: Money | None, actual: Money | None) -> Money | None:
    """An absent side counts as nothing, as in the row; one that is there with an undecided part leaves it open."""
    if (one.expected is not None and expected is None) or (one.actual is not None and actual is None):
        return None
    nothing = Money(ZERO, one.currency)
    return (expected or nothing) - (actual or nothing)


def references(one: Instance) -> tuple[str, ...]:
    """Every reference of an instance, each once: its lines, then what its findings name."""
    named = (reference for finding in one.explanation.findings for reference in finding.references)
    return tuple(dict.fromkeys([*(each.reference for each in one.evidence), *named]))


def _records(base: Base, lines: Mapping[str, ActualLine], one: Instance) -> Iterable[Record]:
    for reference in references(one):
        if reference in lines:
            yield _line(base, lines[reference])
        elif reference in base.evidence:
            yield from (_evidence(base, record) for record in base.evidence[reference])
        else:
            words = f"as snapshot {base.revision.snapshot_id} has it"
            yield Record(reference=reference, kind="row of the source", words=words)


def _line(base: Base, line: ActualLine) -> Record:
    zone = base.service.zone
    ranged = f", for {day(line.service_from, zone)} to before {day(line.service_to, zone)}" if line.service_from else ""
    said = f" “{line.description}”" if line.description else ""
    words = f"{with_currency(line.net)}{said}{ranged}, issued {day(line.issued_at, zone)}, {line.invoice_status}"
    return Record(reference=line.line_key, kind=f"invoice line, {words_of(line.kind)}", words=words)


def _evidence(base: Base, record: Evidence) -> Record:
    zone = base.service.zone
    since = f" from {day(record.valid_from, zone)}" if record.valid_from else ""
    until = f" to before {day(record.valid_to, zone)}" if record.valid_to else ""
    told = ", ".join(f"{key} {_value(value)}" for key, value in sorted(record.data.items()))
    words = f"{words_of(record.subject_kind)} {record.subject_id}{since}{until}{': ' if told else ''}{told}"
    return Record(reference=record.reference, kind=record.kind, words=words)


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
