"""`/openapi.json` and `/docs`: what the interface says of itself, without a key.

Owns: how both are sent. Does not own: what they say (openapi).
"""

from starlette.responses import Response

from fcb_pipelines.api.answers import JSON
from fcb_pipelines.api.calls import Desk
from fcb_pipelines.api.openapi.document import DOCS, OPENAPI, as_json
from fcb_pipelines.api.openapi.page import page
from fcb_pipelines.api.openapi.style import POLICY
from fcb_pipelines.api.routes import OpenRoute


async def read_openapi(_desk: Desk) -> Response:
    """The document for programs."""
    return Response(as_json(), media_type=JSON)


async def read_docs(_desk: Desk) -> Response:
    """The document for people."""
    headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
    return Response(page(), headers=headers, media_type="text/html")


DOCUMENTS = (OpenRoute(OPENAPI, read_openapi), OpenRoute(DOCS, read_docs))
