"""Folders in memory, where there is room: making files on a disk is most of what a new database costs.

Owns: where such a folder is, and that one whose tests were killed goes with the next. Does not own: what is in it.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108
PREFIX = "fcb-tests-"
ROOM = 3 * 2**30
"""Bytes: four processes at once need less than half of it."""


@contextmanager
def quick_folder(memory: Path = MEMORY, *, room: int = ROOM) -> Iterator[Path]:
    """A folder that is there for as long as this is: on the disk where memory is little or may hold no programs."""
    if not _has_room(memory, room):
        with tempfile.TemporaryDirectory(prefix=PREFIX) as on_disk:
            yield Path(on_disk)
        return
    _sweep(memory)
    unlocked = Path(tempfile.mkdtemp(dir=memory))
    lock = _locked(unlocked)
    assert lock is not None
    # Nobody else ever finds it without its lock.
    folder = unlocked.rename(memory / f"{PREFIX}{unlocked.name}")
    # Of root the system user of Postgres has to pass through.
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
        os.close(lock)


def _has_room(memory: Path, room: int) -> bool:
    with suppress(OSError):
        found = os.statvfs(memory)
        return found.f_bavail * found.f_frsize >= room and not found.f_flag & os.ST_NOEXEC and os.access(memory, os.W_OK)
    return False


def _sweep(memory: Path) -> None:
    """Remove what tests left that were killed."""
    for folder in memory.glob(f"{PREFIX}*"):
        with suppress(OSError):
            lock = _locked(folder)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def _locked(folder: Path) -> int | None:
    """The lock of a folder; None if somebody uses it."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
