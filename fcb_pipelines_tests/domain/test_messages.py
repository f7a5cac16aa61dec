"""The body of a message: one form, exact amounts, an id that can be signed."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_host.signing import Secret, sign
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.messages import ID_BYTES, Message, MessageType, News, id_of, message

AT = datetime(2026, 6, 2, 16, 0, 0, 123_456, tzinfo=UTC)


def a_message(**changes: object) -> Message:
    data = changes.pop("data", {"amount": Decimal("39.50")})
    news = News(
        type=MessageType.PAYMENT_FAILED,
        external_subscription_id="SUB-1",
        occurred_at=AT,
        data=data,  # type: ignore[arg-type]
    )
    values = {"message_id": id_of(bytes(ID_BYTES)), "sequence": 7, "recorded_at": AT} | changes
    return message("nexacloud", news, **values)  # type: ignore[arg-type]


def test_the_body_names_type_id_time_sequence_and_data() -> None:
    told = json.loads(a_message().body)
    assert told == {
        "type": "invoice.payment_failed",
        "id": "msg_" + "a" * 26,
        "timestamp": "2026-06-02T16:00:00.123Z",
        "sequence": 7,
        "data": {"service": "nexacloud", "external_subscription_id": "SUB-1", "amount": "39.50"},
    }


@given(number=st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_amounts_are_text_that_says_exactly_what_they_are(number: Decimal) -> None:
    told = json.loads(a_message(data={"amount": number}).body)["data"]["amount"]
    assert isinstance(told, str)
    assert Decimal(told) == number
    assert "E" not in told


def test_moments_are_told_in_utc() -> None:
    at = datetime(2026, 6, 1, tzinfo=timezone(timedelta(hours=-4)))
    assert json.loads(a_message(data={"at": at}).body)["data"]["at"] == "2026-06-01T04:00:00Z"


@pytest.mark.parametrize("value", [1.5j, object(), {1, 2}, b"x"])
def test_what_json_has_no_form_for_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        a_message(data={"value": value})


def test_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        a_message(data={"value": float("nan")})


@given(st.binary(min_size=ID_BYTES, max_size=ID_BYTES))
def test_every_id_can_be_signed(random: bytes) -> None:
    one = a_message(message_id=id_of(random))
    assert sign(Secret(bytes(32)), message_id=one.message_id, sent_at=1, body=one.body.encode()).startswith("v1,")


@pytest.mark.parametrize("identity", ["", "msg_", "msg_" + "A" * 26, "msg_a.b", "msg_" + "a" * 27, "msg_" + "a" * 26 + "\n"])
def test_an_id_of_another_form_is_refused(identity: str) -> None:
    with pytest.raises(InvalidInput, match="no id of a message"):
        a_message(message_id=identity)


@pytest.mark.parametrize("length", [0, ID_BYTES - 1, ID_BYTES + 1])
def test_an_id_has_its_bytes(length: int) -> None:
    with pytest.raises(InvalidInput, match="random bytes"):
        id_of(bytes(length))
