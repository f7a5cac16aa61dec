"""What commands that print a one-time link share.

Owns: where `fcb serve` is reached unless it is said, and what is no address. Does not own: links (acts/report_links).
"""

from urllib.parse import urlsplit

from fcb_pipelines.domain.errors import InvalidInput

SERVED_AT = "http://127.0.0.1:8080"


def require_address(url: str) -> None:
    """Raise `InvalidInput` for what is no address of a server."""
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).netloc:
        raise InvalidInput(f"--url {url!r} is no address: give it as https://billing.example.com")
