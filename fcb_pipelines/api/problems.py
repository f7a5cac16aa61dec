"""Problem answers: why a request was refused, as `application/problem+json` (RFC 9457).

Owns: their shape. Does not own: which request gets which.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from starlette.responses import Response

NOTHING: Mapping[str, object] = MappingProxyType({})
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A refusal of a request."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        pointer: str | None = None,
        retry_after_seconds: int | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        more: Mapping[str, object] = NOTHING,
    ) -> None:
        """`pointer` says where in the body (RFC 6901); `more` are members of its own."""
        super().__init__(detail)
        self.status, self.detail, self.pointer, self.more = status, detail, pointer, more
        self._headers = dict(headers)
        if retry_after_seconds is not None:
            self._headers["Retry-After"] = str(retry_after_seconds)
        if status == HTTPStatus.UNAUTHORIZED:
            self._headers["WWW-Authenticate"] = 'Bearer realm="fcb"'

    @property
    def content(self) -> dict[str, object]:
        """What is told, in the members of RFC 9457."""
        content: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        if self.pointer is not None:
            content["errors"] = [{"pointer": self.pointer, "detail": self.detail}]
        return content

    def response(self) -> Response:
        """The answer."""
        return Response(json.dumps(self.content), status_code=self.status, headers=self._headers, media_type=MEDIA_TYPE)
