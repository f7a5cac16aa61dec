"""Explaining: whether what met agrees, by our own rating or by what is on record, and what is missing where nothing says so.

Owns: the verdict on each group, the order in which options, siblings and taxes decide. Does not own: what met (matching),
predictions (predicting), the causes (`causes`, one file each), rows (reconciliation).

There is no tolerance, and precision goes before recall: what two records say differently is ambiguous, and ambiguous is
unexplained.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.carried import item_of
from fcb_pipelines.domain.case import Case, Step
from fcb_pipelines.domain.causes.missing_in_source import may_have
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.instances import untold_terms
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.kin import KinOf, Shared, no_kin, shared_by
from fcb_pipelines.domain.matching import Left, Met, Pass
from fcb_pipelines.domain.money import Money, Rounding, rounded, total
from fcb_pipelines.domain.parts import are_as_rated, is_in_parts
from fcb_pipelines.domain.predicting import Agreeing, Option, agreeing, options, upheld
from fcb_pipelines.domain.pricing import Flat
from fcb_pipelines.domain.rows import NO_EXPLANATION, Explanation, Finding, Remedy, Verdict, WaterfallStep
from fcb_pipelines.domain.scenes import Month, Scene, View, first_judged, judged
from fcb_pipelines.domain.steps import pricing_causes, steps
from fcb_pipelines.domain.suggesting import suggestions
from fcb_pipelines.domain.tax import component_tax

AMBIGUOUS = "ambiguous: several predictions fit, and they ask for different things"
SIBLINGS = "siblings with the same records are billed otherwise"
OTHER_RANGE = "it is billed for another service range than ours: a record that says which days are meant"
TAX = "what its tax rests on: it does not follow from the net by the tax table (a place, an exemption, a rate, a tax mode)"

CARRIED = frozenset({LineKind.ONE_OFF, LineKind.ADD_ON})
OUTSIDE_THE_MODEL = "outside_the_model"

CaseOf = Callable[[ExpectedLine], Case | None]
"""The case of an expected line; None where it was not priced from a plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is said of one instance of a group."""

    net: Money | None
    """Its part of what was billed; None where the group cannot be taken apart."""
    verdict: Verdict
    explanation: Explanation = NO_EXPLANATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group with what is said of each of its instances, in their order."""

    met: Met
    told: tuple[Told, ...]

    @property
    def is_whole(self) -> bool:
        """Whether its money can be given to its instances; else lines and instances are shown apart."""
        return all(each.net is not None for each in self.told)


def explained(met: Sequence[Met], case_of: CaseOf, month: Month, kin_of: KinOf = no_kin) -> tuple[Group, ...]:
    """Judge every group of a month; the order in which they are given changes nothing."""
    found: dict[int, tuple[Option, ...]] = {}
    cases: dict[int, list[Case]] = {}
    for number, group in enumerate(met):
        agrees = group.agrees and are_as_rated(group.lines, partial(_cases, group, case_of))
        if agrees and len(group.expected) == 1:
            continue
        own = _cases(group, case_of)
        ways = _ways(group, own) if len(own) == len(group.expected) else ()
        if ways or not agrees:
            cases[number], found[number] = own, ways
    single = {number: each[0] for number, each in found.items() if len(each) == 1 and not met[number].agrees}
    shared = shared_by(single, cases)
    held = upheld(single, [*_siblings(met, shared, cases, case_of), *kin_of(shared)] if shared else [])
    return tuple(
        _agreed(group, month)
        if number not in found
        else _by_option(group, held[number], month)
        if number in held
        else _open(group, cases[number], found[number], month, was_single=number in single)
        for number, group in enumerate(met)
    )


def _ways(group: Met, cases: Sequence[Case]) -> tuple[Option, ...]:
    """What records predict of a group; where several instances agree in their sum alone, only if it is other parts of it."""
    ours = tuple(one.net for one in group.expected)
    return tuple(each for each in options(group, cases) if not group.agrees or each.nets != ours)


def _cases(group: Met, case_of: CaseOf) -> list[Case]:
    if any(one.net is None for one in group.expected):
        return []
    found = [case_of(one) for one in group.expected]
    return [case for case in found if case is not None]


