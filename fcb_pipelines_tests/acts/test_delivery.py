"""Delivery over real HTTP and a real Postgres: signed, once where all is well, again where not, and nobody holds up others."""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from fcb_host.signing import MOST_SIGNATURES, Secret, Verified, verify
from fcb_pipelines.acts import endpoints as acts
from fcb_pipelines.acts.delivery import LANES, LIMITS, Sending, Sent, deliver
from fcb_pipelines.acts.senders import Senders, send_due
from fcb_pipelines.domain.delivery import NoticeKind
from fcb_pipelines.store import deliveries, notices
from fcb_pipelines.store import endpoints as stored
from fcb_pipelines.store.database import Database
from fcb_pipelines.webhook_settings import WebhookSettings
from fcb_pipelines.webhooks.egress import Egress
from fcb_pipelines.webhooks.posting import Poster
from fcb_pipelines.webhooks.sealing import Sealing, new_key
from fcb_pipelines_tests.webhooks.listening import Heard, Receivers
from fcb_pipelines_tests.webhooks.outgoing import BY, KEYS, SEALING, SERVICE, an_endpoint, tell

LOCAL = Egress(allows_http_local=True)


@pytest.fixture
def db(store_database: str) -> Database:
    return Database(store_database)


def sent(db: Database, *, go_on: Callable[[], bool] = lambda: False, policy: Egress = LOCAL, **changes: Any) -> Sent:
    async def run() -> Sent:
        async with Poster(policy, limits=LIMITS) as poster:
            values: dict[str, Any] = {
                "db": db,
                "service": SERVICE,
                "sealing": SEALING,
                "post": poster.post,
                "clock": lambda: datetime.now(UTC),
                "jitter": lambda: Fraction(0),
            }
            return await deliver(Sending(**(values | changes)), go_on=go_on)

    return asyncio.run(run())


def added(db: Database, url: str) -> tuple[str, Secret]:
    with db.transaction() as conn:
        endpoint, secret = an_endpoint(conn, url)
    return endpoint.endpoint_id, secret


def told(db: Database, *subscriptions: str) -> list[str]:
    with db.transaction() as conn:
        return [one.message_id for one in tell(conn, *subscriptions)]


def again(db: Database) -> None:
    """Let what waits be due now."""
    with db.transaction() as conn:
        conn.execute("UPDATE delivery SET next_try_at = clock_timestamp() WHERE state = 'waiting'")


def by_now() -> acts.By:
    return acts.By(service=SERVICE, actor="ada", now=datetime.now(UTC))


def is_signed(heard: Heard, *secrets: Secret) -> bool:
    found = verify(
        secrets,
        message_id=heard.headers["webhook-id"],
        timestamp=heard.headers["webhook-timestamp"],
        signature=heard.headers["webhook-signature"],
        body=heard.body,
        now=int(time.time()),
    )
    return isinstance(found, Verified)


def kinds(db: Database) -> list[str]:
    with db.transaction() as conn:
        return [one.kind for one in notices.take(conn, most=100, lasting=timedelta(0))]


def test_a_message_arrives_signed_and_as_it_was_written(db: Database, receivers: Receivers) -> None:
    _, secret = added(db, f"{receivers.url}/hooks")
    with db.transaction() as conn:
        (message,) = tell(conn, "s1")
    assert sent(db).outcomes == {"delivered": 1}
    (heard,) = receivers.heard
    assert (heard.body, heard.headers["webhook-id"]) == (message.body.encode(), message.message_id)
    assert heard.headers["content-type"] == "application/json"
    assert is_signed(heard, secret)
    assert not is_signed(heard, Secret.fresh())
    assert sent(db).attempts == 0


def test_while_a_secret_is_rotated_both_sign(db: Database, receivers: Receivers) -> None:
    endpoint_id, old = added(db, f"{receivers.url}/hooks")
    with db.transaction() as conn:
        new = acts.rotate(conn, by_now(), SEALING, endpoint_id)
    told(db, "s1")
    sent(db)
    (heard,) = receivers.heard
    assert (is_signed(heard, old), is_signed(heard, new)) == (True, True)
    with db.transaction() as conn:
        acts.rotate(conn, by_now(), SEALING, endpoint_id, is_at_once=True)
    told(db, "s1")
    sent(db)
    assert not is_signed(receivers.heard[-1], old, new)


