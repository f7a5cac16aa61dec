"""How we speak HTTP to Odoo: straight, verified, and never redirected.

Owns: the opener odoorpc uses. What is said over it is in `jsonrpc`.
"""

import ssl
from typing import Any
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, ProxyHandler, build_opener


class _NoRedirect(HTTPRedirectHandler):
    """Makes a redirect an error: following one would resend the key to a place nobody configured."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Answers that there is nowhere to go on to."""


def direct_opener() -> OpenerDirector:
    """An opener without the environment's proxies that verifies certificates (system store, or `SSL_CERT_FILE`)."""
    verified = ssl.create_default_context()
    return build_opener(ProxyHandler({}), HTTPSHandler(context=verified), _NoRedirect())