def _siblings(met: Sequence[Met], shared: Shared, cases: Mapping[int, Sequence[Case]], case_of: CaseOf) -> Iterator[Agreeing]:
    """What groups that agree say of what is shared; the others are not looked at."""
    for number, group in enumerate(met):
        own = [] if number in cases or len(group.expected) > 1 else _cases(group, case_of)
        for case, one in zip(own, group.expected, strict=False):
            if one.net and shared.concerns(case):
                yield agreeing([case], [one.net])


def _agreed(group: Met, month: Month) -> Group:
    """A group that agrees: a match where an invoice names the instance, else explained by how the lines were found."""
    found = judged(_met_scene(group, month))
    findings, is_told = tuple(each.finding for each in found), any(each.explains for each in found)
    nets = [one.net for one in group.expected]
    if not is_told and (group.by is Pass.INSTANCE or (len(group.expected) == 1 and is_in_parts(group.lines))):
        verdict, taxes = _taxed(group, Verdict.MATCH, month, nets)
    elif is_told:
        verdict, taxes = _taxed(group, Verdict.EXPLAINED, month, nets)
    else:
        verdict, taxes = Verdict.UNEXPLAINED, ()
    explanation = _explanation(group, (*findings, *taxes))
    if verdict is Verdict.UNEXPLAINED:
        explanation = replace(explanation, missing=(TAX if is_told or group.by is Pass.INSTANCE else OTHER_RANGE,))
    return Group(met=group, told=tuple(Told(net=one.net, verdict=verdict, explanation=explanation) for one in group.expected))


def _by_option(group: Met, option: Option, month: Month) -> Group:
    """A group that agrees by what is on record."""
    others = tuple(each.finding for each in judged(_met_scene(group, month)))
    verdict, taxes = _taxed(group, Verdict.EXPLAINED, month, option.nets)
    told = []
    for predicted in option.predicted:
        findings = (*(_finding(step, option) for step in predicted.named), *others, *taxes)
        explanation = _explanation(group, findings, waterfall(predicted.steps, predicted.net, predicted.rounding))
        if verdict is Verdict.UNEXPLAINED:
            explanation = replace(explanation, missing=(TAX,))
        told.append(Told(net=predicted.net, verdict=verdict, explanation=explanation))
    return Group(met=group, told=tuple(told))


def _open(group: Met, cases: Sequence[Case], found: Sequence[Option], month: Month, *, was_single: bool) -> Group:
    """A group that nothing on record explains: what would decide it, and arithmetic that only fits."""
    missing = [SIBLINGS] if was_single else [AMBIGUOUS] if found else _missing(group, cases)
    billed, is_one = group.billed, len(cases) == len(group.expected) == 1
    explanation = Explanation(
        missing=tuple(missing),
        suggestions=suggestions(cases[0], billed) if is_one else (),
        waterfall=waterfall(tuple(steps(cases[0])), billed, cases[0].rounding) if is_one else (),
    )
    net = billed if len(group.expected) == 1 and group.by is not Pass.TOTAL else None
    told = Told(net=net, verdict=Verdict.UNEXPLAINED, explanation=explanation)
    return Group(met=group, told=(told,) * len(group.expected))


def _missing(group: Met, cases: Sequence[Case]) -> list[str]:
    """The records that say nothing of any of its instances; a price that nobody can tell needs its terms first."""
    if unpriced := [one for one in group.expected if one.net is None]:
        return list(dict.fromkeys(each for one in unpriced for each in untold_terms(one.notes)))
    if group.by is Pass.TOTAL:
        return [f"what invoice {group.lines[0].external_invoice_id} pays for (evidence line_reference), or its items"]
    said = {step.cause for case in cases for step in steps(case)}
    is_flat = any(isinstance(case.pricing, Flat) for case in cases)
    return [cause.needs for cause in pricing_causes() if cause.name not in said and cause.is_for_usage is not is_flat]


def _taxed(group: Met, verdict: Verdict, month: Month, nets: Sequence[Money | None]) -> tuple[Verdict, tuple[Finding, ...]]:
    """The verdict once the tax is looked at: it follows from the net that was billed, or has a cause, or has none."""
    due = [_tax_on(one, net) for one, net in zip(group.expected, nets, strict=True)]
    billed = total((line.tax for line in group.lines), group.currency)
    if None not in due and total((tax for tax in due if tax is not None), group.currency) == billed:
        return verdict, ()
    if all(month.tax_rounding in line.tax_fits for line in group.lines):
        return verdict, ()
    judgement = first_judged(Scene(view=View.TAX, month=month, lines=group.lines, met=group))
    if judgement is None:
        return Verdict.UNEXPLAINED, ()
    return Verdict.EXPLAINED, (judgement.finding,)


