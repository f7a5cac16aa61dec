"""What the source bills of what Odoo is about to bill: told by the newest snapshot, or as it was last matched."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from fcb_pipelines.domain.alarms import NO_LONGER_SO, Alarm
from fcb_pipelines.domain.billed_too import Told, billed_too, settled_lines
from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.domain.guards import Kind, SourceBilled
from fcb_pipelines.domain.money import money
from fcb_pipelines_tests.builders import APRIL, day, expected

MAY = APRIL.next()
LINE = SourceBilled(
    line_key="in_5/1",
    external_subscription_id="s1",
    external_user_id="u1",
    charge="flat",
    service_from=APRIL.start,
    service_to=APRIL.end,
    net=money("50 CAD"),
)
BACK = replace(LINE, line_key="in_6/1", net=money("-50 CAD"))
UNTOLD = replace(LINE, external_subscription_id=None)
"""A line that names no subscription."""
MATCHED = Claim(
    external_subscription_id="s1",
    charge="flat",
    service_from=APRIL.start,
    service_to=APRIL.end,
    biller=Biller.SOURCE,
    reference="in_5/1",
)


def told(source: Sequence[SourceBilled] = (), doubled: Sequence[Claim] = (), settled: Sequence[str] = ()) -> dict[str, str]:
    return dict(billed_too([expected("50")], Told(source=source, doubled=doubled, settled=settled)))


@pytest.mark.parametrize(
    ("source", "doubled", "is_told"),
    [
        ([LINE], [], True),
        ([LINE, BACK], [], False),
        ([LINE, replace(BACK, net=money("-49.99 CAD"))], [], True),
        ([replace(LINE, charge="cpu_seconds")], [], False),
        ([replace(LINE, external_subscription_id="s2")], [], False),
        ([replace(LINE, service_from=MAY.start, service_to=MAY.end)], [], False),
        ([replace(LINE, service_from=day("2026-04-30"), service_to=day("2026-05-30"))], [], True),
        ([UNTOLD], [], False),
        ([UNTOLD], [MATCHED], True),
        ([UNTOLD], [replace(MATCHED, charge="cpu_seconds")], False),
        ([], [MATCHED], False),
        ([LINE, BACK], [MATCHED], False),
    ],
    ids=[
        "billed",
        "given back",
        "given back in part",
        "another charge",
        "another subscription",
        "another month",
        "a part of it",
        "of nobody knows whom",
        "matched",
        "matched with another charge",
        "void since",
        "given back since",
    ],
)
def test_what_the_source_bills_is_not_odoos_to_bill(source: list[SourceBilled], doubled: list[Claim], is_told: bool) -> None:
    found = told(source, doubled)
    assert set(found) == ({"s1"} if is_told else set())
    assert all("its flat from 2026-04-01 is billed by the source" in why and "in_5/1" in why for why in found.values())


@pytest.mark.parametrize(("source", "doubled"), [([LINE], []), ([UNTOLD], [MATCHED])])
def test_what_a_person_settled_is_not_told_again(source: list[SourceBilled], doubled: list[Claim]) -> None:
    assert told(source, doubled, ["in_5/1"]) == {}
    assert set(told(source, doubled, ["in_4/1"])) == {"s1"}


def an_alarm(lines: list[str], cleared_by: str | None, kind: Kind = Kind.BILLED_TWICE, subject: str = "s1/flat/1") -> Alarm:
    at: datetime = day("2026-04-05")
    return Alarm(
        alarm_id=1,
        kind=kind,
        subject=subject,
        words="both",
        evidence={"source": lines, "odoo": ["claim F-1"]},
        raised_at=at,
        cleared_at=at if cleared_by else None,
        cleared_by=cleared_by,
    )


@pytest.mark.parametrize(
    ("alarms", "settled"),
    [
        ([an_alarm(["a", "b"], "ada")], {"a", "b"}),
        ([an_alarm(["a"], None)], set()),
        ([an_alarm(["a"], NO_LONGER_SO)], set()),
        ([an_alarm(["a"], "ada"), an_alarm(["a", "b"], None)], set()),
        ([an_alarm(["a"], "ada"), an_alarm(["b"], None, subject="s2/flat/1")], {"a"}),
        ([an_alarm(["a"], "ada", Kind.CARRIED_TWICE)], set()),
    ],
)
def test_a_person_settles_by_clearing_the_last_alarm(alarms: list[Alarm], settled: set[str]) -> None:
    assert settled_lines(alarms) == settled
