"""Every spelling of a denied address that the platform's own resolver takes for it, with that resolver as the judge."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fcb_pipelines.webhooks.addresses import DENIED, parsed
from fcb_pipelines.webhooks.egress import Denied, Egress, Target, target_of, vet

POLICY = Egress()


def understood(host: str) -> set[str]:
    """The addresses that the platform takes a text for without asking anybody."""
    found = set()
    with suppress(OSError, UnicodeError, ValueError):
        found |= {str(place[4][0]) for place in socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)}
    with suppress(OSError, UnicodeError, ValueError):
        found.add(str(IPv4Address(socket.inet_aton(host))))
    return found


def passes(host: str) -> bool:
    """Whether a URL with this host would be connected to."""
    asked = target_of(f"https://{host}/", POLICY)
    if isinstance(asked, Denied):
        return False
    # What the guard does not know for an address goes to the resolver, whose answer is vetted.
    addresses = [asked.host] if asked.is_address else sorted(understood(host))
    return not isinstance(vet(asked, addresses, POLICY), Denied)


def written(number: int, base: str) -> Iterator[str]:
    """A number as C reads numbers."""
    zeros = "0" * (number % 4)
    yield {"dec": f"{number}", "oct": f"0{zeros}{number:o}", "hex": f"0x{zeros}{number:x}", "HEX": f"0X{number:X}"}[base]


@st.composite
def spellings(draw: st.DrawFn, address: IPv4Address) -> str:
    """An IPv4 address in one to four parts, each in a base of its own, with or without a dot at the end."""
    octets = address.packed
    parts = draw(st.integers(1, 4))
    numbers = [*octets[: parts - 1], int.from_bytes(octets[parts - 1 :], "big")]
    bases = [draw(st.sampled_from(["dec", "oct", "hex", "HEX"])) for _ in numbers]
    text = ".".join(next(written(number, base)) for number, base in zip(numbers, bases, strict=True))
    return text + draw(st.sampled_from(["", "", "."]))


def of_row(cidr: str) -> st.SearchStrategy[IPv4Address | IPv6Address]:
    network = ip_network(cidr)
    make = IPv4Address if network.version == 4 else IPv6Address
    return st.integers(int(network[0]), int(network[-1])).map(make)


IPV4 = st.sampled_from([row.cidr for row in DENIED if "." in row.cidr]).flatmap(of_row)


@given(IPV4.flatmap(lambda address: st.tuples(st.just(address), spellings(IPv4Address(address)))))
@settings(max_examples=400)
def test_a_denied_ipv4_address_passes_in_no_spelling(case: tuple[IPv4Address, str]) -> None:
    address, spelling = case
    assert understood(spelling.removesuffix(".")) == {str(address)}, "the spelling means this address to the platform"
    assert not passes(spelling)


@given(IPV4)
def test_nor_does_it_pass_inside_an_ipv6_one(address: IPv4Address) -> None:
    number = int(address)
    for text in (
        f"::ffff:{address}",
        f"::{address}",
        f"64:ff9b::{address}",
        f"::ffff:0:{address}",
        f"2002:{number >> 16:x}:{number & 65535:x}::",
    ):
        assert understood(text), text
        assert not passes(f"[{text}]")


@given(
    st.one_of(st.from_regex(r"[0-9a-fxA-FX.]{1,24}", fullmatch=True), spellings(IPv4Address("127.0.0.1")), st.text(max_size=12))
)
@settings(max_examples=400)
def test_what_the_platform_takes_for_an_address_the_guard_takes_for_the_same_or_refuses(host: str) -> None:
    asked = target_of(f"https://{host}/", POLICY)
    meant = understood(host)
    if meant and isinstance(asked, Target) and host.partition("/")[0] == host:
        assert asked.is_address
        assert {parsed(asked.host)} == {parsed(each) for each in meant}


@pytest.mark.parametrize("host", ["8.8.8.8", "[2606:4700::1111]", "[::ffff:8.8.8.8]", "[64:ff9b::8.8.8.8]"])
def test_a_public_address_in_its_usual_spelling_passes(host: str) -> None:
    assert passes(host)


@pytest.mark.parametrize("host", ["010.8.8.8", "0x08080808", "134744072", "8.8.2056"])
def test_in_another_spelling_it_does_not(host: str) -> None:
    assert understood(host)
    assert not passes(host)
