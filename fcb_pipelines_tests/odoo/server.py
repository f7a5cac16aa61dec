"""The sandbox as a real server in this process, on a free port."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

ADMIN_KEY = "admin-key-of-the-tests"
IMPORTER_KEY = "importer-key-of-the-tests"


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The address of the application, served until the block ends."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=10)
