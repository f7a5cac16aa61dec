"""What a webhook's URL may look like: the contract's rules, and the host spellings of the literature on SSRF."""

import re
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.webhooks.egress import PORTS, Denied, Egress, Target, policy_of, target_of, vet

STRICT = Egress()
LOCAL = Egress(allows_http_local=True)
NUMBER = "the host is a number in an unusual spelling"
NAME = "the host is not a name"
LETTERS = "the host has characters that no name may have"
CONTROL = "it has a space, a line end or another control character"
BRACKETS = "what stands in brackets is not an IPv6 address"
PORT = "the port must be a plain number"
NO_URL = "it is not a URL"

REFUSED = [
    ("http://example.com/", "it must begin with https://"),
    ("ftp://example.com/", "it must begin with https://"),
    ("file:///etc/passwd", "it must begin with https://"),
    ("gopher://127.0.0.1:70/_", "it must begin with https://"),
    ("javascript:alert(1)", NO_URL),
    ("", NO_URL),
    ("example.com", NO_URL),
    ("//example.com", NO_URL),
    ("https:example.com", NO_URL),
    ("https:/example.com", NO_URL),
    ("https//example.com", NO_URL),
    ("https://", "it names no host"),
    ("https:///hook", "it names no host"),
    ("https://?x", "it names no host"),
    ("https://:443/", "it names no host"),
    ("https://./", "it names no host"),
    ("https://user@example.com/", "it names a user"),
    ("https://user:secret@example.com/", "it names a user"),
    ("https://@example.com/", "it names a user"),
    ("https://example.com@127.0.0.1/", "it names a user"),
    ("https://example.com:443@127.0.0.1/", "it names a user"),
    ("https://127.0.0.1@[::1]/", "it names a user"),
    ("https://example.com/#part", "it has a fragment"),
    ("https://example.com/#", "it has a fragment"),
    ("https://127.0.0.1#@example.com/", "it has a fragment"),
    ("https://example.com\\@127.0.0.1/", "it has a backslash"),
    ("https:\\\\example.com/", "it has a backslash"),
    ("https://example.com/a\\b", "it has a backslash"),
    (" https://example.com/", CONTROL),
    ("https://example.com/ ", CONTROL),
    ("https://example.com/a b", CONTROL),
    ("https://exam\tple.com/", CONTROL),
    ("https://example.com/\r\nX: y", CONTROL),
    ("https://example.com\n", CONTROL),
    ("https://example.com/\x00", CONTROL),
    ("https://127.0.0.1\x00.example.com/", CONTROL),
    ("https://example.com/\x7f", CONTROL),
    ("https://example.com/é", "the path has letters beyond ASCII"),
    ("https://example.com/?q=é", "the path has letters beyond ASCII"),
    ("https://example.com/\ud800", "the path has letters beyond ASCII"),
    ("https://example.com/" + "a" * 2048, "it is longer than 2,048 characters"),
    ("https://example.com:/", PORT),
    ("https://example.com:0/", PORT),
    ("https://example.com:65536/", PORT),
    ("https://example.com:0443/", PORT),
    ("https://example.com:+443/", PORT),
    ("https://example.com:-1/", PORT),
    ("https://example.com:443:443/", PORT),
    ("https://example.com:https/", PORT),
    ("https://example.com:４４３/", PORT),
    ("https://[::1]:/", PORT),
    ("https://example.com:80/", "port 80 is not allowed, only 443, 8443"),
    ("https://example.com:22/", "port 22 is not allowed, only 443, 8443"),
    ("https://[2a00:1450::1]:8080/", "port 8080 is not allowed, only 443, 8443"),
    # Numbers that resolvers read as an address.
    *((f"https://{host}/", NUMBER) for host in (
        "0", "0.", "1", "127.1", "127.0.1", "2130706433", "2130706433.", "017700000001", "0177.1", "0177.0.0.1", "0177.0.0.01",
        "0x7f.1", "0x7f000001", "0X7F000001", "0x7f.0x0.0x0.0x1", "0x", "127.0x1", "127.0.0.0x1", "127.0.0.1.1", "256.1.1.1",
        "1.2.3.4.5", "127.0.0.01", "00000177.0.0.1", "3232235521", "4294967296", "99999999999999999999", "example.1",
        "example.0x7f", "1.2.3", "1.2.3.256", "169.254.43518", "0xa9fea9fe", "0251.0376.0251.0376", "127.000.000.001",
    )),
    *((f"https://{host}/", LETTERS) for host in (
        "１２７.0.0.1", "①②⑦.⓪.⓪.①", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "loc\u00adalhost", "exa\u200bmple.com", "x\u2024com", "ⅷ.example",
        "\ud800.com", "xn--\u00e9", "𝟏𝟐𝟕.0.0.1", "exam\u0338ple.com/".rstrip("/") + "\u2044",
    )),
    *((f"https://{host}/", "the host is too long, or has a dot that is not the usual one") for host in (
        "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "é" * 254,
    )),
    *((f"https://{host}/", "the host is percent-encoded") for host in (
        "%6cocalhost", "127%2e0.0.1", "127.0.0.1%00", "%31", "a%25b",
    )),
    *((f"https://{host}/", NAME) for host in (
        ".example.com", "example..com", "example.com..", "-example.com", "example-.com", "a" * 64 + ".com", "exam!ple.com",
        "exam,ple.com", "exam*ple.com", "example.com;", "$(id).com", "exam\"ple.com", "127.0.0.1,8.8.8.8", "1.2.3.4&x", "a=b",
    )),
    ("https://" + ".".join(["a" * 63] * 4) + "/", "the host is longer than 253 characters"),
    *((f"https://{host}/", BRACKETS) for host in (
        "[", "[]", "[::1", "[127.0.0.1]", "[example.com]", "[fe80::1%eth0]", "[fe80::1%25eth0]", "[v1.fe80::1]", "[::1]x",
        "[::1].com", "[:::1]", "[::1::]", "[1:2:3:4:5:6:7:8:9]",
        "[::ffff:0177.0.0.1]", "[::ffff:127.1]", "[0x::1]", "[::１]", "[::1]]",
        "[[::1]]",
    )),
]  # fmt: skip