def test_whoever_rotates_more_often_than_a_header_has_room_for_signs_by_the_newest(db: Database, receivers: Receivers) -> None:
    endpoint_id, *known = added(db, f"{receivers.url}/hooks")
    for _ in range(MOST_SIGNATURES + 1):
        with db.transaction() as conn:
            known.append(acts.rotate(conn, by_now(), SEALING, endpoint_id))
    told(db, "s1")
    sent(db)
    assert [is_signed(receivers.heard[0], one) for one in known] == [False] * 2 + [True] * MOST_SIGNATURES


def test_every_message_arrives_once_and_few_at_a_time(db: Database, receivers: Receivers) -> None:
    for path in ("/a", "/b"):
        added(db, receivers.url + path)
        receivers.seconds[path] = 0.005
    ids = told(db, *(f"s{number % 7}" for number in range(120)))
    assert sent(db).outcomes == {"delivered": 240}
    assert sorted(receivers.ids("/a")) == sorted(receivers.ids("/b")) == sorted(ids)
    assert 1 < receivers.most_at_once["/a"] <= LANES


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 429, 500, 503])
def test_anything_but_2xx_is_tried_again_with_the_same_id(db: Database, receivers: Receivers, status: int) -> None:
    added(db, f"{receivers.url}/hooks")
    receivers.statuses["/hooks"] = status
    receivers.headers["location"] = f"{receivers.url}/elsewhere"
    (message,) = told(db, "s1")
    assert sent(db).outcomes == {"waiting": 1}
    assert sent(db).attempts == 0, "not before it is due"
    receivers.statuses.clear()
    again(db)
    assert sent(db).outcomes == {"delivered": 1}
    assert (receivers.ids("/hooks"), receivers.ids("/elsewhere")) == ([message, message], [])


def test_what_became_of_each_attempt_is_kept(db: Database, receivers: Receivers) -> None:
    added(db, f"{receivers.url}/hooks")
    added(db, "http://127.0.0.1:1/nobody")
    receivers.statuses["/hooks"] = 500
    (message,) = told(db, "s1")
    sent(db)
    with db.transaction() as conn:
        one, other = deliveries.of_messages(conn, [message])[message]
        (answered,), (unanswered,) = deliveries.attempts(conn, one.delivery_id), deliveries.attempts(conn, other.delivery_id)
    assert (answered.attempt.status, answered.attempt.answer, answered.attempt.failure) == (500, b"thanks", None)
    assert (unanswered.attempt.status, unanswered.attempt.answer) == (None, b"")
    assert (unanswered.attempt.failure or "").startswith("connect: ")
    assert (answered.attempt.address or "").startswith("127.0.0.1")


def test_410_disables_the_endpoint_and_holds_what_waits(db: Database, receivers: Receivers) -> None:
    endpoint_id, _ = added(db, f"{receivers.url}/hooks")
    receivers.statuses["/hooks"] = 410
    told(db, "s1")
    sent(db)
    held = told(db, "s1")
    again(db)
    assert (sent(db).attempts, kinds(db)) == (0, [NoticeKind.DISABLED])
    receivers.statuses.clear()
    with db.transaction() as conn:
        endpoint = stored.named(conn, [endpoint_id])[endpoint_id]
        assert "410" in (endpoint.disabled_because or "")
        acts.enable(conn, BY, endpoint_id)
    assert sent(db).outcomes == {"delivered": 2}
    assert held[0] in receivers.ids("/hooks")


def test_five_days_of_nothing_but_failures_disable_an_endpoint_and_one_success_begins_anew(
    db: Database, receivers: Receivers
) -> None:
    endpoint_id, _ = added(db, f"{receivers.url}/hooks")
    begun = datetime.now(UTC)

    def after(days: float, status: int) -> bool:
        """Whether the endpoint is disabled after a message so many days later."""
        receivers.statuses["/hooks"] = status
        with db.transaction() as conn:
            conn.execute("UPDATE delivery SET state = 'dead', ended_at = now() WHERE state = 'waiting'")
        told(db, "s1")
        sent(db, clock=lambda: begun + timedelta(days=days))
        with db.transaction() as conn:
            return stored.named(conn, [endpoint_id])[endpoint_id].disabled_at is not None

    found = [after(*each) for each in ((0, 500), (4.9, 500), (4.95, 200), (5.1, 500), (10.0, 500), (10.2, 500))]
    assert found == [False, False, False, False, False, True]


