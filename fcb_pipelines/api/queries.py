"""The query of a request: what a route does not take is refused, not passed over.

Owns: parameters that are unknown or come twice. Does not own: what a parameter may be (its route).
"""

from collections.abc import Sequence
from http import HTTPStatus

from starlette.requests import Request

from fcb_pipelines.api.problems import Problem

_LONGEST_NAME = 50


def require_known(request: Request, parameters: Sequence[str]) -> None:
    """Raise `Problem` for a parameter that the route does not have, and for one that comes twice."""
    seen = set()
    for name, _ in request.query_params.multi_items():
        if name not in parameters:
            raise unknown(name, parameters)
        if name in seen:
            raise twice(name)
        seen.add(name)


def unknown(name: str, parameters: Sequence[str]) -> Problem:
    """The refusal of a parameter that a route does not have: whoever sent it believes that it does something."""
    taken = " and ".join(parameters) or "none"
    detail = f"This route has no query parameter {name[:_LONGEST_NAME]!r}: it takes {taken}."
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail)


def twice(name: str) -> Problem:
    """The refusal of a parameter that two readers may understand differently."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"The query parameter {name} comes twice: give it once.")
