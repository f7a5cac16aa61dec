"""Selections: the rows behind each number of the report, so that every number can be opened.

Owns: their keys and titles, and which rows each has. Does not own: the numbers (figures, partners, strip).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from fcb_pipelines.acts.report import Base
from fcb_pipelines.domain.clean import Against
from fcb_pipelines.domain.period import period_of
from fcb_pipelines.domain.rows import Instance, Row, Verdict
from fcb_pipelines.report.amounts import words_of
from fcb_pipelines.report.stakes import against, cause

ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Some rows of the period, and what they have in common."""

    key: str
    title: str
    rows: tuple[Row, ...]


def of_verdict(verdict: Verdict, currency: str) -> str:
    """Rows with an instance of a verdict."""
    return f"verdict:{verdict}:{currency}"


def of_currency(currency: str) -> str:
    """Rows of a currency."""
    return f"currency:{currency}"


def of_partner(partner: str, currency: str) -> str:
    """Rows of a customer."""
    return f"customer:{currency}:{partner}"


def of_cause(name: str, currency: str) -> str:
    """Rows with an instance that differs for a cause."""
    return f"cause:{currency}:{name}"


def of_objection(found: Against, currency: str) -> str:
    """Rows with an instance that stands against the period."""
    return f"against:{found}:{currency}"


def of_issue(month: str, currency: str) -> str:
    """Rows with a line that was issued in a month."""
    return f"issued:{month}:{currency}"


def selections(base: Base) -> Mapping[str, Selection]:
    """Every selection that has rows, and the one of all rows."""
    found: dict[str, tuple[str, dict[str, Row]]] = {ALL: (f"All rows of {base.period.key}", {})}
    issued = {line.line_key: period_of(line.issued_at, base.service.zone).key for line in base.lines}
    for row in base.rows:
        for key, title in {ALL: "", **dict(_of_row(base, row)), **dict(_of_instances(row, issued))}.items():
            found.setdefault(key, (title, {}))[1][row.row_id] = row
    return {key: Selection(key=key, title=title, rows=tuple(rows.values())) for key, (title, rows) in found.items()}


def _of_row(base: Base, row: Row) -> Iterable[tuple[str, str]]:
    yield of_currency(row.currency), f"Rows in {row.currency}"
    name = base.partners.get(row.external_user_id, row.external_user_id)
    yield of_partner(row.external_user_id, row.currency), f"Rows of {name} in {row.currency}"


def _of_instances(row: Row, issued: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    for one in row.instances:
        for named in (_verdict, _cause, _against):
            yield from named(one)
        for month in {issued[each.reference] for each in one.evidence if each.reference in issued}:
            yield of_issue(month, one.currency), f"Rows with a line in {one.currency} that was issued in {month}"


Named = Callable[[Instance], Iterable[tuple[str, str]]]


def _verdict(one: Instance) -> Iterable[tuple[str, str]]:
    yield of_verdict(one.verdict, one.currency), f"Rows with a charge in {one.currency} that is {words_of(one.verdict)}"


def _cause(one: Instance) -> Iterable[tuple[str, str]]:
    if one.difference:
        name = cause(one)
        yield of_cause(name, one.currency), f"Rows that differ in {one.currency}: {words_of(name)}"


def _against(one: Instance) -> Iterable[tuple[str, str]]:
    found = against(one)
    if found is not None:
        yield of_objection(found, one.currency), f"Rows that stand against the period in {one.currency}: {words_of(found)}"
