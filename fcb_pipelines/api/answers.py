"""Answers that are known within the transaction that stores what they tell.

Owns: their form. Does not own: what is answered (the routes), when one is stored (writer).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from fcb_pipelines.api.problems import MEDIA_TYPE as PROBLEM
from fcb_pipelines.api.problems import Problem

JSON = "application/json"
REPLAYED = "Idempotent-Replayed"
"""The header of an answer that was given before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request is told."""

    status: int
    content: Callable[[], bytes]
    """Written when it is asked for: mostly after the transaction, which stays short."""
    media_type: str = JSON
    is_replayed: bool = False

    def response(self) -> Response:
        """The answer as it is sent."""
        headers = {REPLAYED: "true"} if self.is_replayed else {}
        return Response(self.content(), status_code=self.status, headers=headers, media_type=self.media_type)


def told(value: Callable[[], Any], status: int = HTTPStatus.OK) -> Answer:
    """An answer in JSON."""
    return Answer(status=status, content=lambda: json.dumps(value()).encode())


def told_problem(problem: Problem) -> Answer:
    """A refusal that only the transaction could know of."""
    return Answer(status=problem.status, content=lambda: json.dumps(problem.content).encode(), media_type=PROBLEM)
