"""Explanations as they are kept: what was written comes back, what an older version wrote too."""

from typing import Any

import pytest

from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.rows import NO_EXPLANATION, Explanation, Finding, Remedy, Suggestion, WaterfallStep
from fcb_pipelines.store.explanations import read, written

WHOLE = Explanation(
    findings=(
        Finding(
            cause="proration",
            remedy=Remedy.FIX_MODEL,
            words="17 of 31 days",
            references=("subscriptions/7",),
            conventions=("proration = calendar_days",),
            family="old",
        ),
    ),
    waterfall=(WaterfallStep(name="proration", words="17 of 31 days", amount=money("9.14 CAD"), residual=money("0.00 CAD")),),
    missing=("the day it ended",),
    suggestions=(Suggestion(words="17 of 31 days", amount=money("9.14 CAD"), chance="0.0015"),),
    is_in_total=True,
    successor="ended on 2026-05-01",
    settled_by="A-1",
)


@pytest.mark.parametrize("explanation", [WHOLE, Explanation(missing=("a record",)), NO_EXPLANATION])
def test_what_is_written_comes_back(explanation: Explanation) -> None:
    assert read(written(explanation), "CAD") == explanation


@pytest.mark.parametrize("absent", [("conventions",), ("family",), ("references",), ("conventions", "family", "references")])
def test_what_a_finding_of_an_older_version_does_not_tell_is_empty(absent: tuple[str, ...]) -> None:
    finding: dict[str, Any] = {
        "cause": "proration",
        "remedy": "fix_model",
        "words": "17 of 31 days",
        "references": ["subscriptions/7"],
        "conventions": ["proration = calendar_days"],
        "family": "old",
    }
    for name in absent:
        del finding[name]
    (found,) = read({"findings": [finding]}, "CAD").findings
    assert (found.cause, found.remedy, found.words) == ("proration", Remedy.FIX_MODEL, "17 of 31 days")
    told = {"references": ("subscriptions/7",), "conventions": ("proration = calendar_days",), "family": "old"}
    empty = {"references": (), "conventions": (), "family": ""}
    assert {name: getattr(found, name) for name in told} == told | {name: empty[name] for name in absent}
