"""Predicting: what a group of instances would have been billed by what is on record, and which predictions are exact.

Owns: the options of a group, which of their steps are causes, what siblings say of a parameter they share. Does not own: the
steps (causes), which lines and instances met (matching), verdicts (explaining).

A prediction uses every record that says anything of its instance, so a record that was not followed contradicts. Only what no
record says of one instance alone is tried: the declared conventions, and the ways in which events can be counted.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from fcb_pipelines.domain.case import Case, OtherUsage, Step
from fcb_pipelines.domain.matching import Met
from fcb_pipelines.domain.money import Money, Rounding, rounded, total
from fcb_pipelines.domain.parts import as_billed
from fcb_pipelines.domain.pricing import WHOLE, Flat, Pricing
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines.domain.rows import Remedy
from fcb_pipelines.domain.steps import priced, walk

CONVENTIONS = tuple(Proration)


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """What one instance would be billed, and why."""

    net: Money
    steps: tuple[Step, ...]
    """The whole waterfall."""
    named: tuple[Step, ...]
    """Those of its steps that our own rating does not take."""
    rounding: Rounding
    """How its net is rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A prediction for a whole group that comes to exactly what was billed."""

    predicted: tuple[Predicted, ...]
    conventions: frozenset[Proration]
    """Those that predict the same."""
    families: frozenset[str]
    """The plan families of its instances."""
    ways: Mapping[Proration, tuple[Predicted, ...]]
    """The steps by each of the conventions, the declared one first: to the same amounts they may go by other steps."""
    count: int = 1
    """How many groups it is of."""

    @property
    def nets(self) -> tuple[Money, ...]:
        """What each instance would be billed."""
        return tuple(each.net for each in self.predicted)

    @property
    def remedies(self) -> frozenset[Remedy]:
        """What it asks for."""
        return frozenset(step.remedy for each in self.predicted for step in each.named)

    @property
    def is_by_convention(self) -> bool:
        """Whether it takes another convention than the declared one: some of its instances is paid for in part."""
        named = (step for each in self.predicted for step in each.named)
        return any(isinstance(step.pricing, Flat) and step.pricing.is_cut for step in named)

    @property
    def parameters(self) -> frozenset[str]:
        """What it says of siblings too."""
        return frozenset(step.parameter for each in self.predicted for step in each.named if step.parameter)


def options(met: Met, cases: Sequence[Case]) -> tuple[Option, ...]:
    """Every prediction that comes to exactly what was billed; those that say the same of each instance are one."""
    currency, billed = met.currency, met.billed
    families = frozenset(case.family for case in cases)
    found: dict[tuple[tuple[Money, ...], frozenset[Remedy]], Option] = {}
    for conventions, usage in _choices(cases):
        chosen = as_billed([_chosen(case, conventions[0], usage) for case in cases], met.lines)
        # The amount first: most ways come to another one, and then nobody asks for the steps.
        if chosen is None or total((_net(one, currency) for one in chosen), currency) != billed:
            continue
        predicted = tuple(_predicted(one, case, currency) for one, case in zip(chosen, cases, strict=True))
        if not any(each.named for each in predicted):
            continue
        ways = dict.fromkeys(conventions, predicted)
        option = Option(predicted=predicted, conventions=frozenset(ways), families=families, ways=ways)
        key = option.nets, option.remedies
        found[key] = _merged(found[key], option) if key in found else option
    return tuple(found.values())


def _merged(known: Option, option: Option) -> Option:
    """Two options that say the same as one; what counts in two ways by one convention is named in both."""
    ways = dict(known.ways)
    for convention, predicted in option.ways.items():
        before = ways.get(convention)
        ways[convention] = predicted if before is None else tuple(map(_both, before, predicted))
    return replace(known, predicted=next(iter(ways.values())), conventions=frozenset(ways), ways=ways)


def _both(one: Predicted, other: Predicted) -> Predicted:
    causes = {step.cause for step in one.named}
    return replace(one, named=(*one.named, *(step for step in other.named if step.cause not in causes)))


def _choices(cases: Sequence[Case]) -> Iterator[tuple[tuple[Proration, ...], OtherUsage | None]]:
    """Conventions that predict the same, the declared one first; another way to count only where one instance stands alone."""
    flat = [case.pricing for case in cases if isinstance(case.pricing, Flat)]
    declared = flat[0].convention if flat else Proration.NONE
    every = tuple(sorted(CONVENTIONS, key=lambda each: each is not declared))
    others = cases[0].usage if len(cases) == 1 else ()
    for alike in [(declared,)] if not flat else zip(every) if any(map(is_cut, cases)) else [every]:
        for usage in (None, *others):
            yield alike, usage


def is_cut(case: Case) -> bool:
    """Whether the conventions tell its amounts apart."""
    pricing = priced(case)
    return isinstance(pricing, Flat) and pricing.is_cut


def _chosen(case: Case, convention: Proration, usage: OtherUsage | None) -> Case:
    wanted, given = () if usage is None else (usage,), case.under(convention)
    return given if given.usage == wanted else replace(given, usage=wanted)


def _net(case: Case, currency: str) -> Money:
    return rounded(priced(case).due, currency, case.rounding)


def _predicted(chosen: Case, case: Case, currency: str) -> Predicted:
    taken = walk(chosen)
    own = {step.cause: effect for step, effect in _effects(case.as_rated.pricing, walk(case.as_rated))}
    told = [(step, effect, own.get(step.cause, WHOLE)) for step, effect in _effects(chosen.pricing, taken)]
    named = tuple(step for step, effect, ours in told if effect != ours)
    shown = tuple(step for step, effect, ours in told if (effect, ours) != (WHOLE, WHOLE))
    exact = taken[-1].pricing.due if taken else chosen.pricing.due
    return Predicted(net=rounded(exact, currency, case.rounding), steps=shown, named=named, rounding=case.rounding)


def _effects(pricing: Pricing, taken: Iterable[Step]) -> Iterator[tuple[Step, Fraction]]:
    """What each step multiplies the amount by: the same cause with the same effect is part of our own rating."""
    for step in taken:
        before, after = pricing.exact, step.pricing.exact
        yield step, WHOLE if after == before else after / before if before else after
        pricing = step.pricing


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreeing:
    """What a group that agrees with our own rating says of parameters that it shares with siblings."""

    conventions: frozenset[Proration]
    """Those under which it would have been billed the same."""
    contradicted: frozenset[str]
    """Parameters by which it would have been billed otherwise."""
    families: frozenset[str]
    count: int = 1
    """How many groups say the same."""


def agreeing(cases: Sequence[Case], nets: Sequence[Money], count: int = 1) -> Agreeing:
    """Hold a group that agrees, or so many of which one is like the other, against what is on record all the same."""
    conventions, contradicted = set(), set()
    for convention in CONVENTIONS:
        predicted = [_net(case.under(convention).as_rated, net.currency) for case, net in _pairs(cases, nets)]
        if predicted == list(nets):
            conventions.add(convention)
    for case, net in _pairs(cases, nets):
        found = _predicted(replace(case, usage=()), case, net.currency)
        contradicted |= {step.parameter for step in found.named if step.parameter and found.net != net}
    families = frozenset(case.family for case in cases)
    return Agreeing(conventions=frozenset(conventions), contradicted=frozenset(contradicted), families=families, count=count)


def _pairs(cases: Sequence[Case], nets: Sequence[Money]) -> Iterator[tuple[Case, Money]]:
    return zip(cases, nets, strict=True)


def upheld(found: Mapping[int, Option], siblings: Sequence[Agreeing]) -> dict[int, Option]:
    """The options that hold for their siblings too, by the number of their group, with the conventions that hold for all.

    Of a family the convention holds that fits most rows, and any other parameter that more rows follow than contradict; what
    as many rows speak for as against proves nothing. `siblings` agree with our own rating.
    """
    votes: dict[str, Counter[Proration]] = defaultdict(Counter)
    against: Counter[str] = Counter()
    in_favour: Counter[str] = Counter(each for option in found.values() for each in option.parameters)
    told = {number: option for number, option in found.items() if option.is_by_convention}
    for one in siblings:
        against.update(dict.fromkeys(one.contradicted, one.count))
    voters: tuple[Option | Agreeing, ...] = (*told.values(), *siblings)
    for voter in voters:
        for family in voter.families:
            votes[family].update(dict.fromkeys(voter.conventions, voter.count))
    held = {}
    for number, option in found.items():
        winners = _common(votes, option) if number in told else frozenset()
        if winners <= option.conventions and all(in_favour[each] > against[each] for each in option.parameters):
            held[number] = _by(option, winners) if winners else option
    return held


def _by(option: Option, winners: frozenset[Proration]) -> Option:
    """An option with the steps of a convention that holds."""
    return replace(option, conventions=winners, predicted=next(option.ways[each] for each in option.ways if each in winners))


def _common(votes: Mapping[str, Counter[Proration]], option: Option) -> frozenset[Proration]:
    return frozenset(each for family in option.families for each in _winners(votes[family]))


def _winners(votes: Counter[Proration]) -> frozenset[Proration]:
    most = max(votes.values())
    return frozenset(convention for convention, count in votes.items() if count == most)
