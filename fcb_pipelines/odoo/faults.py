"""What a failed call to Odoo means for whoever asked: refused, rolled back, or unknown.

Owns: the translation of odoorpc's, urllib's and Odoo's own errors into the three of `domain.errors`. Retrying is in `jsonrpc`.
"""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError

from odoorpc.error import InternalError, RPCError

from fcb_pipelines.domain.errors import OutcomeUnknown, Refused, RemoteError, RolledBack

FAULTS = (RPCError, InternalError, OSError, HTTPException, ValueError, KeyError, TypeError, IndexError, AttributeError)
"""All that a call through odoorpc can raise; the last five are its answers to what is not Odoo's protocol."""

SURELY_ROLLED_BACK = frozenset(
    {
        "psycopg2.errors.SerializationFailure",
        "psycopg2.errors.DeadlockDetected",
        "psycopg2.errors.LockNotAvailable",
    }
)
"""The three that Odoo itself tries again five times before it gives up (its service/model.py)."""

MAYBE_COMMITTED = frozenset({"psycopg2.InterfaceError", "psycopg2.OperationalError"})
"""A connection lost at commit cannot be told from one lost before."""

LOST_RACES = ("could not serialize access", "deadlock detected", "could not obtain lock")

HTTP_REDIRECTS = range(300, 400)
HTTP_TOO_MANY = 429
HTTP_CLIENT_ERRORS = range(400, 500)

WRONG_KEY = (
    "Odoo refused our login: look at FCB_ODOO_USER and FCB_ODOO_KEY (an API key may have expired, "
    "and a user with two-factor login needs one)"
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
        return _said_by_odoo(fault, target)
    if isinstance(fault, HTTPError):
        return _said_by_http(fault, target)
    if isinstance(fault, OSError | HTTPException):
        return _said_by_network(fault, target)
    return OutcomeUnknown(f"{target.url} did not answer as Odoo does ({type(fault).__name__}): look at FCB_ODOO_URL")


def _said_by_odoo(fault: RPCError, target: Target) -> RemoteError:
    answer = fault.info["data"] if isinstance(fault.info, Mapping) else {}
    name, text = str(answer.get("name", "")), str(fault)
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


def _said_by_http(fault: HTTPError, target: Target) -> RemoteError:
    where = f"{target.url} answered HTTP {fault.code}"
    with fault:
        location = fault.headers.get("Location", "")
    if fault.code in HTTP_REDIRECTS:
        return Refused(f"{where} and points to {location!r}, which we do not follow: set FCB_ODOO_URL to the final address")
    if fault.code == HTTP_TOO_MANY:
        return RolledBack(f"{where}: too many requests")
    if fault.code in HTTP_CLIENT_ERRORS:
        return Refused(f"{where}: look at FCB_ODOO_URL, and whether Odoo's module `rpc`, which serves /jsonrpc, is installed")
    return OutcomeUnknown(f"{where}: something in or before Odoo failed")


def _said_by_network(fault: OSError | HTTPException, target: Target) -> RemoteError:
    reason: Any = fault.reason if isinstance(fault, URLError) else fault
    if isinstance(reason, ssl.SSLCertVerificationError):
        hint = "for a private authority point SSL_CERT_FILE to its certificate"
        return Refused(f"the certificate of {target.url} is not trusted ({reason.verify_message}): {hint}")
    if isinstance(reason, ConnectionRefusedError | socket.gaierror):
        # The request was never sent, so nothing can have happened.
        return RolledBack(f"{target.url} cannot be reached ({reason.strerror}): look at FCB_ODOO_URL, and whether Odoo runs")
    if isinstance(reason, TimeoutError):
        return OutcomeUnknown(f"{target.url} did not answer in time: look at FCB_ODOO_TIMEOUT_SECONDS; Odoo may still finish")
    return OutcomeUnknown(f"the connection to {target.url} broke ({type(reason).__name__}: {reason}): look at FCB_ODOO_URL")
