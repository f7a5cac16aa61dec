"""The background thread that sends as long as the process lives.

Owns: the thread and when it looks. Does not own: the sending (sender).
"""

import threading

from fcb_host.errors import SpoolUnavailable
from fcb_host.sender import LOG, Progress, Sender
from fcb_host.settings import Settings

NAME = "fcb_host sender"


class Background:
    """At most one thread, a daemon: the process ends without it, because what is in the spool is safe."""

    def __init__(self, sender: Sender, settings: Settings) -> None:
        self._sender = sender
        self._settings = settings
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._waking = threading.Event()
        self._stopping = threading.Event()

    def ensure(self) -> None:
        """Start the thread unless it runs; after a fork it does not, and the next event starts it."""
        if self._thread is not None or self._stopping.is_set():
            return
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=NAME, daemon=True)
                self._thread.start()

    def wake(self) -> None:
        """Let the thread look now: something was recorded."""
        self._waking.set()

    def stop(self, timeout: float) -> None:
        """Let the thread end after the request that runs, and wait for that at most so many seconds."""
        self._stopping.set()
        self._waking.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def after_fork(self) -> None:
        """The child has no thread yet."""
        self._thread = None
        self._starting = threading.Lock()
        self._waking = threading.Event()
        self._stopping = threading.Event()

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._turn() is not Progress.SENT:
                self._waking.wait(self._settings.poll_seconds)
                self._waking.clear()
                self._stopping.wait(self._settings.linger_seconds)

    def _turn(self) -> Progress:
        try:
            return self._sender.send()
        except SpoolUnavailable as fault:
            LOG.warning("%s", fault)
        except Exception:
            # A thread that ended would let the spool fill without a word.
            LOG.exception("sending failed unexpectedly")
        return Progress.PAUSED
