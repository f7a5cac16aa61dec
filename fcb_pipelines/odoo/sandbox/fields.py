"""The vocabulary in which the sandbox's models are declared.

Owns: `Model`, `Field` and a short builder per type. The declarations are in `models/`; tables are made in `schema`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PRODUCT_UNIT = "Product Unit"
PRODUCT_PRICE = "Product Price"
DISCOUNT = "Discount"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. `expression` is SQL over the row `r`, for what is read but not kept.

    `precision` names a row of decimal.precision, `digits` fixes the scale; neither keeps every decimal.
    `on_delete` is what happens to this record when the one it points to goes: set null, restrict or cascade.
    """

    name: str
    type: str
    label: str
    required: bool = False
    readonly: bool = False
    precision: str | None = None
    digits: tuple[int, int] | None = None
    relation: str | None = None
    inverse: str | None = None
    on_delete: str = "set null"
    selection: tuple[tuple[str, str], ...] = ()
    default: Any = None
    expression: str | None = None
    through: str | None = None
    is_checked_by_database: bool = False
    domain: tuple[tuple[str, str, Any], ...] = ()
    """Which of the records that point here a one2many shows; all where it is empty."""
    kept_as: str = ""
    """The column, where an edition calls the field otherwise than its table does."""

    @property
    def column(self) -> str:
        """What the table, and the rules, call it, whatever the edition does."""
        return self.kept_as or self.name

    @property
    def is_column(self) -> bool:
        """Whether the model's own table keeps it."""
        return self.expression is None and self.type != "one2many"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model. `display` is SQL over `r` for display_name; `found_by` are the fields a name is looked up in.

    `unique` lists the columns no two records may share. `hidden` are fields that rules need and this edition does not show.
    """

    name: str
    label: str
    fields: Mapping[str, Field]
    order: str = "id"
    display: str = "r.name"
    found_by: tuple[str, ...] = ("name",)
    unique: tuple[str, ...] = ()
    is_kept_read_only: bool = False
    hidden: tuple[Field, ...] = ()
    by_column: Mapping[str, Field] = field(init=False, repr=False)
    """Column → field, shown or hidden; a field without a column goes by its name."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_column", {entry.column: entry for entry in (*self.fields.values(), *self.hidden)})

    @property
    def table(self) -> str:
        """The table that keeps it."""
        return self.name.replace(".", "_")

    @property
    def columns(self) -> tuple[Field, ...]:
        """The fields of its own table, without id."""
        return tuple(entry for entry in self.by_column.values() if entry.is_column and entry.name != "id")


def model(name: str, label: str, *fields: Field, **options: Any) -> Model:
    """A model with the fields every model has: id, display_name and who wrote when."""
    display = options.get("display", "r.name")
    common = (
        Field(name="id", type="integer", label="ID", readonly=True),
        Field(name="display_name", type="char", label="Display Name", readonly=True, expression=display),
    )
    written = (
        many2one("create_uid", "Created by", "res.users", readonly=True),
        Field(name="create_date", type="datetime", label="Created on", readonly=True),
        many2one("write_uid", "Last Updated by", "res.users", readonly=True),
        Field(name="write_date", type="datetime", label="Last Updated on", readonly=True),
    )
    every = (*common, *fields, *written)
    return Model(name=name, label=label, fields={entry.name: entry for entry in every}, **options)


def char(name: str, label: str, **options: Any) -> Field:
    """A line of text."""
    return Field(name=name, type="char", label=label, **options)


def text(name: str, label: str, **options: Any) -> Field:
    """Text of several lines."""
    return Field(name=name, type="text", label=label, **options)


def html(name: str, label: str) -> Field:
    """Text that Odoo keeps as HTML; the sandbox keeps it as given."""
    return Field(name=name, type="html", label=label)


def integer(name: str, label: str, **options: Any) -> Field:
    """A whole number of 32 bits."""
    return Field(name=name, type="integer", label=label, **{"default": 0, **options})


def number(name: str, label: str, **options: Any) -> Field:
    """A decimal number (`float` in Odoo, numeric here)."""
    return Field(name=name, type="float", label=label, **{"default": 0, **options})


def monetary(name: str, label: str, **options: Any) -> Field:
    """An amount of money, of two decimals, which others compute."""
    return Field(name=name, type="monetary", label=label, **{"readonly": True, "default": 0, **options})


def boolean(name: str, label: str, **options: Any) -> Field:
    """Yes or no."""
    return Field(name=name, type="boolean", label=label, **{"default": False, **options})


def date(name: str, label: str, **options: Any) -> Field:
    """A day."""
    return Field(name=name, type="date", label=label, **options)


def datetime_(name: str, label: str, **options: Any) -> Field:
    """A second in UTC."""
    return Field(name=name, type="datetime", label=label, **options)


def selection(name: str, label: str, choices: Mapping[str, str], **options: Any) -> Field:
    """One of some keys; each has a label."""
    return Field(name=name, type="selection", label=label, selection=tuple(choices.items()), **options)


def many2one(name: str, label: str, relation: str, **options: Any) -> Field:
    """A link to one record; a required one keeps its target from being deleted."""
    on_delete = "restrict" if options.get("required") else "set null"
    return Field(name=name, type="many2one", label=label, relation=relation, **{"on_delete": on_delete, **options})


def many2many(name: str, label: str, relation: str, **options: Any) -> Field:
    """Links to records, kept as an array of ids."""
    return Field(name=name, type="many2many", label=label, relation=relation, **options)


def one2many(name: str, label: str, relation: str, inverse: str, **options: Any) -> Field:
    """The records whose `inverse` points here."""
    return Field(name=name, type="one2many", label=label, relation=relation, inverse=inverse, **options)


def delegated(entry: Field, through: str, table: str) -> Field:
    """A field of the record that `through` points to, shown and written as if it were here."""
    expression = f"(SELECT t.{entry.column} FROM {table} t WHERE t.id = r.{through})"  # noqa: S608 (names of ours)
    options = {name: getattr(entry, name) for name in Field.__slots__}
    return Field(**{**options, "expression": expression, "through": through})
