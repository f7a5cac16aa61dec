"""The OpenAPI document: valid, whole, and true by its own examples; the page that shows it needs nothing else."""

import json
from collections.abc import Iterator
from datetime import datetime
from html import escape
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.routing import Route

from fcb_pipelines.api.app import create_app
from fcb_pipelines.api.idempotency import HEADER
from fcb_pipelines.api.openapi import examples
from fcb_pipelines.api.openapi.document import document
from fcb_pipelines.api.openapi.markup import blocks, said
from fcb_pipelines.api.openapi.page import page
from fcb_pipelines.api.problems import MEDIA_TYPE
from fcb_pipelines.api.routes import KEYED
from fcb_pipelines.domain.access import Scope
from fcb_pipelines.settings import Settings
from fcb_pipelines.source.demo.subscriptions import subscriptions
from fcb_pipelines.store import snapshots
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.api.conftest import Host
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.odoo.server import serving
from fcb_pipelines_tests.store.closed import closed

Operation = dict[str, Any]
METHODS = frozenset({"get", "post"})


def operations() -> list[tuple[str, str, Operation]]:
    return [(path, method, each) for path, methods in document()["paths"].items() for method, each in methods.items()]


def is_valid(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a value follows a schema of the document."""
    return bool(OAS31Validator({**schema, "components": document()["components"]}).is_valid(value))


def contents() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each body that is sent or answered: where, its media type, and what is said of it."""
    for path, method, each in operations():
        for kind, content in each.get("requestBody", {"content": {}})["content"].items():
            yield f"{method} {path}", kind, content
        for status, response in each["responses"].items():
            for kind, content in response["content"].items():
                yield f"{method} {path} {status}", kind, content


def test_it_is_valid() -> None:
    OpenAPIV31SpecValidator(document()).validate()
    for schema in document()["components"]["schemas"].values():
        OAS31Validator.check_schema(schema)


def test_it_has_every_route_and_no_other(api_settings: Settings) -> None:
    app = create_app(api_settings, Database("postgresql://nowhere"), lambda: NOW)
    there = {(each.path, method) for each in app.routes if isinstance(each, Route) for method in each.methods or ()}
    told = {(path, method.upper()) for path, method, _ in operations()}
    assert {each for each in there if each[1] != "HEAD"} == told


def test_each_keyed_route_tells_its_scope_and_each_refusal_of_a_key() -> None:
    for route in KEYED:
        told = document()["paths"][route.path][route.method.lower()]
        assert told["security"] == [{"apiKey": [str(route.scope)]}]
        assert f"`{route.scope}`" in told["description"]
        assert {"401", "403", "429", "500", "503"} <= told["responses"].keys()
        assert {"200", "303"} & told["responses"].keys(), "what is answered where all is well"
    assert {each.scope for each in KEYED} == set(Scope) - {Scope.USAGE_BACKFILL}, "backfilling widens what may be pushed"


def test_every_body_has_an_example_and_every_example_follows_its_schema() -> None:
    for where, kind, content in contents():
        assert content["examples"], (where, kind)
        for name, example in content["examples"].items():
            assert is_valid(example["value"], content["schema"]), (where, kind, name)
    for _, _, each in operations():
        for parameter in each.get("parameters", []):
            # One key for the examples of several bodies would be refused.
            assert parameter["name"] == HEADER or is_valid(parameter["example"], parameter["schema"]), parameter["name"]


def test_every_refusal_is_a_problem() -> None:
    for where, kind, content in contents():
        status = where.rpartition(" ")[2]
        if kind == MEDIA_TYPE:
            assert {str(each["value"]["status"]) for each in content["examples"].values()} == {status}, where
        elif status.startswith("4"):
            assert content["examples"].keys() <= {"conflict", "rejected"}, "only a single event is refused otherwise"


def test_a_schema_takes_what_the_examples_say_and_nothing_beside_it() -> None:
    usage = document()["components"]["schemas"]["UsageRequest"]
    wrong: tuple[dict[str, Any], ...] = (
        {"quantity": "-1"},
        {"started_at": "2026-02-30T00:00:00Z"},
        {"metric": ""},
        {"also": 1},
        {"value": "x"},
    )
    right: tuple[dict[str, Any], ...] = (
        {"quantity": 0.000001},
        {"quantity": 7},
        {"ended_at": None},
        {"started_at": "2024-02-29t23:59:59.1+14:00"},
    )
    assert [each for each in wrong if is_valid(examples.EVENT | each, usage)] == []
    assert [each for each in right if not is_valid(examples.EVENT | each, usage)] == []


@pytest.fixture
def host(store: Database, keys: dict[str, str], api_settings: Settings) -> Iterator[Host]:
    """A server whose clock stands where the demo's does, and whose store knows of SUB-1001 what the demo's does."""
    with store.transaction() as conn:
        snapshot_id = snapshots.open_snapshot(conn, "nexacloud", NOW)
        row = {"started_at": examples.STARTED.isoformat()}
        snapshots.add_rows(conn, snapshot_id, "subscriptions", [(examples.SUBSCRIPTION, row)])
    with (
        serving(create_app(api_settings, store, lambda: NOW)) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=20) as client,
    ):
        yield Host(client, store, keys)


