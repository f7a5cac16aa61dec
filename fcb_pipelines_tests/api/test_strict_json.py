"""What is read, and what two parsers might read differently and is refused."""

import json
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fcb_pipelines.api.strict_json import NotStrict, read

REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not JSON"),
    "half": (b'{"a": ', "not JSON"),
    "two values": (b"{} {}", "not JSON"),
    "a trailing comma": (b'{"a": 1,}', "not JSON"),
    "single quotes": (b"{'a': 1}", "not JSON"),
    "a comment": (b"{} // no", "not JSON"),
    "NaN": (b'{"a": NaN}', "NaN is no JSON"),
    "an infinity": (b'{"a": -Infinity}', "-Infinity is no JSON"),
    "a key twice": (b'{"a": 1, "b": {"c": 1, "c": 1}}', "key 'c' comes twice"),
    "a key twice, once escaped": (b'{"a": 1, "\\u0061": 2}', "key 'a' comes twice"),
    "Latin 1": ('{"a": "é"}'.encode("latin-1"), "not UTF-8"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
    "a byte order mark": (b'\xef\xbb\xbf{"a": 1}', "not JSON"),
    "NUL in a text": (b'{"a": "x\\u0000"}', "NUL or half"),
    "NUL as it is": (b'{"a": "x\x00"}', "not JSON"),
    "half a pair": (b'{"a": ["\\ud800"]}', "NUL or half"),
    "half a pair in a key": (b'{"\\udfff": 1}', "NUL or half"),
    "an encoded surrogate": (b'"\xed\xa0\x80"', "not UTF-8"),
    "a number without end": (b"1" * 101, "more than 100 digits"),
    "decimals without end": (b"0." + b"1" * 101, "more than 100 digits"),
    "an exponent beyond measure": (b"1e101", "more than 100 digits"),
    "a negative one": (b"1e-999999999999999999999", "more than 100 digits"),
    "a leading zero": (b"01", "not JSON"),
    "a plus": (b"+1", "not JSON"),
    "hexadecimal": (b"0x10", "not JSON"),
    "nesting": (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "nested objects": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "nested too deeply"),
}


@pytest.mark.parametrize("what", list(REFUSED))
def test_what_is_not_strict_is_refused_and_says_why(what: str) -> None:
    body, reason = REFUSED[what]
    with pytest.raises(NotStrict, match=reason):
        read(body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"0.1", Decimal("0.1")),
        (b"1e2", Decimal(100)),
        (b"-0", 0),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b"0.30000000000000000000000001", Decimal("0.30000000000000000000000001")),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b' {"a": [true, null, {}]} \n', {"a": [True, None, {}]}),
    ],
)
def test_numbers_are_exact_and_texts_whole(body: bytes, value: Any) -> None:
    assert read(body) == value


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**90), 10**90) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from texts(list(pair))
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


@given(VALUES, st.booleans())
@example("\\u0000", True)
def test_every_other_value_comes_back_as_it_was(value: Any, as_ascii: bool) -> None:
    body = json.dumps(value, ensure_ascii=as_ascii).encode()
    if any("\0" in text for text in texts(value)):
        with pytest.raises(NotStrict):
            read(body)
    else:
        assert read(body) == value


@given(st.binary(max_size=60))
def test_no_bytes_do_more_harm_than_a_refusal(body: bytes) -> None:
    with suppress(NotStrict):
        read(body)
