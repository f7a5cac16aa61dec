"""The look-up of names: what the system's resolver says, in threads of our own.

Owns: one look-up of a name at a time, how many names at once, the time that one may take. Does not own: which addresses will do
(egress). A look-up cannot be interrupted: one that hangs keeps its thread until the system gives up, and holds up no other.
"""

import queue
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

LOOK_UP_SECONDS = 5.0
MOST_NAMES_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """A name that has no address for us, and why."""

    reason: str


Resolved = tuple[str, ...] | Unresolved


def system_look_up(host: str) -> tuple[str, ...]:
    """Every address that the system knows for a name, in the order in which to try them (RFC 6724); raises OSError.

    The name is handed over as bytes, so that nothing encodes it anew.
    """
    found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    return tuple(str(place[0]) for family, _, _, _, place in found if family in {socket.AF_INET, socket.AF_INET6})


class Lookups:
    """Threads that look names up. They end with the process and never keep it from ending."""

    def __init__(self, look_up: Callable[[str], Sequence[str]] = system_look_up, *, at_once: int = MOST_NAMES_AT_ONCE) -> None:
        self._look_up = look_up
        self._at_once = at_once
        self._asked: queue.SimpleQueue[tuple[str, Future[Resolved]]] = queue.SimpleQueue()
        self._running: dict[str, Future[Resolved]] = {}
        self._threads = 0
        self._lock = threading.Lock()

    def begin(self, host: str) -> Future[Resolved]:
        """Start a look-up, or join the one of the same name that runs: a name that hangs takes one thread, however often asked.

        Nothing is remembered once it has ended.
        """
        with self._lock:
            running = self._running.get(host)
            if running is None:
                running = self._running[host] = Future()
                # Whoever waits for it may give up, and must not cancel it for others.
                running.set_running_or_notify_cancel()
                self._asked.put((host, running))
                self._grow()
            return running

    def addresses(self, host: str, timeout_seconds: float = LOOK_UP_SECONDS) -> Resolved:
        """Look a name up and wait for it."""
        try:
            return self.begin(host).result(timeout_seconds)
        except TimeoutError:
            return too_slow(host, timeout_seconds)

    def _grow(self) -> None:
        if self._threads < min(len(self._running), self._at_once):
            self._threads += 1
            threading.Thread(target=self._work, name=f"look-up {self._threads}", daemon=True).start()

    def _work(self) -> None:
        while True:
            host, running = self._asked.get()
            found = self._found(host)
            with self._lock:
                del self._running[host]
            running.set_result(found)

    def _found(self, host: str) -> Resolved:
        try:
            return tuple(self._look_up(host))
        except OSError as error:
            return Unresolved(reason=f"{host} cannot be looked up: {error.strerror or 'the resolver failed'}")


def too_slow(host: str, timeout_seconds: float) -> Unresolved:
    """What is said of a name whose look-up takes too long."""
    return Unresolved(reason=f"{host} could not be looked up within {timeout_seconds:g} s")
