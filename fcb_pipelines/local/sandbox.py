"""The Odoo sandbox as a process of its own.

Owns: its command, its key, its port, and when it is ready. Does not own: what it answers (odoo.sandbox).
"""

import http.client
import os
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

import fcb_pipelines
from fcb_pipelines.local.children import Child, free_port, spawn
from fcb_pipelines.local.state import secret, write_private

DATABASE = "odoo_sandbox"
USER = "importer"
"""A user who may do what an import needs and no more, as a real installation should give us."""
READY_SECONDS = 30.0
READY_PAGE = "/web/webclient/version_info"
_DATABASE_VARIABLE = "FCB_INTERNAL_SANDBOX_DATABASE_URL"
_ADMIN_VARIABLE, _IMPORTER_VARIABLE = "FCB_INTERNAL_SANDBOX_KEY", "FCB_INTERNAL_SANDBOX_IMPORTER_KEY"
SOURCE_FOLDER = Path(fcb_pipelines.__file__).parents[1]


def start_sandbox(state: Path, database_url: str) -> tuple[str, Child]:
    """Start it on the port of last time if that is free; return its address once it answers."""
    port_file = state / "odoo.port"
    port = free_port(int(port_file.read_text(encoding="utf-8")) if port_file.is_file() else None)
    child = spawn(
        "the Odoo sandbox",
        [sys.executable, "-m", "fcb_pipelines.odoo.sandbox", *_flags(port)],
        log=state / "logs" / "odoo-sandbox.log",
        environ={**os.environ, _DATABASE_VARIABLE: database_url, **_keys(state)},
        folder=SOURCE_FOLDER,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        child.wait_until(lambda: answers(f"{address}{READY_PAGE}"), seconds=READY_SECONDS)
    except BaseException:
        child.stop((signal.SIGTERM, 5.0))
        raise
    write_private(port_file, str(port))
    return address, child


def key(state: Path) -> str:
    """The API key of `USER` in the sandbox of this state folder."""
    return secret(state, "odoo-importer")


def administrator(state: Path) -> dict[str, str]:
    """The administrator of the sandbox of this state folder, whose few settings of Odoo are, as the variables say it."""
    return {"FCB_ODOO_USER": "admin", "FCB_ODOO_KEY": secret(state, "odoo-admin")}


def answers(page: str) -> bool:
    """Whether a server of this machine answers this page (`http://…`) without an error."""
    parts = urlsplit(page)
    connection = http.client.HTTPConnection(parts.netloc, timeout=5)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status < http.client.BAD_REQUEST
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _keys(state: Path) -> dict[str, str]:
    return {_ADMIN_VARIABLE: secret(state, "odoo-admin"), _IMPORTER_VARIABLE: key(state)}


def _flags(port: int) -> list[str]:
    return ["--database-url-env", _DATABASE_VARIABLE, "--host", "127.0.0.1", "--port", str(port)]
