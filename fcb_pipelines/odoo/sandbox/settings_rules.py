"""Rules of what an administrator sets up: pricelists and currencies."""

from collections.abc import Sequence

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import user_error
from fcb_pipelines.odoo.sandbox.rules import Rules, Values


class PricelistRules(Rules):
    """A new pricelist is the company's, and in its currency."""

    def fill(self, env: Env, rows: Sequence[Values]) -> None:
        """Completes company and currency."""
        for row in rows:
            row.setdefault("company_id", env.company["id"])
            row.setdefault("currency_id", env.company["currency_id"])


class CurrencyRules(Rules):
    """A currency may be switched on and off, whatever is written in it; but for the company's own."""

    def writing(self, env: Env, ids: Sequence[int], values: Values) -> None:
        """Raises UserError where the company's currency would go."""
        if values.get("active") is False and env.company["currency_id"] in ids:
            raise user_error("This currency is set on a company and therefore cannot be deactivated.")
