"""Fields of a body: what is wrong with one, and where.

Owns: the refusal with a JSON pointer, and times on the wire. Does not own: which fields a body has (usage_body, termination).
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fcb_pipelines.domain.errors import InvalidInput

FIRST_YEAR, LAST_YEAR = 2000, 2198
"""Between which times may lie: there is a month for each of them in every zone, and one after it (domain/period)."""

_DAY = (
    "(?:(?:20[0-9]{2}|21(?:[0-8][0-9]|9[0-8]))-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    "|(?:20(?:[02468][048]|[13579][26])|21(?:0[48]|[2468][048]|[13579][26]))-02-29)"
)
_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
TIME = rf"{_DAY}[Tt]{_CLOCK}:[0-5][0-9](?:\.[0-9]{{1,6}})?(?:[Zz]|[+-]{_CLOCK})"
"""RFC 3339 with the days that there are, in those years; microseconds at most, and no leap seconds."""
_TIME = re.compile(TIME)
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
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        example = f"such as 2026-04-01T00:00:00Z, in the years {FIRST_YEAR} to {LAST_YEAR}"
        raise Invalid(f"/{name}", f"{name} must be a time with its zone {example}")
    return datetime.fromisoformat(value.upper())


def pointer_to(name: str) -> str:
    """The JSON pointer to a member; of a very long name only its beginning."""
    return "/" + name[:_LONGEST_NAME].replace("~", "~0").replace("/", "~1")
