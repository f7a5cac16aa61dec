"""Steps: the waterfall of a case, from its list price through every cause whose records say something of it.

Owns: which causes there are, and in which order they are asked. Does not own: the causes (`causes`, one file each), which
amounts they are held against (explaining).

Our own rating and an explanation are the same walk: rating knows the history of the source and the terms that people adopted,
an explanation everything that is on record. So a term that is adopted turns what it explained into a match.
"""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from fcb_pipelines.domain import causes
from fcb_pipelines.domain.case import Case, Cause, PricingCause, Step
from fcb_pipelines.domain.pricing import Pricing
from fcb_pipelines.domain.rows import Finding


@cache
def all_causes() -> tuple[Cause, ...]:
    """Every cause of the folder `causes`, by name; a new file there is a new cause."""
    return tuple(import_module(f"{causes.__name__}.{found.name}").CAUSE for found in iter_modules(causes.__path__))


@cache
def pricing_causes() -> tuple[PricingCause, ...]:
    """Those that change a pricing, in the order of the waterfall."""
    found = [cause for cause in all_causes() if isinstance(cause, PricingCause)]
    return tuple(sorted(found, key=lambda cause: (cause.stage, cause.rank, cause.name)))


@cache
def adoptable() -> frozenset[str]:
    """Kinds of evidence that our own rating can follow once a person adopted them as a term."""
    return frozenset(kind for cause in pricing_causes() for kind in cause.kinds)


@cache
def _adoptable_causes() -> frozenset[str]:
    return frozenset(cause.name for cause in pricing_causes() if cause.kinds)


def is_adoptable(finding: Finding) -> bool:
    """Whether what a finding rests on can become a term of our own: a record of a kind that rating follows, or a convention."""
    return bool(finding.conventions) or finding.cause in _adoptable_causes()


def steps(case: Case) -> Iterator[Step]:
    """The steps that change the amount of a case by its records, in order."""
    pricing = case.pricing
    for step in walk(case):
        if step.pricing.exact != pricing.exact:
            yield step
        pricing = step.pricing


def priced(case: Case) -> Pricing:
    """The pricing at the end of the waterfall."""
    walked = walk(case)
    return walked[-1].pricing if walked else case.pricing


def walk(case: Case) -> tuple[Step, ...]:
    """Every step that its records demand, whether it changes the amount or not."""
    if not case.walked:
        case.walked.append(tuple(_walk(case)))
    return case.walked[0]


def _walk(case: Case) -> Iterator[Step]:
    pricing = case.pricing
    for cause in pricing_causes():
        step = cause.step(case, pricing)
        if step is not None:
            yield step
            pricing = step.pricing
