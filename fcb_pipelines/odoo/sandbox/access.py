"""Who may do what: the groups of the two users, and which groups each model asks for.

Owns: the table of rights (as installed with 19.0 Community) and the words of a refusal. Record rules are not kept: both users
see everything.
"""

from collections.abc import Mapping

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import access_error

EMPLOYEE = "base.group_user"
SYSTEM = "base.group_system"
RIGHTS = "base.group_erp_manager"
CONTACTS = "base.group_partner_manager"
PRODUCTS = "product.group_product_manager"
SALESMAN = "sales_team.group_sale_salesman"
ALL_LEADS = "sales_team.group_sale_salesman_all_leads"
SALES_ADMIN = "sales_team.group_sale_manager"
INVOICING = "account.group_account_invoice"
ACCOUNTING_ADMIN = "account.group_account_manager"

# As 19.0 names them in a refusal; res.groups shows them with blanks around the slash.
GROUP_NAMES: Mapping[str, str] = {
    EMPLOYEE: "Role / User",
    SYSTEM: "Role / Administrator",
    RIGHTS: "Access Rights",
    CONTACTS: "Contact/Creation",
    PRODUCTS: "Products/Create",
    SALESMAN: "Sales/User: Own Documents Only",
    ALL_LEADS: "Sales/User: All Documents",
    SALES_ADMIN: "Sales/Administrator",
    INVOICING: "Accounting/Invoicing",
    ACCOUNTING_ADMIN: "Accounting/Administrator",
}

_IMPLIED: Mapping[str, tuple[str, ...]] = {
    SALESMAN: (EMPLOYEE,),
    ALL_LEADS: (SALESMAN,),
    SALES_ADMIN: (ALL_LEADS,),
    INVOICING: (EMPLOYEE,),
    ACCOUNTING_ADMIN: (INVOICING,),
    RIGHTS: (EMPLOYEE,),
    SYSTEM: (RIGHTS, CONTACTS, PRODUCTS),
}


def implied(group: str) -> tuple[str, ...]:
    """The groups that a group brings along at once."""
    return _IMPLIED.get(group, ())


def all_implied(group: str) -> set[str]:
    """The groups that a group brings along, itself too, as 19.0 tells them."""
    return {group}.union(*map(all_implied, implied(group)))


IMPORTER_GROUPS = (EMPLOYEE, CONTACTS, PRODUCTS, SALESMAN, ALL_LEADS, INVOICING)
"""The least that an importer needs; deleting orders asks for Sales/Administrator on top."""

ADMIN_GROUPS = tuple(GROUP_NAMES)

READ, WRITE, CREATE, UNLINK = "read", "write", "create", "unlink"
_VERBS = {READ: "access", WRITE: "modify", CREATE: "create", UNLINK: "delete"}
_LETTERS = {"r": READ, "w": WRITE, "c": CREATE, "u": UNLINK}

