"""An operator is told by real mail over TLS and by a real POST: once each, again after a failure, and no secret with it."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from fcb_host.signing import Secret, Verified, verify
from fcb_pipelines.acts import alarms
from fcb_pipelines.acts.notice_ways import ways
from fcb_pipelines.acts.notices import Outcome, Way, tell
from fcb_pipelines.acts.senders import Senders, tell_now
from fcb_pipelines.domain.delivery import Notice, NoticeKind
from fcb_pipelines.domain.guards import Finding, Kind
from fcb_pipelines.domain.notices import Told
from fcb_pipelines.store import notices
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.webhook_settings import WebhookSettings
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.webhooks.listening import Receivers
from fcb_pipelines_tests.webhooks.mail_server import PASSWORD, USER, Mailbox, mail_server, write_certificate


@pytest.fixture
def db(store_database: str) -> Database:
    return Database(store_database)


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """A mail server that this process trusts, as where a company has an authority of its own."""
    certificate = write_certificate(tmp_path / "certificate.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with mail_server(certificate) as found:
        yield found


def clock() -> datetime:
    return datetime.now(UTC)


def raised(db: Database, *words: str) -> None:
    with db.transaction() as conn:
        notices.add(conn, "shop", [Notice(kind=NoticeKind.DEAD, subject="x", words=each) for each in words], NOW)


def again(db: Database) -> None:
    """As though the pause were over."""
    with db.transaction() as conn:
        conn.execute("UPDATE notice SET next_try_at = clock_timestamp()")


def waiting(db: Database) -> list[tuple[Any, ...]]:
    with db.transaction() as conn:
        return conn.execute(
            "SELECT words, attempts, taken_by, problem FROM notice WHERE told_at IS NULL ORDER BY notice_id"
        ).fetchall()


def told(db: Database, **settings: Any) -> Outcome:
    values = WebhookSettings(allows_http_local=True, **settings)
    return asyncio.run(tell_now(Senders(settings=values, db=db, service=None, clock=clock)))


def mailed_to(box: Mailbox, password: str = PASSWORD) -> dict[str, Any]:
    url = f"smtp://{USER}:{password.replace('/', '%2F')}@127.0.0.1:{box.port}"
    return {"operator_email": "ops@example.com", "smtp_url": url, "smtp_from": "fcb@example.com"}


def test_several_are_one_mail_and_one_post_and_told_once(db: Database, box: Mailbox, receivers: Receivers) -> None:
    raised(db, "msg_a is dead", "ep_b is\r\nBcc: everybody@example.com disabled")
    secret = Secret.fresh()
    both = {**mailed_to(box), "operator_url": f"{receivers.url}/chat/T0KEN", "operator_secret": secret.revealed()}
    assert told(db, **both) == Outcome(told=2)
    assert told(db, **both) == Outcome(), "nothing is told twice"
    (mail,) = box.mails
    assert (mail["Subject"], mail["To"], mail["Bcc"]) == ("fcb shop: 2 notices", "ops@example.com", None)
    assert "msg_a is dead" in mail.get_content()
    assert "ep_b is Bcc: everybody@example.com disabled" in mail.get_content()
    (heard,) = receivers.heard
    body = json.loads(heard.body)
    assert (body["type"], body["notices"][0]["words"]) == ("operator.notices", "msg_a is dead")
    assert body["id"] == heard.headers["webhook-id"]
    signed = verify(
        [secret],
        message_id=heard.headers["webhook-id"],
        timestamp=heard.headers["webhook-timestamp"],
        signature=heard.headers["webhook-signature"],
        body=heard.body,
        now=int(clock().timestamp()),
    )
    assert isinstance(signed, Verified)


def test_without_a_secret_what_is_posted_is_not_signed(db: Database, receivers: Receivers) -> None:
    raised(db, "one")
    assert told(db, operator_url=f"{receivers.url}/chat") == Outcome(told=1)
    assert not any(name.startswith("webhook-") for name in receivers.heard[0].headers)


def test_a_way_that_took_it_is_not_given_it_again_while_another_one_fails(
    db: Database, box: Mailbox, receivers: Receivers
) -> None:
    raised(db, "first")
    both = {**mailed_to(box), "operator_url": f"{receivers.url}/chat/T0KEN"}
    receivers.statuses["/chat/T0KEN"] = 500
    problem = "what is at FCB_OPERATOR_WEBHOOK_URL did not take it: it answered 500"
    assert told(db, **both) == Outcome(untold=1, problems=(problem,))
    assert waiting(db) == [("first", 1, ["mail"], problem)]
    raised(db, "second")
    assert told(db, **both).untold == 1, "the first one's pause is not over"
    again(db)
    assert told(db, **both).untold == 2
    assert [one["Subject"] for one in box.mails] == ["fcb shop: first", "fcb shop: second"]
    receivers.statuses.clear()
    again(db)
    assert told(db, **both) == Outcome(told=2)
    assert len(box.mails) == 2
    assert waiting(db) == []


def test_a_wrong_password_stays_visible_and_is_shown_nowhere(db: Database, box: Mailbox) -> None:
    raised(db, "one")
    done = told(db, **mailed_to(box, password="hunter3"))
    assert done.problems == ("the mail server 127.0.0.1 refuses user or password (535): check FCB_SMTP_URL",)
    ((_, attempts, _, problem),) = waiting(db)
    assert (attempts, problem) == (1, done.problems[0])
    assert told(db, **mailed_to(box)) == Outcome(), "it is tried again after a pause"
    again(db)
    assert told(db, **mailed_to(box)) == Outcome(told=1)


def test_a_post_goes_through_the_guard(db: Database, receivers: Receivers) -> None:
    raised(db, "one")
    values = WebhookSettings(operator_url=SecretStr("https://127.0.0.1:8443/T0KEN"))
    done = asyncio.run(tell_now(Senders(settings=values, db=db, service=None, clock=clock)))
    assert done.untold == 1
    assert "denied: 127.0.0.1 is " in done.problems[0]
    assert "T0KEN" not in done.problems[0]


def test_with_no_way_they_wait(db: Database) -> None:
    raised(db, "one")
    assert told(db) == Outcome()
    assert waiting(db) == [("one", 0, [], None)]


def test_the_pause_grows_with_each_failure(db: Database) -> None:
    async def fails(_told: Sequence[Told], _id: str) -> str | None:
        return "no"

    ways_: dict[str, Way] = {"mail": fails}
    raised(db, "one")
    pauses = []
    for _ in range(8):
        asyncio.run(tell(db, ways_))
        with db.transaction() as conn:
            row = conn.execute("SELECT next_try_at - clock_timestamp() FROM notice").fetchone()
        assert row is not None
        pauses.append(round(row[0] / timedelta(minutes=1)))
        again(db)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_two_who_tell_at_once_tell_each_once(db: Database) -> None:
    raised(db, *map(str, range(20)))
    heard: list[str] = []

    async def takes(told: Sequence[Told], _id: str) -> str | None:
        await asyncio.sleep(0.05)
        heard.extend(one.words for one in told)
        return None

    async def both() -> None:
        await asyncio.gather(tell(db, {"mail": takes}), tell(db, {"mail": takes}))

    asyncio.run(both())
    assert sorted(heard, key=int) == [*map(str, range(20))]


def test_the_same_are_posted_under_the_same_id(db: Database) -> None:
    raised(db, "one", "two")
    ids: list[str] = []

    async def fails(_told: Sequence[Told], id_: str) -> str | None:
        ids.append(id_)
        return "no"

    for _ in range(2):
        asyncio.run(tell(db, {"webhook": fails}))
        again(db)
    raised(db, "three")
    asyncio.run(tell(db, {"webhook": fails}))
    assert ids[0] == ids[1] != ids[2]


@pytest.fixture
def alarmed(rolled_back: Connection) -> Connection:
    return rolled_back


def test_an_alarm_that_is_raised_is_a_notice_and_one_that_stays_is_none(alarmed: Connection) -> None:
    found = Finding(kind=Kind.CLAIM_MISSING, subject="s-1", words="nobody bills s-1", evidence={"period": "2026-05"})
    counts = []
    for _ in range(2):
        alarms.settle(alarmed, "shop", [found], NOW)
        counts.append(notices.untold(alarmed, "shop").count)
    assert counts == [1, 1]
    (one,) = notices.take(alarmed, most=10, lasting=timedelta(minutes=1))
    assert one.kind == "alarm"
    assert "nobody bills s-1" in one.words
    assert "To do: " in one.words


def test_no_way_shows_a_secret_of_its_own(box: Mailbox) -> None:
    secret = Secret.fresh()
    settings = WebhookSettings(
        **mailed_to(box), operator_url=SecretStr("https://chat.example.com/T0KEN"), operator_secret=SecretStr(secret.revealed())
    )

    async def post(_url: str, _headers: object, _body: bytes) -> Any:
        raise AssertionError

    shown = repr(ways(settings, post, clock)) + repr(settings)
    assert not any(each in shown for each in (PASSWORD, "T0KEN", secret.revealed()))
