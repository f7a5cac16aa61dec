"""A demo of its own, in a folder of its own, beside whatever is configured here, and commands that are run on it.

Owns: the folder with the project's files, the environment without this shell's FCB_* variables, running `fcb` there. Does not
own: which commands (rehearsal, loop), starting one fast (warm).
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fcb_pipelines.domain.errors import InvalidInput, InvalidSettings
from fcb_pipelines.local.operators import Ended, Operators
from fcb_pipelines.local.postgres import in_database
from fcb_pipelines.local.rehearsal import Rehearsal
from fcb_pipelines.local.sandbox import administrator
from fcb_pipelines.local.stack import reset, running
from fcb_pipelines.local.warm import Warm
from fcb_pipelines.settings import CONFIG_VARIABLE, OdooAccess, Settings, load

FILES = ("fcb.toml", "dagster.yaml", "workspace.yaml")
SERVICE = "nexacloud"


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """The demo while its stack runs."""

    place: Path
    environ: Mapping[str, str]
    settings: Settings
    database_url: str
    """Of our own database there."""
    odoo: OdooAccess
    warm: Warm

    @property
    def source_url(self) -> str:
        """The database of the demo's host, as the host writes it."""
        return in_database(self.database_url, SERVICE)

    @property
    def administrator(self) -> Mapping[str, str]:
        """Of Odoo, as the variables say it."""
        return {
            "FCB_ODOO_URL": self.odoo.url,
            "FCB_ODOO_DB": self.odoo.db,
            **administrator(self.settings.state_dir),
        }

    def run(self, args: Sequence[str], more: Mapping[str, str]) -> Ended:
        """Run `fcb` there, with these variables too."""
        done = self.warm.start(*args, environ={**self.environ, **more}, folder=self.place).wait()
        return Ended(code=done.code, out=done.out, err=done.err)

    def rehearsal(self, say: Callable[[str], None]) -> Rehearsal:
        """The chapters of a flip, to be played there."""
        return Rehearsal(
            people=Operators(run=self.run, paper=self.place / "to-sign.csv", say=say),
            source_url=self.source_url,
            config=self.place / FILES[0],
            administrator=self.administrator,
        )


@contextmanager
def apart(folder: Path, where: Path | None, *, report: Callable[[str], None]) -> Iterator[Apart]:
    """Start a demo in `where`, or in a folder that is removed afterwards; the project's files are those of `folder`.

    Raises `InvalidInput` where that is not empty, `InvalidSettings` where the files are not there, `CannotStart`.
    """
    with _place(folder, where) as place:
        environ = _environ(place)
        with running(load(environ, folder=place), environ=environ, folder=place, report=report) as settings:
            if settings.database_url is None or settings.odoo is None:
                raise InvalidSettings("a demo of its own needs the embedded stack")
            if [*settings.services] != [SERVICE]:
                raise InvalidSettings(f"a demo of its own needs {FILES[0]} with the service {SERVICE} and no other")
            warm = Warm()
            try:
                yield Apart(
                    place=place,
                    environ=environ,
                    settings=settings,
                    database_url=settings.database_url.get_secret_value(),
                    odoo=settings.odoo,
                    warm=warm,
                )
            finally:
                warm.close()


def with_more(demo: Apart, more: Mapping[str, str]) -> Apart:
    """The same with more variables."""
    return replace(demo, environ={**demo.environ, **more})


@contextmanager
def _place(folder: Path, where: Path | None) -> Iterator[Path]:
    """A folder with the project's files; one that was made for this is removed with all that ran in it."""
    if where is not None:
        where.mkdir(parents=True, exist_ok=True)
        if any(where.iterdir()):
            raise InvalidInput(f"{where} is not empty: a demo of its own begins from nothing")
        _copy(folder, where)
        yield where.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="fcb-apart-") as made:
        _copy(folder, Path(made))
        try:
            yield Path(made)
        finally:
            # Of a system user's data nothing lies in the folder itself.
            reset(Path(made) / ".fcb")


def _copy(folder: Path, where: Path) -> None:
    rules = Path(os.environ.get(CONFIG_VARIABLE) or folder / FILES[0])
    for name, there in ({name: folder / name for name in FILES} | {FILES[0]: rules}).items():
        if not there.is_file():
            raise InvalidSettings(f"{there} does not exist: run it in the project's folder")
        shutil.copyfile(there, where / name)


def _environ(place: Path) -> dict[str, str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("FCB_")}
    return {**bare, "FCB_STATE_DIR": str(place / ".fcb"), CONFIG_VARIABLE: str(place / FILES[0])}
