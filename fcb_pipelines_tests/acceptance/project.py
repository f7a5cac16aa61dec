"""A folder of the tests in which `fcb` is run as an operator runs it: the project's own files, no variable of this machine.

Owns: the folder, its environment, and looking at what commands left behind. Does not own: any expectation.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

import fcb_pipelines
from fcb_pipelines.local.placement import place
from fcb_pipelines.local.postgres import in_database
from fcb_pipelines.local.sandbox import DATABASE
from fcb_pipelines.local.stack import running
from fcb_pipelines.local.warm import Command, Done, Warm
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines.settings import Settings, load

FILES = ("fcb.toml", "dagster.yaml", "workspace.yaml")
ROOT = Path(fcb_pipelines.__file__).parents[1]
FCB = str(Path(sys.executable).with_name("fcb"))

Contents = dict[str, list[str]]
"""Table → its rows as text, in order."""
Places = tuple[Contents, Contents]
"""Of our own database and of the sandbox."""


class Project:
    """The project's files in a folder of their own, so that no `.env` and no state of this machine is met."""

    def __init__(self, folder: Path, warm: Warm) -> None:
        self.folder, self._warm = folder, warm
        self.state = folder / ".fcb"
        for name in FILES:
            shutil.copyfile(ROOT / name, folder / name)

    def copied(self, folder: Path) -> "Project":
        """The same a second time, with everything that it keeps; nothing of either runs meanwhile."""
        other = Project(folder, self._warm)
        shutil.copytree(self.state, other.state, ignore=shutil.ignore_patterns("postgres"))
        # Which of them are a system user's, and where they are, only the placement knows.
        home, new_home = place(self.state).home, place(other.state).home
        kept = [home / name for name in ("data", "complete", "password.secret")]
        subprocess.run(["cp", "--archive", *kept, new_home], check=True)
        return other

    def environ(self, **more: str) -> dict[str, str]:
        """This machine's environment without its `FCB_*` variables."""
        bare = {name: value for name, value in os.environ.items() if not name.startswith("FCB_")}
        return {**bare, "FCB_STATE_DIR": str(self.state), **more}

    def installed(self, *args: str, **more: str) -> Done:
        """Run the installed command."""
        done = subprocess.run(
            [FCB, *args], cwd=self.folder, env=self.environ(**more), capture_output=True, text=True, check=False, timeout=300
        )
        return Done(args=args, code=done.returncode, out=done.stdout, err=done.stderr)

    def start(self, *args: str, **more: str) -> Command:
        """Start a command that may be killed."""
        return self._warm.start(*args, environ=self.environ(**more), folder=self.folder)

    def fcb(self, *args: str, **more: str) -> Done:
        """Run a command."""
        return self.start(*args, **more).wait()

    @contextmanager
    def stack(self) -> Iterator[Settings]:
        """Have the embedded stack, so that commands meanwhile join it instead of starting their own."""
        environ = {"FCB_STATE_DIR": str(self.state)}
        with running(load(environ, folder=self.folder), environ=environ, folder=self.folder, report=lambda _: None) as settings:
            yield settings

    @property
    def settings(self) -> Settings:
        """The settings with the addresses of the stack that runs."""
        return load({"FCB_STATE_DIR": str(self.state)}, folder=self.folder)

    @property
    def store_url(self) -> str:
        """Our own database, as its owner."""
        url = self.settings.database_url
        assert url is not None
        return url.get_secret_value()

    @property
    def sandbox_url(self) -> str:
        """The database that the sandbox keeps its records in."""
        return in_database(self.store_url, DATABASE)

    @property
    def source_url(self) -> str:
        """The demo service's database, as its owner."""
        return in_database(self.store_url, "nexacloud")

    @property
    def contents(self) -> Places:
        """Everything that we and the sandbox keep."""
        return contents(self.store_url), contents(self.sandbox_url)

    def odoo(self) -> Odoo:
        """The sandbox as its administrator."""
        access = self.settings.odoo
        assert access is not None
        return connect(access.url, access.db, "admin", (self.state / "odoo-admin.secret").read_text().strip())


def contents(url: str) -> Contents:
    """Every row of every table of a database."""
    with psycopg.connect(url) as conn:
        names = [row[0] for row in conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")]
        return {name: _rows(conn, name) for name in names}


def _rows(conn: psycopg.Connection[tuple[str, ...]], table: str) -> list[str]:
    statement = sql.SQL("SELECT to_jsonb(each)::text FROM {} AS each ORDER BY 1").format(sql.Identifier(table))
    return [row[0] for row in conn.execute(statement)]
