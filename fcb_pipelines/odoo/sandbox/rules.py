"""What a model may do beyond keeping values: the hooks that creating, writing and deleting call.

Owns: the hooks, which do nothing here. The rules themselves are in `partner_rules`, `product_rules` and `sale_rules`.
"""

from collections.abc import Sequence
from typing import Any

from fcb_pipelines.odoo.sandbox.env import Env

Values = dict[str, Any]
"""Field name → value as the column keeps it."""


class Rules:
    """The rules of a model without rules."""

    def fill(self, env: Env, rows: Sequence[Values]) -> None:
        """Complete new records in place; a field that is present was given by the caller."""

    def created(self, env: Env, ids: Sequence[int], rows: Sequence[Values]) -> None:
        """Follow up on new records, which are in the tables by now."""

    def touching(self, env: Env, ids: Sequence[int], names: Sequence[str]) -> None:
        """Refuse a change by the fields it names, those of lines too, before anything is done."""

    def writing(self, env: Env, ids: Sequence[int], values: Values) -> None:
        """Refuse or complete a change in place, before it is made."""

    def written(self, env: Env, ids: Sequence[int], values: Values) -> None:
        """Follow up on a change."""

    def unlinking(self, env: Env, ids: Sequence[int]) -> Sequence[int]:
        """Refuse a deletion, or name the records to follow up on."""
        del env, ids
        return ()

    def unlinked(self, env: Env, touched: Sequence[int]) -> None:
        """Follow up on a deletion."""


NO_RULES = Rules()