def test_the_examples_are_of_the_demo() -> None:
    assert datetime.fromisoformat(examples.NOW) == NOW
    table = subscriptions()
    (row,) = (dict(zip(table.columns, each, strict=True)) for each in table.rows if each[0] == examples.SUBSCRIPTION)
    assert row["started_at"] == examples.STARTED
    assert f"{NOW:%Y-%m-%d}" in document()["info"]["description"]


@pytest.mark.parametrize("name", list(examples.USAGE_ANSWERS))
def test_the_examples_of_usage_are_what_happens(host: Host, name: str) -> None:
    answer = host.push(examples.USAGE_REQUESTS[name])
    assert (answer.status_code, answer.json()) == (200, examples.USAGE_ANSWERS[name])
    read = host.client.get("/v1/subscriptions/SUB-1001/usage?period=2026-05", headers=host.bearer("reader"))
    assert read.json() == examples.USAGE
    assert host.push(examples.EVENT | {"quantity": "1"}).json() == examples.CONFLICT
    assert host.push(examples.WRONG).json() == examples.REJECTED | {"pointer": "/quantity"}
    assert host.push(examples.VOID).json()["status"] == "accepted"


def test_the_example_of_late_usage_is_what_happens(host: Host) -> None:
    for number, quantity in enumerate(("60", "40", "30")):
        if number == 2:
            with host.db.transaction() as conn:
                closed(conn, "nexacloud", "2026-04")
        april = {"started_at": "2026-04-30T12:00:00Z", "ended_at": None, "idempotency_key": f"k-{number}", "quantity": quantity}
        assert host.push(examples.EVENT | april, "backfiller").json()["status"] == "accepted"
    read = host.client.get("/v1/subscriptions/SUB-1001/usage?period=2026-04", headers=host.bearer("reader"))
    assert read.json() == examples.LATE_USAGE


def test_the_example_of_a_termination_is_what_happens(host: Host) -> None:
    path = "/v1/subscriptions/SUB-1001/terminate"
    told = document()["paths"]["/v1/subscriptions/{external_id}/terminate"]["post"]["responses"]
    early = host.client.post(path, json={"ended_at": "2024-02-02T15:15:00Z"}, headers=host.bearer("terminator"))
    assert early.json() in [each["value"] for each in told["422"]["content"][MEDIA_TYPE]["examples"].values()]
    answer = host.client.post(path, json=examples.TERMINATION_REQUEST, headers=host.bearer("terminator"))
    assert answer.json() == examples.TERMINATION
    other = host.client.post(path, json={"ended_at": "2026-04-01T00:00:00Z"}, headers=host.bearer("terminator"))
    assert other.json() in [each["value"] for each in told["409"]["content"][MEDIA_TYPE]["examples"].values()]


def test_both_are_told_without_a_key(host: Host) -> None:
    answer = host.client.get("/openapi.json")
    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (200, "application/json", document())
    shown = host.client.get("/docs")
    assert (shown.status_code, shown.content) == (200, page())
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert host.logged() == []


class Page(HTMLParser):
    """What a browser would see: the text, what is loaded, and whether every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.loaded: list[str | None] = []
        self.open: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.loaded += [value for name, value in attrs if name == "src"] + ([tag] if tag in ("script", "link", "img") else [])
        self.links += [str(given["href"])] if "href" in given else []
        self.anchors |= {str(given["id"])} if "id" in given else set()
        if tag not in ("meta", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_texts_are_shown_as_they_are_meant() -> None:
    assert blocks("one `a<b`\nline\n\n- `x`: **now**\n- y\n  goes on") == (
        "<p>one <code>a&lt;b</code> line</p><ul><li><code>x</code>: <strong>now</strong></li><li>y goes on</li></ul>"
    )
    shown = page().decode()
    assert not [each for each in ("\n- ", "- `", "$ref", "**", "pre-line") if each in shown]
    assert all(f"<li><code>{scope}</code>: {escape(scope.sentence)}</li>" in shown for scope in Scope)


def test_every_schema_that_is_named_is_linked_and_said() -> None:
    shown = page().decode()
    for name in document()["components"]["schemas"]:
        assert f'<h3 id="schema-{name}">' in shown
        assert shown.count(f'href="#schema-{name}"') > 1, f"{name} is named where it is used"
    assert said({"oneOf": [{"$ref": "#/components/schemas/Void"}, {"type": "string", "minLength": 1, "maxLength": 1000}]}) == (
        '<a href="#schema-Void">Void</a> or string, 1 to 1,000 characters'
    )


def test_the_page_shows_everything_and_loads_nothing() -> None:
    seen = Page()
    seen.feed(page().decode())
    assert (seen.loaded, seen.open) == ([], [])
    assert {each for each in seen.links if not each.startswith("#")} == {"/openapi.json"}
    assert {each[1:] for each in seen.links if each.startswith("#")} == seen.anchors
    for path, method, each in operations():
        assert f"{method.upper()} {path}" in seen.text
        assert all(parameter["name"] in seen.text for parameter in each.get("parameters", []))
    for where, _, content in contents():
        for example in content["examples"].values():
            value = example["value"]
            shown = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
            assert shown in seen.text, where
