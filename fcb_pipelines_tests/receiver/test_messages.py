"""What is read of a body: strict where an effect hangs on it, tolerant elsewhere, and never an exception."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_host.receiver.messages import Message, NoEffect, Type, Unreadable, read
from fcb_pipelines_tests.receiver.said import ENDED, FAILED, PAID, about, body, heard, invoice


def test_a_failed_payment_says_what_hangs_on_it() -> None:
    assert heard(sequence=9) == Message(
        message_id="msg_1",
        type=Type.PAYMENT_FAILED,
        subscription="sub-1",
        sequence=9,
        deployment="dep-1",
        subject="invoice/77",
        invoice="INV/77",
        amount="49.00 CAD",
        is_open=True,
        is_final=True,
        grace_until=datetime(2026, 6, 16, 12, tzinfo=UTC),
    )


def test_a_payment_and_an_end_say_less() -> None:
    paid, ended = heard(type_=PAID), heard(type_=ENDED)
    assert (paid.subject, paid.is_open, paid.is_final, paid.grace_until) == ("invoice/77", False, False, None)
    assert (ended.subject, ended.invoice, ended.subscription, ended.deployment) == ("end", "", "sub-1", "dep-1")
    assert (heard().settles, paid.settles) == (("invoice/77",), ("invoice/77", "charge"))


@pytest.mark.parametrize(
    ("data", "is_open"),
    [
        ({}, True),
        ({"invoice": invoice(payment_state="partial")}, True),
        ({"invoice": invoice(payment_state="paid")}, False),
        ({"invoice": invoice(payment_state="in_payment")}, False),
        ({"invoice": invoice(payment_state="reversed")}, False),
        ({"invoice": invoice(state="draft")}, False),
        ({"invoice": invoice(state="cancel")}, False),
        ({"invoice": None}, True),
    ],
)
def test_owed_is_what_is_posted_and_unpaid_or_has_no_invoice(data: dict[str, Any], is_open: bool) -> None:
    assert heard(**data).is_open is is_open


def test_what_is_not_known_is_left_alone() -> None:
    more = heard(new_field={"a": [1, 2]}, invoice=invoice(number=None, lines=[{"a": 1.5}]))
    assert (more.subject, more.invoice) == ("invoice/77", "77")
    assert heard(grace_ends_on=...).grace_until is None


@pytest.mark.parametrize("type_", ["reconciliation.completed", "flip.completed", "endpoint.test"])
def test_what_is_told_for_people_changes_nothing_and_needs_nothing(type_: str) -> None:
    assert read("m", json.dumps({"type": type_, "id": "m"}).encode()) == NoEffect(
        type_, "it is told for people and changes nothing", is_parked=False
    )


def test_an_unknown_type_and_one_about_nobody_are_parked() -> None:
    unknown = read("m", body("m", "invoice.sent"))
    assert isinstance(unknown, NoEffect)
    assert (unknown.type, unknown.is_parked) == ("invoice.sent", True)
    for type_ in (FAILED, PAID, ENDED):
        found = read("m", body("m", type_, deployment_id=None, external_subscription_id=None))
        assert isinstance(found, NoEffect)
        assert found.is_parked


@pytest.mark.parametrize("type_", [FAILED, PAID, ENDED])
def test_what_names_no_deployment_is_read_all_the_same(type_: str) -> None:
    assert (heard(type_=type_, deployment_id=None).deployment, heard(type_=type_).deployment) == ("", "dep-1")


@pytest.mark.parametrize("type_", [FAILED, PAID, ENDED, "endpoint.test"])
def test_what_is_about_another_service_is_parked(type_: str) -> None:
    mine, other = (read("m", body("m", type_, service=each), service="nexacloud") for each in ("nexacloud", "cumulus"))
    assert isinstance(mine, NoEffect if type_ == "endpoint.test" else Message)
    assert other == NoEffect(
        type_, "it is about the service cumulus, and what is received here is about nexacloud", is_parked=True
    )
    assert read("m", body("m", type_, service="cumulus")) == read("m", body("m", type_))


@pytest.mark.parametrize("service", [..., None, 7, "", "a\0b"])
def test_a_service_that_cannot_be_read_is_nobodys(service: Any) -> None:
    assert isinstance(read("m", body("m", service=service), service="nexacloud"), Unreadable)
    assert isinstance(read("m", body("m", service=service)), Message)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe{}", "not JSON"),
        ('{"id":"m"}'.encode("utf-16"), "not JSON"),
        ('\ufeff{"id":"m"}'.encode(), "not JSON"),
        (b"[]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"NaN", "NaN is not a number"),
        (b'{"id":"m","id":"m"}', "stands twice"),
        (b"[" * 60_000, "nested too deep"),
        (b'{"a":' * 10_000, "nested too deep"),
        (b'{"id":"m","sequence":' + b"9" * 5000 + b"}", "not JSON"),
        (b"{}", "id is not the webhook-id"),
        (b'{"id":"other","type":"endpoint.test"}', "id is not the webhook-id"),
        (b'{"id":"m"}', "type is not a text"),
        (b'{"id":"m","type":7}', "type is not a text"),
        (b'{"id":"m","type":"a\\u0000b"}', "type holds a character"),
        (b'{"id":"m","type":"\\ud800"}', "type holds a character"),
        (b'{"id":"m","type":"invoice.payment_failed"}', "data is missing"),
        (b'{"id":"m","type":"invoice.payment_failed","data":[]}', "data is missing"),
    ],
)
def test_what_breaks_the_contract_is_said(content: bytes, why: str) -> None:
    found = read("m", content)
    assert isinstance(found, Unreadable)
    assert why in found.why


WRONG: list[tuple[str, str, tuple[Any, ...]]] = [
    (FAILED, "external_subscription_id", (..., "", 7, "a" * 256, "\0")),
    (FAILED, "deployment_id", (..., "", 7, "a" * 256, "\0")),
    (PAID, "amount", (..., 49, 49.5, None)),
    (PAID, "currency", (..., 49, 49.5, None)),
    (FAILED, "final", (..., None, "true", 1)),
    (FAILED, "grace_ends_on", (7, "soon", "2026-02-30", "9999-12-31", "2026-06-15T00:00:00Z")),
    (FAILED, "invoice", ("INV/1", 7, [], {}, *(invoice() | {"id": each} for each in (True, -1, 2**63, "77", None)))),
    (FAILED, "invoice", tuple(invoice() | {name: 7} for name in ("state", "payment_state", "number"))),
    (ENDED, "external_subscription_id", (...,)),
    (ENDED, "deployment_id", (...,)),
    (ENDED, "ended_at", (7, "soon", "2026-06-10", "2026-06-10T16:00:00", "9999-12-31T23:59:59Z")),
]


@pytest.mark.parametrize(("type_", "name", "wrong"), [(type_, name, each) for type_, name, wrong in WRONG for each in wrong])
def test_what_an_effect_hangs_on_must_be_there_and_right(type_: str, name: str, wrong: Any) -> None:
    changed: dict[str, Any] = {name: wrong}
    assert isinstance(read("m", body("m", type_, **changed)), Unreadable)


@pytest.mark.parametrize("sequence", [None, "1", 1.0, True, -1, 2**63])
def test_a_sequence_is_a_whole_number(sequence: Any) -> None:
    assert read("m", body("m", sequence=sequence)) == Unreadable("sequence is not a whole number")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@given(name=st.sampled_from([*about(FAILED), "type", "id", "sequence", "data"]), value=JSON, outside=st.binary(max_size=40))
def test_whatever_stands_there_is_answered_by_a_value(name: str, value: object, outside: bytes) -> None:
    told = json.loads(body("m"))
    (told if name in told else told["data"])[name] = value
    for content in (json.dumps(told).encode(), outside):
        found = read("m", content)
        assert isinstance(found, Message | NoEffect | Unreadable)
