"""Texts and schemas of the document as HTML.

Owns: the few marks that our texts have (blank lines, `- `, backquotes, two asterisks), and a schema said in words with links to
those it names. Does not own: the page around them (page).
"""

import json
import re
from collections.abc import Iterator
from html import escape
from typing import Any

from fcb_pipelines.api.openapi.schemas import STORABLE

_LONGEST_PATTERN = 80
_REF = "#/components/schemas/"
_BOUNDS = (
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("exclusiveMaximum", "less than {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {} items"),
    ("maxItems", "at most {} items"),
    ("multipleOf", "a multiple of {}"),
    ("default", "{} if left out"),
    ("const", "{}"),
)


def as_json(value: Any) -> str:
    """An example as it is shown."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def inline(text: str) -> str:
    """A line: what stands between backquotes as code, between two asterisks each as important."""
    parts = escape(" ".join(text.split())).split("`")
    marked = (f"<code>{each}</code>" if number % 2 else _strong(each) for number, each in enumerate(parts))
    return "".join(marked)


def _strong(text: str) -> str:
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)


def blocks(text: str) -> str:
    """Paragraphs, which blank lines part, and lists; where a line of the source ends means nothing."""
    return "".join(_block(each.strip()) for each in re.split(r"\n[ \t]*\n", text) if each.strip())


def _block(text: str) -> str:
    if not text.startswith("- "):
        return f"<p>{inline(text)}</p>"
    return "<ul>" + "".join(f"<li>{inline(each)}</li>" for each in re.split(r"(?:^|\n)- ", text)[1:]) + "</ul>"


def anchor(name: str) -> str:
    """Where a schema is on the page."""
    return f"schema-{name}"


def linked(name: str) -> str:
    """A schema by its name."""
    return f'<a href="#{anchor(name)}">{escape(name)}</a>'


def said(schema: dict[str, Any]) -> str:
    """A schema in words: which it is, or its type with its bounds; of its fields only that there are some."""
    if "$ref" in schema:
        return linked(schema["$ref"].removeprefix(_REF))
    for name in ("oneOf", "anyOf"):
        if name in schema:
            return " or ".join(map(said, schema[name]))
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    return ", ".join((_type(schema), *_bounds(schema)))


def _type(schema: dict[str, Any]) -> str:
    types = schema.get("type", "anything")
    if types == "array":
        return f"array of {said(schema['items'])}"
    if types == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {said(schema['additionalProperties'])}"
    return " or ".join(types) if isinstance(types, list) else str(types)


def _bounds(schema: dict[str, Any]) -> Iterator[str]:
    is_range = "minLength" in schema and "maxLength" in schema
    if is_range:
        yield f"{schema['minLength']:,} to {schema['maxLength']:,} characters"
    for name, words in _BOUNDS:
        if name in schema and not (is_range and name.endswith("Length")):
            yield words.format(f"{schema[name]:,}" if isinstance(schema[name], int) else schema[name])
    if schema.get("pattern") == STORABLE:
        yield "no NUL"


def fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """The fields of an object, or of the objects in a list: name, schema, whether it may be left out."""
    required = schema.get("required", [])
    for name, each in schema.get("properties", {}).items():
        yield name, each, name not in required


def described(schema: dict[str, Any]) -> str:
    """The rest of what is said of a schema: its description, and the pattern that it follows."""
    return blocks(schema.get("description", "")) + _pattern(schema.get("pattern", STORABLE))


def _pattern(rule: str) -> str:
    """A pattern; a long one for those who ask for it."""
    shown = f"<code>{escape(rule)}</code>"
    if rule == STORABLE:
        return ""
    if len(rule) <= _LONGEST_PATTERN:
        return f'<p class="soft">Follows {shown}</p>'
    return f'<details class="soft"><summary>The pattern that it follows</summary><div>{shown}</div></details>'