def _tax_on(one: ExpectedLine, net: Money | None) -> Money | None:
    """The tax on what was billed, by the rates that we expect; None where they are undecided."""
    if one.net == net:
        return one.tax
    if net is None or one.tax is None or not one.tax_components:
        return None
    return total((component_tax(net, part.percent) for part in one.tax_components), net.currency)


def _met_scene(group: Met, month: Month) -> Scene:
    return Scene(view=View.MET, month=month, expected=group.expected, lines=group.lines, met=group)


def _finding(step: Step, option: Option) -> Finding:
    is_cut = isinstance(step.pricing, Flat) and step.pricing.is_cut
    fitting = sorted(option.conventions) if is_cut and option.is_by_convention else ()
    return Finding(
        cause=step.cause,
        remedy=step.remedy,
        words=step.words,
        references=step.references,
        conventions=tuple(f"proration = {each}" for each in fitting),
        family=next(iter(option.families)) if fitting and len(option.families) == 1 else "",
    )


def _explanation(group: Met, findings: Iterable[Finding], steps_shown: tuple[WaterfallStep, ...] = ()) -> Explanation:
    return Explanation(findings=tuple(findings), waterfall=steps_shown, is_in_total=group.by in {Pass.TOTAL, Pass.SUBSCRIPTION})


def waterfall(walk: Sequence[Step], billed: Money, rounding: Rounding) -> tuple[WaterfallStep, ...]:
    """What the amount is after each step, and what is left of the difference then."""
    found = []
    for step in walk:
        amount = rounded(step.pricing.due, billed.currency, rounding)
        found.append(WaterfallStep(name=step.cause, words=step.words, amount=amount, residual=amount - billed))
    return tuple(found)


def absent(one: ExpectedLine, month: Month) -> tuple[Verdict, Explanation]:
    """What is said of an instance that nothing was billed for."""
    judgement = first_judged(Scene(view=View.ABSENT, month=month, expected=(one,)))
    if judgement is None:
        return Verdict.UNEXPLAINED, Explanation(missing=_untold(one, month))
    verdict = Verdict.EXPLAINED if judgement.explains else Verdict.UNEXPLAINED
    return verdict, Explanation(findings=(judgement.finding,))


def _untold(one: ExpectedLine, month: Month) -> tuple[str, ...]:
    if one.net is None:
        return untold_terms(one.notes)
    invoices = dict.fromkeys(line.external_invoice_id for line in may_have(one, month))
    return tuple(f"what invoice {invoice} pays for (evidence line_reference), or its items" for invoice in invoices)


def left(one: Left, month: Month) -> tuple[Verdict, Explanation]:
    """What is said of a line that met nothing: a cause, that it is outside the model, or what would decide it."""
    judgement = first_judged(Scene(view=View.LEFT, month=month, lines=(one.line,), left=one))
    if judgement is not None:
        verdict = Verdict.EXPLAINED if judgement.explains else Verdict.UNEXPLAINED
        return verdict, Explanation(findings=(judgement.finding,))
    if one.line.kind in CARRIED and not one.notes:
        return Verdict.CARRIED, _carried(one.line, month)
    return Verdict.UNEXPLAINED, Explanation(missing=_unknown(one.line))


def _carried(line: ActualLine, month: Month) -> Explanation:
    """A line outside the model; what recurs, or is for a time with an end, is no one-off."""
    recurs = item_of(line) in month.recurring or line.service_to is not None
    words = f"{line.kind} line, outside the model{', which recurs' if recurs else ''}"
    finding = Finding(cause=OUTSIDE_THE_MODEL, remedy=Remedy.CARRY, words=words, references=(line.line_key,))
    successor = month.successors.get(item_of(line))
    covered = successor is not None and successor.covers(line, month.zone)
    return Explanation(findings=(finding,), successor=str(successor) if covered else None)


def _unknown(line: ActualLine) -> tuple[str, ...]:
    if line.kind is LineKind.UNKNOWN:
        return (f"a line rule in fcb.toml for {line.description!r}",)
    return (f"what line {line.line_key} pays for (evidence line_reference)",)
