"""Settings: whether usage is pushed, where to, with which key and through which spool.

Owns: the FCB_HOST_* variables of pushing and what may stand in them. Does not own: those of the receiver
(receiver/settings), the connection itself (transport).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fcb_host.environment import count, path, switch
from fcb_host.errors import InvalidSettings

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
MOST_EVENTS_A_BATCH = 1000
LEAST_BYTES_A_BATCH, MOST_BYTES_A_BATCH = 10_000, 1_048_575
"""The contract ends a body at 1 MiB."""


@dataclass(frozen=True, slots=True)
class Key:
    """The API key: shown nowhere, taken out only where the header is written."""

    _text: str

    def __repr__(self) -> str:
        return "Key(…)"

    def revealed(self) -> str:
        """The key itself."""
        return self._text


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a client needs to know. Off unless `is_enabled`; then url, key and spool are needed. Raises InvalidSettings."""

    is_enabled: bool = False
    url: str = ""
    """Where the central side is, such as `https://billing.example.com`: https, or http on this machine."""
    key: Key = Key("")
    spool: Path | None = None
    """The spool's file, on a local disk; made when it is not there, in a folder that is."""
    sends_in_background: bool = True
    """Whether a thread of the client sends; otherwise `flush` or `python -m fcb_host send` do."""
    allows_http: bool = False
    """Whether http to another machine is allowed: the key then travels in the clear."""
    ca_file: Path | None = None
    """The certificates to trust instead of the public ones, for a central side with a certificate of its own authority."""
    max_events: int = 10_000_000
    """As many events the spool holds, waiting and refused together."""
    batch_events: int = MOST_EVENTS_A_BATCH
    batch_bytes: int = 1_000_000
    linger_seconds: float = 0.2
    """How long the thread lets events gather after the first one."""
    poll_seconds: float = 5.0
    """How often the thread looks for what other processes recorded."""
    connect_seconds: float = 5.0
    read_seconds: float = 30.0
    total_seconds: float = 60.0
    """The most one request takes by the wall clock."""
    busy_seconds: float = 10.0
    """How long a call waits for another process to be done writing the spool."""
    unknown_subscription_days: float = 30.0
    """How long an event waits for the central side to learn of its subscription before it is refused."""
    in_the_future_days: float = 7.0
    """How long an event waits whose time has not come by the central side's clock before it is refused."""

    def __post_init__(self) -> None:
        if not self.is_enabled:
            return
        _check_url(self.url, allows_http=self.allows_http)
        _check_key(self.key)
        if self.spool is None:
            raise InvalidSettings("FCB_HOST_SPOOL is missing: the path of the spool's file, on a local disk")
        if not (
            1 <= self.batch_events <= MOST_EVENTS_A_BATCH and LEAST_BYTES_A_BATCH <= self.batch_bytes <= MOST_BYTES_A_BATCH
        ):
            raise InvalidSettings(
                f"a batch is 1 to {MOST_EVENTS_A_BATCH} events and {LEAST_BYTES_A_BATCH} to {MOST_BYTES_A_BATCH} bytes"
            )
        if self.max_events < 1:
            raise InvalidSettings("FCB_HOST_MAX_EVENTS is at least 1")


def from_environment(environment: Mapping[str, str]) -> Settings:
    """The settings that FCB_HOST_* variables make; when off, nothing else is looked at. Raises InvalidSettings."""
    if not switch(environment, "FCB_HOST_ENABLED", default=False):
        return Settings()
    return Settings(
        is_enabled=True,
        url=environment.get("FCB_HOST_URL", ""),
        key=Key(environment.get("FCB_HOST_KEY", "").strip()),
        spool=path(environment, "FCB_HOST_SPOOL"),
        ca_file=path(environment, "FCB_HOST_CA_FILE"),
        sends_in_background=switch(environment, "FCB_HOST_BACKGROUND", default=True),
        allows_http=switch(environment, "FCB_HOST_ALLOW_HTTP", default=False),
        max_events=count(environment, "FCB_HOST_MAX_EVENTS", default=Settings().max_events),
    )


def _check_url(url: str, *, allows_http: bool) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidSettings("FCB_HOST_URL is not a URL") from None
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidSettings("FCB_HOST_URL is missing or not a URL such as https://billing.example.com")
    if parts.username is not None or parts.query or parts.fragment:
        raise InvalidSettings("FCB_HOST_URL has no user, query or fragment: the key belongs in FCB_HOST_KEY")
    if parts.path.rstrip("/").endswith(("/v1", "/v1/usage")):
        raise InvalidSettings("FCB_HOST_URL is what stands before /v1/usage: leave /v1 and what follows it out")
    if parts.scheme == "http" and host not in LOCAL_HOSTS and not allows_http:
        raise InvalidSettings(
            "FCB_HOST_URL is https, because the key travels with every request (FCB_HOST_ALLOW_HTTP allows http)"
        )


def _check_key(key: Key) -> None:
    text = key.revealed()
    if not text:
        raise InvalidSettings("FCB_HOST_KEY is missing")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidSettings("FCB_HOST_KEY holds a character that no key has")
