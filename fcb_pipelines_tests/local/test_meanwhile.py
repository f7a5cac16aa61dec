"""What a command and a reset do to the state folder, each coming at any moment while the other works on it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO, Any

import pytest

from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.local import stack, state
from fcb_pipelines.local.stack import reset, used
from fcb_pipelines.local.state import USERS_LOCK, StateRemoved, is_whole, make_state, try_lock

OURS = {stack.__file__, state.__file__}


class Interrupted:
    """Does something else before the n-th line of our modules that a piece of work comes to."""

    def __init__(self, line: int, other: Callable[[], None]) -> None:
        self._lines = line
        self._other = other
        self.is_reached = False

    def run(self, work: Callable[[], None]) -> None:
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            work()
        finally:
            sys.settrace(before)

    def _trace(self, frame: FrameType, event: str, _argument: object) -> Any:
        if frame.f_code.co_filename not in OURS or self.is_reached:
            return None
        self._lines -= event == "line"
        if self._lines < 0:
            self.is_reached = True
            self._other()
        return self._trace


class Command:
    """A command that uses a state folder."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._users: IO[bytes] | None = None
        self.kept: Path | None = None

    def come(self) -> None:
        """Take the folder and keep something in it, unless a reset is at it."""
        with suppress(StateRemoved):
            made = make_state(self.place)
            self._users = try_lock(made / USERS_LOCK, shared=True)
            if self._users is not None and is_whole(made):
                self._keep(made)

    def come_for_sure(self) -> None:
        """The same as our commands do it: a reset that has the folder is waited for."""
        made, self._users = used(self.place)
        assert is_whole(made)
        self._keep(made)

    def _keep(self, made: Path) -> None:
        self.kept = made / "kept"
        self.kept.touch()

    def keeps(self) -> bool:
        """Whether it has the folder; what it keeps there must not be gone."""
        assert self.kept is None or self.kept.exists()
        return self.kept is not None

    def leave(self) -> None:
        if self._users is not None:
            self._users.close()


def reset_unless_used(place: Path) -> None:
    try:
        reset(place)
    except RuleViolation as refused:
        if "an fcb command uses" not in str(refused):
            raise


@pytest.fixture(params=["missing", "given", "made", "fixed"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Path]:
    """Gives a place for a state folder as its owner or an earlier command left it."""
    where: Path = request.getfixturevalue("fixed") if request.param == "fixed" else tmp_path / "state"

    def prepare() -> Path:
        reset(where)
        if request.param == "given":
            where.mkdir()
        if request.param == "made":
            make_state(where)
        return where

    return prepare


Work = Callable[[Path, Command], None]


def each_line(place: Callable[[], Path], work: Work, other: Work) -> Iterator[Command]:
    """Do one piece of work as often as it has lines, with the other before the next of them; yields the command after each."""
    line, is_reached = 0, True
    while is_reached:
        where = place()
        command = Command(where)
        turn = Interrupted(line, partial(other, where, command))
        turn.run(partial(work, where, command))
        yield command
        command.leave()
        line, is_reached = line + 1, turn.is_reached
    assert line > 5, "the other has come at several moments"


def a_command(_place: Path, command: Command) -> None:
    command.come()


def a_sure_command(_place: Path, command: Command) -> None:
    command.come_for_sure()


def a_reset(place: Path, _command: Command) -> None:
    reset_unless_used(place)


def making(place: Path, _command: Command) -> None:
    assert is_whole(make_state(place))


def test_a_reset_never_removes_what_a_command_uses_that_came_meanwhile(place: Callable[[], Path]) -> None:
    kept = [command.kept for command in each_line(place, a_reset, a_command) if command.keeps()]
    assert kept, "some of them came early or late enough"


def test_a_command_has_the_folder_whenever_a_reset_comes(place: Callable[[], Path]) -> None:
    for command in each_line(place, a_sure_command, a_reset):
        assert command.keeps()


def test_two_that_make_the_folder_at_once_both_have_it(place: Callable[[], Path]) -> None:
    for command in each_line(place, making, making):
        assert not list(command.place.parent.glob("*.unfinished"))
        command.come()
        assert command.keeps()
