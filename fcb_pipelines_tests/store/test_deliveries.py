"""Deliveries on a real Postgres: each is one sender's at a time, nothing due is passed over, what is held is not dropped."""

from collections import Counter
from datetime import timedelta

import psycopg
import pytest

from fcb_pipelines.acts import endpoints as acts
from fcb_pipelines.domain.delivery import DeliveryState
from fcb_pipelines.domain.messages import MessageType
from fcb_pipelines.store import deliveries, outbox
from fcb_pipelines.store import endpoints as stored
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines_tests.webhooks.outgoing import BY, SEALING, SERVICE, an_endpoint, made, taken, tell

PAST = timedelta(seconds=-1)


@pytest.fixture
def conn(rolled_back: Connection) -> Connection:
    return rolled_back


def states(conn: Connection, message_id: str) -> list[tuple[DeliveryState, int, bool]]:
    return [(one.state, one.attempts, one.is_held) for one in deliveries.of_messages(conn, [message_id]).get(message_id, ())]


def test_a_message_goes_to_every_endpoint_of_its_service_that_hears_of_its_type(conn: Connection) -> None:
    one, _ = an_endpoint(conn)
    two, _ = an_endpoint(conn, "https://two.example/", types=[MessageType.TERMINATED])
    removed, _ = an_endpoint(conn, "https://three.example/")
    acts.remove(conn, BY, removed.endpoint_id)
    an_endpoint(conn, "https://four.example/", by=acts.By(service="other", actor="ada", now=BY.now))
    tell(conn, "s1")
    assert {each.endpoint_id for each in taken(conn, service=None)} == {one.endpoint_id}
    tell(conn, "s1", type=MessageType.TERMINATED)
    assert {each.endpoint_id for each in taken(conn, service=None)} == {one.endpoint_id, two.endpoint_id}


def test_what_nobody_hears_of_is_kept_all_the_same(conn: Connection) -> None:
    (message,) = tell(conn, "s1")
    assert (outbox.message(conn, SERVICE, message.message_id), taken(conn)) == (message, ())
    assert outbox.message(conn, "other", message.message_id) is None


def test_numbers_rise_by_subscription_and_for_what_is_about_none(conn: Connection) -> None:
    told = [*tell(conn, "s1"), *tell(conn, "s2", "s1", None), *tell(conn, None, "s1"), *tell(conn, "s1", service="other")]
    numbers = [(one.service, one.external_subscription_id, one.sequence) for one in told]
    assert numbers == [
        ("shop", "s1", 1),
        ("shop", None, 1),
        ("shop", "s1", 2),
        ("shop", "s2", 1),
        ("shop", None, 2),
        ("shop", "s1", 3),
        ("other", "s1", 1),
    ]


def test_a_fact_that_is_rolled_back_leaves_no_message_and_no_gap(store_database: str) -> None:
    with Database(store_database).transaction() as conn:
        an_endpoint(conn)
    with Database(store_database).transaction() as conn:
        tell(conn, "s1")
        conn.rollback()
    with Database(store_database).transaction() as conn:
        (message,) = tell(conn, "s1")
        assert (message.sequence, [one.message_id for one in taken(conn)]) == (1, [message.message_id])


def test_what_is_taken_is_nobody_elses_until_its_lease_is_over(conn: Connection) -> None:
    an_endpoint(conn)
    tell(conn, "s1")
    (first,) = taken(conn)
    assert (taken(conn), deliveries.due(conn, SERVICE)) == ((), 0)
    conn.execute("UPDATE delivery SET lease_until = clock_timestamp() - interval '1 ms'")
    assert deliveries.due(conn, SERVICE) == 1
    (second,) = taken(conn)
    assert (second.delivery_id, second.number) == (first.delivery_id, first.number)
    assert second.lease > first.lease


def test_who_lost_the_lease_changes_nothing_and_is_kept_as_late(conn: Connection) -> None:
    an_endpoint(conn)
    (message,) = tell(conn, "s1")
    (slow,) = taken(conn, lasting=PAST)
    (quick,) = taken(conn)
    assert deliveries.record(conn, [made(slow, 500)]) == ()
    assert states(conn, message.message_id) == [(DeliveryState.WAITING, 0, False)]
    assert len(deliveries.record(conn, [made(quick, 200)])) == 1
    assert states(conn, message.message_id) == [(DeliveryState.DELIVERED, 1, False)]
    kept = deliveries.attempts(conn, quick.delivery_id)
    assert [(one.attempt.status, one.is_late) for one in kept] == [(500, True), (200, False)]


