"""What `fcb serve` says when it cannot listen; that it serves is proved where it is killed (faults/test_serve)."""

import socket

import pytest

from fcb_pipelines.cli.serve import listening
from fcb_pipelines.domain.errors import InvalidInput


def test_a_free_port_is_taken_when_none_is_named() -> None:
    with listening("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            assert port > 0


def test_a_port_that_is_taken_and_an_address_of_others_are_refused_with_what_to_do() -> None:
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidInput, match=rf"cannot listen on 127.0.0.1 port {port} .*in use.*another --host or --port"):
            listening("127.0.0.1", port)
    with pytest.raises(InvalidInput, match=r"cannot listen on 192.0.2.1 port 0 \(.*assign"):
        listening("192.0.2.1", 0)
