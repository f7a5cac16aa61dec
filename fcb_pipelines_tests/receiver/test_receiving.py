"""What a request is answered, and what is kept of it; on both storages."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fcb_host.receiver.acting import What
from fcb_host.receiver.receiving import MOST_BYTES, OFF, TOO_LARGE, UNAVAILABLE, UNREADABLE, UNSIGNED, Answer, Receiver
from fcb_host.receiver.storage_sqlite import SqliteStorage
from fcb_host.signing import headers
from fcb_pipelines_tests.receiver.conftest import House
from fcb_pipelines_tests.receiver.said import ENDED, NOW, OTHER, SECRET, Request, body, request, signed


def outcome(answer: Answer) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["outcome"]


def test_a_signed_message_is_stored_and_waits_and_the_second_time_is_known(house: House) -> None:
    assert outcome(house.take()) == (202, "stored")
    assert outcome(house.take()) == (200, "duplicate")
    kept = house.entries()["msg_1"]
    assert (kept.body, kept.deployment, kept.received_at) == (body(), "dep-1", NOW)
    assert house.standings() == {"msg_1": "waiting"}
    assert house.host.acts == []


def test_off_is_404_whatever_comes_and_nothing_is_looked_at(tmp_path: Path) -> None:
    off = Receiver(storage=SqliteStorage(tmp_path / "no" / "file"), secrets=[], is_enabled=False)
    for each in (request(), Request(headers={}, body=b"x" * 99_999)):
        assert off.take(each.headers, each.body, NOW) is OFF
    assert OFF.status == 404


def test_the_size_comes_before_the_signature_and_that_before_the_storage(house: House, tmp_path: Path) -> None:
    no_storage = replace(house.receiver, storage=SqliteStorage(tmp_path / "no" / "file"))
    large = signed("m", b"x" * (MOST_BYTES + 1))
    assert no_storage.take({}, large.body, NOW) is TOO_LARGE
    assert no_storage.take({}, b"x" * MOST_BYTES, NOW) is UNSIGNED
    assert no_storage.take(large.headers, b"x", NOW) is UNSIGNED
    fine = request()
    assert no_storage.take(fine.headers, fine.body, NOW) is UNAVAILABLE
    assert (TOO_LARGE.status, UNSIGNED.status, UNAVAILABLE.status) == (413, 401, 503)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"webhook-id": "other"},
        {"webhook-id": "msg_1\n"},
        {"webhook-timestamp": "1_780_416_000"},
        {"webhook-timestamp": "nan"},
        {"webhook-signature": "v1"},
        {"webhook-signature": "é"},
    ],
)
def test_whatever_is_wrong_with_the_signature_the_answer_is_the_same_and_nothing_is_kept(
    house: House, wrong: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    came = request()
    told = came.headers | wrong if wrong else {}
    assert house.receiver.take(told, came.body, NOW) is UNSIGNED
    assert house.entries() == {}
    assert "a request was refused: " in caplog.text


@pytest.mark.parametrize("seconds", [301, -301, 400, 86_400])
def test_a_captured_request_outside_the_tolerance_does_nothing(
    house: House, seconds: int, caplog: pytest.LogCaptureFixture
) -> None:
    came = request()
    assert house.receiver.take(came.headers, came.body, NOW + timedelta(seconds=seconds)) is UNSIGNED
    assert house.entries() == {}
    assert f"signed {-seconds:+d} seconds from now" in caplog.text


def test_a_captured_request_within_the_tolerance_has_no_second_effect(house: House) -> None:
    came = request()
    assert house.receiver.take(came.headers, came.body, NOW).status == 202
    house.act()
    for seconds in (-300, 0, 300):
        assert outcome(house.receiver.take(came.headers, came.body, NOW + timedelta(seconds=seconds))) == (200, "duplicate")
        assert house.act() == []
    assert house.host.acts == [("suspend", "dep-1", "msg_1")]


def test_names_of_headers_have_no_case_and_either_secret_is_enough(house: House) -> None:
    both = replace(house.receiver, secrets=[OTHER, SECRET])
    shouted = {name.upper(): value for name, value in request().headers.items()}
    assert both.take(shouted, request().body, NOW).status == 202
    by_the_other = headers([OTHER], message_id="msg_2", sent_at=int(NOW.timestamp()), body=body("msg_2"))
    assert both.take(by_the_other, body("msg_2"), NOW).status == 202
    assert house.receiver.take(by_the_other, body("msg_2"), NOW) is UNSIGNED


def test_the_same_id_with_another_body_keeps_the_first_and_shows_it(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.take()
    assert outcome(house.take(type_=ENDED)) == (200, "conflict")
    assert outcome(house.take(type_=ENDED)) == (200, "conflict")
    assert house.entries()["msg_1"].body == body()
    status = house.status()
    assert (status.conflicts, status.needs_a_person) == ((house.entries()["msg_1"].number,), True)
    assert "came again with another body" in caplog.text
    house.act()
    assert house.host.acts == [("suspend", "dep-1", "msg_1")]


@pytest.mark.parametrize("content", [b"not json", b"[1]", b"{}", body("another"), body("m", deployment_id=...)])
def test_what_is_signed_and_no_message_is_400_each_time_and_kept(house: House, content: bytes) -> None:
    came = signed("m", content)
    for _ in range(2):
        assert house.receiver.take(came.headers, came.body, NOW) is UNREADABLE
    assert (house.entries()["m"].body, house.standings()) == (content, {"m": "unreadable"})
    assert house.status().needs_a_person
    # It stays known as what came first.
    good = signed("m", body("m"))
    assert house.receiver.take(good.headers, good.body, NOW) is UNREADABLE
    assert house.act() == []


def test_an_unknown_type_is_parked_and_what_is_told_for_people_is_kept(house: House) -> None:
    assert outcome(house.take("a", "invoice.sent")) == (202, "parked")
    assert outcome(house.take("b", "endpoint.test")) == (202, "stored")
    assert outcome(house.take("c", ENDED, deployment_id=None)) == (202, "stored")
    assert house.act() == [What.REFUSED]
    assert house.standings() == {"a": "parked", "b": "kept", "c": "parked"}


def test_a_receiver_of_one_service_parks_what_is_about_another(house: House) -> None:
    mine = replace(house.receiver, service="nexacloud")
    for number, service in enumerate(("cumulus", "nexacloud")):
        came = request(f"m{number}", service=service)
        assert mine.take(came.headers, came.body, NOW).status == 202
    assert house.act() == [What.SUSPENDED]
    assert (house.standings(), house.host.acts) == ({"m0": "parked", "m1": "done"}, [("suspend", "dep-1", "m1")])
    assert house.entries()["m0"].why == "it is about the service cumulus, and what is received here is about nexacloud"
    assert house.status().needs_a_person


def test_the_same_id_of_another_source_is_another_message(house: House) -> None:
    came = request()
    assert house.receiver.take(came.headers, came.body, NOW).status == 202
    assert replace(house.receiver, source="elsewhere").take(came.headers, came.body, NOW).status == 202


def test_of_32_at_once_one_is_stored_and_has_one_effect(house: House) -> None:
    with ThreadPoolExecutor(32) as threads:
        outcomes = sorted(outcome(each) for each in threads.map(lambda _: house.take(), range(32)))
    assert outcomes == [(200, "duplicate")] * 31 + [(202, "stored")]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: house.act(), range(4)))
    assert house.host.acts == [("suspend", "dep-1", "msg_1")]
    with house.storage.transaction() as tx:
        assert tx.rows("SELECT times FROM fcb_receiver_repetition") == [(31,)]
