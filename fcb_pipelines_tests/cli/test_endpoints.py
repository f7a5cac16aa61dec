"""`fcb endpoints` as an operator types it, over real HTTP and a real Postgres."""

import json
import os
import pwd

import psycopg
import pytest

from fcb_host.signing import Secret
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.cli.conftest import Fcb
from fcb_pipelines_tests.cli.webhooks import added, local, told
from fcb_pipelines_tests.webhooks.listening import Receivers


def endpoints(fcb: Fcb) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(fcb("endpoints", "list", "--json").stdout)["endpoints"]
    return found


def test_an_endpoint_lives_from_adding_to_removing(
    fcb: Fcb, store_database: str, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    local(monkeypatch)
    made = fcb("endpoints", "add", f"{receivers.url}/hook", "--description", "the panel", "--type", "flip.completed")
    assert made.returncode == 0, made.stderr
    Secret.parse(made.stdout.removesuffix("\n"))
    endpoint_id = made.stderr.split()[0]
    assert made.stderr.startswith(f"{endpoint_id} of shop hears of flip.completed.\n")

    rotated, hard = fcb("endpoints", "rotate", endpoint_id), fcb("endpoints", "rotate", endpoint_id, "--at-once")
    assert len({one.stdout for one in (made, rotated, hard)}) == 3
    assert "signs too, for 24 hours" in rotated.stderr
    assert "signs no more" in hard.stderr
    shown = fcb("endpoints", "show", endpoint_id).stdout
    assert f"address      {receivers.url}/hook\n" in shown
    assert shown.count("secret       made") == 1, "the others sign no more"

    disabled = fcb("endpoints", "disable", endpoint_id, "--because", "the [/b] panel moves")
    again = fcb("endpoints", "disable", endpoint_id, "--because", "the [/b] panel moves")
    assert (disabled.returncode, "its messages are held" in disabled.stderr, "already" in again.stderr) == (0, True, True)
    me = pwd.getpwuid(os.getuid()).pw_name
    assert endpoints(fcb)[0]["disabled_because"] == f"{me}: the [/b] panel moves"
    assert "disabled " in fcb("endpoints", "list").stdout
    refused = fcb("endpoints", "test", endpoint_id)
    assert (refused.returncode, "is disabled" in refused.stderr) == (2, True)
    assert fcb("endpoints", "enable", endpoint_id).stderr == f"{endpoint_id} is enabled; 0 messages are due there\n"

    assert fcb("endpoints", "remove", endpoint_id).returncode == 0
    assert fcb("endpoints", "list").stderr == "shop has no endpoint yet: fcb endpoints add URL\n"
    everything = "".join(one.stderr for one in (made, rotated, hard)) + shown
    assert not any(one.stdout.strip() in everything for one in (made, rotated, hard))
    with psycopg.connect(store_database) as conn:
        acts = conn.execute("SELECT actor, act, subject, data::text FROM audit_log ORDER BY position").fetchall()
    assert [act for _, act, _, _ in acts] == [
        "endpoint_added",
        "endpoint_secret_rotated",
        "endpoint_secret_rotated",
        "endpoint_disabled",
        "endpoint_enabled",
        "endpoint_removed",
    ]
    assert {(actor, subject) for actor, _, subject, _ in acts} == {(me, endpoint_id)}
    assert "whsec_" not in str(acts)


def test_a_test_is_sent_at_once_and_its_answer_shown(
    fcb: Fcb, store_database: str, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    local(monkeypatch)
    well, _ = added(fcb, f"{receivers.url}/well")
    sick, _ = added(fcb, f"{receivers.url}/sick")
    receivers.statuses["/sick"] = 503
    done = fcb("endpoints", "test", well)
    assert (done.returncode, "answered 200 after" in done.stdout, "    thanks" in done.stdout) == (0, True, True)
    failed = fcb("endpoints", "test", sick, "--json")
    attempt = json.loads(failed.stdout)["attempt"]
    assert (failed.returncode, attempt["status"], attempt["answer"]) == (1, 503, "thanks")
    assert [(one.path, json.loads(one.body)["type"]) for one in receivers.heard] == [
        ("/well", "endpoint.test"),
        ("/sick", "endpoint.test"),
    ]


def test_while_it_is_off_a_test_is_only_recorded(fcb: Fcb, receivers: Receivers, monkeypatch: pytest.MonkeyPatch) -> None:
    local(monkeypatch, is_on=False)
    endpoint_id, _ = added(fcb, f"{receivers.url}/hook")
    done = fcb("endpoints", "test", endpoint_id)
    assert (done.returncode, done.stdout) == (0, "")
    assert "is recorded. Webhooks are off" in done.stderr
    assert receivers.heard == []


def test_enabling_says_how_much_was_held(fcb: Fcb, store_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    local(monkeypatch, is_on=False)
    endpoint_id, _ = added(fcb, "http://127.0.0.1:9/hook")
    fcb("endpoints", "disable", endpoint_id, "--because", "x")
    told(Database(store_database), "s-1", "s-2")
    assert endpoints(fcb)[0]["counts"] == {"waiting": 0, "held": 2, "delivered": 0, "dead": 0, "dropped": 0}
    assert "2 messages are due there" in fcb("endpoints", "enable", endpoint_id).stderr


def test_wrong_use_is_one_line_that_says_what_to_do(fcb: Fcb, monkeypatch: pytest.MonkeyPatch) -> None:
    local(monkeypatch)
    endpoint_id, _ = added(fcb, "http://127.0.0.1:9/hook")
    for args, said in (
        (("add", "http://example.com/"), "nothing is sent there: "),
        (("add", "https://127.0.0.1/"), "nothing is sent there: 127.0.0.1 is "),
        (("add", "https://nowhere.invalid/"), "nothing is sent there: nowhere.invalid cannot be looked up"),
        (("add", "http://127.0.0.1:9/hook"), "shop has an endpoint at this address already"),
        (("add", "http://127.0.0.1:9/x", "--type", "everything"), "'everything' is no type of message"),
        (("add", "http://127.0.0.1:9/x", "--description", "a\nb"), "a description is at most"),
        (("show", "ep_nobody"), "shop has no endpoint 'ep_nobody'"),
        (("rotate", "ep_nobody"), "shop has no endpoint 'ep_nobody'"),
        (("remove", "ep_nobody"), "shop has no endpoint 'ep_nobody'"),
        (("test", "ep_nobody"), "shop has no endpoint 'ep_nobody'"),
        (("disable", endpoint_id, "--because", " "), "say why with --because"),
    ):
        done = fcb("endpoints", *args)
        assert (done.returncode, done.stdout) == (2, ""), (args, done.stderr)
        assert done.stderr.startswith(f"fcb: {said}"), done.stderr
        assert done.stderr.count("\n") == 1
    monkeypatch.delenv("FCB_WEBHOOK_KEYS")
    assert fcb("endpoints", "add", "http://127.0.0.1:9/x").stderr.startswith("fcb: FCB_WEBHOOK_KEYS is not set")
