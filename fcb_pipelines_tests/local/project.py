"""A project folder of the tests, and the stack that commands run in it get."""

import http.client
import json
import os
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fcb_pipelines.local.keeper import KEEPER_LOCK
from fcb_pipelines.local.placement import place
from fcb_pipelines.local.stack import running
from fcb_pipelines.local.state import is_free
from fcb_pipelines.settings import OdooAccess, Settings, load
from fcb_pipelines_tests.projects import write_project

REAL_SOURCE = {"FCB_SOURCE_SHOP_URL": "postgresql://reader@db.invalid/shop"}
REAL_ODOO = {"FCB_ODOO_URL": "http://odoo.invalid", "FCB_ODOO_DB": "d", "FCB_ODOO_USER": "u", "FCB_ODOO_KEY": "k"}
REAL_DATABASES = {"FCB_DATABASE_URL": "postgresql://db.invalid/fcb", "FCB_DAGSTER_URL": "postgresql://db.invalid/dagster"}

USER = """
import os, sys, time
from pathlib import Path
from fcb_pipelines.local.stack import running
from fcb_pipelines.settings import load
folder = Path(sys.argv[1])
with running(load(os.environ, folder=folder), environ=os.environ, folder=folder, report=lambda text: None) as settings:
    print(settings.database_url.get_secret_value(), flush=True)
    time.sleep(60)
"""


class Project:
    """A folder with settings in which commands are run; its source and Odoo are given, its databases are not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / ".fcb"
        self.environ = {**REAL_SOURCE, **REAL_ODOO}
        self.said: list[str] = []
        write_project(folder)

    def running(self, **more: str) -> AbstractContextManager[Settings]:
        """Have the stack, as a command in this process does."""
        environ = {**self.environ, **more}
        return running(load(environ, folder=self.folder), environ=environ, folder=self.folder, report=self.said.append)

    def other_command(self) -> subprocess.Popen[str]:
        """A command of its own, which prints the database's URL once it has the stack and then works for a minute."""
        command = [sys.executable, "-c", USER, str(self.folder)]
        return subprocess.Popen(command, env={**os.environ, **self.environ}, stdout=subprocess.PIPE, text=True)

    @property
    def keeper(self) -> int:
        """The keeper's process id."""
        return int((self.state / KEEPER_LOCK).read_text())

    @property
    def postmaster(self) -> int:
        """The Postgres server's process id."""
        return int((place(self.state).home / "data" / "postmaster.pid").read_text().splitlines()[0])

    def becomes_idle(self) -> bool:
        """Whether the keeper ends within some seconds."""
        deadline = time.monotonic() + 20
        while not is_free(self.state / KEEPER_LOCK) and time.monotonic() < deadline:
            time.sleep(0.02)
        return is_free(self.state / KEEPER_LOCK)


def login(odoo: OdooAccess) -> Any:
    """Log in as Odoo's clients do; the answer is a user id, or False."""
    connection = http.client.HTTPConnection(urlsplit(odoo.url).netloc, timeout=20)
    arguments = [odoo.db, odoo.user, odoo.key.get_secret_value()]
    call = {"jsonrpc": "2.0", "method": "call", "id": 1}
    body = {**call, "params": {"service": "common", "method": "login", "args": arguments}}
    connection.request("POST", "/jsonrpc", json.dumps(body), {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer["result"]
