"""Bodies and texts that are made to break whoever reads them: each is stored as it is or refused, and never a failure of ours.

`FCB_TEST_LISTS` names a folder with two published collections, which are then sent too: `test_parsing/*.json` (y_, n_ and i_
as in the comparison of JSON parsers that they come from) and `blns.json` (a list of strings known for making trouble).
"""

import json
import os
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fcb_pipelines.api.strict_json import NotStrict, read
from fcb_pipelines_tests.api.conftest import Host, event

LISTS = os.environ.get("FCB_TEST_LISTS")
OF_LISTS = pytest.mark.skipif(LISTS is None, reason="FCB_TEST_LISTS names no folder with the published collections")
ONE_SERVER = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WELL = {HTTPStatus.OK, HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}
TEXTS = ("external_subscription_id", "metric", "idempotency_key", "quantity", "started_at", "ended_at", "value", "voids")
NAUGHTY = (
    *("", " ", "\t", "\r\n", "\x00", "\x01\x1b[31m", "\x7f", "\x85\u2028\u2029", "\ufeff", "\ufffe", "\U0010ffff"),
    *(
        "\ud800",
        "\udfff\ud800",
        "e\u0301",
        "\u212b",
        "\u202e\u2066drow",
        "\u200d\ufe0f",
        "👩‍👩‍👧",
        "ﷺ" * 80,
        "Z\u0334\u0353\u033a" * 30,
    ),
    *(
        "'",
        '"',
        "\\",
        "'; DROP TABLE usage_event; --",
        "' OR '1'='1",
        "$1",
        "%s %(x)s %",
        "{}{0}",
        "${x}",
        "`id`",
        "<b>&amp;</b>",
    ),
    *(
        "../../etc/passwd",
        "..%2f",
        "%00",
        "%c0%ae",
        "//x",
        "?period=1",
        "#",
        "null",
        "true",
        "NaN",
        "-0",
        "1e309",
        "0x1",
        "١٢٣",
        "½",
    ),
    *(
        "2026-02-30T00:00:00Z",
        "2026-04-20T24:00:00Z",
        "2026-04-20T11:00:60Z",
        "0000-01-01T00:00:00Z",
        "9" * 400,
        "a" * 256,
        "é" * 255,
    ),
)


def refused_or_stored(host: Host, body: bytes) -> int:
    """The status, which must be one of those that mean that everything is well with us."""
    answer = host.raw(body)
    assert answer.status_code in WELL, (answer.status_code, body[:200])
    return answer.status_code


def naughty_events(texts: Iterator[str] | tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for number, text in enumerate(texts):
        for name in TEXTS:
            fields = {**event(idempotency_key=f"k-{number}-{name}"), name: text}
            if name in {"value", "voids"}:
                del fields["quantity"]
            yield fields
        yield event(idempotency_key=f"k-{number}-more", **{text or "empty": text})


def sent(host: Host, events: Iterator[dict[str, Any]]) -> None:
    """Send each event alone, and see that what was accepted is stored letter by letter."""
    accepted = set()
    for each in events:
        if refused_or_stored(host, json.dumps(each).encode()) == HTTPStatus.OK:
            accepted.add(each["idempotency_key"])
    with host.db.transaction() as conn:
        stored = {row[0] for row in conn.execute("SELECT idempotency_key FROM usage_identity")}
    assert stored == accepted
    assert host.count() == len(stored)
    assert accepted, "some of it is nothing but strange, and is taken"


def test_awkward_texts_in_every_field_are_stored_or_refused(host: Host) -> None:
    sent(host, naughty_events(NAUGHTY))


@pytest.mark.parametrize("path", ["/v1/subscriptions/{}/usage?period=2026-04", "/v1/subscriptions/s-1/usage?period={}"])
def test_awkward_texts_in_an_address_are_refused(host: Host, path: str) -> None:
    for text in NAUGHTY:
        asked = path.format(quote(text.encode("utf-8", "surrogatepass"), safe=""))
        status = host.client.get(asked, headers=host.bearer("reader")).status_code
        assert status in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}, (status, text)


@ONE_SERVER
@given(data=st.data())
def test_a_body_with_any_bytes_changed_is_stored_or_refused(host: Host, data: st.DataObject) -> None:
    body = bytearray(json.dumps({"events": [event(idempotency_key=f"k-{each}") for each in range(3)]}).encode())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(body) - 1))
        cut = data.draw(st.integers(0, 3))
        body[at : at + cut] = data.draw(st.binary(max_size=4))
    refused_or_stored(host, bytes(body))


@ONE_SERVER
@given(text=st.text(max_size=300), name=st.sampled_from(TEXTS))
def test_any_text_in_any_field_is_stored_or_refused(host: Host, text: str, name: str) -> None:
    fields = {**event(), name: text}
    if name in {"value", "voids"}:
        del fields["quantity"]
    refused_or_stored(host, json.dumps(fields).encode())


def published() -> list[Path]:
    return sorted(Path(LISTS or "nowhere").glob("test_parsing/*.json"))


@OF_LISTS
def test_the_published_documents_are_read_as_they_must_be(host: Host) -> None:
    assert published()
    for document in published():
        body = document.read_bytes()
        status = refused_or_stored(host, body)
        assert status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}, document.name
        try:
            read(body)
        except NotStrict as refused:
            # Of what is JSON we refuse what two parsers read differently, and what cannot be stored.
            is_ours = any(word in str(refused) for word in ("comes twice", "NUL or half", "digits", "nested"))
            assert not document.name.startswith("y_") or is_ours, document.name
        else:
            assert not document.name.startswith("n_"), document.name


@OF_LISTS
def test_the_published_strings_are_stored_or_refused(host: Host) -> None:
    strings = json.loads((Path(LISTS or "nowhere") / "blns.json").read_text(encoding="utf-8"))
    sent(host, naughty_events(tuple(strings)))
