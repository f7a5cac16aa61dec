"""`fcb messages` and `fcb deliver` as an operator types them, over real HTTP and a real Postgres."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fcb_pipelines.cli.messages import ago
from fcb_pipelines.domain.delivery import SCHEDULE
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.cli.conftest import Fcb
from fcb_pipelines_tests.cli.webhooks import added, local, shown, told, tried_again
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.webhooks.listening import Receivers


@pytest.fixture
def db(store_database: str, monkeypatch: pytest.MonkeyPatch) -> Database:
    local(monkeypatch)
    return Database(store_database)


def delivered(fcb: Fcb) -> dict[str, Any]:
    done = fcb("deliver", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def listed(fcb: Fcb, *args: str) -> list[str]:
    done = fcb("messages", "list", "--json", *args)
    assert done.returncode == 0, done.stderr
    return [one["message_id"] for one in json.loads(done.stdout)["messages"]]


def dead(fcb: Fcb, db: Database, receivers: Receivers, path: str, *subscriptions: str) -> list[str]:
    """Messages of which the last attempt failed."""
    receivers.statuses[path] = 500
    made = [one.message_id for one in told(db, *subscriptions)]
    tried_again(db, len(SCHEDULE))
    assert delivered(fcb)["dead"] >= len(made)
    return made


def test_what_is_due_is_sent_once_and_shown_with_its_answer(fcb: Fcb, db: Database, receivers: Receivers) -> None:
    added(fcb, f"{receivers.url}/hook", "--description", "the panel")
    (message,) = told(db, "s-1")
    first = fcb("deliver")
    assert (first.returncode, first.stdout) == (0, "")
    assert first.stderr == "1 delivered, 0 to be tried again, 0 given up; 0 notices told\n"
    assert delivered(fcb)["delivered"] == 0
    assert receivers.ids("/hook") == [message.message_id]
    text = fcb("messages", "show", message.message_id).stdout
    assert f"{message.message_id}: invoice.payment_failed about s-1, number 1 there" in text
    assert '"amount": "9.99"' in text
    assert "(the panel)" in text
    assert "answered 200 after" in text
    assert "        thanks\n" in text
    assert message.message_id in fcb("messages", "list").stdout


def test_what_fails_says_when_it_is_tried_next(fcb: Fcb, db: Database, receivers: Receivers) -> None:
    added(fcb, f"{receivers.url}/hook")
    receivers.statuses["/hook"], receivers.headers["retry-after"] = 503, "7"
    (message,) = told(db, "s-1")
    assert delivered(fcb)["waiting"] == 1
    (sent,) = shown(fcb, message.message_id)["sent"]
    assert (sent["state"], sent["attempts"][0]["status"], sent["attempts"][0]["retry_after"]) == ("waiting", 503, "7")
    wait = datetime.fromisoformat(sent["next_try_at"]) - datetime.fromisoformat(sent["attempts"][0]["started_at"])
    assert timedelta(seconds=7) <= wait < timedelta(seconds=9)
    assert "next try 20" in fcb("messages", "show", message.message_id).stdout


def test_a_list_is_narrowed_by_what_a_message_is_about_and_how_it_stands(fcb: Fcb, db: Database, receivers: Receivers) -> None:
    well, _ = added(fcb, f"{receivers.url}/well")
    gone = dead(fcb, db, receivers, "/well", "s-dead")
    receivers.statuses.clear()
    fine = [one.message_id for one in told(db, "s-1", "s-2")]
    assert delivered(fcb)["delivered"] == 2
    fcb("endpoints", "disable", well, "--because", "x")
    held = [one.message_id for one in told(db, "s-held")]
    assert set(listed(fcb)) == {*gone, *fine, *held}
    assert listed(fcb, "--dead") == gone
    assert listed(fcb, "--held") == held
    assert listed(fcb, "--subscription", "s-1") == fine[:1]
    assert listed(fcb, "--type", "flip.completed") == []
    assert len(listed(fcb, "--limit", "2")) == 2
    summary = fcb("messages", "list").stderr
    assert "0 waiting, 1 held, 1 dead. 1 notices untold since" in summary
    assert fcb("messages", "list", "--type", "flip.completed").stderr.startswith("shop has no such message\n")


def test_what_was_given_up_is_sent_again_with_the_id_that_it_had(fcb: Fcb, db: Database, receivers: Receivers) -> None:
    added(fcb, f"{receivers.url}/hook")
    gone = dead(fcb, db, receivers, "/hook", "s-1", "s-2")
    receivers.statuses.clear()
    assert fcb("messages", "replay", "--dead", "--dry-run").stderr == "2 deliveries would be sent again\n"
    assert listed(fcb, "--dead") != [], "a dry run changes nothing"
    assert fcb("messages", "replay", gone[0]).stderr == "1 delivery is due again\n"
    assert fcb("messages", "replay", "--dead").stderr == "1 delivery is due again\n"
    receivers.heard.clear()
    assert delivered(fcb)["delivered"] == 2
    assert sorted(receivers.ids("/hook")) == sorted(gone)
    with db.transaction() as conn:
        acts = conn.execute("SELECT count(*) FROM audit_log WHERE act = 'messages_replayed'").fetchone()
    assert acts == (2,), "nor does it stand in the audit log"


def test_a_new_endpoint_may_be_sent_what_was_before_it(fcb: Fcb, db: Database, receivers: Receivers) -> None:
    (message,) = told(db, "s-1")
    assert "it goes nowhere" in fcb("messages", "show", message.message_id).stdout
    late, _ = added(fcb, f"{receivers.url}/late")
    day = NOW.date().isoformat()
    assert fcb("messages", "replay", "--since", day, "--endpoint", late).stderr == "1 delivery is due again\n"
    assert fcb("messages", "replay", "--since", "2027-01-01", "--endpoint", late).stderr == "0 deliveries are due again\n"
    assert delivered(fcb)["delivered"] == 1
    assert receivers.ids("/late") == [message.message_id]


def test_an_answer_gives_the_terminal_no_orders(fcb: Fcb, db: Database, receivers: Receivers) -> None:
    added(fcb, f"{receivers.url}/hook")
    (message,) = told(db, "s-\x1b[2J\x9b31m", note="\x9b31m\u202e")
    delivered(fcb)
    with db.transaction() as conn:
        conn.execute("ALTER TABLE delivery_attempt DISABLE TRIGGER ALL")
        conn.execute("UPDATE delivery_attempt SET answer = %s", [b"\x1b]0;owned\x07\r\x1b[31mred\xff\xc2\x9b31m" + b"x" * 9000])
    for done in (fcb("messages", "show", message.message_id), fcb("messages", "list")):
        assert done.returncode == 0, done.stderr
        assert not set(done.stdout) & set("\x1b\x07\r\x9b\u202e")
    shown_text = fcb("messages", "show", message.message_id).stdout
    assert "x" * 400 in shown_text
    assert "x" * 1000 not in shown_text
    assert "9,0" in shown_text
    (sent,) = shown(fcb, message.message_id)["sent"]
    assert not set(sent["attempts"][0]["answer"]) & set("\x1b\x07\r\x9b")


def test_a_link_is_printed_alone_and_kept_nowhere(fcb: Fcb, db: Database) -> None:
    done = fcb("messages", "link", "--url", "https://billing.example.com/")
    assert (done.returncode, done.stdout.startswith("https://billing.example.com/report-links/")) == (0, True)
    assert done.stderr.startswith("it opens the messages of shop once, before 20")
    with db.transaction() as conn:
        (kept,) = conn.execute("SELECT period, report_link::text FROM report_link").fetchall()
    assert kept[0] == "webhooks"
    assert done.stdout.strip().rpartition("/")[2] not in kept[1]
    wrong = fcb("messages", "link", "--url", "billing.example.com")
    assert (wrong.returncode, "is no address: give it as https://" in wrong.stderr) == (2, True)


def test_wrong_use_is_one_line_that_says_what_to_do(fcb: Fcb, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    (message,) = told(db, "s-1")
    for args, said in (
        (("messages", "list", "--dead", "--held"), "--dead and --held exclude each other"),
        (("messages", "show", "msg_nobody"), "shop has no message 'msg_nobody'"),
        (("messages", "replay"), "say what to send again"),
        (("messages", "replay", "msg_nobody"), "shop has no message 'msg_nobody'"),
        (("messages", "replay", message.message_id, "--endpoint", "ep_nobody"), "shop has no endpoint 'ep_nobody'"),
        (("messages", "replay", "--since", "yesterday"), "'yesterday' is no moment: write 24h"),
        (("deliver", "--service", "nobody"), "no service 'nobody'"),
    ):
        done = fcb(*args)
        assert (done.returncode, done.stdout) == (2, ""), (args, done.stderr)
        assert done.stderr.startswith(f"fcb: {said}"), done.stderr
        assert done.stderr.count("\n") == 1
    monkeypatch.delenv("FCB_WEBHOOK_KEYS")
    assert fcb("deliver").stderr.startswith("fcb: FCB_WEBHOOK_KEYS is not set")
    monkeypatch.setenv("FCB_WEBHOOKS", "false")
    refused = fcb("deliver", "--watch")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("fcb: webhooks are off, so nothing is sent: set FCB_WEBHOOKS=true")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("24h", NOW - timedelta(days=1)),
        ("2026-05-31", datetime(2026, 5, 31, tzinfo=UTC)),
        ("2026-05-31T12:00:00+02:00", datetime(2026, 5, 31, 10, tzinfo=UTC)),
    ],
)
def test_a_moment_is_so_long_ago_a_date_or_a_time_with_zone(text: str, at: datetime) -> None:
    assert ago(text, NOW) == at


@pytest.mark.parametrize("text", ["", "now", "2026-13-01", "2026-05-31T12:00:00"])
def test_anything_else_is_no_moment(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no moment"):
        ago(text, NOW)
