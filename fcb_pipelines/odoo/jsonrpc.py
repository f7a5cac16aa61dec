"""JSON-RPC: `/jsonrpc` of every Odoo so far, with odoorpc.

Owns: logging in with a password or an API key, and one call over it. Does not own: the port (`transport`), what is tried again
(`asking`), what a failure means (`faults`).
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.error import HTTPError

import odoorpc

from fcb_pipelines.domain.errors import Refused, RemoteError
from fcb_pipelines.odoo.client import ServerVersion
from fcb_pipelines.odoo.faults import FAULTS, HTTP_NOT_FOUND, Target, meaning
from fcb_pipelines.odoo.versions import VERSION_PATH, has_module_rpc, version_of
from fcb_pipelines.odoo.web import DirectOpener, Slot, address

Answer = TypeVar("Answer")

# odoorpc writes whole requests, and so the key, to this logger at DEBUG.
logging.getLogger("odoorpc.rpc.jsonrpclib").setLevel(logging.INFO)


class JsonRpc:
    """One Odoo through `/jsonrpc`; nothing is sent before the first question.

    For any number of threads: one logs in for all, and a session of odoorpc keeps nothing of a call.
    """

    name = "JSON-RPC"

    def __init__(self, target: Target, *, timeout_seconds: float, slot: Slot) -> None:
        self._target = target
        self._timeout_seconds = timeout_seconds
        self._slot = slot
        self._rpc: Any = None
        self._is_logged_in = False
        self._opening = threading.RLock()

    def version(self) -> ServerVersion:
        """Ask the server what it is; works before login."""
        return self._answered(lambda: version_of(self._server().json(VERSION_PATH, {})["result"]))

    def user_id(self) -> int:
        """Log in if needed and answer the id of our user."""
        return self._answered(lambda: int(self._session().env.uid))

    def execute(self, model: str, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, is_repeatable: bool) -> Any:
        """Call a method once; every call has a connection of its own, so that `is_repeatable` makes no difference here."""
        del is_repeatable
        return self._answered(lambda: self._session().execute_kw(model, method, list(args), dict(kwargs)))

    def _server(self) -> Any:
        with self._opening:
            if self._rpc is None:
                self._rpc = self._opened()
            return self._rpc

    def _opened(self) -> Any:
        place = address(self._target.url)
        protocol = "jsonrpc+ssl" if place.is_secure else "jsonrpc"
        opener = DirectOpener(self._slot, is_secure=place.is_secure)
        return odoorpc.ODOO(place.host, protocol=protocol, port=place.port, timeout=self._timeout_seconds, opener=opener)

    def _session(self) -> Any:
        with self._opening:
            server = self._server()
            if not self._is_logged_in:
                server.login(self._target.database, self._target.user, self._target.key)
                self._is_logged_in = True
            return server

    def _answered(self, question: Callable[[], Answer]) -> Answer:
        try:
            return question()
        except FAULTS as fault:
            # `from None`: the server's own traceback, which may quote what was sent, is not ours to repeat.
            raise self._meaning(fault) from None

    def _meaning(self, fault: Exception) -> RemoteError:
        error = meaning(fault, self._target)
        if isinstance(fault, HTTPError) and fault.code == HTTP_NOT_FOUND and self._rpc and has_module_rpc(self._rpc.version):
            return Refused(
                f"Odoo {self._rpc.version} at {self._target.url} does not answer /jsonrpc: its module `rpc`, which serves "
                "both /jsonrpc and /json/2, is not installed; let an administrator install it (Apps)"
            )
        return error
