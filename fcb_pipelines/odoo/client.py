"""The port to Odoo: the few things we ask of it, always in batches.

Owns: the port's types and its errors. How it is reached is in `transport`; what our records are in Odoo is in
`partners`, `plans` and `subscriptions`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Row = Mapping[str, Any]
"""Field name → value as Odoo's RPC reads and writes it (many2one: `[id, name]` when read)."""

Domain = Sequence[Any]
"""An Odoo search domain, such as `[("state", "=", "draft")]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadMessage:
    """Why `load` refused a record. `record` is its index in the call; -1 where Odoo does not tell."""

    record: int
    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Outcome of `load`: ids in row order, or messages. Odoo rolls the whole call back if one row is bad."""

    ids: tuple[int, ...]
    messages: tuple[LoadMessage, ...]

    @property
    def is_rolled_back(self) -> bool:
        """Whether nothing of the call was kept."""
        return bool(self.messages) and not self.ids


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerVersion:
    """What the server says it is, such as `19.0` and 19."""

    text: str
    major: int
    is_enterprise: bool


class Odoo(Protocol):
    """The few things we ask of Odoo, always in batches; archived records are included in every search.

    Raises `Refused` (never retry), `RolledBack` (retry), `OutcomeUnknown` (retry only what is idempotent), and
    `RuleViolation` where no slot came free.
    Writes run with mail tracking off, so that an import sends and logs nothing. Two threads may ask at once.
    """

    def version(self) -> ServerVersion:
        """Ask the server what it is; works before login."""

    def user_id(self) -> int:
        """Log in if needed and answer the id of our user."""

    def search_read(self, model: str, domain: Domain, fields: Sequence[str], *, limit: int = 0) -> list[dict[str, Any]]:
        """Read the records that match, ordered by id; `limit` 0 reads all."""

    def fields(self, model: str) -> Mapping[str, Row]:
        """Field name → its `type`, `required`, `relation`, `digits`, as far as our user may see them."""

    def load(self, model: str, fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> Loaded:
        """Create or update by external id, in one server transaction. An empty cell clears the field."""

    def write(self, model: str, ids: Sequence[int], values: Row) -> None:
        """Set the same values on all ids, in one server transaction."""

    def unlink(self, model: str, ids: Sequence[int]) -> None:
        """Delete records; Odoo refuses those in use, and those that are gone."""

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call any other public method; for the few that have no better name here."""
