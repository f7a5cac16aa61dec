"""The published schemas of messages, and whether a body keeps to its own."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS31Validator

FOLDER = Path(__file__).parents[2] / "docs" / "messages"


@cache
def schema(type_: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{type_}.schema.json").read_text("utf-8"))
    return found


def example(type_: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{type_}.example.json").read_text("utf-8"))
    return found


def wrong(body: dict[str, Any]) -> list[str]:
    """What a body has against its schema; formats count, and of `data` no field may be there that the schema does not know."""
    one = schema(body["type"])
    validator = OAS31Validator(one, format_checker=OAS31Validator.FORMAT_CHECKER)
    found = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]
    known = one["properties"]["data"]["properties"].keys()
    return [*found, *(f"$.data.{name} is not in the schema" for name in body["data"] if name not in known)]