def test_the_operator_is_told_of_a_message_that_goes_on_failing(db: Database, receivers: Receivers) -> None:
    added(db, f"{receivers.url}/hooks")
    receivers.statuses["/hooks"] = 500
    told(db, "s1")
    seen = []
    for _ in range(10):
        sent(db)
        again(db)
        seen.append(len(kinds(db)))
    assert seen == [0, 0, 0, 1, 1, 1, 1, 1, 1, 2]
    assert kinds(db) == [NoticeKind.FAILING, NoticeKind.DEAD]
    assert sent(db).attempts == 0


def test_a_slow_and_a_dead_endpoint_hold_up_nobody(db: Database, receivers: Receivers) -> None:
    added(db, f"{receivers.url}/slow")
    added(db, "http://127.0.0.1:1/dead")
    receivers.seconds["/slow"] = 0.9
    paths = [f"/{number}" for number in range(10)]
    for path in paths:
        added(db, receivers.url + path)
    told(db, *["s1"] * 20)
    settings = WebhookSettings.model_validate({"is_on": True, "keys": KEYS, "allows_http_local": True})
    work = asyncio.run(send_due(Senders(settings=settings, db=db, service=SERVICE, clock=lambda: datetime.now(UTC))))
    assert work.sent.outcomes == {"delivered": 20 * 11, "waiting": 20}
    heard = [one.path for one in receivers.heard]
    last = {path: place for place, path in enumerate(heard)}
    assert max(last[path] for path in paths) < last["/slow"], "the others were through before the slow one was"
    assert heard.index("/slow") > 0, "nor did it begin by taking every connection to their host"
    assert receivers.most_at_once["/slow"] <= LANES


def test_a_sender_that_watches_sends_within_two_seconds(db: Database, receivers: Receivers) -> None:
    added(db, f"{receivers.url}/hooks")
    told(db, "s0")
    stop = threading.Event()
    late: list[float] = []

    def tell_later() -> None:
        for number in range(3):
            time.sleep(0.7)
            begun = time.monotonic()
            (message,) = told(db, f"s{number}")
            while message not in receivers.ids("/hooks") and time.monotonic() - begun < 5:
                time.sleep(0.01)
            late.append(time.monotonic() - begun)
        stop.set()

    teller = threading.Thread(target=tell_later)
    teller.start()
    done = sent(db, go_on=lambda: not stop.is_set())
    teller.join()
    assert done.outcomes == {"delivered": 4}
    assert max(late) < 2


def test_four_senders_at_once_send_each_message_once(db: Database, receivers: Receivers) -> None:
    added(db, f"{receivers.url}/hooks")
    ids = told(db, *["s1"] * 60)
    senders = [threading.Thread(target=lambda: sent(db)) for _ in range(4)]
    for one in senders:
        one.start()
    for one in senders:
        one.join()
    assert sorted(receivers.ids("/hooks")) == sorted(ids)


def test_where_we_may_not_connect_nothing_is_sent(db: Database, receivers: Receivers) -> None:
    added(db, f"{receivers.url}/hooks")
    (message,) = told(db, "s1")
    assert sent(db, policy=Egress()).outcomes == {"waiting": 1}
    with db.transaction() as conn:
        (one,) = deliveries.of_messages(conn, [message])[message]
        (kept,) = deliveries.attempts(conn, one.delivery_id)
    assert (kept.attempt.failure or "").startswith("denied: ")
    assert receivers.heard == []


def test_a_secret_that_cannot_be_opened_fails_the_attempt_and_says_why(db: Database, receivers: Receivers) -> None:
    added(db, f"{receivers.url}/hooks")
    (message,) = told(db, "s1")
    assert sent(db, sealing=Sealing(new_key())).outcomes == {"waiting": 1}
    with db.transaction() as conn:
        (one,) = deliveries.of_messages(conn, [message])[message]
        (kept,) = deliveries.attempts(conn, one.delivery_id)
    assert "FCB_WEBHOOK_KEYS" in (kept.attempt.failure or "")
    again(db)
    assert sent(db).outcomes == {"delivered": 1}


def test_a_test_message_goes_to_the_one_that_was_asked_for(db: Database, receivers: Receivers) -> None:
    endpoint_id, _ = added(db, f"{receivers.url}/asked")
    added(db, f"{receivers.url}/other")
    with db.transaction() as conn:
        acts.test(conn, BY, endpoint_id)
    assert sent(db).outcomes == {"delivered": 1}
    assert [one.path for one in receivers.heard] == ["/asked"]
