"""Where we may connect: a URL of others becomes a target or a refusal, and so do the addresses of its host.

Owns: the policy, what a URL may look like, that every address must pass. Does not own: the networks (addresses), the look-up of
names (names), connections (posting). Refusals are values: nothing here raises but a policy that is wrong in itself.
The rules: RFC 3986 for the URL, RFC 1123 and RFC 5891 for names, OWASP API7:2023 for why.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network

import idna

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.webhooks.addresses import ALLOWABLE, Cidr, denied, is_loopback, parsed

PORTS = frozenset({443, 8443})
"""Where webhooks may go unless more is allowed."""
MOST_URL_CHARACTERS = 2048
MOST_HOST_CHARACTERS = 253
MOST_PORT = 65535

_SCHEME_PORTS = {"https": 443, "http": 80}
_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?]*)(.*)", re.IGNORECASE | re.ASCII | re.DOTALL)
_BRACKETED = re.compile(r"\[([0-9a-f:.]+)\](?::(.*))?", re.IGNORECASE | re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label like this makes resolvers read the whole host as an IPv4 address (WHATWG URL, "ends in a number")."""
_OTHER_DOTS = re.compile("[\u3002\uff0e\uff61]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """The operator's policy; as it is made it allows https on two ports to public addresses, and nothing else.

    Raises InvalidInput for a port out of range, and for a network that is not inside one that may be allowed.
    """

    allows_http_local: bool = False
    """Plain http, on any port, to this machine alone: for development."""
    ports: frozenset[int] = PORTS
    networks: tuple[Cidr, ...] = ()
    """Networks of the operator's own in which receivers stand, such as 10.20.0.0/16."""

    def __post_init__(self) -> None:
        for port in self.ports:
            if not 1 <= port <= MOST_PORT:
                raise InvalidInput(f"port {port} is none: a port is from 1 to {MOST_PORT}")
        for network in self.networks:
            if not any(_lies_in(network, allowable) for allowable in ALLOWABLE):
                raise InvalidInput(f"{network} cannot be allowed: name a part of {', '.join(map(str, ALLOWABLE))}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """We do not connect; the reason is for whoever wonders."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a URL asks for, in one spelling: host in lower case ASCII or an address as it is usually written."""

    scheme: str
    host: str
    port: int
    path: str
    """With the query, as it came."""
    is_address: bool
    """Whether the host is an address and needs no look-up."""

    @property
    def is_secure(self) -> bool:
        """Whether it is spoken to over TLS."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """What goes into the Host header (RFC 9110, 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _SCHEME_PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vetted:
    """A target and where it may be reached: every address of the answer passed."""

    target: Target
    addresses: tuple[str, ...]


def policy_of(*, allows_http_local: bool = False, more_ports: str = "", networks: str = "") -> Egress:
    """The policy of settings, which are text with commas; ports come on top of the usual ones. Raises InvalidInput."""
    return Egress(
        allows_http_local=allows_http_local,
        ports=PORTS | {_number(text) for text in _listed(more_ports)},
        networks=tuple(map(_network, _listed(networks))),
    )


def target_of(url: str, policy: Egress) -> Target | Denied:
    """Read a URL; what could be read in two ways is refused. Asks no resolver: the address is judged by `vet`."""
    fault = _fault_of_text(url)
    found = None if fault else _URL.fullmatch(url)
    if found is None:
        return Denied(reason=fault or "it is not a URL such as https://example.com/hook")
    scheme, authority, path = found[1].lower(), found[2], found[3]
    if scheme not in _SCHEME_PORTS or (scheme == "http" and not policy.allows_http_local):
        return Denied(reason="it must begin with https://")
    if not path.isascii():
        return Denied(reason="the path has letters beyond ASCII: percent-encode them")
    place = _place(authority, _SCHEME_PORTS[scheme])
    if isinstance(place, Denied):
        return place
    host, port, is_address = place
    if scheme == "https" and port not in policy.ports:
        return Denied(reason=f"port {port} is not allowed, only {', '.join(map(str, sorted(policy.ports)))}")
    path = path if path.startswith("/") else f"/{path}"
    return Target(scheme=scheme, host=host, port=port, path=path, is_address=is_address)


def vet(asked: Target, addresses: Sequence[str], policy: Egress) -> Vetted | Denied:
    """Let a target pass if all its addresses do: one that is denied refuses the whole answer, and so does an empty one.

    A target over plain http passes only if it is this machine.
    """
    if not addresses:
        return Denied(reason=f"{asked.host} has no address")
    for address in addresses:
        reason = _objection(asked, address, policy)
        if reason is not None:
            where = address if asked.is_address else f"{asked.host} is at {address}, which"
            return Denied(reason=f"{where} is {reason}")
    return Vetted(target=asked, addresses=tuple(dict.fromkeys(str(parsed(address)) for address in addresses)))


def _objection(asked: Target, address: str, policy: Egress) -> str | None:
    if asked.is_secure:
        return denied(address, allowed=policy.networks)
    return None if is_loopback(address) else "not this machine, and plain http goes nowhere else"


def _fault_of_text(url: str) -> str | None:
    """What is wrong with the text before any of it is read: parsers disagree about the rest."""
    if len(url) > MOST_URL_CHARACTERS:
        return f"it is longer than {MOST_URL_CHARACTERS:,} characters"
    if _CONTROL.search(url):
        return "it has a space, a line end or another control character"
    if "\\" in url:
        return "it has a backslash"
    return "it has a fragment: leave out # and what follows" if "#" in url else None


def _place(authority: str, usual_port: int) -> tuple[str, int, bool] | Denied:
    """Host, port, and whether the host is an address."""
    if "@" in authority:
        return Denied(reason="it names a user: leave out what stands before @")
    written, colon, port_text = authority.partition(":")
    is_bracketed = authority.startswith("[")
    if is_bracketed:
        bracketed = _BRACKETED.fullmatch(authority)
        if bracketed is None:
            return Denied(reason="what stands in brackets is not an IPv6 address")
        written, colon, port_text = bracketed[1], "" if bracketed[2] is None else ":", bracketed[2] or ""
    port = _port(port_text) if colon else usual_port
    host = _ipv6(written) if is_bracketed else _host(written)
    if isinstance(host, Denied):
        return host
    return port if isinstance(port, Denied) else (host, port, parsed(host) is not None)


def _port(text: str) -> int | Denied:
    if not _PORT.fullmatch(text) or int(text) > MOST_PORT:
        return Denied(reason=f"the port must be a plain number from 1 to {MOST_PORT}")
    return int(text)


def _ipv6(text: str) -> str | Denied:
    address = parsed(text)
    return str(address) if isinstance(address, IPv6Address) else Denied(reason="what stands in brackets is not an IPv6 address")


def _host(written: str) -> str | Denied:
    """A name or an IPv4 address in its one usual spelling; a single dot at the end, which says "absolute", is left out."""
    if "%" in written:
        return Denied(reason="the host is percent-encoded: write it plainly")
    ascii_form = written.lower() if written.isascii() else _encoded(written)
    if isinstance(ascii_form, Denied):
        return ascii_form
    host = ascii_form.removesuffix(".")
    fault = _fault_of_host(host)
    return Denied(reason=fault) if fault else host


def _fault_of_host(host: str) -> str | None:
    if not host:
        return "it names no host"
    if len(host) > MOST_HOST_CHARACTERS:
        return f"the host is longer than {MOST_HOST_CHARACTERS} characters"
    labels = host.split(".")
    if not all(map(_LABEL.fullmatch, labels)):
        return "the host is not a name: letters, digits and hyphens between single dots, at most 63 each"
    if _NUMBER.fullmatch(labels[-1]) and not isinstance(parsed(host), IPv4Address):
        return "the host is a number in an unusual spelling: write an IPv4 address as four decimal numbers"
    return None


def _encoded(written: str) -> str | Denied:
    """The ASCII form of an international name (IDNA 2008, strictly: what looks like another letter or digit is refused)."""
    if len(written) > MOST_HOST_CHARACTERS or _OTHER_DOTS.search(written):
        return Denied(reason="the host is too long, or has a dot that is not the usual one")
    try:
        return idna.encode(written.lower()).decode("ascii")
    except UnicodeError:
        return Denied(reason="the host has characters that no name may have (RFC 5892)")


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _number(text: str) -> int:
    if not _PORT.fullmatch(text):
        raise InvalidInput(f"{text!r} is not a port: write a number from 1 to {MOST_PORT}")
    return int(text)


def _network(text: str) -> Cidr:
    try:
        return ip_network(text)
    except ValueError as error:
        raise InvalidInput(f"{text!r} is not a network such as 10.20.0.0/16: {error}") from None


def _lies_in(network: Cidr, wider: Cidr) -> bool:
    return network[0] in wider and network[-1] in wider
