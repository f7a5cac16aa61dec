"""Signatures: what is signed is believed, nothing else is, and no input is an exception."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from fcb_host.errors import InvalidSettings
from fcb_host.signing import MOST_SIGNATURES, Secret, Unverified, Verified, headers, sign, verify

NOW = 1_780_000_000
SECRET = Secret(b"the key of the tests, 30 bytes")
OTHER = Secret(b"another key of the tests, also enough")
BODY = '{"type": "endpoint.test", "café": "12.50"}'.encode()
ID = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
SIGNED = headers([SECRET], message_id=ID, sent_at=NOW, body=BODY)
SIGNATURE = SIGNED["webhook-signature"]


def checked(
    message_id: str | None = ID,
    timestamp: str | None = str(NOW),
    signature: str | None = SIGNATURE,
    body: bytes = BODY,
    *,
    now: int = NOW,
    secrets: tuple[Secret, ...] = (SECRET,),
) -> Verified | Unverified:
    return verify(secrets, message_id=message_id, timestamp=timestamp, signature=signature, body=body, now=now)


def signed_as(message_id: str, timestamp: str) -> str:
    """A right signature over headers that `sign` itself would refuse."""
    digest = SECRET.digest(b".".join((message_id.encode(), timestamp.encode(), BODY)))
    return "v1," + base64.b64encode(digest).decode()


def test_what_is_signed_is_believed() -> None:
    assert checked() == Verified(message_id=ID, sent_at=NOW)
    assert {"webhook-id": ID, "webhook-timestamp": str(NOW), "webhook-signature": SIGNATURE} == SIGNED


@pytest.mark.parametrize(
    "message_id",
    [None, "", " ", "a b", "a.b", ".", f"{ID}.", f"{ID}\n", f"{ID}\0", "é", "\u0661", "\ud800", "a" * 256, "\x7f"],
)
def test_a_malformed_id_is_refused_even_signed(message_id: str | None) -> None:
    refused = checked(message_id)
    assert refused == Unverified("webhook-id is missing or malformed")
    if message_id and message_id != "\ud800":
        assert checked(message_id, signature=signed_as(message_id, str(NOW))) == refused
    if message_id is not None:
        with pytest.raises(ValueError, match="message id"):
            sign(SECRET, message_id=message_id, sent_at=NOW, body=BODY)


@pytest.mark.parametrize(
    "timestamp",
    [
        *(None, "", " ", f" {NOW}", f"{NOW} ", f"{NOW}\n", f"+{NOW}", f"-{NOW}", f"{NOW}.0", "1_780_000_000", "1.78e9", "0x6A"),
        *("nan", "inf", "1780000000000", "9" * 5000, "١٧٨٠٠٠٠٠٠٠", "１７８０００００００", "²", "\0", "\ud800"),
    ],
)
def test_a_malformed_timestamp_is_refused_even_signed(timestamp: str | None) -> None:
    refused = checked(timestamp=timestamp)
    assert refused == Unverified("webhook-timestamp is missing or malformed")
    if timestamp and timestamp != "\ud800":
        assert checked(timestamp=timestamp, signature=signed_as(ID, timestamp)) == refused


@pytest.mark.parametrize(
    "signature",
    [
        *(None, "", " ", "v1", "v1,", "v1,,", ",", "v1,=", "v1,é", "v1,\0", "v1,\ud800", "v1,not base64"),
        *(
            SIGNATURE[3:],
            SIGNATURE[:-1],
            f"{SIGNATURE}=",
            f"{SIGNATURE}\n",
            f"{SIGNATURE},",
            f"\t{SIGNATURE}",
            f"{SIGNATURE},a",
        ),
        *(SIGNATURE.replace("v1", each) for each in ("v1a", "v2", "V1", "v01", "v1 ")),
        # The same bytes in another spelling of base64.
        SIGNATURE.rstrip("="),
        f"{SIGNATURE[:-2]}{chr(ord(SIGNATURE[-2]) + 1)}=",
        " ".join([*["v2,a"] * MOST_SIGNATURES, SIGNATURE]),
        f"{SIGNATURE} v1a,{'a' * 2048}",
    ],
)
def test_a_malformed_signature_is_refused(signature: str | None) -> None:
    assert isinstance(checked(signature=signature), Unverified)


def test_signatures_of_other_versions_are_skipped() -> None:
    assert isinstance(checked(signature=f"v1a,{'a' * 88} v2,x v9 {SIGNATURE}"), Verified)
    assert isinstance(checked(signature=" ".join([*["v2,a"] * (MOST_SIGNATURES - 1), SIGNATURE])), Verified)


@pytest.mark.parametrize(
    ("seconds", "is_in_time"), [(0, True), (300, True), (-300, True), (301, False), (-301, False), (400, False)]
)
def test_the_clock_may_be_five_minutes_off_either_way(seconds: int, is_in_time: bool) -> None:
    answer = checked(now=NOW + seconds)
    assert isinstance(answer, Verified) is is_in_time
    if isinstance(answer, Unverified):
        assert answer.reason.startswith(f"signed {-seconds:+d} seconds from now")


def test_a_timestamp_of_another_spelling_is_another_timestamp() -> None:
    assert isinstance(checked(timestamp=f"0{NOW}"), Unverified)


def test_one_signature_never_stands_for_two_messages() -> None:
    """With a full stop in the id, this would be the same signed content: `a.1.2.x`."""
    signature = signed_as("a", "1.2")
    assert isinstance(verify([SECRET], message_id="a.1", timestamp="2", signature=signature, body=BODY, now=2), Unverified)


def test_in_a_rotation_either_secret_is_enough_and_afterwards_one() -> None:
    both = headers([OTHER, SECRET], message_id=ID, sent_at=NOW, body=BODY)["webhook-signature"]
    assert both == f"{sign(OTHER, message_id=ID, sent_at=NOW, body=BODY)} {SIGNATURE}"
    assert isinstance(checked(signature=both, secrets=(SECRET,)), Verified)
    assert isinstance(checked(signature=both, secrets=(OTHER,)), Verified)
    assert isinstance(checked(secrets=(OTHER, SECRET)), Verified)
    assert checked(secrets=(OTHER,)) == Unverified("no signature is by a secret of ours")
    assert checked(secrets=()) == Unverified("no signature is by a secret of ours")


def flipped(text: bytes, place: int, bit: int) -> bytes:
    at = place % len(text)
    return text[:at] + bytes([text[at] ^ (1 << bit)]) + text[at + 1 :]


@given(part=st.sampled_from(["id", "timestamp", "signature", "body"]), place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_any_flipped_bit_refuses(part: str, place: int, bit: int) -> None:
    parts = {"id": ID.encode(), "timestamp": str(NOW).encode(), "signature": SIGNATURE.encode(), "body": BODY}
    parts[part] = flipped(parts[part], place, bit)
    told = {name: parts[name].decode("latin-1") for name in ("id", "timestamp", "signature")}
    # The clock allows everything here: what refuses is the signature.
    answer = verify(
        [SECRET],
        message_id=told["id"],
        timestamp=told["timestamp"],
        signature=told["signature"],
        body=parts["body"],
        now=NOW,
        tolerance_seconds=10**13,
    )
    assert isinstance(answer, Unverified)


HEADER = st.none() | st.text() | st.text(alphabet="v1,. =aA0+/_") | st.sampled_from([ID, str(NOW), SIGNATURE])


@given(message_id=HEADER, timestamp=HEADER, signature=HEADER, body=st.binary() | st.just(BODY), now=st.integers(0, 2**40))
def test_whatever_comes_is_answered_by_a_value(
    message_id: str | None, timestamp: str | None, signature: str | None, body: bytes, now: int
) -> None:
    answer = checked(message_id, timestamp, signature, body, now=now)
    if isinstance(answer, Verified):
        assert (message_id, timestamp, signature, body) == (ID, str(NOW), SIGNATURE, BODY)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "begins with whsec_"),
        ("abcd", "begins with whsec_"),
        ("WHSEC_" + "A" * 32, "begins with whsec_"),
        ("whsec_", "24 to 64 bytes, this one 0"),
        ("whsec_" + base64.b64encode(b"k" * 23).decode(), "24 to 64 bytes, this one 23"),
        ("whsec_" + base64.b64encode(b"k" * 65).decode(), "24 to 64 bytes, this one 65"),
        ("whsec_" + "A" * 33, "is base64"),
        ("whsec_" + "A" * 31 + "é", "is base64"),
        ("whsec_" + "A" * 32 + "\n", "is base64"),
    ],
)
def test_a_secret_that_is_none_says_what_to_do_and_not_what_it_is(text: str, says: str) -> None:
    with pytest.raises(InvalidSettings, match=says) as refused:
        Secret.parse(text)
    assert "A" * 31 not in str(refused.value)
    assert refused.value.__cause__ is None


@given(key=st.binary(min_size=24, max_size=64))
def test_a_secret_is_written_and_read_and_never_shown(key: bytes) -> None:
    secret = Secret(key)
    assert Secret.parse(secret.revealed()) == secret
    assert repr(secret) == str(secret) == f"{secret}" == "Secret(…)"


def test_a_fresh_secret_is_long_enough_and_never_the_same() -> None:
    assert len({Secret.fresh() for _ in range(100)}) == 100
    assert len(base64.b64decode(Secret.fresh().revealed().removeprefix("whsec_"))) == 32


@pytest.mark.parametrize("sent_at", [-1, 10**12])
def test_a_moment_that_nobody_would_accept_is_not_signed(sent_at: int) -> None:
    with pytest.raises(ValueError, match="12 digits"):
        sign(SECRET, message_id=ID, sent_at=sent_at, body=BODY)


@pytest.mark.parametrize("secrets", [[], [SECRET] * 17])
def test_a_message_is_signed_by_somebody_and_not_by_everybody(secrets: list[Secret]) -> None:
    with pytest.raises(ValueError, match="1 to 16"):
        headers(secrets, message_id=ID, sent_at=NOW, body=BODY)


TEXTS = st.text(st.characters(codec="utf-8"))


@given(key=st.binary(min_size=24, max_size=64), text=TEXTS)
def test_the_reference_library_believes_what_we_sign(key: bytes, text: str) -> None:
    now = int(datetime.now(UTC).timestamp())
    secret, stranger, body = Secret(key), Secret(bytes(each ^ 1 for each in key)), text.encode()
    both = headers([stranger, secret], message_id=ID, sent_at=now, body=body)
    Webhook(secret.revealed()).verify(body, both, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret.revealed()).verify(body, headers([stranger], message_id=ID, sent_at=now, body=body), json_parse=False)


@given(key=st.binary(min_size=24, max_size=64), text=TEXTS, sent_at=st.integers(0, 253_402_300_799))
def test_we_believe_what_the_reference_library_signs(key: bytes, text: str, sent_at: int) -> None:
    secret = Secret(key)
    theirs = Webhook(secret.revealed()).sign(ID, datetime.fromtimestamp(sent_at, UTC), text)
    body = text.encode()
    assert theirs == sign(secret, message_id=ID, sent_at=sent_at, body=body)
    answer = verify([secret], message_id=ID, timestamp=str(sent_at), signature=theirs, body=body, now=sent_at)
    assert answer == Verified(message_id=ID, sent_at=sent_at)
