"""Which addresses we never connect to: an explicit table of networks, and the rule that reads it.

Owns: the networks of the IANA IPv4 and IPv6 special-purpose address registries, with their names and RFCs, and what else is no
place of a receiver. Does not own: URLs and names (egress), the look-up of names (names). Pure: no look-up, no clock.
Every row of the registries is denied, those that are "globally reachable" too: anycast of protocols serves no webhooks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Cidr = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One network that is denied, and whether an operator whose own service is inside it may allow it."""

    cidr: str
    name: str
    source: str
    """The RFC, or whose documentation says so."""
    is_allowable: bool = False


def _row(cidr: str, name: str, source: str, *, is_allowable: bool = False) -> Network:
    return Network(cidr=cidr, name=name, source=source, is_allowable=is_allowable)


METADATA = (
    _row("169.254.169.254/32", "the metadata service of a cloud", "AWS, Azure, Google Cloud and others"),
    _row("169.254.170.2/32", "the credentials service of a cloud", "AWS ECS"),
    _row("169.254.170.23/32", "the credentials service of a cloud", "AWS EKS"),
    _row("100.100.100.200/32", "the metadata service of a cloud", "Alibaba Cloud"),
    _row("168.63.129.16/32", "the platform service of a cloud", "Azure"),
    _row("192.0.0.192/32", "the metadata service of a cloud", "Oracle Cloud"),
    _row("fd00:ec2::/32", "the metadata service of a cloud", "AWS"),
    _row("fd20:ce::254/128", "the metadata service of a cloud", "Google Cloud"),
    _row("fd00:c1::a9fe:a9fe/128", "the metadata service of a cloud", "Oracle Cloud"),
    _row("fd00:42::42/128", "the metadata service of a cloud", "Scaleway"),
)
"""Hand out credentials to whoever asks from inside: refused even where the network around them is allowed."""

IPV4 = (
    _row("0.0.0.0/8", "this network", "RFC 791"),
    _row("10.0.0.0/8", "private use", "RFC 1918", is_allowable=True),
    _row("100.64.0.0/10", "shared address space", "RFC 6598", is_allowable=True),
    _row("127.0.0.0/8", "loopback", "RFC 1122", is_allowable=True),
    _row("169.254.0.0/16", "link local", "RFC 3927"),
    _row("172.16.0.0/12", "private use", "RFC 1918", is_allowable=True),
    _row("192.0.0.0/24", "IETF protocol assignments", "RFC 6890"),
    _row("192.0.2.0/24", "documentation", "RFC 5737"),
    _row("192.31.196.0/24", "AS112-v4", "RFC 7535"),
    _row("192.52.193.0/24", "AMT", "RFC 7450"),
    _row("192.88.99.0/24", "6to4 relay anycast", "RFC 7526"),
    _row("192.168.0.0/16", "private use", "RFC 1918", is_allowable=True),
    _row("192.175.48.0/24", "direct delegation AS112", "RFC 7534"),
    _row("198.18.0.0/15", "benchmarking", "RFC 2544"),
    _row("198.51.100.0/24", "documentation", "RFC 5737"),
    _row("203.0.113.0/24", "documentation", "RFC 5737"),
    _row("224.0.0.0/4", "multicast", "RFC 5771"),
    _row("255.255.255.255/32", "limited broadcast", "RFC 919"),
    _row("240.0.0.0/4", "reserved", "RFC 1112"),
)

