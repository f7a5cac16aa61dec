"""API keys: any key made is read again, any slip is told, and the table of refusals."""

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.access import (
    ApiKey,
    Authenticated,
    PlainKey,
    Reason,
    Refusal,
    Scope,
    access_entry,
    checked_name,
    new_key,
    parsed,
    refusal,
)
from fcb_pipelines.domain.errors import InvalidInput

NOW = datetime(2026, 6, 2, 16, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RANDOM = st.binary(min_size=32, max_size=32)
ZEROS = "fcb_" + "A" * 43 + "156fjv"


def a_key(**given: object) -> ApiKey:
    values = {"key_id": "k_1", "service": "shop", "name": "n", "digest": bytes(32), "last_four": "abcd", "created_at": NOW}
    return ApiKey(**{**values, **given})  # type: ignore[arg-type]


@given(RANDOM)
def test_any_key_that_is_made_is_read_again(random: bytes) -> None:
    key = new_key(random)
    assert parsed(key.text) == key
    assert re.fullmatch(r"fcb_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}", key.text)
    assert base64.urlsafe_b64decode(key.text[4:47] + "=") == random
    assert key.digest == hashlib.sha256(key.text.encode()).digest()
    assert key.text.endswith(key.last_four)


def test_the_checksum_is_crc_32_in_base_62() -> None:
    assert new_key(bytes(32)).text == ZEROS


@given(random=RANDOM, place=st.integers(0, 52), other=st.characters(min_codepoint=32, max_codepoint=126))
def test_any_one_character_that_is_changed_is_told_without_a_database(random: bytes, place: int, other: str) -> None:
    text = new_key(random).text
    slip = text[:place] + other + text[place + 1 :]
    assert slip == text or parsed(slip) is None


@given(random=RANDOM, first=st.integers(0, 52), length=st.integers(1, 60))
def test_a_key_that_is_cut_off_or_goes_on_is_told(random: bytes, first: int, length: int) -> None:
    text = new_key(random).text
    assert parsed(text[:first]) is None
    assert parsed(text + "A" * length) is None
    assert parsed(f"{text}\n") is None


@given(st.text())
def test_any_text_is_read_without_a_failure(text: str) -> None:
    assert parsed(text) is None


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_needs_all_its_random_bytes(length: int) -> None:
    with pytest.raises(InvalidInput, match="32 random bytes"):
        new_key(bytes(length))


def test_no_key_is_in_a_repr() -> None:
    plain = new_key(bytes(range(32)))
    shown = f"{plain} {plain!r} {a_key(digest=plain.digest)!r} {Authenticated(key=a_key(digest=plain.digest))!r}"
    assert plain.text[4:20] not in shown
    assert repr(plain.digest)[2:20] not in shown
    assert repr(PlainKey("secret")) == "PlainKey()"


LATER, EARLIER = NOW + SECOND, NOW - SECOND


@pytest.mark.parametrize(
    ("given_", "scope", "reason"),
    [
        ({}, None, None),
        ({}, Scope.USAGE_WRITE, Reason.WRONG_SCOPE),
        ({"scopes": frozenset({Scope.USAGE_WRITE})}, Scope.USAGE_WRITE, None),
        ({"scopes": frozenset({Scope.USAGE_WRITE})}, Scope.USAGE_READ, Reason.WRONG_SCOPE),
        ({"expires_at": LATER}, None, None),
        ({"expires_at": NOW}, None, Reason.EXPIRED),
        ({"expires_at": EARLIER}, Scope.USAGE_READ, Reason.EXPIRED),
        ({"revoked_at": EARLIER}, None, Reason.REVOKED),
        ({"revoked_at": LATER}, None, Reason.REVOKED),
        ({"revoked_at": EARLIER, "expires_at": EARLIER}, Scope.USAGE_READ, Reason.REVOKED),
    ],
)
def test_when_a_key_is_refused(given_: dict[str, object], scope: Scope | None, reason: Reason | None) -> None:
    assert refusal(a_key(**given_), NOW, scope) is reason
    if scope is None:
        assert a_key(**given_).is_live(NOW) is (reason is None)


@pytest.mark.parametrize("reason", Reason)
def test_each_refusal_has_its_status(reason: Reason) -> None:
    assert Refusal(reason=reason).status == (403 if reason is Reason.WRONG_SCOPE else 401)


def test_the_outside_is_told_the_same_of_any_key_that_is_not_good() -> None:
    told = {Refusal(reason=each).detail for each in (Reason.UNKNOWN, Reason.REVOKED, Reason.EXPIRED)}
    assert told == {"The API key is not valid."}
    assert Scope.USAGE_READ in Refusal(reason=Reason.WRONG_SCOPE, scope=Scope.USAGE_READ).detail


def test_each_scope_has_a_sentence_of_its_own() -> None:
    assert len({scope.sentence for scope in Scope}) == len(Scope) == 7
    assert all(scope.sentence.endswith(".") for scope in Scope)


def test_the_log_has_the_true_reason_and_whose_key_it_was() -> None:
    rest = {"at": NOW, "address": "10.0.0.1", "method": "POST", "route": "/v1/usage", "scope": Scope.USAGE_WRITE}
    allowed = access_entry(Authenticated(key=a_key()), status=200, **rest)  # type: ignore[arg-type]
    assert (allowed.key_id, allowed.service, allowed.outcome, allowed.status) == ("k_1", "shop", "allowed", 200)
    revoked = access_entry(Refusal(reason=Reason.REVOKED, key=a_key()), status=401, **rest)  # type: ignore[arg-type]
    assert (revoked.key_id, revoked.outcome) == ("k_1", "revoked")
    unknown = access_entry(Refusal(reason=Reason.UNKNOWN), status=401, **rest)  # type: ignore[arg-type]
    assert (unknown.key_id, unknown.service, unknown.outcome) == (None, None, "unknown")


@pytest.mark.parametrize(("name", "kept"), [("client", "client"), ("  a b ", "a b"), ("é" * 100, "é" * 100)])
def test_a_name_is_kept_without_blanks_around_it(name: str, kept: str) -> None:
    assert checked_name(name) == kept


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\x1b[31m", "\udcff", "x" * 101])
def test_a_name_that_people_cannot_read_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="1 to 100 printable"):
        checked_name(name)
