"""Clean: whether a reconciled period asks nothing of anybody any more.

Owns: everything that stands against a period, each with what to do. Does not own: verdicts and remedies (rows), the shares
(coverage), the gate in front of a flip, which asks for more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from fcb_pipelines.domain.coverage import Coverage, is_decided
from fcb_pipelines.domain.rows import Instance, Remedy, Row, Verdict

_SETTLED = frozenset({Verdict.MATCH, Verdict.NOTHING_DUE})


class Against(StrEnum):
    """What can stand against a period."""

    UNEXPLAINED = "unexplained"
    NO_SUCCESSOR = "no_successor"
    FIX_MODEL = "fix_model"
    COVERAGE = "coverage"
    NOT_CLOSED = "not_closed"
    RULES = "rules"
    SETTINGS = "settings"


WHAT_TO_DO: Mapping[Against, str] = {
    Against.UNEXPLAINED: "find the record that explains it, or accept it (fcb accept)",
    Against.NO_SUCCESSOR: "say who bills it after the flip, or that it ended (fcb carry)",
    Against.FIX_MODEL: "adopt the term (fcb adopt) and run the period again, until it is a match",
    Against.COVERAGE: "decide what is unexplained, or carried without a successor",
    Against.NOT_CLOSED: "run the period again once it has closed",
    Against.RULES: "run the period again, under the rules of this version",
    Against.SETTINGS: "run the period again, under the reviewed rules as they are now",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a revision of a period stands, counted by charge instance."""

    unexplained: int
    no_successor: int
    """Carried lines of which nobody said who bills them after the flip."""
    fix_model: int
    """Differences that our own terms still cause, explained and accepted ones alike."""
    is_covered: bool
    is_closed: bool = True
    """Whether the period had closed when it was run: before that much is not issued yet, which proves nothing."""
    rule_version: str
    settings_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """One thing that stands against a period."""

    against: Against
    count: int
    """Of charge instances; 1 where it is about the period as a whole."""
    words: str

    @property
    def what_to_do(self) -> str:
        """For people, as part of a sentence."""
        return WHAT_TO_DO[self.against]


def standing(rows: Iterable[Row], covered: Coverage, *, rule_version: str, settings_hash: str) -> Standing:
    """How rows stand."""
    instances = [instance for row in rows for instance in row.instances]
    return Standing(
        unexplained=sum(one.verdict is Verdict.UNEXPLAINED for one in instances),
        no_successor=sum(is_without_successor(one) for one in instances),
        fix_model=sum(asks_for_our_model(one) for one in instances),
        is_covered=covered.is_complete,
        rule_version=rule_version,
        settings_hash=settings_hash,
    )


def is_without_successor(instance: Instance) -> bool:
    """Whether it is carried, and nobody said what becomes of it after the flip."""
    return instance.verdict is Verdict.CARRIED and not is_decided(instance)


def asks_for_our_model(instance: Instance) -> bool:
    """Whether our price, interval, term or tax is wrong, neither mended yet nor settled by a signature."""
    return instance.verdict not in _SETTLED and instance.explanation.open_remedy is Remedy.FIX_MODEL


def objections(found: Standing, *, rule_version: str, settings_hash: str) -> tuple[Objection, ...]:
    """Everything that stands against a period, under the rules and settings of now; none where it is clean."""
    counted = (
        (Against.UNEXPLAINED, found.unexplained, "{} unexplained"),
        (Against.NO_SUCCESSOR, found.no_successor, "{} carried without a successor"),
        (Against.FIX_MODEL, found.fix_model, "{} explained by a term that is not ours yet"),
        (Against.COVERAGE, int(not found.is_covered), "part of what was billed or due is undecided"),
        (Against.NOT_CLOSED, int(not found.is_closed), "run before the month closed"),
        (Against.RULES, int(found.rule_version != rule_version), f"made under rules {found.rule_version}, now {rule_version}"),
        (Against.SETTINGS, int(found.settings_hash != settings_hash), "made under other reviewed rules than those of now"),
    )
    return tuple(Objection(against=one, count=count, words=words.format(count)) for one, count, words in counted if count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A period, and what stands against it."""

    period: str
    objections: tuple[Objection, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing does."""
        return not self.objections


def clean_run(history: Sequence[Judged], last: str) -> int:
    """How many periods in a row are clean, counted back from `last`; a month that is not there ends it."""
    count, awaited = 0, last
    for each in sorted(history, key=lambda one: one.period, reverse=True):
        if each.period > last:
            continue
        if each.period != awaited or not each.is_clean:
            break
        count, awaited = count + 1, _before(each.period)
    return count


def _before(period: str) -> str:
    year, month = int(period[:4]), int(period[5:])
    return f"{year - (month == 1):04d}-{(month - 2) % 12 + 1:02d}"
