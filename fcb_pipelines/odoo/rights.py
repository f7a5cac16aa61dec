"""Rights: what each of our acts needs in Odoo, what our user lacks of it, and which of its groups are needless.

Owns: the table of acts, models and groups (measured on 18.0 and 19.0 Community; docs/odoo/rights.md). Does not own: giving or
taking a group, which is an administrator's.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.domain.findings import Finding, error, ok, warning
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import OdooEdition

USERS, GROUPS = "res.users", "res.groups"
EMPLOYEE = "base.group_user"
CONTACTS = "base.group_partner_manager"
PRODUCTS = "product.group_product_manager"
ALL_ORDERS = "sales_team.group_sale_salesman_all_leads"
SALES_ADMIN = "sales_team.group_sale_manager"
INVOICING = "account.group_account_invoice"
ACCOUNTING_ADMIN = "account.group_account_manager"
ACCESS_RIGHTS = "base.group_erp_manager"
SETTINGS = "base.group_system"


May = Callable[[str, str], bool]
"""Whether our user has a right: model, operation."""


class Act(StrEnum):
    """What we do in Odoo."""

    IMPORT = "import"
    PRUNE = "prune"
    DRAFT_INVOICES = "draft invoices"
    SOURCE_INVOICES = "source invoices"
    FLIP = "flip"
    FIX = "doctor --fix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """What an act does to a model, and the least group that may."""

    model: str
    operations: tuple[str, ...]
    group: str


def _right(model: str, letters: str, group: str) -> Right:
    names = {"r": "read", "c": "create", "w": "write", "u": "unlink"}
    return Right(model=model, operations=tuple(names[letter] for letter in letters), group=group)


_DRAFTS = (
    _right("account.move", "rcwu", INVOICING),
    _right("account.move.line", "rcwu", INVOICING),
    _right("account.journal", "r", INVOICING),
    _right("account.payment.term", "r", EMPLOYEE),
)

NEEDS: Mapping[Act, tuple[Right, ...]] = {
    Act.IMPORT: (
        _right("res.partner", "rcw", CONTACTS),
        _right("product.template", "rcw", PRODUCTS),
        _right("product.product", "r", EMPLOYEE),
        _right("sale.order", "rcw", ALL_ORDERS),
        _right("sale.order.line", "rcw", ALL_ORDERS),
        _right("account.move", "r", ALL_ORDERS),
        _right("product.pricelist", "r", EMPLOYEE),
        _right("account.tax", "r", EMPLOYEE),
        _right("account.fiscal.position", "r", EMPLOYEE),
        _right("payment.token", "r", EMPLOYEE),
        _right("res.company", "r", EMPLOYEE),
        _right("res.country", "r", EMPLOYEE),
        _right("res.country.state", "r", EMPLOYEE),
    ),
    Act.PRUNE: (
        _right("sale.order", "u", SALES_ADMIN),
        _right("product.template", "u", PRODUCTS),
        _right("res.partner", "u", CONTACTS),
        _right("account.move.line", "r", ALL_ORDERS),
    ),
    Act.DRAFT_INVOICES: _DRAFTS,
    Act.SOURCE_INVOICES: _DRAFTS,
    Act.FLIP: (
        _right("sale.order", "rw", ALL_ORDERS),
        _right("sale.order.line", "r", ALL_ORDERS),
        _right("account.move", "rcw", INVOICING),
        _right("account.move.line", "rcw", INVOICING),
        _right("account.partial.reconcile", "rc", INVOICING),
        _right("account.payment", "r", INVOICING),
        # Any employee may read the model; whose tokens one sees is a rule of the group.
        _right("payment.token", "r", ALL_ORDERS),
        _right("payment.transaction", "r", INVOICING),
    ),
    Act.FIX: (
        _right("decimal.precision", "rw", SETTINGS),
        _right("res.currency", "w", SETTINGS),
        _right("product.pricelist", "c", PRODUCTS),
        _right("res.company", "w", ACCESS_RIGHTS),
    ),
}

_LABELS = {
    EMPLOYEE: "Internal User",
    CONTACTS: "Contact / Creation",
    PRODUCTS: "Products / Create",
    ALL_ORDERS: "Sales / User: All Documents",
    SALES_ADMIN: "Sales / Administrator",
    INVOICING: "Invoicing / Invoicing",
}
"""Names of groups where our user may not read them; 18 and 19 call some otherwise."""

_TOO_MUCH = {
    SETTINGS: "it may change every setting and every user",
    ACCESS_RIGHTS: "it may give rights to anybody, itself too",
    ACCOUNTING_ADMIN: "it may change taxes, accounts and lock dates",
    SALES_ADMIN: "it may delete orders, which only `fcb prune` does (without it, prune names those that stay)",
    INVOICING: "it may post invoices, while FCB_ODOO_DRAFT_INVOICES and FCB_ODOO_SOURCE_INVOICES are off and none is flipped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The groups of our user, and what each group brings along."""

    given: frozenset[int]
    """Those that somebody gave it."""
    all: frozenset[int]
    """With those that they bring along."""
    brings: Mapping[int, frozenset[int]]
    """Group → all that it brings along, itself too."""
    names: Mapping[int, str]
    ids: Mapping[str, int]
    """By external id."""

    def with_all(self, groups: Iterable[int]) -> frozenset[int]:
        """Groups and all that they bring along."""
        return frozenset(each for group in groups for each in self.brings.get(group, {group}))

    def name(self, group: str) -> str:
        """What Odoo calls a group."""
        return self.names.get(self.ids.get(group, 0), _LABELS.get(group, group))


