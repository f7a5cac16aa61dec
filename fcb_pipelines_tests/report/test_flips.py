"""The page of flips: one sentence, each objection with what to do, each charge across its boundary, the journal."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.acts.flip_board import Board, FlipShown
from fcb_pipelines.domain.alarms import Alarm
from fcb_pipelines.domain.arming import Arming, Stake
from fcb_pipelines.domain.flip import FORTH, STEPS, Entry, Part, Phase, Step
from fcb_pipelines.domain.gate import Class, Objection
from fcb_pipelines.domain.gate_asked import GateAsked, grouped
from fcb_pipelines.domain.gate_facts import Gate
from fcb_pipelines.domain.guards import Kind
from fcb_pipelines.domain.money import money
from fcb_pipelines.report import flips, pages
from fcb_pipelines.report.links import Served
from fcb_pipelines.store.flips import StoredFlip
from fcb_pipelines.store.stops import Stop
from fcb_pipelines_tests.flips import FLIP_ID, NOW, a_charge, a_plan, a_subscription, done, written
from fcb_pipelines_tests.report.html import Page
from fcb_pipelines_tests.report.material import HOSTILE, a_view

LINKS = Served(period="2026-04", opens_others=False)


def an_objection(words: str = "9.14 CAD is undecided", scope: str = "SUB-1", klass: Class = Class.PROVEN) -> Objection:
    return Objection(id="unexplained", scope=scope, klass=klass, words=words, evidence=("r1",), what_to_do="fcb accept r1")


def asked(*objections: Objection) -> GateAsked:
    return GateAsked(flip_id=None, gate=Gate.FLIP, asked_by="ada", asked_at=NOW, objections=objections)


def a_flip(*entries: Entry, **changes: Any) -> FlipShown:
    plan = a_plan(a_subscription("s1", charges=(a_charge(first_net=money("21.50 CAD")),)))
    flip = StoredFlip(flip_id=FLIP_ID, service="shop", plan=plan, plan_hash="h", planned_at=NOW, planned_by="ada")
    values: dict[str, Any] = {"flip": flip, "armings": (), "asked": None, "entries": {"s1": entries} if entries else {}}
    return FlipShown(**values | changes)


def a_board(**changes: Any) -> Board:
    return replace(Board(stopped=None, alarms=(), asked=None, flips=(), live={}), **changes)


def text(board: Board) -> str:
    return read(pages.flips(a_view(), LINKS, board))


def read(page: str) -> str:
    (body,) = Page(page).all("body")
    return body.text


STOP = Stop(stop_id=1, is_stopped=True, person="grace", at=NOW, text="the totals look wrong")
ALARM = Alarm(alarm_id=7, kind=next(iter(Kind)), subject="s1/flat/2026-07-01", words="twice", evidence={}, raised_at=NOW)


@pytest.mark.parametrize(
    ("board", "sentence"),
    [
        (a_board(), "Nobody is live, and nobody asked yet what stands in the way."),
        (a_board(asked=asked()), "Nobody is live: nothing stands against it."),
        (
            a_board(asked=asked(an_objection(), an_objection(klass=Class.UNDECIDABLE))),
            "Nobody is live: 2 objections (1 proven, 1 undecidable).",
        ),
        (a_board(live={"s1": FLIP_ID}), "1 subscription is live, by 1 flip."),
        (a_board(live={"s1": FLIP_ID, "s2": "F-2"}), "2 subscriptions are live, by 2 flips."),
        (a_board(live={"s1": FLIP_ID}, alarms=(ALARM,)), "1 alarm is open."),
        (a_board(alarms=(ALARM,), stopped=STOP), "Stopped by grace: the totals look wrong."),
    ],
)
def test_one_sentence_says_how_things_stand(board: Board, sentence: str) -> None:
    assert flips.sentence(board) == sentence
    assert sentence in text(board)


def test_objections_are_read_by_what_they_are_about_the_service_first() -> None:
    found = (an_objection(scope="SUB-2"), an_objection(scope="service"), an_objection(scope="SUB-1", klass=Class.ATTESTED))
    assert list(grouped((*found, an_objection(scope="SUB-1")))) == ["service", "SUB-1", "SUB-2"]
    assert [one.klass for one in grouped((*found, an_objection(scope="SUB-1")))["SUB-1"]] == [Class.PROVEN, Class.ATTESTED]


def test_each_objection_says_what_to_do() -> None:
    said = text(a_board(asked=asked(an_objection())))
    for part in ("unexplained", "proven", "9.14 CAD is undecided", "r1", "fcb accept r1"):
        assert part in said


def test_a_charge_stands_with_both_bills_and_their_difference() -> None:
    said = text(a_board(flips=(a_flip(),)))
    for part in (FLIP_ID, "Ada Lovelace", "2026-07-01", "invoice line i9/1", "19.99", "21.50", "+1.51", "shadow"):
        assert part in said


def test_what_was_armed_and_by_whom_is_told() -> None:
    arming = Arming(
        arming_id=1,
        flip_id=FLIP_ID,
        part=Part.FLIP,
        person="ada",
        secret_made_by=None,
        stake=Stake(count=1, amounts={"CAD": Decimal("21.50")}),
        armed_at=NOW,
        expires_at=NOW + timedelta(hours=24),
        needs_approval=True,
    )
    said = text(a_board(flips=(a_flip(armings=(arming,)),)))
    assert "armed by ada" in said
    assert "waits for a second person" in said
    assert "armed" in said


def test_the_journal_has_each_step_and_what_it_waits_for() -> None:
    steps = STEPS[Part.FLIP]
    waits = written((Step.SOURCE_STOPPED, Phase.WAITING), data={"why": "the source still renews it"})
    said = text(a_board(flips=(a_flip(*waits),)))
    assert said.count("the source still renews it") == 2, "beside the state, and in the journal"
    live = text(a_board(flips=(a_flip(*written(*done(steps))),), live={"s1": FLIP_ID}))
    assert all(step.replace("_", " ") in live for step in steps)
    assert "live" in live
    assert "begun" not in live, "a step that ended is told once"
    begun = text(a_board(flips=(a_flip(*written(*done(steps[:1]), (steps[1], Phase.BEFORE))),)))
    assert "begun" in begun
    complete = text(a_board(flips=(a_flip(*written(*done(FORTH))),)))
    assert "complete" in complete


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_of_the_source_is_taken_for_markup(hostile: str) -> None:
    plan = a_plan(a_subscription("s1", customer=hostile, plan_name=hostile))
    flip = StoredFlip(flip_id=FLIP_ID, service="shop", plan=plan, plan_hash="h", planned_at=NOW, planned_by=hostile)
    board = a_board(
        stopped=replace(STOP, text=hostile),
        alarms=(replace(ALARM, words=hostile, subject=hostile),),
        asked=asked(an_objection(words=hostile, scope=hostile)),
        flips=(a_flip(flip=flip),),
    )
    page = pages.flips(a_view(), LINKS, board)
    assert read(page).count(" ".join(hostile.split())) >= 7
    assert "<script>alert" not in page
