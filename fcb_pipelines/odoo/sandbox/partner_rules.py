"""Rules of res.partner: a contact has a name, and its e-mail address is normalized."""

from collections.abc import Sequence
from email.utils import getaddresses
from typing import Any

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import ConstraintError, user_error
from fcb_pipelines.odoo.sandbox.external_ids import forget
from fcb_pipelines.odoo.sandbox.rules import Rules, Values


class PartnerRules(Rules):
    """A name for every contact; addresses of a company may go without."""

    def fill(self, env: Env, rows: Sequence[Values]) -> None:
        """Normalizes e-mail addresses. Raises ConstraintError for a contact without a name."""
        for row in rows:
            _complete(row)
            if row.get("name") is None and row.get("type", "contact") == "contact":
                raise _nameless(env)

    def writing(self, env: Env, ids: Sequence[int], values: Values) -> None:
        """Normalizes a changed e-mail address."""
        _complete(values)

    def unlinking(self, env: Env, ids: Sequence[int]) -> Sequence[int]:
        """Raises UserError for a customer with invoices that are not cancelled."""
        query = "SELECT FROM account_move WHERE partner_id = ANY(%s) AND state <> 'cancel'"
        if env.conn.execute(query, [list(ids)]).rowcount:
            raise user_error("The partner cannot be deleted because it is used in Accounting")
        return ()

    def written(self, env: Env, ids: Sequence[int], values: Values) -> None:
        """Raises ConstraintError if a contact has lost its name."""
        query = "SELECT FROM res_partner WHERE id = ANY(%s) AND type = 'contact' AND name IS NULL"
        if env.conn.execute(query, [list(ids)]).rowcount:
            raise _nameless(env)


class OrderTakingPartnerRules(PartnerRules):
    """As 18.0 has it: a partner that is deleted takes its draft and cancelled orders along, whoever made them."""

    def unlinking(self, env: Env, ids: Sequence[int]) -> Sequence[int]:
        """Deletes those orders, without asking whether the user might."""
        super().unlinking(env, ids)
        taken = env.conn.execute(_TAKEN_ALONG, {"ids": list(ids)}).fetchall()
        forget(env, env.model("sale.order"), [row["id"] for row in taken])
        return ()


_TAKEN_ALONG = """
    DELETE FROM sale_order o
     WHERE o.state IN ('draft', 'cancel')
       AND (o.partner_id = ANY(%(ids)s) OR o.partner_invoice_id = ANY(%(ids)s) OR o.partner_shipping_id = ANY(%(ids)s))
 RETURNING o.id
"""


def normalized_email(email: Any) -> str | None:
    """The first address in lower case, as Odoo matches it; None where there is none."""
    addresses = [address for _, address in getaddresses([email or ""])]
    return next((address.lower() for address in addresses if _is_address(address)), None)


def _is_address(address: str) -> bool:
    local, at, domain = address.rpartition("@")
    return bool(local and at and domain) and not any(character.isspace() for character in address)


def _complete(values: Values) -> None:
    if "email" in values:
        values["email_normalized"] = normalized_email(values["email"])
    if "company_type" in values:
        values["is_company"] = values["company_type"] == "company"
    if "property_product_pricelist" in values:
        values["specific_property_product_pricelist"] = values["property_product_pricelist"]


def _nameless(env: Env) -> ConstraintError:
    return env.edition.wording.broken("Contacts require a name")
