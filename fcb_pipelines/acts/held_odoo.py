"""The port to Odoo as a run of a flip uses it: before each call that may change something it asks whether the run still may.

Owns: which calls those are. Does not own: what is asked (flip_run), the calls themselves (odoo.client).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fcb_pipelines.odoo.client import Domain, Loaded, Odoo, Row, ServerVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOdoo:
    """A step makes several calls, and a run may be overtaken between any two: no more than the one under way comes too late."""

    odoo: Odoo
    require_held: Callable[[], None]
    """Raises where another run may have gone on."""

    def version(self) -> ServerVersion:
        """Read only."""
        return self.odoo.version()

    def user_id(self) -> int:
        """Read only."""
        return self.odoo.user_id()

    def search_read(self, model: str, domain: Domain, fields: Sequence[str], *, limit: int = 0) -> list[dict[str, Any]]:
        """Read only."""
        return self.odoo.search_read(model, domain, fields, limit=limit)

    def fields(self, model: str) -> Mapping[str, Row]:
        """Read only."""
        return self.odoo.fields(model)

    def load(self, model: str, fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> Loaded:
        """Ask first."""
        self.require_held()
        return self.odoo.load(model, fields, rows)

    def write(self, model: str, ids: Sequence[int], values: Row) -> None:
        """Ask first."""
        self.require_held()
        self.odoo.write(model, ids, values)

    def unlink(self, model: str, ids: Sequence[int]) -> None:
        """Ask first."""
        self.require_held()
        self.odoo.unlink(model, ids)

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """Ask first, whatever the method is."""
        self.require_held()
        return self.odoo.call(model, method, *args, **kwargs)
