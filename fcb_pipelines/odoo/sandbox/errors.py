"""What the sandbox answers when it says no: Odoo's error names and texts, as measured on 19.0.

Owns: the words. Who raises them is in the module of each rule.
"""

from collections.abc import Sequence


class OdooError(Exception):
    """An error that goes to the client as `error.data.name` and `error.data.message`, with HTTP 200."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


class ConstraintError(OdooError):
    """A rule of the database: `load` shows the bare text, every other call puts a sentence in front."""

    def __init__(self, text: str, *, model: str | None = None, field: str | None = None) -> None:
        super().__init__("odoo.exceptions.ValidationError", f"The operation cannot be completed: {text}")
        self.text = text
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


def missing_value(model: str, model_label: str, field: str, field_label: str) -> ConstraintError:
    """A required field without a value."""
    return ConstraintError(missing_value_text(f"'{model_label}' ({model})", field, field_label), model=model, field=field)


def missing_value_text(model: str, field: str, field_label: str) -> str:
    """The text of `missing_value`; `load` names no model when the field is a sub-record's."""
    return (
        f"Missing required value for the field '{field_label}' ({field}).\n"
        f"Model: {model}\n"
        "- create/update: a mandatory field is not set\n"
        "- delete: another model requires the record being deleted, you can archive it instead\n"
    )


def still_used(model: str, model_label: str, field: str, field_label: str) -> ConstraintError:
    """A record that others point to, or (misleadingly, as in Odoo) a link to a record that is not there."""
    text = (
        "Another model is using the record you are trying to delete.\n\n"
        f"The troublemaker is: '{model_label}' ({model})\n"
        f"Thanks to the following constraint: '{field_label}' ({field})\n"
        "How about archiving the record instead?"
    )
    return ConstraintError(text, model=model, field=field)


def no_database(name: str) -> OdooError:
    """The client asked for a database that this server does not serve."""
    text = f'connection to server at "127.0.0.1" failed: FATAL:  database "{name}" does not exist\n'
    return OdooError("psycopg2.OperationalError", text)