READ = [
    ("https://example.com", ("https", "example.com", 443, "/")),
    ("https://example.com/hook?a=b&c=@:/", ("https", "example.com", 443, "/hook?a=b&c=@:/")),
    ("https://example.com?x", ("https", "example.com", 443, "/?x")),
    ("HTTPS://EXAMPLE.com:8443/A%20b", ("https", "example.com", 8443, "/A%20b")),
    ("https://example.com./", ("https", "example.com", 443, "/")),
    ("https://bücher.example/", ("https", "xn--bcher-kva.example", 443, "/")),
    ("https://BÜCHER.example/", ("https", "xn--bcher-kva.example", 443, "/")),
    ("https://faß.example/", ("https", "xn--fa-hia.example", 443, "/")),
    ("https://例え.テスト/", ("https", "xn--r8jz45g.xn--zckzah", 443, "/")),
    ("https://xn--bcher-kva.example/", ("https", "xn--bcher-kva.example", 443, "/")),
    ("https://hooks_1.example.com/", ("https", "hooks_1.example.com", 443, "/")),
    ("https://1.example.com/", ("https", "1.example.com", 443, "/")),
    ("https://1e100.net/", ("https", "1e100.net", 443, "/")),
    ("https://0x7f.com/", ("https", "0x7f.com", 443, "/")),
    ("https://example.x1/", ("https", "example.x1", 443, "/")),
    ("https://localhost/", ("https", "localhost", 443, "/")),
    ("https://8.8.8.8/", ("https", "8.8.8.8", 443, "/")),
    ("https://8.8.8.8./", ("https", "8.8.8.8", 443, "/")),
    ("https://[2A00:1450:0:0:0:0:0:1]:443/", ("https", "2a00:1450::1", 443, "/")),
    ("https://" + ".".join(["a" * 63] * 3 + ["b" * 61]) + "/", ("https", ".".join(["a" * 63] * 3 + ["b" * 61]), 443, "/")),
]  # fmt: skip


@pytest.mark.parametrize(("url", "reason"), REFUSED)
def test_a_url_that_can_be_read_in_two_ways_is_refused(url: str, reason: str) -> None:
    for policy in (STRICT, LOCAL) if not url.startswith("http://") else (STRICT,):
        found = target_of(url, policy)
        assert isinstance(found, Denied), found
        assert found.reason.startswith(reason)


@pytest.mark.parametrize(("url", "parts"), READ)
def test_any_other_is_read_into_one_spelling(url: str, parts: tuple[str, str, int, str]) -> None:
    found = target_of(url, STRICT)
    assert isinstance(found, Target), found
    assert (found.scheme, found.host, found.port, found.path) == parts
    assert found.is_address is bool(re.fullmatch(r"[0-9.]+|.*:.*", found.host))


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://example.com", "example.com"),
        ("https://example.com:443", "example.com"),
        ("https://example.com:8443", "example.com:8443"),
        ("https://[2a00::1]", "[2a00::1]"),
        ("https://[2a00::1]:8443", "[2a00::1]:8443"),
        ("http://localhost:80", "localhost"),
        ("http://localhost:443", "localhost:443"),
    ],
)
def test_the_host_header_names_the_port_where_it_is_not_the_usual_one(url: str, authority: str) -> None:
    found = target_of(url, LOCAL)
    assert isinstance(found, Target)
    assert found.authority == authority


def test_as_it_is_made_the_policy_is_the_contract_s() -> None:
    assert (STRICT.allows_http_local, STRICT.ports, STRICT.networks) == (False, frozenset({443, 8443}), ())
    assert policy_of() == STRICT
    assert policy_of(more_ports="9443").ports == PORTS | {9443}


