"""JSON-2: `/json/2/<model>/<method>` of Odoo 19 and later, with an API key.

Owns: the addresses and envelopes of JSON-2, and the names of the arguments that our callers give by position. Does not own: the
port (`transport`), connections (`exchange`), what is tried again (`asking`), what a failure means (`faults`).
"""

import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from fcb_pipelines.domain.errors import InvalidInput, OutcomeUnknown, Refused, RemoteError
from fcb_pipelines.odoo.client import ServerVersion
from fcb_pipelines.odoo.exchange import Answered, Exchange
from fcb_pipelines.odoo.faults import (
    HTTP_CLIENT_ERRORS,
    HTTP_NOT_FOUND,
    HTTP_OK,
    HTTP_REDIRECTS,
    HTTP_TOO_LARGE,
    HTTP_TOO_MANY,
    HTTP_UNAUTHORIZED,
    NOT_AN_API_KEY,
    Target,
    said_by_http,
    said_over_json2,
    words,
)
from fcb_pipelines.odoo.versions import FIRST_WITH_JSON2, VERSION_PATH, version_of
from fcb_pipelines.odoo.web import Slot

NOTHING_ASKED = b'{"jsonrpc": "2.0", "method": "call", "params": {}}'
LATER_VERSION_PATH = "/web/version"
"""Says the version where the older path is gone."""

ON_RECORDS = frozenset(
    {
        "action_archive",
        "action_cancel",
        "action_confirm",
        "action_draft",
        "action_lock",
        "action_post",
        "action_reverse",
        "action_unarchive",
        "action_unlock",
        "button_cancel",
        "button_draft",
        "execute",
        "get_external_id",
        "get_metadata",
        "toggle_active",
        "unlink",
    }
)
"""Methods that take the ids of records and nothing else."""

POSITIONAL: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(ON_RECORDS, ("ids",)),
    "check_access_rights": ("operation", "raise_exception"),
    "check_object_reference": ("module", "xml_id", "raise_on_access_error"),
    "context_get": (),
    "copy": ("ids", "default"),
    "create": ("vals_list",),
    "default_get": ("fields",),
    "export_data": ("ids", "fields_to_export"),
    "fields_get": ("allfields", "attributes"),
    "formatted_read_group": ("domain", "groupby", "aggregates", "having", "offset", "limit", "order"),
    "has_access": ("ids", "operation"),
    "has_group": ("ids", "group_ext_id"),
    "js_assign_outstanding_line": ("ids", "line_id"),
    "load": ("fields", "data"),
    "name_search": ("name", "domain", "operator", "limit"),
    "read": ("ids", "fields", "load"),
    "search": ("domain", "offset", "limit", "order"),
    "search_count": ("domain", "limit"),
    "search_read": ("domain", "fields", "offset", "limit", "order"),
    "write": ("ids", "vals"),
}
"""Method → the names of its arguments in Odoo's order, for those that are called by position; `ids` are the records."""


