"""What a failed call to Odoo means for whoever asked: refused, rolled back, or unknown.

Owns: the translation of odoorpc's, urllib's, urllib3's and Odoo's own errors into the three of `domain.errors`. Retrying is in
`asking`.
"""

import json
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError

from odoorpc.error import InternalError, RPCError
from urllib3.exceptions import ConnectTimeoutError, EmptyPoolError, ProtocolError, ReadTimeoutError, SSLError
from urllib3.exceptions import HTTPError as Urllib3Error

from fcb_pipelines.domain.errors import OutcomeUnknown, Refused, RemoteError, RolledBack, TimedOut

FAULTS = (RPCError, InternalError, OSError, HTTPException, ValueError, KeyError, TypeError, IndexError, AttributeError)
"""All that a call through odoorpc can raise; the last five are its answers to what is not Odoo's protocol."""

EXCHANGE_FAULTS = (Urllib3Error, OSError, HTTPException, ValueError)
"""All that one exchange through urllib3 can raise; a value error is a header or an address that cannot be sent."""

SURELY_ROLLED_BACK = frozenset(
    {
        "psycopg2.errors.SerializationFailure",
        "psycopg2.errors.DeadlockDetected",
        "psycopg2.errors.LockNotAvailable",
        "psycopg2.pool.PoolError",
    }
)
"""The three that Odoo itself tries again five times before it gives up (its service/model.py), and its having no connection."""

MAYBE_COMMITTED = frozenset(
    {
        "psycopg2.InterfaceError",
        "psycopg2.OperationalError",
        "psycopg2.errors.AdminShutdown",
        "psycopg2.errors.CrashShutdown",
    }
)
"""A connection lost at commit cannot be told from one lost before."""

LOST_RACES = ("could not serialize access", "deadlock detected", "could not obtain lock")

HTTP_OK = 200
HTTP_REDIRECTS = range(300, 400)
HTTP_UNAUTHORIZED = 401
HTTP_NOT_FOUND = 404
HTTP_TOO_LARGE = 413
HTTP_TOO_MANY = 429
HTTP_GATEWAY_TIMEOUT = 504
HTTP_CLIENT_ERRORS = range(400, 500)
HTTP_SERVER_ERRORS = range(500, 600)

WRONG_KEY = (
    "Odoo refused our login: look at FCB_ODOO_USER and FCB_ODOO_KEY (an API key may have expired, "
    "and a user with two-factor login needs one)"
)

NO_MODEL = re.compile(r"the model '(.+)' does not exist")

