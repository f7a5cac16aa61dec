"""What the doctor says of webhooks: each thing that keeps a message from its receiver, and what to do."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.doctor_webhooks import webhooks
from fcb_pipelines.acts.endpoints import add
from fcb_pipelines.domain.delivery import Notice, NoticeKind
from fcb_pipelines.domain.endpoints import Endpoint
from fcb_pipelines.domain.findings import Level
from fcb_pipelines.settings import load
from fcb_pipelines.store import endpoints, notices
from fcb_pipelines.store.database import Database
from fcb_pipelines.webhook_settings import new_key
from fcb_pipelines.webhooks.sealing import Sealing
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.projects import write_project
from fcb_pipelines_tests.webhooks.outgoing import BY, tell
from fcb_pipelines_tests.webhooks.receivers import authority

KEY = new_key()
ON = {"FCB_WEBHOOKS": "true", "FCB_WEBHOOK_KEYS": KEY, "FCB_WEBHOOK_ALLOW_HTTP_LOCAL": "true"}
MAIL = {"FCB_OPERATOR_EMAIL": "ops@example.com", "FCB_SMTP_URL": "smtp://u:hunter2@mail.example.com"}
Look = Callable[..., set[tuple[Level, str]]]


@pytest.fixture
def db(store_database: str) -> Database:
    return Database(store_database)


@pytest.fixture
def look(store_database: str, tmp_path: Path) -> Look:
    """Every finding's level and words, under these variables."""
    write_project(tmp_path)

    def found(**variables: str) -> set[tuple[Level, str]]:
        settings = load({"FCB_DATABASE_URL": store_database, **variables}, folder=tmp_path)
        reached = Connections(settings=settings, now=NOW, report=lambda _: None)
        return {(one.level, f"{one.about}: {one.message}") for one in webhooks(reached)}

    return found


def said(found: set[tuple[Level, str]], level: Level, words: str) -> bool:
    return any(each is level and words in text for each, text in found)


@pytest.fixture
def endpoint(db: Database) -> Endpoint:
    with db.transaction() as conn:
        made, _ = add(conn, BY, Sealing(KEY), url="http://127.0.0.1:9/x", description="panel", types=())
    return made


def test_a_demo_without_an_endpoint_has_nothing_to_mend(look: Look) -> None:
    assert {level for level, _ in look()} == {Level.OK}


def test_a_real_service_needs_somebody_who_is_told(look: Look) -> None:
    real = {"FCB_SOURCE_SHOP_URL": "postgresql://reader@db.invalid/shop"}
    assert said(look(**real), Level.WARNING, "operator: nobody is told of dead messages and of alarms")
    assert said(look(**real, **MAIL), Level.OK, "operator: told by mail to ops@example.com")


def test_the_file_of_authorities_is_read(look: Look, tmp_path: Path) -> None:
    file = authority(tmp_path, "receiver.example.com").file
    assert said(look(FCB_WEBHOOK_CA_FILE=str(file)), Level.OK, f"FCB_WEBHOOK_CA_FILE: certificates by 1 authorities in {file}")
    missing = look(FCB_WEBHOOK_CA_FILE=str(tmp_path / "none.pem"))
    assert said(
        missing, Level.ERROR, f"FCB_WEBHOOK_CA_FILE: nothing is sent: {tmp_path / 'none.pem'} cannot be read (No such file"
    )


@pytest.mark.usefixtures("endpoint")
def test_the_switch_the_keys_and_the_guard_are_told(look: Look) -> None:
    assert said(look(**ON), Level.OK, "FCB_WEBHOOKS: on")
    assert said(look(**ON), Level.OK, "may be sent to")
    off = look(FCB_WEBHOOK_ALLOW_HTTP_LOCAL="true")
    assert said(off, Level.WARNING, "webhooks are off, so nothing is sent: set FCB_WEBHOOKS=true")
    assert said(off, Level.ERROR, "FCB_WEBHOOK_KEYS is not set")
    assert said(look(FCB_WEBHOOK_KEYS=KEY), Level.ERROR, "nothing is sent there: it must begin with https://")
    other = look(**{**ON, "FCB_WEBHOOK_KEYS": new_key()})
    assert said(other, Level.ERROR, "was sealed under a key that FCB_WEBHOOK_KEYS does not have")
    assert not said(look(**{**ON, "FCB_WEBHOOK_KEYS": f"{new_key()},{KEY}"}), Level.ERROR, "")


def test_what_is_held_dead_late_and_untold_is_told(look: Look, db: Database, endpoint: Endpoint) -> None:
    with db.transaction() as conn:
        one, two, _ = tell(conn, "s-1", "s-2", "s-3")
        conn.execute("UPDATE delivery SET state = 'dead', ended_at = now() WHERE message_id = %s", [one.message_id])
        conn.execute("UPDATE delivery SET next_try_at = now() - interval '3 hours' WHERE message_id = %s", [two.message_id])
        endpoints.note_failing(conn, endpoint.endpoint_id, NOW)
        notices.add(conn, "shop", [Notice(kind=NoticeKind.DEAD, subject="x", words="x")], NOW)
    found = look(**ON, **MAIL)
    assert said(found, Level.WARNING, "messages of shop: 1 were given up: fcb messages list --dead")
    assert said(found, Level.WARNING, "2 are due, one for 3 h, and nobody sends them: start  fcb deliver --watch")
    assert said(found, Level.WARNING, "nothing but failures since 2026-06-02 16:00Z")
    assert said(found, Level.WARNING, "notices of shop: 1 were not told to an operator yet")
    with db.transaction() as conn:
        (taken,) = notices.take(conn, most=1, lasting=timedelta(minutes=1))
        notices.note_untold(conn, taken, taken_by=[], problem="the mail server hung up", pause=timedelta(minutes=1))
        endpoints.disable(conn, endpoint.endpoint_id, because="ada: it moves", at=NOW)
    found = look(**ON, **MAIL)
    assert said(found, Level.WARNING, "yet: the mail server hung up")
    assert said(found, Level.WARNING, "disabled: ada: it moves. 2 messages are held: fcb endpoints enable ep_")
    assert not said(found, Level.WARNING, "nobody sends them"), "what is held is not late"
