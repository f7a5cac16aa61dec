"""The way between a sender and a receiver: it passes on what comes over it byte by byte, or loses it as it is told to.

Owns: the connections on both sides, and what was captured of them. Does not own: what is on the way, which the signature alone
protects.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedIOBase
from socketserver import StreamRequestHandler, ThreadingTCPServer

LONGEST_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A request, exactly as it was sent."""

    head: bytes
    body: bytes

    @property
    def message_id(self) -> str:
        return self.header(b"webhook-id").decode()

    @property
    def timestamp(self) -> int:
        return int(self.header(b"webhook-timestamp"))

    def header(self, name: bytes) -> bytes:
        lines = (line.partition(b":") for line in self.head.split(b"\r\n"))
        return next(value.strip() for each, _, value in lines if each.strip().lower() == name)


@dataclass(slots=True, kw_only=True)
class Way:
    """What is passed on where, and what befalls it."""

    port: int
    """Of the receiver."""
    url: str = ""
    is_backwards: bool = False
    """Of a subscription the last message is passed on first, and each other once its successor was taken."""
    last: dict[str, int] = field(default_factory=dict)
    """By subscription, the sequence of its last message."""
    loses: int = 0
    """So many answers are lost from now on."""
    meets: Callable[[], None] | None = None
    """Is called once the request of that number is there, before it is passed on or, where `is_after`, answered."""
    meets_at: int = 0
    is_after: bool = False
    captured: list[Captured] = field(default_factory=list)
    taken: list[tuple[str, int]] = field(default_factory=list)
    """Subscription and sequence of what the receiver answered 2xx, in order."""
    lost: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def passed(self, request: Captured) -> bytes | None:
        """What the receiver answers; None where the request or the answer is lost on the way."""
        with self._lock:
            self.captured.append(request)
            is_met = len(self.captured) == self.meets_at and self.meets is not None
        if is_met and not self.is_after:
            self._meet()
        told = json.loads(request.body)
        about = (told["data"]["external_subscription_id"], told["sequence"])
        answer = sent(self.port, request) if self._is_its_turn(*about) else None
        if is_met and self.is_after:
            self._meet()
        return answer if answer is not None and self._arrives(about, answer) else None

    def _meet(self) -> None:
        assert self.meets is not None
        self.meets()

    def _is_its_turn(self, subscription: str, sequence: int) -> bool:
        with self._lock:
            is_last = sequence == self.last.get(subscription)
            return not self.is_backwards or is_last or (subscription, sequence + 1) in self.taken

    def _arrives(self, about: tuple[str, int], answer: bytes) -> bool:
        with self._lock:
            if status(answer) // 100 != 2:
                return True
            self.taken.append(about)
            is_lost = self.lost < self.loses
            self.lost += is_lost
            return not is_lost


@contextmanager
def opened(port: int) -> Iterator[Way]:
    """A way to whoever listens on that port of this machine."""
    way = Way(port=port)

    class Passing(StreamRequestHandler):
        """One connection of a sender."""

        timeout = LONGEST_SECONDS

        def handle(self) -> None:
            while (request := _request(self.rfile)) is not None and (answer := way.passed(request)) is not None:
                try:
                    self.wfile.write(answer)
                except OSError:
                    return  # The sender is gone.

    with _Server(("127.0.0.1", 0), Passing) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        way.url = f"http://127.0.0.1:{server.server_address[1]}/api/v1/billing/webhooks/central"
        try:
            yield way
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64


def sent(port: int, request: Captured) -> bytes | None:
    """Send the bytes of a request, and return those of the answer; None where there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=LONGEST_SECONDS) as line, line.makefile("rb") as answers:
            line.sendall(request.head + request.body)
            answer = _message(answers)
    except OSError:
        return None
    return None if answer is None else b"".join(answer)


def status(answer: bytes) -> int:
    """The status of an answer."""
    return int(answer.split(b" ", 2)[1])


def _request(lines: BufferedIOBase) -> Captured | None:
    try:
        found = _message(lines)
    except OSError:
        return None
    return None if found is None else Captured(head=found[0], body=found[1])


def _message(lines: BufferedIOBase) -> tuple[bytes, bytes] | None:
    """Head and body; None where the other side ended before it was whole."""
    head, length = b"", 0
    while not head.endswith(b"\r\n\r\n"):
        line = lines.readline()
        if not line:
            return None
        head += line
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    body = lines.read(length)
    return (head, body) if len(body) == length else None
