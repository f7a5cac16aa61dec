"""The OpenAPI document as one page for people, which needs nothing but itself.

Owns: the page. Does not own: what it says (document).
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from html import escape
from typing import Any

from fcb_pipelines.api.openapi.document import OPENAPI, document

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c}
h2{margin-top:3rem;border-top:1px solid #ccc;padding-top:1rem}code,pre{font:14px/1.4 ui-monospace,monospace}
pre{background:#f4f4f4;padding:.8rem;overflow-x:auto}table{border-collapse:collapse}td,th{text-align:left;vertical-align:top;
padding:.2rem .8rem .2rem 0}summary{cursor:pointer}p,li{white-space:pre-line}"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Content-Security-Policy: nothing is loaded from anywhere, and nothing runs."""


@cache
def page() -> bytes:
    """The page, in HTML."""
    info = document()["info"]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
            f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
            f'<p>{_prose(info["description"])}</p><p>For programs: <a href="{OPENAPI}">{OPENAPI}</a></p>',
            *(f"<p>{_prose(each['description'])}</p>" for each in document()["components"]["securitySchemes"].values()),
            *_contents(),
            *(line for method, path, each in _operations() for line in _operation(method, path, each)),
            "<h2>Schemas</h2>",
            *(_folded(name, each) for name, each in sorted(document()["components"]["schemas"].items())),
            "</body></html>",
        ]
    ).encode()


def _operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _contents() -> Iterator[str]:
    yield "<ul>"
    for method, path, each in _operations():
        yield f'<li><a href="#{each["operationId"]}"><code>{method} {escape(path)}</code></a> {escape(each["summary"])}</li>'
    yield "</ul>"


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f'<h2 id="{operation["operationId"]}"><code>{method} {escape(path)}</code></h2>'
    yield f"<p>{escape(operation['summary'])}</p><p>{_prose(operation.get('description', 'Needs no key.'))}</p>"
    if operation.get("parameters"):
        yield "<h3>Parameters</h3><table>"
        for each in operation["parameters"]:
            needed = "" if each.get("required") else ", optional"
            such = f" such as <code>{escape(str(each['example']))}</code>" if "example" in each else ""
            yield (
                f"<tr><td><code>{escape(each['name'])}</code></td><td>{each['in']}{needed}</td>"
                f"<td>{_prose(each.get('description', ''))} <code>{escape(_json(each['schema'], None))}</code>{such}</td></tr>"
            )
        yield "</table>"
    if "requestBody" in operation:
        yield "<h3>Body</h3>"
        yield from _content(operation["requestBody"])
    yield "<h3>Answers</h3>"
    for status, response in operation["responses"].items():
        yield f"<details><summary><b>{status}</b> {_prose(response['description'])}</summary>"
        yield from _content(response)
        yield "</details>"


def _content(holder: dict[str, Any]) -> Iterator[str]:
    for name, header in holder.get("headers", {}).items():
        yield f"<p>Header <code>{escape(name)}</code> {_prose(header.get('description', ''))}</p>"
    for kind, content in holder["content"].items():
        yield f"<p><code>{escape(kind)}</code> <code>{escape(_json(content['schema'], None))}</code></p>"
        for name, example in content["examples"].items():
            value = example["value"]
            shown = value if isinstance(value, str) else _json(value, 2)
            yield f"<p>{escape(name)}</p><pre>{escape(shown)}</pre>"


def _folded(name: str, schema: dict[str, Any]) -> str:
    return f"<details><summary><code>{escape(name)}</code></summary><pre>{escape(_json(schema, 2))}</pre></details>"


def _prose(text: str) -> str:
    """Text with what stands between backquotes as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{each}</code>" if number % 2 else each for number, each in enumerate(parts))


def _json(value: Any, indent: int | None) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False)
