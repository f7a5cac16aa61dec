"""The state folder: everything that the embedded stack keeps, in one place that `fcb reset` removes.

Owns: making and removing the folder, its locks, its secrets, and files written whole or not at all. Does not own: what the
parts keep in it (keeper, stack, processes).
"""

import contextlib
import errno
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from fcb_pipelines.domain.errors import InvalidSettings, RuleViolation
from fcb_pipelines.local import placement

MARKER = "fcb-state-folder"
LOGS = "logs"
USERS_LOCK = "users.lock"
"""Held shared by every command that uses the stack, and alone by the keeper while it stops."""
_REMOVED = ".removed"
_LATECOMERS = 5
_MARKER_TEXT = "Made by fcb_pipelines; `fcb reset` removes this folder.\n"


class StateRemoved(RuleViolation):
    """Somebody removed the folder while we wanted to use it."""

    def __init__(self, state: Path) -> None:
        """Name the folder."""
        super().__init__(f"{state} was removed meanwhile (by `fcb reset`?): run the same again")


def make_state(path: Path) -> Path:
    """Make the folder, or take the one that we made before; returns it absolute, without symbolic links.

    Raises `InvalidSettings` for a folder that holds something else, so that a reset can never remove it, `StateRemoved` where
    a reset removes it meanwhile.
    """
    state = Path(os.path.realpath(path))
    try:
        if not is_ours(state):
            _take(state) if state.exists() else _make_whole(state)
        _make_logs(state)
    except FileNotFoundError:
        raise StateRemoved(state) from None
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise InvalidSettings(
            f"FCB_STATE_DIR: {state} cannot be used ({error.strerror}): name a folder that is yours"
        ) from error
    return state


def _make_whole(state: Path) -> None:
    """Make the folder under another name first, so that nobody ever sees it without its marker."""
    state.parent.mkdir(parents=True, exist_ok=True)
    unfinished = state.with_name(f".{secrets.token_hex(8)}.unfinished")
    try:
        # As root the system user of Postgres has to pass through to its own folder in it.
        unfinished.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700)
        _take(unfinished)
        unfinished.rename(state)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY}:
            raise
        # Somebody else made it meanwhile.
        _take(state)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _take(state: Path) -> None:
    """Make a folder that is there ours, in place: its permissions are its owner's, and it may be a mount point."""
    if _is_others(state):
        raise InvalidSettings(f"FCB_STATE_DIR: {state} is not empty and not ours: name a new or an empty folder")
    _make_logs(state)
    if not is_ours(state):
        (state / MARKER).write_text(_MARKER_TEXT, encoding="utf-8")


def _make_logs(state: Path) -> None:
    # Not `exist_ok`: that refuses one that is removed just after it was found.
    with contextlib.suppress(FileExistsError):
        (state / LOGS).mkdir(mode=0o700)


def is_ours(state: Path) -> bool:
    """Whether we made this folder."""
    return (state / MARKER).is_file()


def is_whole(state: Path) -> bool:
    """Whether the folder is there with all that `make_state` makes in it."""
    return is_ours(state) and (state / LOGS).is_dir()


def refuse_others(state: Path) -> None:
    """Raise `InvalidSettings` for a folder with something in it that is not ours, whatever is made or removed meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        if _is_others(state):
            raise _not_ours(state)


def remove_state(state: Path) -> None:
    """Remove the folder and what it keeps elsewhere; raises `InvalidSettings` if we did not make it.

    The caller holds the users' lock alone. A symbolic link stays and the folder that it names is removed; a folder that
    cannot be taken away, as a mount point, is emptied and stays.
    """
    state = state.resolve()
    if not is_ours(state):
        raise _not_ours(state)
    placement.remove(state)
    _remove_folders(state)
    # Files go last, and under another name: who comes or waits for a lock now makes a folder of its own.
    try:
        gone = state.rename(state.with_name(f"{state.name}.{secrets.token_hex(4)}{_REMOVED}"))
    except OSError:
        _remove_files(state)
        with contextlib.suppress(OSError):
            state.rmdir()
    else:
        _remove_renamed(gone)


def leftovers(state: Path) -> list[Path]:
    """What removals of this folder left beside it because they were killed, or are still about to remove."""
    state = state.resolve()
    ours = re.compile(rf"{re.escape(state.name)}\.[0-9a-f]+{re.escape(_REMOVED)}")
    try:
        beside = [path for path in state.parent.iterdir() if ours.fullmatch(path.name)]
        return [path for path in beside if not path.is_symlink() and is_ours(path)]
    except OSError:
        # A parent that cannot be listed has none that we could have made.
        return []


def remove_leftovers(state: Path) -> None:
    """Remove them, save what another reset is removing now."""
    for path in leftovers(state):
        with contextlib.suppress(StateRemoved):
            lock = try_lock(path / MARKER)
            if lock is not None:
                with lock:
                    _remove_renamed(path)


def _remove_renamed(gone: Path) -> None:
    for _ in range(_LATECOMERS):
        # Who had just looked up the folder may still have made its lock or its logs in it.
        with contextlib.suppress(OSError):
            _remove_folders(gone)
            _remove_files(gone)
            gone.rmdir()
            return
    shutil.rmtree(gone)


def _remove_folders(state: Path) -> None:
    for path in list(state.iterdir()):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)


def _remove_files(state: Path) -> None:
    """Remove the marker after all others, so that a removal that was interrupted can be done again.

    Only the users' lock outlives it: in a folder that stays in its place it keeps out who comes, until all is done.
    """
    last = [state / MARKER, state / USERS_LOCK]
    for path in [*(path for path in list(state.iterdir()) if path not in last), *last]:
        # A folder among them is a latecomer's.
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            path.unlink()


def _is_others(folder: Path) -> bool:
    """Whether there is something in the folder, and it is not ours."""
    content = list(folder.iterdir())
    is_marked = folder / MARKER in content
    # The marker is made before anything else that counts: somebody else may have made it since we looked.
    return not is_marked and not all(_is_bare(path) for path in content) and not is_ours(folder)


def _is_bare(path: Path) -> bool:
    """Whether this is what we make before the marker or remove after it: empty logs, an empty lock."""
    try:
        if path.name == LOGS:
            return not any(path.iterdir())
        return path.suffix == ".lock" and path.lstat().st_size == 0
    except FileNotFoundError:
        return True
    except NotADirectoryError:
        return False


def _not_ours(state: Path) -> InvalidSettings:
    return InvalidSettings(f"{state} was not made by fcb_pipelines (it has no file {MARKER}): nothing was removed")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    unfinished.replace(path)


def secret(state: Path, name: str, fresh: Callable[[], str] = lambda: secrets.token_urlsafe(24)) -> str:
    """A secret of the stack, made at the first call; the caller holds the start lock."""
    path = state / f"{name}.secret"
    if not path.is_file():
        write_private(path, fresh())
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
        # Locking the marker never makes it: it says whose folder this is.
        lock = path.open("rb" if path.name == MARKER else "ab")
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