IPV6 = (
    _row("::1/128", "loopback", "RFC 4291", is_allowable=True),
    _row("::/128", "the unspecified address", "RFC 4291"),
    _row("::ffff:0:0:0/96", "IPv4-translated", "RFC 2765"),
    _row("::/96", "IPv4-compatible", "RFC 4291"),
    _row("64:ff9b:1::/48", "local translation to IPv4", "RFC 8215"),
    _row("::/8", "reserved", "RFC 4291"),
    _row("100::/64", "discard only", "RFC 6666"),
    _row("100:0:0:1::/64", "dummy prefix", "RFC 9780"),
    _row("2001::/32", "Teredo", "RFC 4380"),
    _row("2001:2::/48", "benchmarking", "RFC 5180"),
    _row("2001:10::/28", "ORCHID", "RFC 4843"),
    _row("2001:20::/28", "ORCHIDv2", "RFC 7343"),
    _row("2001:30::/28", "drone remote identification", "RFC 9374"),
    _row("2001::/23", "IETF protocol assignments", "RFC 2928"),
    _row("2001:db8::/32", "documentation", "RFC 3849"),
    _row("2002::/16", "6to4", "RFC 3056"),
    _row("2620:4f:8000::/48", "direct delegation AS112", "RFC 7534"),
    _row("3ffe::/16", "6bone, given back", "RFC 3701"),
    _row("3fff::/20", "documentation", "RFC 9637"),
    _row("5f00::/16", "segment routing", "RFC 9602"),
    _row("fc00::/7", "unique local", "RFC 4193", is_allowable=True),
    _row("fe80::/10", "link local", "RFC 4291"),
    _row("fec0::/10", "site local", "RFC 3879"),
    _row("ff00::/8", "multicast", "RFC 4291"),
    # All else that is not global unicast, 2000::/3: nothing there is assigned to anybody.
    _row("100::/8", "reserved", "RFC 4291"),
    _row("200::/7", "reserved", "RFC 4048"),
    _row("400::/6", "reserved", "RFC 4291"),
    _row("800::/5", "reserved", "RFC 4291"),
    _row("1000::/4", "reserved", "RFC 4291"),
    _row("4000::/2", "reserved", "RFC 4291"),
    _row("8000::/2", "reserved", "RFC 4291"),
    _row("c000::/3", "reserved", "RFC 4291"),
    _row("e000::/4", "reserved", "RFC 4291"),
    _row("f000::/5", "reserved", "RFC 4291"),
    _row("f800::/6", "reserved", "RFC 4291"),
    _row("fe00::/9", "reserved", "RFC 4291"),
)

DENIED = (*METADATA, *IPV4, *IPV6)
"""The first row that holds an address names it, so a part stands before the whole."""

INSIDE = (
    _row("::ffff:0:0/96", "IPv4-mapped", "RFC 4291"),
    _row("64:ff9b::/96", "translated to IPv4", "RFC 6052"),
)
"""IPv6 networks whose last 32 bits are an IPv4 address, which is then judged in their place."""

ALLOWABLE = tuple(ip_network(row.cidr) for row in DENIED if row.is_allowable)
"""What an operator may allow, whole or in part."""


def _ranges(rows: Sequence[Network], version: int) -> tuple[tuple[int, int, Network], ...]:
    networks = ((ip_network(row.cidr), row) for row in rows)
    return tuple((int(each[0]), int(each[-1]), row) for each, row in networks if each.version == version)


_RANGES = {version: _ranges(DENIED, version) for version in (4, 6)}
_INSIDE = _ranges(INSIDE, 6)
_ISATAP = frozenset({0x00005EFE, 0x01005EFE, 0x02005EFE, 0x03005EFE})
"""The upper half of an interface identifier that carries an IPv4 address, with the bits "universal" and "group" (RFC 5214)."""


def parsed(text: str) -> Address | None:
    """The address that a text is; None for anything else, and for one that is valid on one link only (`fe80::1%eth0`)."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return None if isinstance(address, IPv6Address) and address.scope_id is not None else address


def denied(address: str, *, allowed: Sequence[Cidr] = ()) -> str | None:
    """Why we do not connect to an address, such as `loopback (RFC 1122)`; None if we may.

    `allowed` opens what is allowable and nothing else: never the services of a cloud, never multicast. Never raises.
    """
    found = parsed(address)
    if found is None:
        return "not an IP address that can be reached from anywhere"
    carrier, judged = _inside(found)
    row = _row_of(judged)
    if row is not None and not (row.is_allowable and any(judged in network for network in allowed)):
        return f"{row.name} ({row.source})" + (f", as {carrier.name} ({carrier.source})" if carrier else "")
    if isinstance(judged, IPv6Address) and int(judged) >> 32 & 0xFFFFFFFF in _ISATAP:
        return "ISATAP, a tunnel to an IPv4 address (RFC 5214)"
    return None


def is_loopback(address: str) -> bool:
    """Whether an address is this machine and no other: 127.0.0.0/8, also IPv4-mapped, and ::1."""
    found = parsed(address)
    return found is not None and _inside(found)[1].is_loopback


def _inside(address: Address) -> tuple[Network | None, Address]:
    """The address to judge, and the network that carries it where it is an IPv4 address inside an IPv6 one."""
    if isinstance(address, IPv6Address):
        for first, last, carrier in _INSIDE:
            if first <= int(address) <= last:
                return carrier, IPv4Address(int(address) & 0xFFFFFFFF)
    return None, address


def _row_of(address: Address) -> Network | None:
    number = int(address)
    return next((row for first, last, row in _RANGES[address.version] if first <= number <= last), None)
