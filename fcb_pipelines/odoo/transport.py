"""The port of `client` over one of Odoo's protocols, and the choice between them.

Owns: the context of every call, how values travel, and which protocol is taken. Does not own: the protocols (`jsonrpc`,
`json2`), what is tried again (`asking`), what a failure means (`faults`), what our records are in Odoo (modules of their own).
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from decimal import Decimal
from typing import Any, Literal, Protocol

from fcb_pipelines.domain.errors import InvalidInput, OutcomeUnknown, RolledBack
from fcb_pipelines.odoo.asking import PAUSES_SECONDS, READS, Asking, spread
from fcb_pipelines.odoo.client import Domain, Loaded, LoadMessage, Odoo, Row, ServerVersion
from fcb_pipelines.odoo.faults import Target, lost_race
from fcb_pipelines.odoo.json2 import Json2
from fcb_pipelines.odoo.jsonrpc import JsonRpc
from fcb_pipelines.odoo.versions import FIRST_WITH_JSON2
from fcb_pipelines.odoo.web import Slot, address

Choice = Literal["auto", "jsonrpc", "json2"]
"""What `FCB_ODOO_TRANSPORT` may say."""

CONTEXT: Mapping[str, Any] = {"lang": "en_US", "tz": "UTC", "tracking_disable": True, "active_test": False}
"""Sent with every call: nothing is mailed or logged, archived records are seen, `load` reads datetimes as UTC."""

FIELD_ATTRIBUTES = ("type", "string", "required", "readonly", "relation", "digits", "selection")


class Wire(Protocol):
    """A protocol to one Odoo, logged in when needed: asks once, for any number of threads.

    Raises `Refused`, `RolledBack` and `OutcomeUnknown`.
    """

    @property
    def name(self) -> str:
        """Which protocol, for people."""

    def version(self) -> ServerVersion:
        """What the server is; works before login."""

    def user_id(self) -> int:
        """The id of our user."""

    def execute(self, model: str, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, is_repeatable: bool) -> Any:
        """Call a method; `is_repeatable` says whether it may be carried out twice."""


class Chosen:
    """JSON-2 where the server and the key can, JSON-RPC elsewhere; decided when first asked, and then for good."""

    def __init__(self, json2: Json2, jsonrpc: JsonRpc) -> None:
        self._json2 = json2
        self._jsonrpc = jsonrpc
        self._wire: Wire | None = None
        self._deciding = threading.Lock()

    @property
    def name(self) -> str:
        """The protocol chosen; asks the server if nothing was asked yet."""
        return f"{self._decided().name} (auto)"

    def version(self) -> ServerVersion:
        """What the server is; decides nothing, so that it works before login."""
        return self._json2.version()

    def user_id(self) -> int:
        """The id of our user."""
        return self._decided().user_id()

    def execute(self, model: str, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, is_repeatable: bool) -> Any:
        """Call a method over the protocol chosen."""
        return self._decided().execute(model, method, args, kwargs, is_repeatable=is_repeatable)

    def _decided(self) -> Wire:
        with self._deciding:
            if self._wire is None:
                has_json2 = self._json2.version().major >= FIRST_WITH_JSON2
                self._wire = self._json2 if has_json2 and self._json2.is_open_to_us() else self._jsonrpc
            return self._wire


class OdooOver:
    """Odoo over a wire, asked again where that is safe. For any number of threads: it keeps nothing of a call."""

    def __init__(self, wire: Wire, target: Target, asking: Asking) -> None:
        self._wire = wire
        self._target = target
        self._asking = asking

    def __repr__(self) -> str:
        return f"OdooOver({self._target.url!r}, {self._target.database!r}, {self._target.user!r})"

    def transport(self) -> str:
        """Which protocol is spoken, such as `JSON-2 (auto)`; may ask the server."""
        return self._asking.ask(lambda: self._wire.name, is_repeatable=True)

    def version(self) -> ServerVersion:
        """Ask the server what it is; works before login."""
        return self._asking.ask(self._wire.version, is_repeatable=True)

    def user_id(self) -> int:
        """Log in if needed and answer the id of our user."""
        return self._asking.ask(self._wire.user_id, is_repeatable=True)

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

        Asked again when the outcome is unknown: the external ids make it idempotent, but only for rows that have one. A
        timeout is raised at once, as `TimedOut`: whoever asks sends fewer rows.
        """
        is_repeatable = "id" in fields or ".id" in fields
        return self._asking.ask(
            lambda: self._load(model, fields, rows, is_repeatable), is_repeatable=is_repeatable, is_divisible=True
        )

    def write(self, model: str, ids: Sequence[int], values: Row) -> None:
        """Set the same values on all ids, in one server transaction.

        Asked again when the outcome is unknown: values written twice are the same values. Commands would add their lines twice.
        """
        is_repeatable = not any(isinstance(value, list | tuple) for value in values.values())
        self._call(model, "write", (list(ids), dict(values)), {}, is_repeatable=is_repeatable)

    def unlink(self, model: str, ids: Sequence[int]) -> None:
        """Delete records; Odoo refuses those in use, and those that are gone.

        Asked again when the outcome is unknown; what is refused may therefore be gone by our own first call.
        """
        self._call(model, "unlink", (list(ids),), {}, is_repeatable=True)

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call any other public method; a `context` given is laid over ours. A Decimal is sent as text."""
        return self._call(model, method, args, kwargs, is_repeatable=method in READS)

    def _call(self, model: str, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, is_repeatable: bool) -> Any:
        return self._asking.ask(
            lambda: self._execute(model, method, args, kwargs, is_repeatable=is_repeatable), is_repeatable=is_repeatable
        )

    def _load(self, model: str, fields: Sequence[str], rows: Sequence[Sequence[Any]], is_repeatable: bool) -> Loaded:
        answer = self._execute(model, "load", (list(fields), rows), {}, is_repeatable=is_repeatable)
        try:
            messages = tuple(_load_message(message) for message in answer["messages"])
            loaded = Loaded(ids=tuple(answer["ids"] or ()), messages=messages)
        except (KeyError, TypeError, ValueError) as fault:
            raise OutcomeUnknown(f"{self._target.url} did not answer as Odoo does ({type(fault).__name__})") from None
        if not loaded.ids and any(lost_race(message.message) for message in messages):
            raise RolledBack(f"Odoo rolled the load of {model} back: {messages[0].message}")
        return loaded

    def _execute(self, model: str, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, is_repeatable: bool) -> Any:
        context = {**CONTEXT, **kwargs.get("context", {})}
        sent = {name: _sendable(value) for name, value in kwargs.items()}
        named = {**sent, "context": context}
        return self._wire.execute(model, method, _sendable(args), named, is_repeatable=is_repeatable)


def connect(
    url: str,
    database: str,
    user: str,
    key: str,
    *,
    transport: Choice = "auto",
    timeout_seconds: float = 120.0,
    pauses_seconds: Sequence[float] = PAUSES_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[float], float] = spread,
    slot: Slot = nullcontext,
) -> OdooOver:
    """The Odoo at `url`, such as `https://odoo.example.com`; no network until it is used.

    `slot` is entered around every single HTTP request, and not held during the pauses between attempts. Raises InvalidSettings
    when the URL is not one of http or https without a path.
    """
    address(url)
    target = Target(url=url, database=database, user=user, key=key)
    asking = Asking(pauses_seconds=tuple(pauses_seconds), sleep=sleep, jitter=jitter)
    return OdooOver(_wire(target, transport, timeout_seconds, slot), target, asking)


def transport_of(odoo: Odoo) -> str:
    """Which protocol a connection speaks, such as `JSON-2 (auto)`; may ask the server."""
    return odoo.transport() if isinstance(odoo, OdooOver) else type(odoo).__name__


def _wire(target: Target, transport: Choice, timeout_seconds: float, slot: Slot) -> Wire:
    jsonrpc = JsonRpc(target, timeout_seconds=timeout_seconds, slot=slot)
    if transport == "jsonrpc":
        return jsonrpc
    json2 = Json2(target, timeout_seconds=timeout_seconds, slot=slot)
    return json2 if transport == "json2" else Chosen(json2, jsonrpc)


def _load_message(message: Mapping[str, Any]) -> LoadMessage:
    return LoadMessage(
        record=int(message.get("record", -1)), field=str(message.get("field") or ""), message=str(message["message"])
    )


def _sendable(value: Any) -> Any:
    """A value as JSON can carry it; Odoo reads numbers from text without passing through a float of ours."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return {name: _sendable(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_sendable(item) for item in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise InvalidInput(f"a {type(value).__name__} cannot be sent to Odoo: write it as text")
