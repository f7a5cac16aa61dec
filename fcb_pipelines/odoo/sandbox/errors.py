"""What the sandbox answers when it says no: Odoo's error names and texts, as measured on 18.0 and 19.0.

Owns: the words that both share. Those that differ are in `wording`; who raises them is in the module of each rule.
"""

from collections.abc import Sequence
from typing import Any


class OdooError(Exception):
    """An error that goes to the client by its name and message: in an envelope with HTTP 200, or over JSON-2 with a status."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


def told(error: OdooError) -> dict[str, Any]:
    """What a client is told of an error."""
    return {
        "name": error.name,
        "message": error.message,
        "arguments": [error.message],
        "context": {},
        "debug": f"{error.name}: {error.message}\n",
    }


class ConstraintError(OdooError):
    """A rule of the database; `load` tells it in a text of its own. The sentences are in `wording`."""

    def __init__(self, message: str, in_load: str, *, model: str | None = None, field: str | None = None) -> None:
        super().__init__("odoo.exceptions.ValidationError", message)
        self.in_load = in_load
        self.model = model
        self.field = field


def user_error(message: str) -> OdooError:
    """A rule of the business says no."""
    return OdooError("odoo.exceptions.UserError", message)


def access_error(message: str) -> OdooError:
    """The user lacks a right."""
    return OdooError("odoo.exceptions.AccessError", message)


def access_denied() -> OdooError:
    """The key is not the user's."""
    return OdooError("odoo.exceptions.AccessDenied", "Access Denied")


def not_found(message: str) -> OdooError:
    """Over JSON-2: no such model or method."""
    return OdooError("werkzeug.exceptions.NotFound", message)


def unprocessable(message: str) -> OdooError:
    """Over JSON-2: arguments that the method does not take."""
    return OdooError("werkzeug.exceptions.UnprocessableEntity", message)


def value_error(message: str) -> OdooError:
    """A value, field or domain that Odoo cannot read."""
    return OdooError("builtins.ValueError", message)


def type_error(message: str) -> OdooError:
    """Wrong arguments."""
    return OdooError("builtins.TypeError", message)


def missing_error(model: str, record_ids: Sequence[int], user_id: int) -> OdooError:
    """A record that is not there, or no more."""
    ids = ", ".join(str(record_id) for record_id in record_ids) + ("," if len(record_ids) == 1 else "")
    text = f"Record does not exist or has been deleted.\n(Record: {model}({ids}), User: {user_id})"
    return OdooError("odoo.exceptions.MissingError", text)


def no_database(name: str) -> OdooError:
    """The client asked for a database that this server does not serve."""
    text = f'connection to server at "127.0.0.1" failed: FATAL:  database "{name}" does not exist\n'
    return OdooError("psycopg2.OperationalError", text)
