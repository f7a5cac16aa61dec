"""Rights against each Odoo: the least user lacks nothing and has nothing needless, and whoever lacks a group is told which."""

import re
import secrets
from collections.abc import Callable, Collection, Iterator

import pytest

from fcb_pipelines.domain.findings import Finding, Level
from fcb_pipelines.odoo import rights
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import detect
from fcb_pipelines.odoo.rights import ALL_ORDERS, CONTACTS, EMPLOYEE, INVOICING, PRODUCTS, SALES_ADMIN, SETTINGS, Act
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines_tests.acceptance.project import ROOT
from fcb_pipelines_tests.odoo.conftest import DATABASE, Login

DOCUMENTED = ROOT / "docs" / "odoo" / "rights.md"
LEAST = (EMPLOYEE, CONTACTS, PRODUCTS, ALL_ORDERS)
DRAFTING = (Act.IMPORT, Act.DRAFT_INVOICES)
GROUP = "Odoo group "

UserOf = Callable[[Collection[str]], Odoo]


@pytest.fixture
def user_of(request: pytest.FixtureRequest, login: Login) -> Iterator[UserOf]:
    """Users who have certain groups and what those bring along: of a sandbox of its own, or made and removed afterwards."""
    if login.database == DATABASE:
        yield request.getfixturevalue("server").having
        return
    admin, made = login.odoo(), list[int]()
    field = detect(admin).user_groups

    def make(groups: Collection[str]) -> Odoo:
        name, password = f"t{secrets.token_hex(5)}", secrets.token_hex(12)
        ids = [admin.call("ir.model.data", "check_object_reference", *group.split("."))[1] for group in groups]
        values = {"name": name, "login": name, "password": password, field: [(6, 0, ids)]}
        made.extend(admin.call("res.users", "create", [values]))
        return connect(login.url, login.database, name, password, transport="jsonrpc")

    yield make
    partners = admin.search_read("res.users", [("id", "in", made)], ["partner_id"])
    admin.unlink("res.users", made)
    admin.unlink("res.partner", [row["partner_id"][0] for row in partners])


def found(odoo: Odoo, *acts: Act) -> dict[str, Finding]:
    return {one.about: one for one in rights.check(odoo, detect(odoo), acts or (Act.IMPORT,))}


def missing(findings: dict[str, Finding]) -> set[str]:
    return {about for about, one in findings.items() if one.level is Level.ERROR}


def needless(findings: dict[str, Finding]) -> set[str]:
    return {about.removeprefix(GROUP) for about, one in findings.items() if one.level is Level.WARNING}


def test_the_least_user_lacks_nothing_and_has_nothing_needless(user_of: UserOf) -> None:
    findings = found(user_of(LEAST))
    assert (missing(findings), needless(findings)) == (set(), set())
    assert "may not delete draft orders" in findings["Odoo rights for prune"].message


def test_the_user_of_these_tests_is_the_least_that_draws_up_invoices(importer: Odoo) -> None:
    findings = found(importer, *DRAFTING)
    assert (missing(findings), needless(findings)) == (set(), set())


def test_invoicing_is_needless_while_no_invoices_are_drawn_up(importer: Odoo) -> None:
    findings = found(importer)
    (group,) = needless(findings)
    assert group.endswith("Invoicing")
    assert "FCB_ODOO_DRAFT_INVOICES and FCB_ODOO_SOURCE_INVOICES are off" in findings[GROUP + group].message
    assert missing(findings) == set()


@pytest.mark.parametrize(
    ("lacking", "models"),
    [
        (CONTACTS, {"res.partner"}),
        (PRODUCTS, {"product.template"}),
        (ALL_ORDERS, {"sale.order", "sale.order.line", "account.move"}),
    ],
)
def test_a_group_that_is_lacking_is_named_with_what_it_gives(user_of: UserOf, lacking: str, models: set[str]) -> None:
    findings = found(user_of([group for group in LEAST if group != lacking]))
    others = {"Odoo orders of other salespersons"} if lacking == ALL_ORDERS else set()
    assert missing(findings) == {f"Odoo rights on {model}" for model in models} | others
    assert all("give it the group " in findings[about].message for about in missing(findings))


def test_a_group_is_named_as_this_odoo_calls_it(user_of: UserOf, odoo: Odoo) -> None:
    _, group = odoo.call("ir.model.data", "check_object_reference", *CONTACTS.split("."))
    (row,) = odoo.search_read("res.groups", [("id", "=", group)], ["full_name"])
    without = [each for each in LEAST if each != CONTACTS]
    assert found(user_of(without))["Odoo rights on res.partner"].message == (
        f"our user may not create, write: give it the group {row['full_name']!r}"
    )


def test_invoices_need_invoicing(user_of: UserOf) -> None:
    findings = found(user_of(LEAST), *DRAFTING)
    assert missing(findings) == {"Odoo rights on account.move", "Odoo rights on account.move.line"}
    assert "Invoicing" in findings["Odoo rights on account.move"].message


def test_who_sees_only_its_own_orders_is_told(user_of: UserOf) -> None:
    findings = found(user_of([*LEAST[:3], "sales_team.group_sale_salesman"]))
    assert missing(findings) == {"Odoo orders of other salespersons"}


def test_the_administrator_is_told_what_is_needless(odoo: Odoo) -> None:
    findings = found(odoo, *DRAFTING)
    assert missing(findings) == set()
    said = " ".join(findings[GROUP + name].message for name in needless(findings))
    for why in ("every setting and every user", "which only `fcb prune` does", "taxes, accounts and lock dates"):
        assert why in said


def test_a_needless_group_that_brings_a_needed_one_along_is_replaced(user_of: UserOf) -> None:
    user = user_of([EMPLOYEE, CONTACTS, PRODUCTS, SALES_ADMIN])
    findings = found(user)
    assert missing(findings) == set()
    assert needless(findings) == {"Sales / Administrator"}
    replaced = findings[f"{GROUP}Sales / Administrator"].message.endswith("and give 'Sales / User: All Documents' instead")
    # 18 keeps what a group brings along when it is taken away.
    assert replaced == (detect(user).user_groups == "group_ids")


def test_only_the_topmost_needless_group_is_named(user_of: UserOf) -> None:
    assert len(needless(found(user_of([*LEAST, SETTINGS])))) in {1, 2, 3}, "and not the many that it brings along"


def test_the_table_in_the_documentation_is_the_one_in_the_code() -> None:
    rows = re.findall(r"^\| ([a-z -]+) \| `([\w.]+)` \| ([rcwu]+) \| `([\w.]+)` \|$", DOCUMENTED.read_text(), re.MULTILINE)
    table = [
        (act.value, right.model, "".join(each[0] for each in right.operations), right.group)
        for act, needs in rights.NEEDS.items()
        for right in needs
    ]
    assert rows == table


def test_every_act_asks_only_for_operations_that_odoo_has() -> None:
    operations = {each for needs in rights.NEEDS.values() for right in needs for each in right.operations}
    assert operations <= {"read", "create", "write", "unlink"}
    assert {right.group for right in rights.NEEDS[Act.IMPORT]} | {INVOICING} == {*LEAST, INVOICING}