@pytest.mark.parametrize("port", [1, 80, 3000, 8443, 65535])
def test_plain_http_goes_to_any_port_of_this_machine(port: int) -> None:
    found = target_of(f"http://localhost:{port}/hook", LOCAL)
    assert isinstance(found, Target)
    assert not isinstance(vet(found, ["127.0.0.1", "::1"], LOCAL), Denied)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "10.0.0.1", "169.254.169.254", str(IPv4Address(0)), "::", "2a00::1", "64:ff9b::8.8.8.8"]
)
def test_plain_http_goes_nowhere_else(address: str) -> None:
    found = target_of("http://localhost/", Egress(allows_http_local=True, networks=policy_of(networks="10.0.0.0/8").networks))
    assert isinstance(found, Target)
    refused = vet(found, ["127.0.0.1", address], LOCAL)
    assert refused == Denied(reason=f"localhost is at {address}, which is not this machine, and plain http goes nowhere else")


def test_https_to_this_machine_stays_refused_where_plain_http_is_allowed() -> None:
    found = target_of("https://localhost/", LOCAL)
    assert isinstance(found, Target)
    assert isinstance(vet(found, ["127.0.0.1"], LOCAL), Denied)


@pytest.mark.parametrize(
    ("addresses", "reason"),
    [
        ([], "example.com has no address"),
        (["10.0.0.1"], "example.com is at 10.0.0.1, which is private use (RFC 1918)"),
        (["8.8.8.8", "10.0.0.1"], "example.com is at 10.0.0.1, which is private use (RFC 1918)"),
        (["127.0.0.1", "8.8.8.8"], "example.com is at 127.0.0.1, which is loopback (RFC 1122)"),
        (["2a00::1", "8.8.8.8", "::1"], "example.com is at ::1, which is loopback (RFC 4291)"),
        (["::ffff:169.254.169.254"], "example.com is at ::ffff:169.254.169.254, which is the metadata service"),
        (["fe80::1%eth0"], "example.com is at fe80::1%eth0, which is not an IP address"),
        (["nonsense"], "example.com is at nonsense, which is not an IP address"),
    ],
)
def test_one_bad_address_refuses_the_whole_answer(addresses: list[str], reason: str) -> None:
    found = target_of("https://example.com", STRICT)
    assert isinstance(found, Target)
    refused = vet(found, addresses, STRICT)
    assert isinstance(refused, Denied)
    assert refused.reason.startswith(reason)


def test_a_good_answer_is_kept_in_its_order_and_said_once() -> None:
    found = target_of("https://example.com", STRICT)
    assert isinstance(found, Target)
    vetted = vet(found, ["2A00::0:1", "8.8.8.8", "2a00::1"], STRICT)
    assert not isinstance(vetted, Denied)
    assert (vetted.target, vetted.addresses) == (found, ("2a00::1", "8.8.8.8"))


def test_a_network_of_the_operator_s_own_is_reached_over_https() -> None:
    inside = policy_of(networks="10.20.0.0/16, fd12::/32")
    found = target_of("https://billing.internal:8443/", inside)
    assert isinstance(found, Target)
    assert not isinstance(vet(found, ["10.20.1.1", "fd12::1", "8.8.8.8"], inside), Denied)
    assert isinstance(vet(found, ["10.20.1.1", "10.21.1.1"], inside), Denied)


@pytest.mark.parametrize(
    ("networks", "reason"),
    [
        ("10.20.0.1/16", "'10.20.0.1/16' is not a network such as 10.20.0.0/16: 10.20.0.1/16 has host bits set"),
        ("nonsense", "'nonsense' is not a network such as"),
        ("0.0.0.0/0", "0.0.0.0/0 cannot be allowed: name a part of 10.0.0.0/8, "),
        ("8.0.0.0/7", "8.0.0.0/7 cannot be allowed"),
        ("169.254.169.254/32", "169.254.169.254/32 cannot be allowed"),
        ("fe80::/10", "fe80::/10 cannot be allowed"),
    ],
)
def test_a_network_that_is_none_or_may_not_be_allowed_is_refused(networks: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        policy_of(networks=networks)
    assert str(refused.value).startswith(reason)


@pytest.mark.parametrize("port", ["0", "-1", "65536", "x", "080", "443 8443"])
def test_what_is_no_port_is_refused(port: str) -> None:
    with pytest.raises(InvalidInput, match="from 1 to 65535"):
        policy_of(more_ports=port)


URLS = st.one_of(
    st.text(max_size=80),
    st.builds(
        "{}://{}{}{}".format,
        st.sampled_from(["https", "http", "HTTPS", "h"]),
        st.text(max_size=30) | st.from_regex(r"\[?[0-9a-fx:.%]{0,20}\]?", fullmatch=True),
        st.sampled_from(["", ":443", ":8443", ":1", ":x"]),
        st.text(max_size=20),
    ),
)


@given(URLS)
def test_nothing_raises_and_what_is_read_reads_the_same_again(url: str) -> None:
    found = target_of(url, LOCAL)
    if isinstance(found, Target):
        assert target_of(f"{found.scheme}://{found.authority}{found.path}", LOCAL) == found
        assert found.authority.isascii()
        assert found.path.startswith("/")
        assert found.host == found.host.lower()
