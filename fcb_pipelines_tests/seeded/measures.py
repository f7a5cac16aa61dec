"""Rows held against the truth: what was found, what was missed, what was explained and should not have been."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fcb_pipelines.domain.money import Money, total
from fcb_pipelines.domain.rows import Instance, Row, Verdict
from fcb_pipelines_tests.seeded.host import Truth

UNDECIDED = {Verdict.MATCH, Verdict.NOTHING_DUE}
Place = tuple[str, str]


@dataclass(slots=True)
class Measured:
    """Figures of one or several services, and what stands behind each that is not as it should be."""

    planted: int = 0
    explainable: int = 0
    right: int = 0
    unseen: list[str] = field(default_factory=list)
    """Differences that the rows say nothing of."""
    invented: list[str] = field(default_factory=list)
    """Differences that nobody planted."""
    false: list[str] = field(default_factory=list)
    """Explained by what is not so."""
    missed: list[str] = field(default_factory=list)
    """Explainable, and not explained, or with another remedy."""
    of_plant: Counter[str] = field(default_factory=Counter)
    missed_of_plant: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> float:
        """How many of the explainable ones are right."""
        return self.right / self.explainable if self.explainable else 1.0

    def __str__(self) -> str:
        head = (
            f"planted {self.planted}, explainable {self.explainable}, right {self.right} ({self.share:.2%}); "
            f"unseen {len(self.unseen)}, invented {len(self.invented)}, false {len(self.false)}, missed {len(self.missed)}"
        )
        details = [
            f"  {kind}: {each}" for kind in ("false", "invented", "unseen", "missed") for each in getattr(self, kind)[:12]
        ]
        return "\n".join([head, f"  missed of plants: {dict(self.missed_of_plant)}", *details])


def instances(rows: Iterable[Row]) -> dict[Place, list[Instance]]:
    """The instances of all rows by subscription and charge, and those that nobody expected by their line."""
    found: dict[Place, list[Instance]] = {}
    for row in rows:
        for one in row.instances:
            if one.expected is None and one.evidence and one.due_at is None:
                found.setdefault((one.evidence[0].reference, ""), []).append(one)
            else:
                found.setdefault((row.external_subscription_id or "", one.charge), []).append(one)
    return found


def measure(rows: Iterable[Row], truths: Mapping[Place, Truth], into: Measured | None = None) -> Measured:
    """Hold the rows against the truth."""
    measured, found = into or Measured(), instances(rows)
    for place, truth in truths.items():
        for one in found.get(place, [None]):
            _hold(measured, place, truth, one)
    for place, ones in found.items():
        if place not in truths:
            measured.invented += [f"{place} {said(one)}" for one in ones if one.verdict not in UNDECIDED]
    return measured


def _hold(measured: Measured, place: Place, truth: Truth, one: Instance | None) -> None:
    measured.planted += 1
    measured.of_plant[truth.plant] += 1
    shown = f"{truth.plant} {place} is {truth.verdict} by {sorted(truth.causes)} {truth.remedy}; found {said(one)}"
    if one is None or (one.verdict in UNDECIDED and truth.verdict not in UNDECIDED):
        measured.unseen.append(shown)
        return
    causes = frozenset(each.cause for each in one.explanation.findings)
    is_right = truth.allows(causes) and (one.verdict, one.explanation.remedy) == (truth.verdict, truth.remedy)
    if one.verdict is Verdict.EXPLAINED and (truth.verdict is not Verdict.EXPLAINED or not truth.allows(causes)):
        measured.false.append(shown)
    if truth.verdict is Verdict.EXPLAINED:
        measured.explainable += 1
        measured.right += is_right
    if not is_right:
        measured.missed.append(shown)
        measured.missed_of_plant[truth.plant] += 1


def said(one: Instance | None) -> str:
    """An instance in short."""
    if one is None:
        return "no instance"
    causes = sorted(each.cause for each in one.explanation.findings)
    sides = f"{one.expected and one.expected.net} / {one.actual and one.actual.net}"
    missing = one.explanation.missing[:1]
    return f"{one.verdict} {one.status} {sides} {causes} {one.explanation.remedy} missing {missing} {one.notes}"


def sums(rows: Iterable[Row], currency: str = "CAD") -> dict[str, Money]:
    """Σ actual net by verdict."""
    found: dict[str, list[Money]] = {}
    for row in rows:
        for one in row.instances:
            if one.actual is not None and one.currency == currency:
                found.setdefault(one.verdict, []).append(one.actual.net)
    return {verdict: total(nets, currency) for verdict, nets in found.items()}
