"""The transport to Odoo: the port of `client` over JSON-RPC, with odoorpc.

Owns: connecting, logging in, the context of every call, and which calls are tried again. What a failure means is in
`faults`; what our records are in Odoo is in the modules named after them.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import urlsplit

import odoorpc

from fcb_pipelines.domain.errors import InvalidInput, InvalidSettings, OutcomeUnknown, RolledBack
from fcb_pipelines.odoo.client import Domain, Loaded, LoadMessage, Row, ServerVersion
from fcb_pipelines.odoo.faults import FAULTS, Target, lost_race, meaning
from fcb_pipelines.odoo.web import direct_opener

Answer = TypeVar("Answer")

CONTEXT: Mapping[str, Any] = {"lang": "en_US", "tz": "UTC", "tracking_disable": True, "active_test": False}
"""Sent with every call: nothing is mailed or logged, archived records are seen, `load` reads datetimes as UTC."""

FIELD_ATTRIBUTES = ("type", "string", "required", "readonly", "relation", "digits", "selection")

READS = frozenset(
    {
        "check_access_rights",
        "check_object_reference",
        "default_get",
        "fields_get",
        "get_external_id",
        "has_access",
        "has_group",
        "read",
        "search",
        "search_count",
        "search_read",
    }
)
"""Methods that change nothing, so that an unknown outcome may simply be asked for again."""

PAUSES_SECONDS = (0.2, 0.8, 2.0)
"""How long to wait before each further attempt; there are as many further attempts as pauses."""

# odoorpc writes whole requests, and so the key, to this logger at DEBUG.
logging.getLogger("odoorpc.rpc.jsonrpclib").setLevel(logging.INFO)


class JsonRpcOdoo:
    """Odoo through `/jsonrpc`; nothing is sent before the first question. Not for use by two threads at once."""

    def __init__(
        self, target: Target, *, timeout_seconds: float, pauses_seconds: Sequence[float], sleep: Callable[[float], None]
    ) -> None:
        self._target = target
        self._timeout_seconds = timeout_seconds
        self._pauses_seconds = tuple(pauses_seconds)
        self._sleep = sleep
        self._rpc: Any = None
        self._is_logged_in = False

    def __repr__(self) -> str:
        return f"JsonRpcOdoo({self._target.url!r}, {self._target.database!r}, {self._target.user!r})"

    def version(self) -> ServerVersion:
        """Ask the server what it is; works before login."""
        answer = self._ask(lambda: self._server().json("/web/webclient/version_info", {})["result"], is_repeatable=True)
        parts = answer["server_version_info"]
        # The sixth part is "e" on Enterprise and empty on Community.
        return ServerVersion(text=answer["server_version"], major=_major(parts[0]), is_enterprise=parts[5:6] == ["e"])

    def user_id(self) -> int:
        """Log in if needed and answer the id of our user."""
        return int(self._ask(lambda: self._session().env.uid, is_repeatable=True))

    def search_read(self, model: str, domain: Domain, fields: Sequence[str], *, limit: int = 0) -> list[dict[str, Any]]:
        """Read the records that match, ordered by id; `limit` 0 reads all."""
        found = self.call(model, "search_read", list(domain), fields=list(fields), limit=limit or None, order="id")
        return list(found)

    def fields(self, model: str) -> Mapping[str, Row]:
        """Field name → its `type`, `required`, `relation`, `digits`, as far as our user may see them."""
        described: Mapping[str, Row] = self.call(model, "fields_get", attributes=list(FIELD_ATTRIBUTES))
        return described

    def load(self, model: str, fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> Loaded:
        """Create or update by external id, in one server transaction. An empty cell clears the field.

        Asked again when the outcome is unknown: the external ids make it idempotent, but only for rows that have one.
        """
        is_repeatable = "id" in fields or ".id" in fields
        return self._ask(lambda: self._load(model, fields, rows), is_repeatable=is_repeatable)

    def write(self, model: str, ids: Sequence[int], values: Row) -> None:
        """Set the same values on all ids, in one server transaction."""
        self.call(model, "write", list(ids), dict(values))

    def unlink(self, model: str, ids: Sequence[int]) -> None:
        """Delete records; Odoo refuses those in use."""
        self.call(model, "unlink", list(ids))

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call any other public method; a `context` given is laid over ours. A Decimal is sent as text."""
        return self._ask(lambda: self._execute(model, method, args, kwargs), is_repeatable=method in READS)

    def _load(self, model: str, fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> Loaded:
        answer = self._execute(model, "load", (list(fields), [list(row) for row in rows]), {})
        messages = tuple(_load_message(message) for message in answer["messages"])
        if not answer["ids"] and any(lost_race(message.message) for message in messages):
            raise RolledBack(f"Odoo rolled the load of {model} back: {messages[0].message}")
        return Loaded(ids=tuple(answer["ids"] or ()), messages=messages)

    def _execute(self, model: str, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        context = {**CONTEXT, **kwargs.get("context", {})}
        sent = {name: _wire(value) for name, value in kwargs.items()}
        return self._session().execute_kw(model, method, _wire(args), {**sent, "context": context})

    def _server(self) -> Any:
        if self._rpc is None:
            self._rpc = _server(self._target.url, self._timeout_seconds)
        return self._rpc

    def _session(self) -> Any:
        server = self._server()
        if not self._is_logged_in:
            server.login(self._target.database, self._target.user, self._target.key)
            self._is_logged_in = True
        return server

    def _ask(self, question: Callable[[], Answer], *, is_repeatable: bool) -> Answer:
        """Ask until answered; only what surely did nothing, or may be done twice, is asked again."""
        for pause_seconds in self._pauses_seconds:
            try:
                return self._asked_once(question)
            except RolledBack:
                self._sleep(pause_seconds)
            except OutcomeUnknown:
                if not is_repeatable:
                    raise
                self._sleep(pause_seconds)
        return self._asked_once(question)

    def _asked_once(self, question: Callable[[], Answer]) -> Answer:
        try:
            return question()
        except FAULTS as fault:
            # `from None`: the server's own traceback, which may quote what was sent, is not ours to repeat.
            raise meaning(fault, self._target) from None


def connect(
    url: str,
    database: str,
    user: str,
    key: str,
    *,
    timeout_seconds: float = 120.0,
    pauses_seconds: Sequence[float] = PAUSES_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> JsonRpcOdoo:
    """The Odoo at `url`, such as `https://odoo.example.com`; no network until it is used.

    Raises InvalidSettings when the URL is not one of http or https without a path.
    """
    _address(url)
    target = Target(url=url, database=database, user=user, key=key)
    return JsonRpcOdoo(target, timeout_seconds=timeout_seconds, pauses_seconds=pauses_seconds, sleep=sleep)


def _server(url: str, timeout_seconds: float) -> Any:
    host, port, is_secure = _address(url)
    protocol = "jsonrpc+ssl" if is_secure else "jsonrpc"
    return odoorpc.ODOO(host, protocol=protocol, port=port, timeout=timeout_seconds, opener=direct_opener())


def _address(url: str) -> tuple[str, int, bool]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidSettings(f"FCB_ODOO_URL is not a URL ({error}); write it like https://odoo.example.com") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise InvalidSettings("FCB_ODOO_URL must be like https://odoo.example.com, with http or https, without a user")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise InvalidSettings("FCB_ODOO_URL must end after the host and port: Odoo answers /jsonrpc at the root only")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return host, port or (443 if parts.scheme == "https" else 80), parts.scheme == "https"


def _major(part: Any) -> int:
    # Odoo's own hosting says such as "saas~19" instead of 19.
    return int(str(part).rpartition("~")[2])


def _load_message(message: Mapping[str, Any]) -> LoadMessage:
    return LoadMessage(
        record=int(message.get("record", -1)), field=str(message.get("field") or ""), message=str(message["message"])
    )


def _wire(value: Any) -> Any:
    """A value as JSON can carry it; Odoo reads numbers from text without passing through a float of ours."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return {name: _wire(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_wire(item) for item in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise InvalidInput(f"a {type(value).__name__} cannot be sent to Odoo: write it as text")
