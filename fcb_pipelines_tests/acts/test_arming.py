"""Arming, approving and the kill switch as acts on a real store: exactly what is planned, two persons, and the audit log."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fcb_pipelines.acts import arming as acts
from fcb_pipelines.acts.arming import Armed, Typed
from fcb_pipelines.acts.stop import Stopped, require_running, resume, stop, stopped
from fcb_pipelines.domain.acceptances import Signature
from fcb_pipelines.domain.arming import Arming, Stake
from fcb_pipelines.domain.audit import Act
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.flip import BACK, FORTH, STEPS, Part, Step
from fcb_pipelines.domain.money import money
from fcb_pipelines.services import Service
from fcb_pipelines.store import audit, flips, journal, stops
from fcb_pipelines.store.database import Connection
from fcb_pipelines_tests.flips import FLIP_ID, NOW, a_charge, a_plan, a_subscription, done, keep, written
from fcb_pipelines_tests.signed_store import a_service
from fcb_pipelines_tests.store.conftest import conn as conn  # noqa: PLC0414 - a fixture of the store's tests

OTHER = "F-ba9876543210"
PLAN = a_plan(a_subscription(), a_subscription("s2"))
DEAR = a_plan(a_subscription(charges=(a_charge(first_net=money("500.01 CAD")),)))


@pytest.fixture
def shop(tmp_path: Path) -> Service:
    return a_service(tmp_path)


def typed(**changes: Any) -> Typed:
    values: dict[str, Any] = {
        "flip_id": FLIP_ID,
        "part": Part.FLIP,
        "person": "ada",
        "count": 2,
        "amounts": {"CAD": Decimal("39.98")},
    }
    return Typed(**values | changes)


def armed(conn: Connection, shop: Service, **changes: Any) -> Armed:
    return acts.arm(conn, shop, typed(**changes), NOW)


def dear(conn: Connection, shop: Service) -> Arming:
    keep(conn, DEAR)
    return armed(conn, shop, count=1, amounts={"CAD": Decimal("500.01")}).arming


def approved(conn: Connection, shop: Service, hours: float = 0, **changes: Any) -> Arming:
    """Of what is dear, by Grace."""
    meant = {"person": "grace", "count": 1, "amounts": {"CAD": Decimal("500.01")}}
    return acts.approve(conn, shop, typed(**meant | changes), NOW + timedelta(hours=hours))


def require(conn: Connection, shop: Service, part: Part = Part.FLIP, hours: float = 0, planned: Stake | None = None) -> Arming:
    flip = acts.held(conn, shop, FLIP_ID)
    return acts.require_armed(conn, flip, part, NOW + timedelta(hours=hours), planned=planned)


def test_what_is_armed_holds_for_its_hours_and_is_in_the_audit_log(conn: Connection, shop: Service) -> None:
    keep(conn, PLAN)
    done_ = armed(conn, shop, secret_made_by="eve")
    assert done_.over == ()
    assert require(conn, shop) == done_.arming
    assert done_.arming.expires_at == NOW + timedelta(hours=24)
    with pytest.raises(RuleViolation, match="held until"):
        require(conn, shop, hours=24)
    (entry,) = audit.noted(conn, "shop", [Act.FLIP_ARMED])
    assert (entry.actor, entry.subject, entry.data["amounts"]) == ("ada", FLIP_ID, {"CAD": "39.98"})
    assert (entry.data["count"], entry.data["part"], entry.data["secret_made_by"]) == (2, "flip", "eve")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"count": 1}, "1 subscriptions, and 2 are planned"),
        ({"amounts": {}}, "no amount in CAD"),
        ({"person": " "}, "needs the name"),
        ({"flip_id": "F-1"}, "has no flip 'F-1'"),
    ],
)
def test_what_is_typed_otherwise_arms_nothing(conn: Connection, shop: Service, changes: dict[str, Any], said: str) -> None:
    keep(conn, PLAN)
    with pytest.raises(InvalidInput, match=said):
        armed(conn, shop, **changes)
    assert flips.armings(conn, FLIP_ID) == ()
    assert audit.noted(conn, "shop", [Act.FLIP_ARMED]) == ()


def test_each_part_is_armed_by_itself(conn: Connection, shop: Service) -> None:
    keep(conn, PLAN)
    armed(conn, shop)
    for part in (Part.CHARGE, Part.UNFLIP):
        with pytest.raises(RuleViolation, match=f"nobody armed the {part} of {FLIP_ID}"):
            require(conn, shop, part)


def test_above_the_limit_nothing_holds_until_somebody_else_approves(conn: Connection, shop: Service) -> None:
    assert dear(conn, shop).needs_approval
    with pytest.raises(RuleViolation, match="somebody else must approve it"):
        require(conn, shop)
    for same in ("ada", " ADA\u200b"):
        with pytest.raises(RuleViolation, match="ada armed the flip of F-0123456789ab"):
            approved(conn, shop, person=same)
    with pytest.raises(RuleViolation, match="made the secret of grace"):
        approved(conn, shop, secret_made_by="ada")
    assert approved(conn, shop).is_approved
    assert require(conn, shop).approval == Signature(person="grace", at=NOW)
    (entry,) = audit.noted(conn, "shop", [Act.FLIP_APPROVED])
    assert (entry.actor, entry.data["armed_by"]) == ("grace", "ada")
    with pytest.raises(InvalidInput, match="waits for nobody's approval"):
        approved(conn, shop, person="eve")


def test_nobody_stands_behind_what_was_armed_meanwhile(conn: Connection, shop: Service) -> None:
    flip = dear(conn, shop)
    charge = armed(conn, shop, part=Part.CHARGE, count=1, amounts={"CAD": Decimal("500.01")}).arming
    assert approved(conn, shop).arming_id == flip.arming_id
    with pytest.raises(RuleViolation, match="somebody else must approve it"):
        require(conn, shop, Part.CHARGE)
    assert approved(conn, shop, part=Part.CHARGE).arming_id == charge.arming_id
    planned = Stake(count=1, amounts={"CAD": Decimal(900)})
    acts.arm(conn, shop, typed(part=Part.UNFLIP, count=1, amounts=planned.amounts), NOW, planned=planned)
    for changes in ({"amounts": {"CAD": Decimal(800)}}, {"count": 2, "amounts": planned.amounts}):
        with pytest.raises(InvalidInput, match="what you typed is not what would be done"):
            approved(conn, shop, part=Part.UNFLIP, **changes)
    assert approved(conn, shop, part=Part.UNFLIP, amounts=planned.amounts).is_approved


def test_only_the_last_of_a_part_is_approved(conn: Connection, shop: Service) -> None:
    first = dear(conn, shop)
    second = armed(conn, shop, count=1, amounts={"CAD": Decimal("500.01")}).arming
    assert approved(conn, shop).arming_id == second.arming_id != first.arming_id
    with pytest.raises(InvalidInput, match="waits for nobody's approval"):
        approved(conn, shop)


def test_what_no_longer_holds_is_not_approved(conn: Connection, shop: Service) -> None:
    dear(conn, shop)
    with pytest.raises(InvalidInput, match="waits for nobody's approval"):
        approved(conn, shop, hours=24)


def test_the_last_arming_counts_and_stands_for_what_it_was_for(conn: Connection, shop: Service) -> None:
    keep(conn, PLAN)
    first = armed(conn, shop).arming
    second = acts.arm(conn, shop, typed(person="grace"), NOW + timedelta(hours=1)).arming
    assert require(conn, shop, hours=2) == second != first
    other = Stake(count=2, amounts={"CAD": Decimal(1)})
    with pytest.raises(RuleViolation, match=r"grace armed 2 subscriptions and 39\.98 CAD, and now it would be"):
        require(conn, shop, hours=2, planned=other)


def test_a_subscription_is_in_one_unfinished_flip_at_a_time(conn: Connection, shop: Service) -> None:
    keep(conn, PLAN)
    keep(conn, a_plan(a_subscription("s2")), OTHER)
    armed(conn, shop)
    small = {"flip_id": OTHER, "count": 1, "amounts": {"CAD": Decimal("19.99")}}
    with pytest.raises(RuleViolation, match=f"s2 in {FLIP_ID}"):
        armed(conn, shop, **small)
    later = NOW + timedelta(hours=24)
    acts.arm(conn, shop, typed(**small), later)
    journal.append(conn, "shop", *written(*done([Step.SOURCE_STOPPED]), flip_id=OTHER, external_subscription_id="s2"))
    with pytest.raises(RuleViolation, match=f"s2 in {OTHER}"):
        acts.arm(conn, shop, typed(), later + timedelta(days=9))
    flips.end(conn, OTHER, later)
    acts.arm(conn, shop, typed(), later + timedelta(days=9))


def test_no_other_flip_stands_against_the_way_back(conn: Connection, shop: Service) -> None:
    keep(conn, PLAN)
    keep(conn, a_plan(a_subscription("s2")), OTHER)
    acts.arm(conn, shop, typed(flip_id=OTHER, count=1, amounts={"CAD": Decimal("19.99")}), NOW)
    for one in ("s1", "s2"):
        journal.append(conn, "shop", *written(*done(FORTH), external_subscription_id=one))
    flips.end(conn, FLIP_ID, NOW)
    nothing = Stake(count=2, amounts={})
    assert acts.arm(conn, shop, typed(part=Part.UNFLIP, amounts={}), NOW, planned=nothing).arming.part is Part.UNFLIP


@pytest.mark.parametrize("part", [Part.FLIP, Part.CHARGE])
def test_what_another_flip_took_live_is_not_armed(conn: Connection, shop: Service, part: Part) -> None:
    keep(conn, PLAN)
    keep(conn, a_plan(a_subscription("s2")), OTHER)
    journal.append(conn, "shop", *written(*done(FORTH), external_subscription_id="s2"))
    flips.end(conn, FLIP_ID, NOW)
    small = {"flip_id": OTHER, "part": part, "count": 1, "amounts": {"CAD": Decimal("19.99")}}
    with pytest.raises(RuleViolation, match=f"took it live already: s2 by {FLIP_ID}"):
        armed(conn, shop, **small)
    journal.append(conn, "shop", *written(*done(BACK), external_subscription_id="s2"))
    armed(conn, shop, **small)


def test_what_came_to_its_end_is_armed_only_to_be_taken_back(conn: Connection, shop: Service) -> None:
    keep(conn, PLAN)
    flips.end(conn, FLIP_ID, NOW)
    with pytest.raises(RuleViolation, match="at its end"):
        armed(conn, shop)
    assert armed(conn, shop, part=Part.UNFLIP).arming.part is Part.UNFLIP


def test_a_first_amount_that_nobody_knows_needs_a_second_person(conn: Connection, shop: Service) -> None:
    keep(conn, a_plan(a_subscription(charges=(a_charge(first_net=None, first_tax=None),))))
    assert armed(conn, shop, count=1, amounts={}).over == ("the first amount of a subscription is not known",)


def turned(text: str = "odd bills", person: str = "grace") -> Signature:
    return Signature(person=person, at=NOW, text=text)


def test_the_switch_stops_until_it_is_turned_back_and_says_who_and_why(conn: Connection, shop: Service) -> None:
    require_running(conn, "shop")
    stop(conn, shop, turned())
    stop(conn, shop, turned("still odd", "eve"))
    with pytest.raises(Stopped, match=r"stopped by eve at 2026-07-01 14:00 UTC: still odd.*fcb resume --service shop"):
        require_running(conn, "shop")
    require_running(conn, "other")
    assert resume(conn, shop, turned("found it")).text == "still odd"
    require_running(conn, "shop")
    assert [one.act for one in audit.noted(conn, "shop", [Act.STOPPED, Act.RESUMED])] == ["stopped", "stopped", "resumed"]
    with pytest.raises(InvalidInput, match="is not stopped"):
        resume(conn, shop, turned())


@pytest.mark.parametrize("signature", [turned(" "), turned(person=" ")])
def test_nobody_turns_it_without_a_name_and_a_reason(conn: Connection, shop: Service, signature: Signature) -> None:
    with pytest.raises(InvalidInput):
        stop(conn, shop, signature)
    assert stops.last(conn, "shop") is None


def test_in_spite_of_one_stop_is_not_in_spite_of_the_next(conn: Connection, shop: Service) -> None:
    stop(conn, shop, turned())
    first = stopped(conn, "shop")
    assert first is not None
    require_running(conn, "shop", although=first.stop_id)
    stop(conn, shop, turned("stop that too"))
    with pytest.raises(Stopped, match="stop that too"):
        require_running(conn, "shop", although=first.stop_id)


def test_whoever_is_live_stays_free_to_be_taken_back(conn: Connection, shop: Service) -> None:
    keep(conn, PLAN)
    for one in ("s1", "s2"):
        journal.append(conn, "shop", *written(*done(STEPS[Part.FLIP]), external_subscription_id=one))
    planned = Stake(count=2, amounts={"CAD": Decimal("22.59")})
    unflip = replace(typed(part=Part.UNFLIP), amounts=planned.amounts)
    acts.arm(conn, shop, unflip, NOW, planned=planned)
    assert require(conn, shop, Part.UNFLIP, planned=planned).stake.amounts == planned.amounts