def test_who_lost_the_lease_cannot_even_say_that_it_was_delivered(conn: Connection) -> None:
    """The one that has it now will: whoever receives it twice knows it by its id."""
    an_endpoint(conn)
    (message,) = tell(conn, "s1")
    (slow,) = taken(conn, lasting=PAST)
    (quick,) = taken(conn)
    deliveries.record(conn, [made(quick, 500)])
    assert deliveries.record(conn, [made(slow, 200)]) == ()
    assert states(conn, message.message_id) == [(DeliveryState.WAITING, 1, False)]


def test_a_failure_is_due_again_when_the_schedule_says(conn: Connection) -> None:
    an_endpoint(conn)
    (message,) = tell(conn, "s1")
    for number in range(1, 11):
        (one,) = taken(conn)
        assert one.number == number
        (done,) = deliveries.record(conn, [made(one, 500)])
        assert taken(conn) == ()
        conn.execute("UPDATE delivery SET next_try_at = clock_timestamp() WHERE state = 'waiting'")
    assert done.verdict.state is DeliveryState.DEAD
    assert (states(conn, message.message_id), taken(conn)) == ([(DeliveryState.DEAD, 10, False)], ())
    assert deliveries.counts(conn, SERVICE)[one.endpoint_id] == {DeliveryState.DEAD: 1}


def test_of_each_endpoint_a_few_are_taken_so_that_none_takes_every_place(conn: Connection) -> None:
    ids = [an_endpoint(conn, f"https://host.example/{number}")[0].endpoint_id for number in range(3)]
    for _ in range(5):
        tell(conn, "s1")
    found = Counter(one.endpoint_id for one in taken(conn, each=2))
    assert found == dict.fromkeys(ids, 2)
    rest = taken(conn, each=100, busy=ids[:1])
    assert Counter(one.endpoint_id for one in rest) == dict.fromkeys(ids[1:], 3)
    assert len(taken(conn, each=100, most=2)) == 2


def test_what_is_due_longest_is_taken_first(conn: Connection) -> None:
    an_endpoint(conn)
    told = [*tell(conn, "s1"), *tell(conn, "s1"), *tell(conn, "s1")]
    conn.execute("UPDATE delivery SET next_try_at = next_try_at - interval '1 h' WHERE message_id = %s", [told[1].message_id])
    assert [one.message_id for one in taken(conn, each=1)] == [told[1].message_id]
    assert [one.message_id for one in taken(conn, each=1)] == [told[0].message_id]


def test_messages_of_a_disabled_endpoint_are_held_and_go_out_once_it_is_enabled(conn: Connection) -> None:
    endpoint, _ = an_endpoint(conn)
    (before,) = tell(conn, "s1")
    assert acts.disable(conn, BY, endpoint.endpoint_id, "being mended")
    (while_disabled,) = tell(conn, "s1")
    assert (taken(conn), deliveries.due(conn, SERVICE), deliveries.next_due_in(conn, SERVICE)) == ((), 0, None)
    assert states(conn, while_disabled.message_id) == [(DeliveryState.WAITING, 0, True)]
    assert acts.enable(conn, BY, endpoint.endpoint_id)
    assert [one.message_id for one in taken(conn)] == [before.message_id, while_disabled.message_id]


def test_what_is_given_back_is_due_at_once_and_only_by_who_has_it(conn: Connection) -> None:
    an_endpoint(conn)
    tell(conn, "s1")
    (slow,) = taken(conn, lasting=PAST)
    (quick,) = taken(conn)
    deliveries.give_back(conn, [slow])
    assert taken(conn) == ()
    deliveries.give_back(conn, [quick])
    (again,) = taken(conn)
    assert again.number == 1


def test_a_replay_keeps_the_id_and_begins_the_schedule_anew(conn: Connection) -> None:
    endpoint, _ = an_endpoint(conn)
    (dead,) = tell(conn, "s1")
    conn.execute("UPDATE delivery SET attempts = 9")
    (one,) = taken(conn)
    deliveries.record(conn, [made(one, 500)])
    (other,) = tell(conn, "s2")
    (delivered,) = taken(conn)
    deliveries.record(conn, [made(delivered)])
    assert acts.replay(conn, BY, acts.Replay(is_dead_only=True)) == 1
    (again,) = taken(conn)
    assert (again.message_id, again.number, again.body) == (dead.message_id, 1, dead.body)
    deliveries.record(conn, [made(again)])
    assert acts.replay(conn, BY, acts.Replay(message_id=other.message_id)) == 1
    assert [one.message_id for one in taken(conn)] == [other.message_id]
    later, _ = an_endpoint(conn, "https://later.example/")
    assert acts.replay(conn, BY, acts.Replay(since=BY.now, endpoint_id=later.endpoint_id)) == 2
    assert {one.message_id for one in taken(conn)} == {dead.message_id, other.message_id}
    assert acts.replay(conn, BY, acts.Replay(since=BY.now + timedelta(seconds=1), endpoint_id=endpoint.endpoint_id)) == 0


