"""One value between the wire and the database: JSON as Odoo sends it, columns as we keep them.

Owns: types, rounding, and the errors of an unreadable value. Cells of `load`, which are text, are in `cells`.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import OdooError, value_error
from fcb_pipelines.odoo.sandbox.fields import Field, Model

DATE_FORMAT = "%Y-%m-%d"
DATETIME_FORMAT = "%Y-%m-%d %H:%M:%S"
CENT = 2
_INTEGER_BITS = 31


def kept(env: Env, model: Model, field: Field, value: Any) -> Any:
    """The value as the column keeps it. Raises OdooError for what Odoo cannot read."""
    return _KEEPERS[field.type](env, model, field, value)


def shown(field: Field, value: Any) -> Any:
    """A column's value as JSON shows it; relations are shown by `reading`."""
    if field.type == "boolean":
        return bool(value)
    if field.type == "integer":
        return value or 0
    if field.type in {"float", "monetary"}:
        # Odoo's JSON carries numbers: the shortest text of this float is the decimal we keep.
        return float(value or 0)
    if value is None:
        return False
    if isinstance(value, datetime):
        return value.strftime(DATETIME_FORMAT)
    return value.strftime(DATE_FORMAT) if isinstance(value, date) else value


def checked_text(value: str) -> str:
    """The text, which must not contain what Postgres cannot keep."""
    if "\0" in value:
        raise value_error("A string literal cannot contain NUL (0x00) characters.")
    return value


def rounded(value: Decimal, decimals: int) -> Decimal:
    """Rounded half up, away from zero, as Odoo rounds."""
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def read_number(value: Any) -> Decimal:
    """A number or its text. Raises ValueError."""
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError from None
    if not number.is_finite():
        raise ValueError
    return number


def read_datetime(value: str) -> datetime:
    """A datetime as Odoo writes it (UTC, whole seconds), or a day. Raises ValueError."""
    return datetime.strptime(value, DATETIME_FORMAT if len(value) != len("2026-01-01") else DATE_FORMAT).replace(tzinfo=UTC)


def read_date(value: str) -> date:
    """A day; a datetime's time is dropped. Raises ValueError."""
    return datetime.strptime(value[: len("2026-01-01")], DATE_FORMAT).replace(tzinfo=UTC).date()


def _keep_text(_env: Env, _model: Model, _field: Field, value: Any) -> str | None:
    return None if value is None or value is False else checked_text(str(value))


def _keep_number(env: Env, _model: Model, field: Field, value: Any) -> Decimal:
    try:
        number = read_number(value or 0)
    except ValueError:
        raise value_error(f"could not convert string to float: {value!r}") from None
    digits = env.digits(field)
    return rounded(number, digits[1]) if digits else number


def _keep_money(_env: Env, _model: Model, _field: Field, value: Any) -> Decimal:
    return rounded(read_number(value or 0), CENT)


def _keep_integer(_env: Env, _model: Model, _field: Field, value: Any) -> int:
    try:
        whole = int(value or 0)
    except ValueError as error:
        raise value_error(str(error)) from None
    if whole.bit_length() > _INTEGER_BITS:
        raise OdooError("psycopg2.errors.NumericValueOutOfRange", "integer out of range\n")
    return whole


def _keep_boolean(_env: Env, _model: Model, _field: Field, value: Any) -> bool:
    return bool(value)


def _keep_choice(_env: Env, model: Model, field: Field, value: Any) -> str | None:
    if value is None or value is False or value == "":
        return None
    if value not in dict(field.selection):
        raise value_error(f"Wrong value for {model.name}.{field.name}: {value!r}")
    return str(value)


def _keep_datetime(_env: Env, _model: Model, _field: Field, value: Any) -> datetime | None:
    if isinstance(value, datetime) or not value:
        return value or None
    try:
        return read_datetime(str(value)).replace(tzinfo=None)
    except ValueError as error:
        raise value_error(str(error)) from None


def _keep_date(_env: Env, _model: Model, _field: Field, value: Any) -> date | None:
    if isinstance(value, date) or not value:
        return value or None
    try:
        return read_date(str(value))
    except ValueError as error:
        raise value_error(str(error)) from None


def _keep_link(_env: Env, _model: Model, _field: Field, value: Any) -> int | None:
    return int(value) if value else None


def _keep_links(_env: Env, _model: Model, _field: Field, value: Any) -> list[int]:
    return [int(link) for link in value or ()]


_KEEPERS: Mapping[str, Callable[[Env, Model, Field, Any], Any]] = {
    "char": _keep_text,
    "text": _keep_text,
    "html": _keep_text,
    "integer": _keep_integer,
    "float": _keep_number,
    "monetary": _keep_money,
    "boolean": _keep_boolean,
    "selection": _keep_choice,
    "datetime": _keep_datetime,
    "date": _keep_date,
    "many2one": _keep_link,
    "many2many": _keep_links,
}
