import os
import stat
from pathlib import Path

import pytest

from fcb_pipelines.domain.errors import InvalidSettings
from fcb_pipelines.local.state import (
    MARKER,
    StateRemoved,
    is_free,
    is_ours,
    locked,
    make_state,
    remove_state,
    secret,
    try_lock,
    write_private,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_state_folder_is_made_marked_and_taken_again(tmp_path: Path) -> None:
    state = make_state(tmp_path / "deep" / "state")
    assert is_ours(state)
    assert (state / "logs").is_dir()
    (state / "kept").touch()
    assert make_state(state) == state
    assert (state / "kept").exists()


def test_others_cannot_list_it(tmp_path: Path) -> None:
    assert mode(make_state(tmp_path / "state")) & 0o066 == 0


def test_a_folder_that_was_there_keeps_its_permissions(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir(mode=0o700)
    assert mode(make_state(tmp_path / "given")) == 0o700


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(InvalidSettings, match="not empty and not ours"):
        make_state(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_its_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidSettings, match=r"FCB_STATE_DIR: .*file cannot be used \(File exists\)"):
        make_state(tmp_path / "file")


def test_only_our_folder_is_removed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    with pytest.raises(InvalidSettings, match="was not made by fcb_pipelines"):
        remove_state(tmp_path / "precious")
    assert (tmp_path / "precious").is_dir()


def test_removing_takes_everything_but_not_what_a_link_points_to(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").touch()
    state = make_state(tmp_path / "state")
    (state / "link").symlink_to(tmp_path / "elsewhere")
    (state / "logs" / "a.log").touch()
    remove_state(state)
    assert not state.exists()
    assert (tmp_path / "elsewhere" / "kept").exists()


def test_an_interrupted_removal_can_be_done_again(tmp_path: Path) -> None:
    state = make_state(tmp_path / "state")
    for path in state.iterdir():
        path.rmdir() if path.is_dir() else None
    assert [path.name for path in state.iterdir()] == [MARKER]
    remove_state(state)
    assert not state.exists()


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = secret(tmp_path, "odoo")
    assert len(first) >= 30
    assert secret(tmp_path, "odoo") == first
    assert secret(tmp_path, "other") != first
    assert {mode(path) for path in tmp_path.iterdir()} == {0o600}


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "addresses.json"
    write_private(file, "first, and longer")
    # What an interrupted write left, readable for all, must not lend its permissions.
    leftover = tmp_path / f"addresses.json.{os.getpid()}.unfinished"
    leftover.touch(mode=0o644)
    write_private(file, "second")
    assert file.read_text() == "second"
    assert mode(file) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_lock_is_shared_or_alone(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path, shared=True):
        assert is_free(path, shared=True)
        assert not is_free(path)
    with locked(path):
        assert not is_free(path, shared=True)
    assert is_free(path)


def test_a_lock_on_a_removed_file_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path):
        path.unlink()
        again = try_lock(path)
        assert again is not None
        assert not is_free(path)
        again.close()


def test_whoever_waited_for_a_lock_of_a_removed_folder_is_told(tmp_path: Path) -> None:
    state = make_state(tmp_path / "state")
    remove_state(state)
    with pytest.raises(StateRemoved, match=f"{state} was removed meanwhile"), locked(state / "users.lock"):
        pass
    assert list(tmp_path.iterdir()) == [], "nothing was made in its place"