# Model → group → rights as letters of read, write, create, unlink.
_RIGHTS: Mapping[str, Mapping[str, str]] = {
    "account.fiscal.position": {ACCOUNTING_ADMIN: "rwcu", EMPLOYEE: "r"},
    "account.fiscal.position.tax": {ACCOUNTING_ADMIN: "rwcu", EMPLOYEE: "r"},
    "account.journal": {SALESMAN: "r", INVOICING: "r", ACCOUNTING_ADMIN: "rwcu"},
    "account.move": {SALESMAN: "r", INVOICING: "rwcu", ACCOUNTING_ADMIN: "r"},
    "account.move.line": {SALESMAN: "r", INVOICING: "rwcu", ACCOUNTING_ADMIN: "r"},
    "account.partial.reconcile": {INVOICING: "rwcu"},
    "account.payment": {INVOICING: "rwcu"},
    "account.payment.term": {SALESMAN: "r", ACCOUNTING_ADMIN: "rwcu", EMPLOYEE: "r"},
    "account.tax": {SALESMAN: "r", INVOICING: "r", ACCOUNTING_ADMIN: "rwcu", EMPLOYEE: "r"},
    "account.tax.group": {SALESMAN: "r", INVOICING: "r", ACCOUNTING_ADMIN: "rwcu", EMPLOYEE: "r"},
    "crm.team": {SALESMAN: "r", SALES_ADMIN: "rwcu", EMPLOYEE: "r"},
    "decimal.precision": {SYSTEM: "rw"},
    "ir.model.data": {RIGHTS: "rwcu"},
    "ir.config_parameter": {SYSTEM: "rwcu"},
    "ir.module.module": {SYSTEM: "rwcu", EMPLOYEE: "r"},
    "mail.template": {SYSTEM: "rwcu", EMPLOYEE: "r"},
    "payment.method": {SYSTEM: "rwcu", EMPLOYEE: "r"},
    "payment.provider": {SYSTEM: "rwcu"},
    "payment.token": {SYSTEM: "rwcu", EMPLOYEE: "r"},
    "payment.transaction": {INVOICING: "rwc", SYSTEM: "rwcu"},
    "product.category": {PRODUCTS: "rwcu", EMPLOYEE: "r"},
    "product.pricelist": {SALESMAN: "r", SALES_ADMIN: "rwcu", PRODUCTS: "rwcu", CONTACTS: "r", EMPLOYEE: "r"},
    "product.product": {PRODUCTS: "rwcu", EMPLOYEE: "r"},
    "product.template": {PRODUCTS: "rwcu", EMPLOYEE: "r"},
    "res.company": {RIGHTS: "rwcu", EMPLOYEE: "r"},
    "res.country": {SYSTEM: "rwcu", CONTACTS: "r", EMPLOYEE: "r"},
    "res.country.state": {CONTACTS: "rwcu", EMPLOYEE: "r"},
    "res.currency": {ACCOUNTING_ADMIN: "rwcu", SYSTEM: "rwcu", EMPLOYEE: "r"},
    "res.groups": {RIGHTS: "rwcu", EMPLOYEE: "r"},
    "res.partner": {SALESMAN: "r", SALES_ADMIN: "rwc", ACCOUNTING_ADMIN: "r", CONTACTS: "rwcu", EMPLOYEE: "r"},
    "res.partner.title": {CONTACTS: "rwcu", EMPLOYEE: "r"},
    "res.users": {RIGHTS: "rwcu", EMPLOYEE: "r"},
    "res.users.apikeys": {EMPLOYEE: "r"},
    "sale.order": {SALESMAN: "rwc", SALES_ADMIN: "rwcu", INVOICING: "rw"},
    "sale.order.line": {SALESMAN: "rwcu", INVOICING: "rw"},
    "sale.subscription.plan": {SALESMAN: "r", SALES_ADMIN: "rwcu"},
    "uom.category": {PRODUCTS: "rwcu", SYSTEM: "rwcu", EMPLOYEE: "r"},
    "uom.uom": {SALESMAN: "r", PRODUCTS: "rwcu", SYSTEM: "rwcu", EMPLOYEE: "r"},
}


def may(env: Env, model: str, operation: str) -> bool:
    """Whether the user has the right."""
    return any(group in env.groups for group in _allowed(env, model, operation))


def require(env: Env, model: str, operation: str) -> None:
    """Raises AccessError, in Odoo's words, without the right."""
    if not may(env, model, operation):
        raise access_error(_refusal(env, model, operation))


def _allowed(env: Env, model: str, operation: str) -> list[str]:
    rights = env.edition.rights.get(model, _RIGHTS.get(model, {}))
    return [group for group, letters in rights.items() if any(_LETTERS[letter] == operation for letter in letters)]


def _refusal(env: Env, model: str, operation: str) -> str:
    label = env.model(model).label
    names = sorted(env.edition.group_names[group] for group in _allowed(env, model, operation))
    listed = "\n".join(f"\t- {name}" for name in names)
    groups = (
        f"This operation is allowed for the following groups:\n{listed}"
        if names
        else "No group currently allows this operation."
    )
    return (
        f"You are not allowed to {_VERBS[operation]} '{label}' ({model}) records.\n\n"
        f"{groups}\n\nContact your administrator to request access if necessary."
    )
