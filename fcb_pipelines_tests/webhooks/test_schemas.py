"""Every type has a schema and an example; the schemas refuse what they should."""

from collections.abc import Callable
from typing import Any

import pytest

from fcb_pipelines.domain.messages import MessageType
from fcb_pipelines_tests.webhooks.schemas import FOLDER, example, schema, wrong

TYPES = [one.value for one in MessageType]
Change = Callable[[dict[str, Any]], object]


def test_there_is_one_of_each_for_every_type_and_nothing_else() -> None:
    files = {path.name for path in FOLDER.iterdir()}
    assert files == {"README.md", *(f"{one}.{kind}.json" for one in TYPES for kind in ("schema", "example"))}
    assert all(f"[`{one}`]" in (FOLDER / "README.md").read_text("utf-8") for one in TYPES)


@pytest.mark.parametrize("type_", TYPES)
def test_the_example_keeps_to_its_schema(type_: str) -> None:
    assert (example(type_)["type"], wrong(example(type_))) == (type_, [])


@pytest.mark.parametrize("type_", TYPES)
def test_nothing_that_is_required_may_be_left_out(type_: str) -> None:
    for name in schema(type_)["properties"]["data"]["required"]:
        body = example(type_)
        del body["data"][name]
        assert wrong(body), name
    for name in ("id", "timestamp", "sequence"):
        body = example(type_)
        del body[name]
        assert wrong(body), name


CHANGES: list[tuple[str, Change]] = [
    ("a number is no amount", lambda body: body["data"].update(amount=44.64)),
    ("an amount has no exponent", lambda body: body["data"].update(amount="4E+1")),
    ("a reason is known", lambda body: body["data"].update(reason="because")),
    ("an id is ours", lambda body: body.update(id="evt_1")),
    ("a sequence begins at one", lambda body: body.update(sequence=0)),
    ("a time has a zone", lambda body: body.update(timestamp="2026-07-16 09:30")),
    ("a field that nobody described", lambda body: body["data"].update(secret="x")),
]


@pytest.mark.parametrize(("why", "change"), CHANGES, ids=[why for why, _ in CHANGES])
def test_what_breaks_the_contract_is_found(why: str, change: Change) -> None:
    body = example(MessageType.PAYMENT_FAILED)
    change(body)
    assert wrong(body), why