def test_a_replay_takes_the_message_from_who_is_sending_it(conn: Connection) -> None:
    an_endpoint(conn)
    (message,) = tell(conn, "s1")
    (slow,) = taken(conn)
    assert acts.replay(conn, BY, acts.Replay(message_id=message.message_id)) == 1
    assert deliveries.record(conn, [made(slow, 500)]) == ()
    assert len(taken(conn)) == 1


def test_two_senders_take_different_messages(store_database: str) -> None:
    db = Database(store_database)
    with db.transaction() as conn:
        an_endpoint(conn)
        for _ in range(6):
            tell(conn, "s1")
    with db.transaction() as one, db.transaction() as other:
        first, second = taken(one, each=4), taken(other, each=4)
    assert [len(first), len(second)] == [4, 2]
    assert not {each.delivery_id for each in first} & {each.delivery_id for each in second}


def test_a_message_that_is_committed_later_is_not_passed_over(store_database: str) -> None:
    """Numbers are drawn before they are seen: whoever remembered the last id seen would lose the slower one."""
    db = Database(store_database)
    with db.transaction() as conn:
        an_endpoint(conn)
    with db.transaction() as slow:
        (late,) = tell(slow, "s1")
        with db.transaction() as quick:
            tell(quick, "s2")
        with db.transaction() as conn:
            assert len(taken(conn)) == 1
    with db.transaction() as conn:
        assert [one.message_id for one in taken(conn)] == [late.message_id]


def test_who_tells_a_fact_does_not_wait_for_an_endpoint_that_is_worked_on(store_database: str) -> None:
    """Each would wait for the other: whoever tells has the outbox, and a test of the endpoint asks for it."""
    db = Database(store_database)
    with db.transaction() as conn:
        endpoint, _ = an_endpoint(conn)
    with db.transaction() as working:
        acts.found(working, SERVICE, endpoint.endpoint_id)
        with db.transaction() as conn:
            conn.execute("SET LOCAL lock_timeout = '100ms'")
            tell(conn, "s1", None)
        with db.transaction() as conn:
            conn.execute("SET LOCAL lock_timeout = '100ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                acts.disable(conn, BY, endpoint.endpoint_id, "one at a time")
            conn.rollback()


@pytest.mark.parametrize("statement", ["UPDATE message SET body = 'x'", "DELETE FROM message", "DELETE FROM delivery_attempt"])
def test_what_was_said_is_never_changed(conn: Connection, statement: str) -> None:
    an_endpoint(conn)
    tell(conn, "s1")
    (one,) = taken(conn)
    deliveries.record(conn, [made(one)])
    with pytest.raises(psycopg.Error, match=r"append|denied"):
        conn.execute(statement)


def test_secrets_are_sealed_and_the_old_one_signs_for_a_day(conn: Connection) -> None:
    endpoint, secret = an_endpoint(conn)
    new = acts.rotate(conn, BY, SEALING, endpoint.endpoint_id)
    last = BY.now + timedelta(hours=24)
    sealed = stored.secrets_of(conn, [endpoint.endpoint_id], last - timedelta(seconds=1))[endpoint.endpoint_id]
    assert [SEALING.open(one).revealed() for one in sealed] == [new.revealed(), secret.revealed()]
    assert all(secret.revealed()[6:20].encode() not in one for one in sealed)
    (only,) = stored.secrets_of(conn, [endpoint.endpoint_id], last)[endpoint.endpoint_id]
    assert SEALING.open(only).revealed() == new.revealed()
    newest = acts.rotate(conn, BY, SEALING, endpoint.endpoint_id, is_at_once=True)
    (only,) = stored.secrets_of(conn, [endpoint.endpoint_id], BY.now)[endpoint.endpoint_id]
    assert SEALING.open(only).revealed() == newest.revealed()