def check(odoo: Odoo, edition: OdooEdition, acts: Collection[Act]) -> Iterator[Finding]:
    """Every right that these acts need, whether our user has it; then each of its groups that none of them needs."""
    needed = {EMPLOYEE, *(right.group for act in acts for right in NEEDS[act])}
    held = _held(odoo, edition, needed)

    def may(model: str, operation: str) -> bool:
        return edition.may(odoo, model, operation)

    for model, rights in _by_model(acts).items():
        yield _model_finding(may, held, model, rights)
    yield _orders_of_others(held)
    if Act.PRUNE not in acts:
        yield _prune(may)
    yield from _needless(held, needed)


def lacking(odoo: Odoo, edition: OdooEdition, act: Act) -> dict[str, str]:
    """Model → what our user may not do to it and which group may, for what an act needs and our user lacks."""
    missing = [
        (right, operations)
        for right in NEEDS[act]
        if (operations := [each for each in right.operations if not edition.may(odoo, right.model, each)])
    ]
    if not missing:
        return {}
    held = _held(odoo, edition, {right.group for right, _ in missing})
    return {right.model: _lacks(operations, [held.name(right.group)]) for right, operations in missing}


def _lacks(operations: Iterable[str], groups: Iterable[str]) -> str:
    return f"our user may not {', '.join(operations)}: give it the group {' and '.join(map(repr, groups))}"


def _by_model(acts: Collection[Act]) -> dict[str, list[Right]]:
    found: dict[str, list[Right]] = {}
    for act in acts:
        for right in NEEDS[act]:
            found.setdefault(right.model, []).append(right)
    return found


def _model_finding(may: May, held: Held, model: str, rights: Collection[Right]) -> Finding:
    about = f"Odoo rights on {model}"
    groups = {operation: right.group for right in rights for operation in right.operations}
    missing = [operation for operation in groups if not may(model, operation)]
    if not missing:
        return ok(about, ", ".join(groups))
    names = sorted({held.name(groups[operation]) for operation in missing})
    return error(about, _lacks(missing, names))


def _orders_of_others(held: Held) -> Finding:
    """Without this group an order whose partner has a salesperson is hidden from us, and cannot be changed."""
    about = "Odoo orders of other salespersons"
    if held.ids.get(ALL_ORDERS) in held.all:
        return ok(about, "our user sees them")
    return error(about, f"our user sees only its own orders: give it the group {held.name(ALL_ORDERS)!r}")


def _prune(may: May) -> Finding:
    if may("sale.order", "unlink"):
        return ok("Odoo rights for prune", "our user may delete draft orders")
    return ok(
        "Odoo rights for prune", "our user may not delete draft orders: fcb prune names those that an administrator deletes"
    )


def _held(odoo: Odoo, edition: OdooEdition, needed: Set[str]) -> Held:
    given = edition.user_groups
    # 18 keeps what a group brings along among those given.
    everything = "all_group_ids" if "all_group_ids" in odoo.fields(USERS) else given
    (user,) = odoo.search_read(USERS, [("id", "=", odoo.user_id())], [given, everything])
    has = sorted({*user[given], *user[everything]})
    ids = {xid: int(group) for group, xid in odoo.call(GROUPS, "get_external_id", has).items() if xid}
    ids |= _lacking(odoo, needed - ids.keys())
    brings, names = _groups(odoo, {*has, *ids.values()})
    return Held(
        given=frozenset(user[given]),
        all=frozenset(user[everything]),
        brings=brings,
        names=names,
        ids=ids,
    )


def _lacking(odoo: Odoo, groups: Collection[str]) -> dict[str, int]:
    """Where groups are that our user does not have, so that they can be named as this Odoo does."""
    found: dict[str, int] = {}
    for group in sorted(groups):
        # One that is not there, or that our user may not see, keeps the name that we know it by.
        with suppress(Refused):
            found[group] = int(odoo.call("ir.model.data", "check_object_reference", *group.split("."))[1])
    return found


def _groups(odoo: Odoo, ids: Collection[int]) -> tuple[dict[int, frozenset[int]], dict[int, str]]:
    """What groups bring along, and their names; only themselves where our user may not read them."""
    try:
        fields = odoo.fields(GROUPS)
        along = "all_implied_ids" if "all_implied_ids" in fields else "trans_implied_ids"
        rows = odoo.search_read(GROUPS, [("id", "in", list(ids))], ["full_name", along])
    except Refused:
        return {}, {}
    return {row["id"]: frozenset({row["id"], *row[along]}) for row in rows}, {row["id"]: row["full_name"] for row in rows}


def _needless(held: Held, needed: Collection[str]) -> Iterator[Finding]:
    """Each group beyond those needed, and only the topmost of those that bring others along."""
    enough = held.with_all(held.ids[group] for group in needed if group in held.ids)
    extra = held.all - enough
    xids = {group: xid for xid, group in held.ids.items()}
    left = held.with_all(held.given - extra)
    lost = {held.ids[name] for name in needed if name in held.ids} - left
    for group in _topmost(held, extra):
        why = _TOO_MUCH.get(xids.get(group, ""), "none of our acts needs it")
        instead = _topmost(held, lost & held.brings.get(group, frozenset()))
        give = f", and give {' and '.join(repr(held.names[each]) for each in instead)} instead" if instead else ""
        name = held.names.get(group) or xids.get(group, str(group))
        yield warning(f"Odoo group {name}", f"needless: {why}: take it away from our user{give}")


def _topmost(held: Held, groups: Collection[int]) -> list[int]:
    """Those that no other of them brings along."""
    below = {each for group in groups for each in held.brings.get(group, {group}) - {group}}
    return sorted(set(groups) - below)
