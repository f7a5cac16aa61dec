"""The pictures of a report, as SVG: expected against actual, and where the money is.

Owns: how they are drawn. Does not own: the figures, which stand beside each picture as a table. Floats are positions on paper
and nothing else. The same figures give the same bytes. matplotlib takes long to import and is imported when one is drawn.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from fcb_pipelines.domain.rows import Verdict
from fcb_pipelines.report.amounts import amount, words_of
from fcb_pipelines.report.figures import CurrencyFigures, Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEDIA_TYPE = "image/svg+xml"
SCATTER, WATERFALL = "scatter", "waterfall"
MOST_VECTORS = 2_000
"""Points that are drawn one by one; more are one image within the picture."""
_LONGEST = 34
_WIDTH = 7.2
_DRAWN = frozenset(Verdict) - {Verdict.NOTHING_DUE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ink:
    """The colours of a picture on light or on dark paper."""

    text: str
    line: str
    bar: str
    up: str
    down: str
    verdicts: Mapping[Verdict, str]


LIGHT = Ink(
    text="#2b343c",
    line="#c3ccd4",
    bar="#5b6b7a",
    up="#2f6f9f",
    down="#b3681d",
    verdicts={
        Verdict.MATCH: "#1d7a55",
        Verdict.EXPLAINED: "#2563a8",
        Verdict.CARRIED: "#7a5aa6",
        Verdict.ACCEPTED: "#8a6d1a",
        Verdict.UNEXPLAINED: "#b3261e",
    },
)
DARK = Ink(
    text="#dfe5ea",
    line="#46525d",
    bar="#93a3b2",
    up="#79b4e0",
    down="#e2a163",
    verdicts={
        Verdict.MATCH: "#6fcf9f",
        Verdict.EXPLAINED: "#84b7f0",
        Verdict.CARRIED: "#c2a6ec",
        Verdict.ACCEPTED: "#dfc26a",
        Verdict.UNEXPLAINED: "#ff8f86",
    },
)
INKS = {"light": LIGHT, "dark": DARK}
_MARKERS = {
    Verdict.MATCH: "o",
    Verdict.EXPLAINED: "^",
    Verdict.CARRIED: "s",
    Verdict.ACCEPTED: "D",
    Verdict.UNEXPLAINED: "X",
}
"""A shape for each verdict: colour alone tells not everybody."""


def name(kind: str, currency: str, paper: str) -> str:
    """What a picture is called: `scatter.cad.dark.svg`."""
    return f"{kind}.{currency.lower()}.{paper}.svg"


def names(figures: CurrencyFigures) -> Mapping[str, tuple[str, str]]:
    """Every picture of a currency's figures, by its name: its kind and its paper."""
    return {name(kind, figures.currency, paper): (kind, paper) for kind in (SCATTER, WATERFALL) for paper in INKS}


def drawn(figures: CurrencyFigures, kind: str, paper: str) -> bytes:
    """A picture of a currency's figures."""
    import matplotlib as mpl  # noqa: PLC0415 - it takes a second, and most commands draw nothing

    ink = INKS[paper]
    given = {
        "svg.hashsalt": "fcb",
        "svg.fonttype": "path",
        "font.family": "DejaVu Sans",
        "font.size": 10.5,
        "text.color": ink.text,
        "axes.labelcolor": ink.text,
        "axes.edgecolor": ink.line,
        "xtick.color": ink.text,
        "ytick.color": ink.text,
        "text.parse_math": False,
    }
    with mpl.rc_context(cast(Any, given)):
        figure = _scatter(figures, ink) if kind == SCATTER else _waterfall(figures, ink)
        written = io.BytesIO()
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return written.getvalue()


def _scatter(figures: CurrencyFigures, ink: Ink) -> "Figure":
    figure, axes = _paper(5.4)
    ends = [float(side) for one in figures.points for side in (one.expected.amount, one.actual.amount)] or [0.0]
    span = max(max(ends) - min(ends), 1.0)
    low, high = min(ends) - span * 0.04, max(ends) + span * 0.04
    axes.plot([low, high], [low, high], color=ink.line, linewidth=1, zorder=1)
    is_many = len(figures.points) > MOST_VECTORS
    for verdict in Verdict:
        places = _places(figures.points, verdict)
        if places and verdict in _DRAWN:
            colour, label = ink.verdicts[verdict], words_of(verdict)
            across, up = [x for x, _ in places], [y for _, y in places]
            axes.scatter(
                across, up, s=34, c=colour, marker=_MARKERS[verdict], alpha=0.75, linewidths=0, label=label, rasterized=is_many
            )
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_xlabel(f"expected, net, {figures.currency}")
    axes.set_ylabel(f"billed, net, {figures.currency}")
    if figures.points:
        axes.legend(frameon=False, loc="upper left")
    return figure


def _places(points: tuple[Point, ...], verdict: Verdict) -> list[tuple[float, float]]:
    return [(float(one.expected.amount), float(one.actual.amount)) for one in points if one.verdict is verdict]


def _waterfall(figures: CurrencyFigures, ink: Ink) -> "Figure":
    steps = figures.waterfall
    figure, axes = _paper(1.1 + 0.34 * (len(steps) + 2))
    labels = ["our model bills", *(_short(words_of(step.cause)) for step in steps), "the source billed"]
    bars = [(Decimal(0), figures.expected.amount, amount(figures.expected), ink.bar)]
    for step in steps:
        colour = ink.up if step.change.amount > 0 else ink.down
        bars.append((step.after.amount - step.change.amount, step.change.amount, amount(step.change, signed=True), colour))
    bars.append((Decimal(0), figures.billed.amount, amount(figures.billed), ink.bar))
    for place, (start, width, said, colour) in enumerate(bars):
        axes.barh(place, float(width), left=float(start), height=0.62, color=colour)
        end = float(max(start, start + width))
        axes.annotate(said, (end, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9.5)
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.margins(x=0.14)
    axes.set_xlabel(f"net, {figures.currency}")
    axes.axvline(0, color=ink.line, linewidth=1, zorder=0)
    return figure


def _paper(height: float) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure as Paper  # noqa: PLC0415 - as above

    figure = Paper(figsize=(_WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"
