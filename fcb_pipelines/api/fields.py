"""Fields of a body: what is wrong with one, and where.

Owns: the refusal with a JSON pointer, and times on the wire. Does not own: which fields a body has (usage_body, termination).
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fcb_pipelines.domain.errors import InvalidInput

YEARS = range(2000, 2201)
"""In which times may lie."""

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_LONGEST_NAME = 50


class Invalid(InvalidInput):
    """What is wrong with a body, and where."""

    def __init__(self, pointer: str, reason: str) -> None:
        """`pointer` is a JSON pointer (RFC 6901) from where it is raised."""
        super().__init__(reason)
        self.pointer = pointer


def time_of(row: Mapping[str, Any], name: str) -> datetime:
    """The time of a field (RFC 3339, with its zone); raises `Invalid`."""
    value = row.get(name)
    text = value if isinstance(value, str) and _TIME.fullmatch(value) and int(value[:4]) in YEARS else ""
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        raise Invalid(
            f"/{name}",
            f"{name} must be a time with its zone such as 2026-04-01T00:00:00Z, in the years {YEARS[0]} to {YEARS[-1]}",
        ) from None


def pointer_to(name: str) -> str:
    """The JSON pointer to a member; of a very long name only its beginning."""
    return "/" + name[:_LONGEST_NAME].replace("~", "~0").replace("/", "~1")
