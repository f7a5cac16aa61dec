"""Flips, their journal and the kill switch in the store: what was written is never changed, and who is live is read from it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest

from fcb_pipelines.domain.acceptances import Signature
from fcb_pipelines.domain.arming import Arming, Stake
from fcb_pipelines.domain.flip import FORTH, STEPS, Entry, Part, Phase, State, Step
from fcb_pipelines.store import flips, journal, stops
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.flips import StoredFlip
from fcb_pipelines_tests.flips import FLIP_ID, NOW, a_plan, a_subscription, done, written

OTHER = "F-ba9876543210"


def stored(conn: Connection, flip_id: str = FLIP_ID, *subscriptions: str) -> StoredFlip:
    plan = a_plan(*(a_subscription(one) for one in subscriptions or ("s1",)))
    flip = StoredFlip(flip_id=flip_id, service="shop", plan=plan, plan_hash="h", planned_at=NOW, planned_by="ada")
    assert flips.add(conn, flip)
    return flip


def went(conn: Connection, steps: Iterable[Step], flip_id: str = FLIP_ID, subscription: str = "s1") -> tuple[Entry, ...]:
    entries = written(*done(steps), flip_id=flip_id, external_subscription_id=subscription)
    journal.append(conn, "shop", *entries)
    return entries


def an_arming(**changes: object) -> Arming:
    given = Arming(
        arming_id=0,
        flip_id=FLIP_ID,
        part=Part.FLIP,
        person="ada",
        secret_made_by=None,
        stake=Stake(count=1, amounts={"CAD": Decimal("19.99")}),
        armed_at=NOW,
        expires_at=NOW + timedelta(hours=24),
        needs_approval=True,
    )
    return replace(given, **changes)  # type: ignore[arg-type]


def test_a_plan_is_stored_once_and_read_as_it_was(conn: Connection) -> None:
    flip = stored(conn)
    assert not flips.add(conn, flip)
    assert flips.flip(conn, "shop", FLIP_ID) == flip == flips.flips(conn, "shop")[0]
    assert flips.flip(conn, "other", FLIP_ID) is None
    flips.end(conn, FLIP_ID, NOW)
    assert flips.flips(conn, "shop") == (replace(flip, ended_at=NOW),)


def test_an_arming_is_read_with_its_approval(conn: Connection) -> None:
    stored(conn)
    made = flips.arm(conn, an_arming())
    assert made == an_arming(arming_id=made.arming_id)
    flips.approve(conn, made.arming_id, Signature(person="grace", at=NOW))
    (again,) = flips.armings(conn, FLIP_ID)
    assert again == replace(made, approval=Signature(person="grace", at=NOW))
    with pytest.raises(psycopg.errors.UniqueViolation):
        flips.approve(conn, made.arming_id, Signature(person="eve", at=NOW))


def test_the_journal_is_read_by_subscription_in_its_order(conn: Connection) -> None:
    stored(conn, FLIP_ID, "s1", "s2")
    second = went(conn, [Step.SOURCE_STOPPED], subscription="s2")
    first = went(conn, STEPS[Part.FLIP])
    assert journal.of_flip(conn, FLIP_ID) == {"s2": second, "s1": first}
    assert journal.of_service(conn, "shop") == {(FLIP_ID, "s2"): second, (FLIP_ID, "s1"): first}
    assert journal.of_service(conn, "other") == {}


@pytest.mark.parametrize("table", ["flip_journal", "flip_arming", "flip_approval", "stop_switch"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET person = 'eve'", "DELETE FROM {}"])
def test_nothing_that_was_signed_or_done_is_changed(conn: Connection, table: str, statement: str) -> None:
    stored(conn)
    went(conn, [Step.SOURCE_STOPPED])
    flips.approve(conn, flips.arm(conn, an_arming()).arming_id, Signature(person="grace", at=NOW))
    stops.put(conn, "shop", Signature(person="ada", at=NOW, text="why"), is_stopped=True)
    changed = statement.format(table).replace("person", "actor" if table == "flip_journal" else "person")
    with pytest.raises(psycopg.Error, match=r"append-only|permission denied|only ever added|never"):
        conn.execute(changed.encode())


def test_a_forged_or_a_missing_entry_of_the_journal_is_found_by_the_audit_log(conn: Connection) -> None:
    stored(conn)
    went(conn, [Step.SOURCE_STOPPED])
    assert journal.unproved(conn, "shop", FLIP_ID) == ()
    conn.execute("ALTER TABLE flip_journal DISABLE TRIGGER append_only")
    conn.execute("""UPDATE flip_journal SET data = '{"is": "forged"}' WHERE phase = 'before'""")
    conn.execute("DELETE FROM flip_journal WHERE phase = 'after'")
    conn.execute(
        "INSERT INTO flip_journal SELECT 99, flip_id, 's1', step, 'after', at, actor, data FROM flip_journal".replace(
            "flip_journal SELECT", "flip_journal OVERRIDING SYSTEM VALUE SELECT"
        ).encode()
    )
    assert [one.partition(" of ")[2] for one in journal.unproved(conn, "shop", FLIP_ID)] == [
        "the journal is not what the audit log says of it",
        "the journal is not in the audit log",
        "the audit log is not in the journal",
    ]


@pytest.mark.parametrize(
    ("steps", "live", "in_odoo"),
    [
        ((Step.SOURCE_STOPPED, Step.CLAIMED), None, None),
        ((*FORTH[:3],), None, State.FLIPPING),
        (STEPS[Part.FLIP], State.LIVE, State.LIVE),
        (FORTH, State.COMPLETE, State.COMPLETE),
        ((*FORTH, Step.TOKEN_DETACHED), None, State.UNFLIPPING),
        ((*FORTH, *STEPS[Part.UNFLIP][:-1]), None, State.UNFLIPPING),
        ((*FORTH, *STEPS[Part.UNFLIP]), None, None),
    ],
)
def test_who_is_live_is_read_from_the_journal(
    conn: Connection, steps: tuple[Step, ...], live: State | None, in_odoo: State | None
) -> None:
    flip = stored(conn)
    went(conn, steps)
    found, theirs = flips.live_subscriptions(conn, "shop"), flips.subscriptions_in_odoo(conn, "shop")
    assert [one.state for one in found.values()] == ([] if live is None else [live])
    assert [one.state for one in theirs.values()] == ([] if in_odoo is None else [in_odoo])
    for one in found.values():
        assert (one.flip_id, one.external_subscription_id, one.plan) == (FLIP_ID, "s1", flip.plan.subscriptions[0])
        assert one.boundaries == {"flat": flip.plan.subscriptions[0].charges[0].boundary}
        assert one.since == one.course.done[Step.PREVIEWED].at


def test_a_later_flip_of_a_subscription_takes_the_place_of_the_earlier_one(conn: Connection) -> None:
    stored(conn)
    went(conn, (*FORTH[:2], *STEPS[Part.UNFLIP]))
    assert flips.live_subscriptions(conn, "shop") == {}
    stored(conn, OTHER)
    went(conn, STEPS[Part.FLIP], OTHER)
    assert {key: one.flip_id for key, one in flips.live_subscriptions(conn, "shop").items()} == {"s1": OTHER}


@pytest.mark.parametrize(
    ("other", "hours", "is_found"),
    [
        ("planned", 1, False),
        ("armed", 1, True),
        ("armed", 24, False),
        ("waits", 99, False),
        ("waits begun", 99, True),
        ("armed begun ended", 1, False),
    ],
)
def test_a_subscription_is_elsewhere_while_another_flip_is_armed_or_under_way(
    conn: Connection, other: str, hours: int, is_found: bool
) -> None:
    stored(conn)
    stored(conn, OTHER, "s1", "s2")
    if "armed" in other:
        flips.arm(conn, an_arming())
    if "waits" in other:
        journal.append(conn, "shop", *written((Step.SOURCE_STOPPED, Phase.WAITING)))
    if "begun" in other:
        journal.append(conn, "shop", *written((Step.SOURCE_STOPPED, Phase.BEFORE)))
    if "ended" in other:
        flips.end(conn, FLIP_ID, NOW)
    found = flips.elsewhere(conn, "shop", OTHER, ["s1", "s2"], NOW + timedelta(hours=hours))
    assert found == ((("s1", FLIP_ID),) if is_found else ())


def test_the_last_turn_of_the_switch_counts(conn: Connection) -> None:
    assert stops.last(conn, "shop") is None
    stops.put(conn, "shop", Signature(person="ada", at=NOW, text="odd bills"), is_stopped=True)
    stops.put(conn, "other", Signature(person="eve", at=NOW, text="x"), is_stopped=False)
    there = stops.last(conn, "shop")
    assert there is not None
    assert (there.is_stopped, there.person, there.text) == (True, "ada", "odd bills")
    stops.put(conn, "shop", Signature(person="grace", at=NOW, text="found it"), is_stopped=False)
    last = stops.last(conn, "shop")
    assert last is not None
    assert not last.is_stopped
