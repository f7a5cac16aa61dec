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
    is_whole,
    locked,
    make_state,
    refuse_others,
    remove_leftovers,
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
    with pytest.raises(InvalidSettings, match=r"FCB_STATE_DIR: .*file cannot be used \(Not a directory\)"):
        make_state(tmp_path / "file")


def test_making_leaves_nothing_beside_it(tmp_path: Path) -> None:
    make_state(tmp_path / "state")
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


@pytest.mark.parametrize(("file", "text", "is_taken"), [("users.lock", "", True), ("poetry.lock", "[package]", False)])
def test_what_a_making_or_a_removal_left_without_the_marker_is_taken(
    tmp_path: Path, file: str, text: str, is_taken: bool
) -> None:
    state = tmp_path / "state"
    (state / "logs").mkdir(parents=True)
    (state / file).write_text(text)
    if is_taken:
        refuse_others(state)
        assert is_whole(make_state(state))
        return
    with pytest.raises(InvalidSettings, match="was not made by"):
        refuse_others(state)
    with pytest.raises(InvalidSettings, match="not empty and not ours"):
        make_state(state)


def test_logs_with_something_in_them_are_not_taken(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "theirs.log").touch()
    with pytest.raises(InvalidSettings, match="not empty and not ours"):
        make_state(tmp_path)


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "state")
    for _ in range(2):
        assert make_state(tmp_path / "link") == tmp_path / "disk" / "state"
        remove_state(tmp_path / "link")
        assert (tmp_path / "link").is_symlink()
        assert list((tmp_path / "disk").iterdir()) == []


def test_locking_the_marker_of_a_folder_never_makes_it(tmp_path: Path) -> None:
    with pytest.raises(StateRemoved), locked(tmp_path / MARKER):
        pass
    assert list(tmp_path.iterdir()) == []


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


def test_a_folder_that_cannot_be_taken_away_is_emptied_and_stays(fixed: Path) -> None:
    for _ in range(2):
        state = make_state(fixed)
        (state / "odoo.secret").touch()
        (state / "users.lock").touch()
        (state / "dagster").mkdir()
        remove_state(state)
        assert list(fixed.iterdir()) == []
    assert mode(fixed) == 0o755


def test_whoever_waits_for_a_folder_that_is_emptied_makes_it_anew(fixed: Path) -> None:
    state = make_state(fixed)
    lock = try_lock(state / "users.lock")
    assert lock is not None
    with lock:
        remove_state(state)
    assert not is_whole(state)
    with locked(state / "users.lock", shared=True):
        assert not is_whole(state), "a lock alone does not tell that the folder can be used"
    assert is_whole(make_state(state))


@pytest.mark.parametrize(
    ("name", "is_marked", "is_removed"),
    [
        ("state.4711.removed", True, True),
        ("state.0af3.removed", True, True),
        ("state.4711.removed", False, False),
        ("state.kept.removed", True, False),
        ("state.4711.removed.old", True, False),
        ("other.4711.removed", True, False),
    ],
)
def test_what_a_killed_removal_left_goes_with_the_next(tmp_path: Path, name: str, is_marked: bool, is_removed: bool) -> None:
    left = tmp_path / name
    left.mkdir()
    (left / "odoo.secret").touch()
    if is_marked:
        (left / MARKER).touch()
    remove_leftovers(tmp_path / "state")
    assert left.exists() is not is_removed


def test_what_another_removes_right_now_is_left_to_it(tmp_path: Path) -> None:
    left = make_state(tmp_path / "state.4711.removed")
    with locked(left / MARKER):
        remove_leftovers(tmp_path / "state")
        assert left.exists()
    remove_leftovers(tmp_path / "state")
    assert not left.exists()


def test_a_leftover_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    other = make_state(tmp_path / "other")
    (tmp_path / "state.4711.removed").symlink_to(other)
    remove_leftovers(tmp_path / "state")
    assert is_whole(other)


def test_a_leftover_of_the_same_process_does_not_stop_a_removal(tmp_path: Path) -> None:
    left = tmp_path / f"state.{os.getpid()}.removed"
    left.mkdir()
    (left / "file").touch()
    remove_state(make_state(tmp_path / "state"))
    assert [path.name for path in tmp_path.iterdir()] == [left.name]


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
