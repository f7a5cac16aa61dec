"""The report of a period as a whole: what its pages show, before any of it is HTML.

Owns: the sentence, and how the parts are put together. Does not own: the parts (figures, partners, strip, queue, selections).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fcb_pipelines.acts.report import Base, Material
from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.clean import Judged, clean_run
from fcb_pipelines.domain.rows import Row
from fcb_pipelines.report.amounts import counted, joined, listed
from fcb_pipelines.report.figures import CurrencyFigures, figures
from fcb_pipelines.report.partners import PartnerLine, partners
from fcb_pipelines.report.queue import Group, queue, stopped
from fcb_pipelines.report.selections import Selection, selections
from fcb_pipelines.report.strip import Strip, strips


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What follows from a revision alone."""

    base: Base
    figures: tuple[CurrencyFigures, ...]
    partners: tuple[PartnerLine, ...]
    strips: tuple[Strip, ...]
    groups: tuple[Group, ...]
    selections: Mapping[str, Selection]
    rows: Mapping[str, Row]
    lines: Mapping[str, ActualLine]
    """Of the invoices, by their keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A report."""

    shape: Shape
    material: Material
    judged: Judged
    """The period itself, and what stands against it."""
    clean_periods: int
    """How many periods in a row are clean, this one the last."""

    @property
    def sentence(self) -> str:
        """Whether the period is ready, in a sentence."""
        return sentence(self.shape, self.judged)


def shape(base: Base) -> Shape:
    """What follows from a revision alone."""
    return Shape(
        base=base,
        figures=figures(base.rows, base.service.currency),
        partners=partners(base),
        strips=strips(base),
        groups=queue(base),
        selections=selections(base),
        rows={row.row_id: row for row in base.rows},
        lines={line.line_key: line for line in base.lines},
    )


def view(found: Shape, material: Material) -> View:
    """The report, as it is now."""
    period = found.base.period.key
    judged = next(one for one in material.history if one.period == period)
    return View(shape=found, material=material, judged=judged, clean_periods=clean_run(material.history, period))


def sentence(found: Shape, judged: Judged) -> str:
    """`Not ready: 3 things stop CAD 877.99 of partner X.`, or that it is ready."""
    period = found.base.period.key
    if judged.is_clean:
        billed = listed(one.billed for one in found.figures) or "nothing"
        return f"Ready: {billed} billed for {period} is decided, and none of our terms is left to mend."
    if found.groups:
        verb = "stops" if len(found.groups) == 1 else "stop"
        return f"Not ready: {counted(len(found.groups), 'thing')} {verb} {listed(stopped(found.groups))} of {_whose(found)}."
    return f"Not ready: {joined(one.words for one in judged.objections)}."


def _whose(found: Shape) -> str:
    whose = dict.fromkeys(item.row.external_user_id for group in found.groups for item in group.items)
    if len(whose) > 1:
        return f"{len(whose):,} partners"
    (only,) = whose
    name = found.base.partners.get(only, "")
    return f"partner {only} ({name})" if name else f"partner {only}"
