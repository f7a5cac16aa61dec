"""Searching: domains, orders, limits, and what is left out."""

from collections.abc import Sequence
from typing import Any

import pytest

from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines_tests.odoo.editions import Names
from fcb_pipelines_tests.odoo.made import Made

PARTNER = "res.partner"


@pytest.mark.parametrize(
    ("domain", "names"),
    [
        ([], "a b c"),
        ([("ref", "=", "one")], "a"),
        ([("ref", "!=", "one")], "b c"),
        ([("ref", "=", False)], "c"),
        ([("ref", "!=", False)], "a b"),
        ([("ref", "in", ["one", "two"])], "a b"),
        ([("ref", "in", ["one", False])], "a c"),
        ([("ref", "not in", ["one"])], "b c"),
        ([("ref", "in", [])], ""),
        ([("ref", "not in", [])], "a b c"),
        ([("ref", "like", "o")], "a b"),
        ([("ref", "ilike", "ON")], "a"),
        ([("ref", "like", "ON")], ""),
        ([("ref", "=ilike", "_NE")], "a"),
        ([("ref", "=like", "o%")], "a"),
        ([("ref", "not like", "o")], "c"),
        ([("ref", "not ilike", "ONE")], "b c"),
        ([("color", ">", 1)], "b c"),
        ([("color", ">=", 1), ("color", "<", 3)], "a b"),
        ([("color", "<=", 0)], ""),
        (["|", ("ref", "=", "one"), ("color", "=", 3)], "a c"),
        (["!", ("ref", "=", "one")], "b c"),
        (["&", "|", ("color", "=", 1), ("color", "=", 2), ("ref", "=", "two")], "b"),
        (["!", "|", ("color", "=", 1), ("color", "=", 2)], "c"),
        ([("country_id.code", "=", "CA")], "a b"),
        ([("country_id", "=", "Canada")], "a b"),
        ([("country_id", "ilike", "cana")], "a b"),
        ([("country_id", "=", False)], "c"),
        ([("country_id", "any", [("code", "=", "CA")])], "a b"),
        ([("state_id.country_id.code", "=", "CA")], "b"),
        ([("is_company", "=", True)], "a"),
        ([("is_company", "=", False)], "b c"),
        ([("is_company", "!=", True)], "b c"),
        ([("parent_id.ref", "=", "one")], "b"),
        ([("child_ids.color", "=", 2)], "a"),
        ([("child_ids", "any", [("color", "=", 2)])], "a"),
        ([("email_normalized", "=", "b@example.com")], "b"),
        ([("email_normalized", "in", ["b@example.com", "x@example.com"])], "b"),
    ],
)
def test_domains_find_what_they_say(odoo: Odoo, made: Made, run: str, domain: Sequence[Any], names: str) -> None:
    canada = made.place("CA")
    a = made.partner("a", ref="one", color=1, is_company=True, **canada)
    made.partner("b", ref="two", color=2, parent_id=a, email="B@Example.com", type="other", **made.place("CA", "ON"))
    made.partner("c", color=3)
    ours = [("name", "like", run)]
    found = odoo.search_read(PARTNER, [*ours, *domain], ["name"])
    assert [row["name"] for row in found] == [made.name(name) for name in names.split()]
    assert odoo.call(PARTNER, "search_count", [*ours, *domain]) == len(found)


def test_archived_records_are_found_by_us_and_not_by_default(odoo: Odoo, made: Made) -> None:
    partner = made.partner(active=False)
    domain = [("id", "=", partner)]
    assert [row["id"] for row in odoo.search_read(PARTNER, domain, ["id"])] == [partner]
    usual = {"context": {"active_test": True}}
    assert odoo.call(PARTNER, "search", domain, **usual) == []
    assert odoo.call(PARTNER, "search", [*domain, ("active", "=", False)], **usual) == [partner]
    assert odoo.call(PARTNER, "search", [*domain, ("active", "in", [True, False])], **usual) == [partner]


def test_orders_limits_and_offsets(odoo: Odoo, made: Made, run: str) -> None:
    ids = [made.partner(name) for name in "bac"]
    ours = [("name", "like", run)]
    assert odoo.call(PARTNER, "search", ours, order="name") == [ids[1], ids[0], ids[2]]
    assert odoo.call(PARTNER, "search", ours, order="name desc, id", limit=2) == [ids[2], ids[0]]
    assert odoo.call(PARTNER, "search", ours, order="id", offset=1, limit=1) == [ids[1]]
    assert [row["id"] for row in odoo.search_read(PARTNER, ours, ["id"])] == ids
    assert [row["id"] for row in odoo.search_read(PARTNER, ours, ["id"], limit=1)] == ids[:1]
    assert odoo.call(PARTNER, "search_count", ours, limit=2) == 2


def test_an_unknown_order_is_refused(odoo: Odoo) -> None:
    with pytest.raises(Refused, match=r"Invalid field 'nofield' on model 'res.partner'"):
        odoo.call(PARTNER, "search", [], order="nofield")


def test_lines_are_found_through_their_order(odoo: Odoo, made: Made) -> None:
    order = made.order(made.partner(), [{"name": "one"}, {"name": "two", "sequence": 5}])
    domain = [("order_id.partner_id.name", "=", made.name("partner"))]
    assert [row["name"] for row in odoo.search_read("sale.order.line", domain, ["name"])] == ["one", "two"]
    lines = odoo.call("sale.order", "read", [order], ["order_line"])[0]["order_line"]
    assert [row["name"] for row in odoo.call("sale.order.line", "read", lines, ["name"])] == ["two", "one"]
    assert odoo.call("sale.order", "search", [("order_line.name", "=", "two"), ("id", "=", order)]) == [order]


def test_a_write_date_is_compared_by_whole_seconds_from_19_on(odoo: Odoo, made: Made, names: Names) -> None:
    partner = made.partner()
    moment = odoo.call(PARTNER, "read", [partner], ["write_date"])[0]["write_date"]
    ours = [("id", "=", partner)]
    assert odoo.call(PARTNER, "search", [*ours, ("write_date", "=", moment)]) == names.either([partner], [])
    assert odoo.call(PARTNER, "search", [*ours, ("write_date", ">", moment)]) == names.either([], [partner])
    assert odoo.call(PARTNER, "search", [*ours, ("write_date", ">=", moment)]) == [partner]