NOT_AN_API_KEY = (
    "Odoo refused FCB_ODOO_KEY over JSON-2, which takes API keys only: it may have expired or been removed; "
    "to log in with a password set FCB_ODOO_TRANSPORT=jsonrpc"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which Odoo, and as whom; the key never shows."""

    url: str
    database: str
    user: str
    key: str = field(repr=False)


def lost_race(message: str) -> bool:
    """Whether `load` says, in a message, that another transaction was in the way: try again."""
    return message.startswith(LOST_RACES)


def meaning(fault: Exception, target: Target) -> RemoteError:
    """The error of ours for a fault, its text free of the key."""
    error = _meaning(fault, target)
    return type(error)(str(error).replace(target.key, "***") if target.key else str(error))


def _meaning(fault: Exception, target: Target) -> RemoteError:
    if isinstance(fault, RPCError):
        return _said_by_odoorpc(fault, target)
    if isinstance(fault, HTTPError):
        with fault:
            return said_by_http(fault.code, fault.headers.get("Location", ""), target)
    if isinstance(fault, Urllib3Error):
        return _said_by_urllib3(fault, target)
    if isinstance(fault, OSError | HTTPException):
        return _said_by_network(fault, target)
    return OutcomeUnknown(f"{target.url} did not answer as Odoo does ({type(fault).__name__}): look at FCB_ODOO_URL")


def _said_by_odoorpc(fault: RPCError, target: Target) -> RemoteError:
    answer = fault.info["data"] if isinstance(fault.info, Mapping) else {}
    return said_by_odoo(str(answer.get("name", "")), str(fault), target)


def said_by_odoo(name: str, text: str, target: Target) -> RemoteError:
    """The meaning of an error that Odoo itself tells, by the name of its exception."""
    if not name or name == "odoo.exceptions.AccessDenied":
        return Refused(WRONG_KEY)
    if name in SURELY_ROLLED_BACK:
        return RolledBack(f"Odoo rolled the call back: {text}")
    if name in MAYBE_COMMITTED:
        return _said_by_its_database(text, target)
    return Refused(text if name.startswith("odoo.") else f"{name}: {text}")


def _said_by_its_database(text: str, target: Target) -> RemoteError:
    if f'database "{target.database}" does not exist' in text:
        return Refused(f"Odoo at {target.url} has no database {target.database!r}: look at FCB_ODOO_DB")
    return OutcomeUnknown(f"Odoo lost its own database during the call: {text}")


def said_by_http(status: int, location: str, target: Target) -> RemoteError:
    """The meaning of a status other than 200 that came without words of Odoo's."""
    where = f"{target.url} answered HTTP {status}"
    if status in HTTP_REDIRECTS:
        return Refused(f"{where} and points to {location!r}, which we do not follow: set FCB_ODOO_URL to the final address")
    if status == HTTP_TOO_MANY:
        return RolledBack(f"{where}: too many requests")
    if status == HTTP_TOO_LARGE:
        return Refused(f"{where}: the call is larger than the server, or a proxy in front of it, takes")
    if status in HTTP_CLIENT_ERRORS:
        return Refused(f"{where}: look at FCB_ODOO_URL, and whether Odoo's module `rpc`, which serves /jsonrpc, is installed")
    if status == HTTP_GATEWAY_TIMEOUT:
        return TimedOut(f"{where}: a proxy in front of Odoo did not wait for it; Odoo may still finish")
    return OutcomeUnknown(f"{where}: something in or before Odoo failed")


def said_over_json2(status: int, body: bytes, location: str, target: Target) -> RemoteError:
    """The meaning of an answer of `/json/2` that is not 200, by its status and, where Odoo itself speaks, by the name in it."""
    said = words(body)
    if said is None and status == HTTP_NOT_FOUND:
        return Refused(
            f"{target.url} has no /json/2 for the database {target.database!r}: look at FCB_ODOO_URL and FCB_ODOO_DB; JSON-2 "
            "needs Odoo 19 or later with its module `rpc` installed, else set FCB_ODOO_TRANSPORT=jsonrpc"
        )
    if status == HTTP_UNAUTHORIZED:
        return Refused(NOT_AN_API_KEY)
    if said is None or status in HTTP_REDIRECTS or status == HTTP_TOO_MANY:
        return said_by_http(status, location, target)
    name, text = said
    if name.startswith("werkzeug.") and status in HTTP_SERVER_ERRORS:
        # The framework around Odoo does not know what became of the call.
        return OutcomeUnknown(f"{target.url} answered HTTP {status}: {text}")
    if name.startswith("werkzeug."):
        # A missing model is named in the words of JSON-RPC, so that nobody has to know both.
        return Refused(NO_MODEL.sub(r"Object \1 doesn't exist", text))
    return said_by_odoo(name, text, target)


def words(body: bytes) -> tuple[str, str] | None:
    """Name and message of an error in Odoo's own words; None where somebody else speaks, such as a proxy in front of it."""
    try:
        told = json.loads(body)
    except ValueError:
        return None
    if not isinstance(told, Mapping) or not {"name", "message"} <= told.keys() or not told["name"]:
        return None
    return str(told["name"]), str(told["message"])


def _said_by_urllib3(fault: Urllib3Error, target: Target) -> RemoteError:
    if isinstance(fault, ConnectTimeoutError | EmptyPoolError):
        # No connection came about, so the request was never sent: nothing can have happened.
        reason = getattr(fault.__cause__, "strerror", None) or "no answer in time"
        return RolledBack(f"{target.url} cannot be reached ({reason}): look at FCB_ODOO_URL, and whether Odoo runs")
    if isinstance(fault, ReadTimeoutError):
        return _said_by_network(TimeoutError(), target)
    inner = fault.args[-1] if fault.args else None
    if isinstance(fault, SSLError | ProtocolError) and isinstance(inner, OSError | HTTPException):
        return _said_by_network(inner, target)
    return OutcomeUnknown(f"{target.url} did not answer as Odoo does ({type(fault).__name__}): look at FCB_ODOO_URL")


def _said_by_network(fault: OSError | HTTPException, target: Target) -> RemoteError:
    reason: Any = fault.reason if isinstance(fault, URLError) else fault
    if isinstance(reason, ssl.SSLCertVerificationError):
        hint = "for a private authority point SSL_CERT_FILE to its certificate"
        return Refused(f"the certificate of {target.url} is not trusted ({reason.verify_message}): {hint}")
    if isinstance(reason, ConnectionRefusedError | socket.gaierror):
        # The request was never sent, so nothing can have happened.
        return RolledBack(f"{target.url} cannot be reached ({reason.strerror}): look at FCB_ODOO_URL, and whether Odoo runs")
    if isinstance(reason, TimeoutError):
        return TimedOut(f"{target.url} did not answer in time: look at FCB_ODOO_TIMEOUT_SECONDS; Odoo may still finish")
    return OutcomeUnknown(f"the connection to {target.url} broke ({type(reason).__name__}: {reason}): look at FCB_ODOO_URL")
