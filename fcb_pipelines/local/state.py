"""The state folder: everything that the embedded stack keeps, in one place that `fcb reset` removes.

Owns: making and removing the folder, its locks, its secrets, and files written whole or not at all. Does not own: what the
parts keep in it (keeper, stack, processes).
"""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from fcb_pipelines.domain.errors import InvalidSettings, RuleViolation
from fcb_pipelines.local import placement

MARKER = "fcb-state-folder"
_LATECOMERS = 5
_MARKER_TEXT = "Made by fcb_pipelines; `fcb reset` removes this folder.\n"


class StateRemoved(RuleViolation):
    """Somebody removed the folder while we wanted to use it."""

    def __init__(self, state: Path) -> None:
        """Name the folder."""
        super().__init__(f"{state} was removed meanwhile (by `fcb reset`?): run the same again")


def make_state(path: Path) -> Path:
    """Make the folder, or take the one that we made before; returns it absolute.

    Raises `InvalidSettings` for a folder that holds something else, so that a reset can never remove it, `StateRemoved` where
    a reset removes it meanwhile.
    """
    state = path.absolute()
    try:
        if not is_ours(state):
            # As root the system user of Postgres has to pass through to its own folder in it.
            state.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
            _refuse_content(state)
            (state / MARKER).write_text(_MARKER_TEXT, encoding="utf-8")
        (state / "logs").mkdir(mode=0o700, exist_ok=True)
    except FileNotFoundError:
        raise StateRemoved(state) from None
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise InvalidSettings(
            f"FCB_STATE_DIR: {state} cannot be used ({error.strerror}): name a folder that is yours"
        ) from error
    return state.resolve()


def is_ours(state: Path) -> bool:
    """Whether we made this folder."""
    return (state / MARKER).is_file()


def remove_state(state: Path) -> None:
    """Remove the folder and what it keeps elsewhere; raises `InvalidSettings` if we did not make it."""
    if not is_ours(state):
        raise InvalidSettings(f"{state} was not made by fcb_pipelines (it has no file {MARKER}): nothing was removed")
    placement.remove(state.resolve())
    for path in list(state.iterdir()):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
    # Files go last, and under another name: who comes or waits for a lock now makes a folder of its own. The marker is among
    # them, so that a removal that was interrupted can be done again.
    gone = state.rename(state.with_name(f"{state.name}.{os.getpid()}.removed"))
    for _ in range(_LATECOMERS):
        # Who had just looked up the folder may still have made its lock in it.
        with contextlib.suppress(OSError):
            shutil.rmtree(gone)
            return
    shutil.rmtree(gone)


def _refuse_content(state: Path) -> None:
    # The marker is the first thing in a folder of ours: somebody else may have made it since we looked.
    if any(state.iterdir()) and not is_ours(state):
        raise InvalidSettings(f"FCB_STATE_DIR: {state} is not empty and not ours: name a new or an empty folder")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    unfinished.replace(path)


def secret(state: Path, name: str) -> str:
    """A secret of the stack, made at the first call; the caller holds the start lock."""
    path = state / f"{name}.secret"
    if not path.is_file():
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text(encoding="utf-8")


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock while the block runs, waiting for it first; the system frees it however this process ends."""
    with waited_for(path, shared=shared):
        yield


def waited_for(path: Path, *, shared: bool = False) -> IO[bytes]:
    """The lock, once it is free, to be closed by the caller; raises `StateRemoved` where its folder is gone by then."""
    return _acquired(path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def try_lock(path: Path, *, shared: bool = False) -> IO[bytes] | None:
    """The lock if it is free now, to be closed by the caller; None if somebody holds it. Raises like `waited_for`."""
    try:
        return _acquired(path, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return None


def is_free(path: Path, *, shared: bool = False) -> bool:
    """Whether the lock could be had at this moment."""
    lock = try_lock(path, shared=shared)
    if lock is not None:
        lock.close()
    return lock is not None


def _acquired(path: Path, mode: int) -> IO[bytes]:
    try:
        lock = path.open("ab")
    except FileNotFoundError:
        raise StateRemoved(path.parent) from None
    try:
        fcntl.flock(lock, mode)
        is_there = _is_at(lock, path)
    except BaseException:
        lock.close()
        raise
    if not is_there:
        lock.close()
        raise StateRemoved(path.parent)
    return lock


def _is_at(lock: IO[bytes], path: Path) -> bool:
    """Whether the file is still at its place: the lock of one that a reset removed while we waited keeps nobody out."""
    try:
        return os.fstat(lock.fileno()).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False
