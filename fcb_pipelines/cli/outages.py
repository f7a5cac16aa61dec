"""What `fcb serve` writes to its log while our database is not ready, and once it is again.

Owns: how often that is said. Does not own: whether it is ready (acts/readiness).
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fcb_pipelines.acts.readiness import NotReady, Part, not_ready
from fcb_pipelines.store.database import Database

LOOK_SECONDS = 5.0
"""Between two looks at the database, whoever calls meanwhile."""
REPEAT_SECONDS = 60.0
"""After so long it is said again what is still not ready."""
WHERE_CONFIGURED = "Check FCB_DATABASE_URL and the network"
"""What the store says to do, which does not know where its address is from."""
WHERE_EMBEDDED = (
    "It is the embedded one: end this command and start it again, which starts the database too. The logs in .fcb/logs (or "
    "under FCB_STATE_DIR) say why it ended"
)


class Outages:
    """Turns what is seen of our database into lines of the log: one when it goes, one each minute, one when it is back."""

    def __init__(self, *, is_embedded: bool = False) -> None:
        """Ready, as far as anybody knows; `is_embedded` where nobody named a database, so that no variable can be wrong."""
        self._to_do = WHERE_EMBEDDED if is_embedded else WHERE_CONFIGURED
        self._part: Part | None = None
        self._since = self._said_at = 0.0

    def seen(self, found: NotReady | None, at: float) -> str | None:
        """What is worth a line at that second of any clock that only goes on; None where nothing is new."""
        if found is None:
            was, self._part = self._part, None
            return None if was is None else f"info: ready again, after {at - self._since:.0f} s"
        if self._part is None:
            self._since = at
        elif found.part is self._part and at - self._said_at < REPEAT_SECONDS:
            return None
        self._part, self._said_at = found.part, at
        lasting = f" for {at - self._since:.0f} s" if at > self._since else ""
        return f"warning: not ready{lasting}: {(found.reason or found.detail).replace(WHERE_CONFIGURED, self._to_do)}"


@contextmanager
def watched(
    db: Database,
    log: Callable[[str], None],
    clock: Callable[[], float],
    *,
    every: float = LOOK_SECONDS,
    is_embedded: bool = False,
) -> Iterator[None]:
    """Look at the database before the block and every so many seconds while it runs, and log what is new.

    Raises `InvalidSettings` where the address is none.
    """
    is_over, outages = threading.Event(), Outages(is_embedded=is_embedded)

    def look() -> None:
        said = outages.seen(not_ready(db), clock())
        # Whoever ends the server takes no interest in the database any more.
        if said is not None and not is_over.is_set():
            log(said)

    def watch() -> None:
        while not is_over.wait(every):
            look()

    look()
    threading.Thread(target=watch, name="fcb-watch", daemon=True).start()
    try:
        yield
    finally:
        is_over.set()
