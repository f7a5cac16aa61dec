"""Classification: what the line rules of a service caught, and what nobody knows yet.

Owns: the tally of lines by the rule that caught them. Does not own: which rule catches a line (invoices), which lines there are
(actual). Money is net and per currency; credits are negative.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fcb_pipelines.domain.invoices import LineFacts, LineKind, LineRule, catching
from fcb_pipelines.domain.money import Money, total

EXAMPLES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledLine:
    """A line that was billed, with what rules can ask of it."""

    facts: LineFacts
    kind: LineKind
    net: Money
    is_ruled: bool
    """Whether rules are asked of it: not where the mapping names its kind, or where it balances an invoice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """Some lines together."""

    lines: tuple[BilledLine, ...] = ()

    @property
    def nets(self) -> tuple[Money, ...]:
        """Their sum in each currency, by currency."""
        currencies = sorted({line.net.currency for line in self.lines})
        return tuple(total((one.net for one in self.lines if one.net.currency == code), code) for code in currencies)

    @property
    def examples(self) -> tuple[BilledLine, ...]:
        """The first lines of different descriptions, or else the first."""
        first = {line.facts.description: line for line in reversed(self.lines)}
        apart = sorted(first.values(), key=self.lines.index)
        return tuple([*apart, *(line for line in self.lines if line not in apart)][:EXAMPLES])


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """Every line in one place."""

    rules: tuple[tuple[LineRule, Caught], ...]
    """In their order; what a rule caught is empty where an earlier one catches it all, or nothing is so."""
    unknown: tuple[Caught, ...]
    """By description and currency, the most money first."""
    not_ruled: tuple[tuple[LineKind, Caught], ...]
    """Lines that no rule is asked of and whose kind is known, by kind."""


def classification(lines: Iterable[BilledLine], rules: Sequence[LineRule]) -> Classification:
    """Ask the rules again, as they were asked when the lines were read."""
    caught: list[list[BilledLine]] = [[] for _ in rules]
    unknown: dict[Any, list[BilledLine]] = {}
    not_ruled: dict[LineKind, list[BilledLine]] = {}
    for line in sorted(lines, key=_place):
        number = catching(line.facts, rules) if line.is_ruled else None
        if number is not None:
            caught[number].append(line)
        elif line.is_ruled or line.kind is LineKind.UNKNOWN:
            unknown.setdefault((line.facts.description, line.net.currency), []).append(line)
        else:
            not_ruled.setdefault(line.kind, []).append(line)
    return Classification(
        rules=tuple((rule, Caught(lines=tuple(found))) for rule, found in zip(rules, caught, strict=True)),
        unknown=tuple(sorted((Caught(lines=tuple(found)) for found in unknown.values()), key=_by_money)),
        not_ruled=tuple((kind, Caught(lines=tuple(not_ruled[kind]))) for kind in sorted(not_ruled)),
    )


def _place(line: BilledLine) -> tuple[str, int]:
    invoice, _, ordinal = line.facts.line_key.rpartition("/")
    return invoice, int(ordinal)


def _by_money(found: Caught) -> tuple[Any, ...]:
    first = found.lines[0]
    return first.net.currency, -sum(abs(line.net.amount) for line in found.lines), first.facts.description
