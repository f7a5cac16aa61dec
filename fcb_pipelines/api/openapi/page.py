"""The OpenAPI document as one page for people, which needs nothing but itself.

Owns: the page. Does not own: what it says (document), how its texts are marked (markup), how it looks (style).
"""

import json
from collections.abc import Iterator
from functools import cache
from html import escape
from typing import Any

from fcb_pipelines.api.openapi import examples
from fcb_pipelines.api.openapi.document import OPENAPI, document
from fcb_pipelines.api.openapi.markup import anchor, as_json, blocks, described, fields, inline, linked, said
from fcb_pipelines.api.openapi.style import STYLE

FIRST = "With the key in a file, from `fcb keys create --name usage-client --scope usage:write > key`, beside `fcb serve`:"
CALL = f"""curl http://127.0.0.1:8080/v1/usage \\
  -H "Authorization: Bearer $(cat key)" \\
  -H "Content-Type: application/json" \\
  -d '{json.dumps(examples.EVENT, indent=2)}'"""
"""As it is typed where `fcb serve` runs as it does without options, and `fcb keys create … > key` wrote the key."""


@cache
def page() -> bytes:
    """The page, in HTML."""
    title = escape(document()["info"]["title"])
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">',
            f'<title>{title}</title><style>{STYLE}</style></head><body><div class="page">',
            *_contents(),
            "<main>",
            *_introduction(),
            *(line for method, path, each in _operations() for line in _operation(method, path, each)),
            "<h2>Schemas</h2>",
            *(line for name, each in _schemas() for line in _schema(name, each)),
            "</main></div></body></html>",
        ]
    ).encode()


def _operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _schemas() -> list[tuple[str, dict[str, Any]]]:
    return sorted(document()["components"]["schemas"].items())


def _contents() -> Iterator[str]:
    yield "<nav><p>Routes</p><ul>"
    for method, path, each in _operations():
        yield f'<li>{_method(method)} <a href="#{each["operationId"]}">{_breakable(path)}</a></li>'
    yield '</ul><div class="wide"><p>Schemas</p><ul>'
    yield from (f"<li>{linked(name)}</li>" for name, _ in _schemas())
    yield "</ul></div></nav>"


def _introduction() -> Iterator[str]:
    info = document()["info"]
    yield f"<h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>"
    yield blocks(info["description"])
    yield f'<p>For programs: <a href="{OPENAPI}">{OPENAPI}</a></p>'
    yield "<h3>Keys</h3>"
    yield from (blocks(each["description"]) for each in document()["components"]["securitySchemes"].values())
    yield f"<h3>A first call</h3>{blocks(FIRST)}<pre>{escape(CALL)}</pre>"


def _method(method: str) -> str:
    return f'<span class="method {method.lower()}">{method}</span>'


def _breakable(path: str) -> str:
    """A path that may go on in the next line before each of its parts."""
    return escape(path).replace("/", "<wbr>/").removeprefix("<wbr>")


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f'<section><h2 id="{operation["operationId"]}">{_method(method)} <code>{_breakable(path)}</code></h2>'
    yield f'<p class="lead">{inline(operation["summary"])}</p>{blocks(operation.get("description", "Needs no key."))}'
    if operation.get("parameters"):
        yield "<h3>Parameters</h3><dl>"
        yield from map(_parameter, operation["parameters"])
        yield "</dl>"
    if "requestBody" in operation:
        yield "<h3>Body</h3>"
        yield from _content(operation["requestBody"])
    yield "<h3>Answers</h3>"
    for status, response in operation["responses"].items():
        is_good = status.startswith("2")
        kind = "good" if is_good else "bad"
        yield f"<details{' open' if is_good and operation['security'] else ''}>"
        yield f'<summary><strong class="{kind}">{status}</strong> {inline(response["description"])}</summary><div>'
        yield from _content(response)
        yield "</div></details>"
    yield "</section>"


def _parameter(each: dict[str, Any]) -> str:
    schema = each["schema"]
    needed = "" if each.get("required") else ", optional"
    such = f"<p>Such as <code>{escape(str(each['example']))}</code></p>" if "example" in each else ""
    of_schema = described(schema if "description" not in each else {**schema, "description": each["description"]})
    head = f'<code>{escape(each["name"])}</code> <span class="soft">{each["in"]}{needed}; {said(schema)}</span>'
    return f"<dt>{head}</dt><dd>{of_schema}{such}</dd>"


def _content(holder: dict[str, Any]) -> Iterator[str]:
    for name, header in holder.get("headers", {}).items():
        yield f"<p>Header <code>{escape(name)}</code> {inline(header.get('description', ''))}</p>"
    for kind, content in holder["content"].items():
        yield f"<p><code>{escape(kind)}</code>: {said(content['schema'])}</p>"
        for name, example in content["examples"].items():
            yield f'<p class="soft">{inline(name)}</p><pre>{escape(as_json(example["value"]))}</pre>'


def _schema(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f'<section><h3 id="{anchor(name)}">{escape(name)}</h3>{described(schema)}'
    found = list(fields(schema))
    if not found:
        yield f"<p>{said(schema)}</p>"
    else:
        yield from _fields(found)
    yield "</section>"


def _fields(found: list[tuple[str, dict[str, Any], bool]]) -> Iterator[str]:
    yield "<dl>"
    for name, each, is_optional in found:
        left = "optional; " if is_optional else ""
        inner = list(fields(each["items"] if each.get("type") == "array" else each))
        yield f'<dt><code>{escape(name)}</code> <span class="soft">{left}{said(each)}</span></dt><dd>{described(each)}'
        yield from _fields(inner) if inner else ()
        yield "</dd>"
    yield "</dl>"
