"""The table of denied networks against the IANA registries, row by row: both ends, the inside, and what stands beside them."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.webhooks.addresses import ALLOWABLE, DENIED, denied, is_loopback, parsed

UNSPECIFIED = str(IPv4Address(0))
REGISTRY = [
    # IPv4 special-purpose address registry: first, last, one inside, and the neighbours where these are public.
    (UNSPECIFIED, "0.255.255.255", "0.1.2.3", [None, "1.0.0.0"]),
    ("10.0.0.0", "10.255.255.255", "10.20.30.40", ["9.255.255.255", "11.0.0.0"]),
    ("100.64.0.0", "100.127.255.255", "100.100.1.1", ["100.63.255.255", "100.128.0.0"]),
    ("127.0.0.0", "127.255.255.255", "127.0.0.1", ["126.255.255.255", "128.0.0.0"]),
    ("169.254.0.0", "169.254.255.255", "169.254.1.1", ["169.253.255.255", "169.255.0.0"]),
    ("172.16.0.0", "172.31.255.255", "172.17.0.1", ["172.15.255.255", "172.32.0.0"]),
    ("192.0.0.0", "192.0.0.255", "192.0.0.170", ["191.255.255.255", "192.0.1.0"]),
    ("192.0.2.0", "192.0.2.255", "192.0.2.1", ["192.0.1.255", "192.0.3.0"]),
    ("192.31.196.0", "192.31.196.255", "192.31.196.1", ["192.31.195.255", "192.31.197.0"]),
    ("192.52.193.0", "192.52.193.255", "192.52.193.1", ["192.52.192.255", "192.52.194.0"]),
    ("192.88.99.0", "192.88.99.255", "192.88.99.2", ["192.88.98.255", "192.88.100.0"]),
    ("192.168.0.0", "192.168.255.255", "192.168.1.1", ["192.167.255.255", "192.169.0.0"]),
    ("192.175.48.0", "192.175.48.255", "192.175.48.6", ["192.175.47.255", "192.175.49.0"]),
    ("198.18.0.0", "198.19.255.255", "198.18.4.4", ["198.17.255.255", "198.20.0.0"]),
    ("198.51.100.0", "198.51.100.255", "198.51.100.9", ["198.51.99.255", "198.51.101.0"]),
    ("203.0.113.0", "203.0.113.255", "203.0.113.9", ["203.0.112.255", "203.0.114.0"]),
    ("224.0.0.0", "239.255.255.255", "233.252.0.1", ["223.255.255.255", None]),
    ("240.0.0.0", "255.255.255.255", "250.1.1.1", [None, None]),
    # IPv6 special-purpose address registry.
    ("::1", "::1", "::1", [None, None]),
    ("::", "::", "::", [None, None]),
    ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "64:ff9b:1::808:808", [None, None]),
    ("100::", "100::ffff:ffff:ffff:ffff", "100::1", [None, None]),
    ("100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff", "100:0:0:1::1", [None, None]),
    ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:1::1", ["2000:ffff::", "2001:200::"]),
    ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "2001:0:4136:e378:8000:63bf:3fff:fdd2", [None, None]),
    ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", "2001:2::9", [None, None]),
    ("2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff", "2001:3::9", [None, None]),
    ("2001:4:112::", "2001:4:112:ffff:ffff:ffff:ffff:ffff", "2001:4:112::9", [None, None]),
    ("2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", "2001:10::9", [None, None]),
    ("2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", "2001:20::9", [None, None]),
    ("2001:30::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff", "2001:30::9", [None, None]),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8:1::1", ["2001:db7:ffff::", "2001:db9::"]),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2002:808:808::1", ["2001:ffff::", "2003::"]),
    ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", "2620:4f:8000::1", ["2620:4f:7fff::", "2620:4f:8001::"]),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1::1", ["3ffd::", "3fff:1000::"]),
    ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "5f00::1", [None, None]),
    ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fd12:3456::1", [None, None]),
    ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe80::1", [None, None]),
    # Not in it, and no place for a receiver either.
    ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fec0::1", [None, None]),
    ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ff02::1", [None, None]),
    ("::2", "::fffe:ffff:ffff", "::7f00:1", [None, None]),
    ("::1:0:0:0", "ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::ffff:0:808:808", [None, None]),
    ("3ffe::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3ffe::1", ["3ffd:ffff::", None]),
    ("4000::", "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "4001::1", ["3fff:ffff::", None]),
    ("6000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "a000::1", [None, None]),
]  # fmt: skip
CARRIED = {"mapped": "::ffff:{}", "translated": "64:ff9b::{}"}
PUBLIC = ["8.8.8.8", "1.1.1.1", "168.63.129.15", "168.63.129.17", "2606:4700::1111", "2a00:1450:4001::200e", "2400:cb00::1"]


@pytest.mark.parametrize(("first", "last", "inside", "beside"), REGISTRY)
def test_a_network_is_denied_from_end_to_end_and_nothing_beside_it(
    first: str, last: str, inside: str, beside: list[str | None]
) -> None:
    assert [address for address in (first, inside, last) if denied(address) is None] == []
    assert [address for address in beside if address is not None and denied(address) is not None] == []


@pytest.mark.parametrize("form", CARRIED.values(), ids=CARRIED)
@pytest.mark.parametrize(("first", "last", "inside", "beside"), [row for row in REGISTRY if "." in row[0]])
def test_an_ipv4_address_inside_an_ipv6_one_is_judged_in_its_place(
    form: str, first: str, last: str, inside: str, beside: list[str | None]
) -> None:
    assert [address for address in (first, inside, last) if denied(form.format(address)) is None] == []
    assert [each for each in beside if each is not None and denied(form.format(each)) is not None] == []


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert denied(address) is None


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1", "loopback (RFC 1122)"),
        ("::ffff:10.0.0.1", "private use (RFC 1918), as IPv4-mapped (RFC 4291)"),
        ("64:ff9b::7f00:1", "loopback (RFC 1122), as translated to IPv4 (RFC 6052)"),
        ("169.254.169.254", "the metadata service of a cloud (AWS, Azure, Google Cloud and others)"),
        ("100.100.100.200", "the metadata service of a cloud (Alibaba Cloud)"),
        ("168.63.129.16", "the platform service of a cloud (Azure)"),
        ("fd00:ec2::254", "the metadata service of a cloud (AWS)"),
        ("::1", "loopback (RFC 4291)"),
        ("64:ff9b:1::808:808", "local translation to IPv4 (RFC 8215)"),
        ("::7f00:1", "IPv4-compatible (RFC 4291)"),
        ("2001:0:1::", "Teredo (RFC 4380)"),
        ("2a00:1450::5efe:808:808", "ISATAP, a tunnel to an IPv4 address (RFC 5214)"),
        ("2a00:1450::200:5efe:a00:1", "ISATAP, a tunnel to an IPv4 address (RFC 5214)"),
        ("fe80::1%eth0", "not an IP address that can be reached from anywhere"),
        ("2a00:1450::1%eth0", "not an IP address that can be reached from anywhere"),
        ("010.0.0.1", "not an IP address that can be reached from anywhere"),
        ("", "not an IP address that can be reached from anywhere"),
    ],
)
def test_the_reason_names_the_network_and_its_source(address: str, reason: str) -> None:
    assert denied(address) == reason


ALLOWED = [ip_network(cidr) for cidr in ("10.20.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fd00::/8", "0.0.0.0/0", "::/0")]


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("10.20.1.1", True),
        ("::ffff:10.20.1.1", True),
        ("fd12::1", True),
        ("127.0.0.1", True),
        ("169.254.169.254", False),
        ("100.100.100.200", False),
        ("fd00:ec2::254", False),
        ("169.254.1.1", False),
        ("224.0.0.1", False),
        (UNSPECIFIED, False),
        ("fe80::1", False),
        ("2001:db8::1", False),
    ],
)
def test_what_is_allowed_opens_private_networks_and_never_a_cloud_s_own(address: str, may: bool) -> None:
    assert (denied(address, allowed=ALLOWED) is None) is may


def test_allowing_one_network_opens_no_other() -> None:
    only = [ip_network("10.20.0.0/16")]
    assert denied("10.21.0.0", allowed=only) == denied("10.19.255.255", allowed=only) == "private use (RFC 1918)"


def test_what_may_be_allowed_is_private() -> None:
    assert [str(each) for each in ALLOWABLE] == [
        "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("address", "is_ours"),
    [("127.0.0.1", True), ("127.255.255.254", True), ("::1", True), ("::ffff:127.0.0.1", True), ("128.0.0.1", False),
     (UNSPECIFIED, False), ("::", False), ("localhost", False), ("10.0.0.1", False), ("::127.0.0.1", False)],
)  # fmt: skip
def test_loopback_is_this_machine_alone(address: str, is_ours: bool) -> None:
    assert is_loopback(address) is is_ours


@given(st.ip_addresses())
def test_what_python_calls_special_is_denied_too(address: IPv4Address | IPv6Address) -> None:
    inner = (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
    is_special = inner.is_private or inner.is_multicast or inner.is_reserved or inner.is_link_local or not inner.is_global
    is_translated = int(address) >> 32 == int(IPv6Address("64:ff9b::")) >> 32
    assert denied(str(address)) is not None or not is_special or is_translated


@given(st.sampled_from(DENIED).flatmap(lambda row: st.integers(*map(int, (ip_network(row.cidr)[0], ip_network(row.cidr)[-1])))
       .map(lambda number: ip_address(number) if "." in row.cidr else IPv6Address(number))))  # fmt: skip
def test_any_address_of_a_denied_network_is_denied_in_every_form(address: IPv4Address | IPv6Address) -> None:
    forms = [str(address), address.exploded, address.exploded.upper()]
    if isinstance(address, IPv4Address):
        forms += [form.format(address) for form in CARRIED.values()]
    for form in forms:
        found = parsed(form)
        # What is inside an IPv4-mapped address is judged by itself, and so it may be public.
        is_public_inside = (
            isinstance(address, IPv6Address) and address.ipv4_mapped is not None and not denied(str(address.ipv4_mapped))
        )
        is_translated = int(address) >> 32 == int(IPv6Address("64:ff9b::")) >> 32
        assert found is not None
        assert denied(form) is not None or is_public_inside or is_translated


@given(st.text(max_size=60))
def test_nothing_raises(text: str) -> None:
    denied(text)
    is_loopback(text)
