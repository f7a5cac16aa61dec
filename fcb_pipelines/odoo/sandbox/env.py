"""What one call knows: the edition, the connection, who asks, when, and with which context."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fcb_pipelines.odoo.sandbox.chart import TaxEntry
from fcb_pipelines.odoo.sandbox.connections import Connection
from fcb_pipelines.odoo.sandbox.errors import user_error
from fcb_pipelines.odoo.sandbox.fields import Field, Model
from fcb_pipelines.odoo.sandbox.wording import Wording

if TYPE_CHECKING:
    from fcb_pipelines.odoo.sandbox.rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """Which Odoo the sandbox presents itself as: data only, so that another version is another value."""

    version: str
    version_parts: tuple[Any, ...]
    models: Mapping[str, Model]
    rules: Mapping[str, "Rules"]
    modules: tuple[str, ...]
    wording: Wording
    group_names: Mapping[str, str]
    """External id of a group → its name, as a refusal tells it."""
    precisions: Mapping[str, tuple[str, int]]
    """Name of a precision → its external id, and its digits as installed."""
    rounding_method: str
    """Of the company, as installed: `round_per_line` or `round_globally`."""
    taxes: tuple[TaxEntry, ...]
    """Sales taxes of the Canadian chart."""
    rights: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Rights on models where they differ from 19.0's, as `access` writes them."""
    compares_whole_seconds: bool = True
    """Whether a domain compares moments without their microseconds."""
    asks_before_cancelling: bool = False
    """Whether an order that is no draft is only cancelled where the context says not to ask."""
    follows_confirmed_orders: bool = False
    """Whether the customer of an order follows it from its confirmation on."""
    undoes_matches: bool = False
    """Whether an invoice that becomes a draft again is no longer matched with what paid it."""
    first_records: Mapping[str, Sequence[tuple[str | None, Mapping[str, Any]]]] = field(default_factory=dict)
    """Further records of an installation by model, each with its external id, if it has one."""
    completed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """External id → further columns of a record that every edition installs."""

    def rules_of(self, model: Model) -> "Rules":
        """What the model does beyond keeping values."""
        return self.rules[model.name]


@dataclass(frozen=True, kw_only=True)
class Env:
    """One call. `now` is the moment its transaction began: every row it writes is stamped with it."""

    conn: Connection
    edition: Edition
    user_id: int
    groups: frozenset[str]
    context: Mapping[str, Any]
    now: datetime

    def model(self, name: str) -> Model:
        """The model of that name. Raises UserError."""
        found = self.edition.models.get(name)
        if found is None:
            raise user_error(f"Object {name} doesn't exist")
        return found

    def related(self, field: Field) -> Model:
        """The model that a relational field points to."""
        return self.edition.models[str(field.relation)]

    @property
    def sees_archived(self) -> bool:
        """Whether the context switches active_test off."""
        return not self.context.get("active_test", True)

    @cached_property
    def precisions(self) -> Mapping[str, int]:
        """Decimals by usage, as they are now: a change over RPC works at once."""
        return {row["name"]: row["digits"] for row in self.conn.execute("SELECT name, digits FROM decimal_precision")}

    @cached_property
    def company(self) -> Mapping[str, Any]:
        """The one company."""
        row = self.conn.execute("SELECT * FROM res_company ORDER BY id LIMIT 1").fetchone()
        return row or {}

    def digits(self, field: Field) -> tuple[int, int] | None:
        """Width and decimals of a number, or None where every decimal is kept."""
        return (16, self.precisions[field.precision]) if field.precision else field.digits
