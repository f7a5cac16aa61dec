"""The pictures: drawn of any figures, the same bytes each time, and no command pays for the library that draws them."""

import subprocess
import sys
from xml.etree import ElementTree

import pytest

from fcb_pipelines.report import pictures
from fcb_pipelines.report.figures import figures
from fcb_pipelines_tests.report.material import HOSTILE, carried, every_kind, explained, row

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("paper", list(pictures.INKS))
@pytest.mark.parametrize("kind", [pictures.SCATTER, pictures.WATERFALL])
def test_a_picture_is_svg_and_the_same_each_time(kind: str, paper: str) -> None:
    cad = figures([*every_kind()], "CAD")[0]
    first, second = (pictures.drawn(cad, kind, paper) for _ in range(2))
    assert first == second
    root = ElementTree.fromstring(first)  # noqa: S314 - our own
    assert root.tag == f"{SVG}svg"
    assert not list(root.iter(f"{SVG}script"))


def test_light_and_dark_paper_have_their_own_colours() -> None:
    cad = figures([*every_kind()], "CAD")[0]
    light, dark = (pictures.drawn(cad, pictures.SCATTER, paper) for paper in pictures.INKS)
    assert pictures.LIGHT.text.encode() in light
    assert pictures.DARK.text.encode() in dark
    assert pictures.LIGHT.text.encode() not in dark


@pytest.mark.parametrize("evil", [*HOSTILE, r"no $\frac{ mathematics$"])
def test_no_cause_is_markup_or_mathematics(evil: str) -> None:
    (cad,) = figures([row("s1", explained(cause=evil)), row("s2", carried(charge=evil))], "CAD")
    ElementTree.fromstring(pictures.drawn(cad, pictures.WATERFALL, "light"))  # noqa: S314 - our own


def test_many_points_are_one_image() -> None:
    rows = [row(f"s{n}", explained("50.00", f"{n % 90}.00")) for n in range(pictures.MOST_VECTORS + 1)]
    (cad,) = figures([*rows], "CAD")
    content = pictures.drawn(cad, pictures.SCATTER, "light")
    assert b"<image" in content
    assert len(content) < 300_000


def test_whoever_draws_nothing_does_not_wait_for_the_library() -> None:
    command = (
        "import sys, fcb_pipelines.api.app, fcb_pipelines.cli, fcb_pipelines.report.export; print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