class Json2:
    """One Odoo through `/json/2`; nothing is sent before the first question. For any number of threads."""

    name = "JSON-2"

    def __init__(self, target: Target, *, timeout_seconds: float, slot: Slot) -> None:
        self._target = target
        self._exchange = Exchange(target, timeout_seconds=timeout_seconds, slot=slot)
        self._user_id: int | None = None
        self._logging_in = threading.Lock()

    def version(self) -> ServerVersion:
        """Ask the server what it is; works before login, and on servers without JSON-2."""
        kind = {"Content-Type": "application/json"}
        answer = self._exchange.send("POST", VERSION_PATH, kind, NOTHING_ASKED, is_repeatable=True)
        if answer.status == HTTP_NOT_FOUND:
            answer = self._exchange.send("GET", LATER_VERSION_PATH, {}, b"", is_repeatable=True)
        if answer.status != HTTP_OK:
            raise said_by_http(answer.status, answer.location, self._target)
        try:
            told = json.loads(answer.body)
            return version_of(told.get("result", told))
        except (KeyError, TypeError, IndexError, ValueError, AttributeError) as fault:
            raise self._not_odoo(fault) from None

    def is_open_to_us(self) -> bool:
        """Whether `/json/2` is served here and takes our key; other failures raise as in every call."""
        if not _is_sendable(self._target.key):
            return False
        answer = self._post("res.users", "context_get", {}, is_repeatable=True)
        if answer.status == HTTP_UNAUTHORIZED:
            return False
        # A refusal in words that are not Odoo's: there is no such address, or a proxy does not let it through.
        is_of_others = words(answer.body) is None and answer.status not in {HTTP_TOO_LARGE, HTTP_TOO_MANY}
        if is_of_others and (answer.status in HTTP_CLIENT_ERRORS or answer.status in HTTP_REDIRECTS):
            return False
        self._result(answer)
        return True

    def user_id(self) -> int:
        """The id of the user whose key it is; raises `Refused` when that is not `FCB_ODOO_USER`."""
        with self._logging_in:
            if self._user_id is None:
                self._user_id = self._login()
            return self._user_id

    def execute(self, model: str, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, is_repeatable: bool) -> Any:
        """Call a method once. Arguments by position must be those of a method in `POSITIONAL`; else raises InvalidInput."""
        given = named(model, method, args, kwargs)
        self.user_id()
        result = self._result(self._post(model, method, given, is_repeatable=is_repeatable))
        # Over JSON-RPC Odoo answers one new record with its id; over JSON-2 always with a list.
        is_one = method == "create" and isinstance(given.get("vals_list"), Mapping)
        return result[0] if is_one and isinstance(result, list) and result else result

    def _login(self) -> int:
        version = self.version()
        if version.major < FIRST_WITH_JSON2:
            raise Refused(
                f"Odoo {version.text} at {self._target.url} has no JSON-2, which exists from Odoo {FIRST_WITH_JSON2} on: "
                "set FCB_ODOO_TRANSPORT to auto or jsonrpc"
            )
        if not _is_sendable(self._target.key):
            raise Refused(NOT_AN_API_KEY)
        try:
            user_id = int(self._asked("res.users", "context_get", {})["uid"])
            login = str(self._asked("res.users", "read", {"ids": [user_id], "fields": ["login"]})[0]["login"])
        except (KeyError, TypeError, IndexError, ValueError) as fault:
            raise self._not_odoo(fault) from None
        if login != self._target.user:
            raise Refused(
                f"FCB_ODOO_KEY is a key of the user {login!r}, but FCB_ODOO_USER is {self._target.user!r}: "
                "make a key of that user, or name the other"
            )
        return user_id

    def _asked(self, model: str, method: str, given: Mapping[str, Any]) -> Any:
        return self._result(self._post(model, method, given, is_repeatable=True))

    def _post(self, model: str, method: str, given: Mapping[str, Any], *, is_repeatable: bool) -> Answered:
        headers = {
            "Authorization": f"bearer {self._target.key}",
            "Content-Type": "application/json",
            "X-Odoo-Database": self._target.database,
        }
        body = json.dumps(given).encode()
        return self._exchange.send("POST", f"/json/2/{model}/{method}", headers, body, is_repeatable=is_repeatable)

    def _result(self, answer: Answered) -> Any:
        if answer.status != HTTP_OK:
            raise self._struck(said_over_json2(answer.status, answer.body, answer.location, self._target))
        try:
            return json.loads(answer.body)
        except ValueError as fault:
            raise self._not_odoo(fault) from None

    def _struck(self, error: RemoteError) -> RemoteError:
        return type(error)(str(error).replace(self._target.key, "***")) if self._target.key else error

    def _not_odoo(self, fault: Exception) -> OutcomeUnknown:
        return OutcomeUnknown(f"{self._target.url} did not answer as Odoo does ({type(fault).__name__}): look at FCB_ODOO_URL")


def named(model: str, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call, all by name. Raises InvalidInput when a position has no known name, or a name two values."""
    if not args:
        return dict(kwargs)
    names = POSITIONAL.get(method)
    if names is None:
        raise InvalidInput(
            f"{model}.{method} was given arguments by position, but JSON-2 takes them by name and their names are not known "
            "here: give them by name (records are `ids`), or add the method to odoo.json2.POSITIONAL"
        )
    if len(args) > len(names) or kwargs.keys() & set(names[: len(args)]):
        raise InvalidInput(f"{model}.{method} takes {', '.join(names) or 'no arguments'}, each once")
    return {**dict(zip(names, args, strict=False)), **kwargs}


def _is_sendable(key: str) -> bool:
    """Whether a header can carry it; a key that Odoo made can, a password may not."""
    return bool(key) and key.isascii() and key.isprintable() and key == key.strip()
