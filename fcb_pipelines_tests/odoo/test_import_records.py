"""Records of ours in each Odoo: values there and back, good rows beside bad ones, equal changes in one write."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.changes import Changes, FieldChange, Fields, changes
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.pace import Pace
from fcb_pipelines.odoo.records import (
    NUMBER,
    TEXT,
    Field,
    Kind,
    coded,
    create,
    decimals_kept,
    kept,
    loading,
    read,
    require_decimals,
    rows_where,
    update,
)
from fcb_pipelines.odoo.removal import remove
from fcb_pipelines.odoo.resolution import external_ids, resolve
from fcb_pipelines_tests.odoo.editions import Names
from fcb_pipelines_tests.odoo.made import Made

PARTNER = Kind(
    entity=Entity.USER,
    model="res.partner",
    fields=(Field(name="name", odoo="name", codec=TEXT), Field(name="reference", odoo="ref", codec=TEXT)),
)
PRODUCT = Kind(
    entity=Entity.PLAN,
    model="product.template",
    fields=(Field(name="name", odoo="name", codec=TEXT), Field(name="price", odoo="list_price", codec=NUMBER)),
)


def nobody(_: int) -> None:
    """Progress that nobody follows."""


def pace() -> Pace:
    """The pace where a call takes no time."""
    return Pace(lambda: 0.0)


@pytest.mark.parametrize("price", ["0.0075", "19.99", "0", "1234567.123456", "0.000123"])
def test_a_price_comes_back_as_it_went_if_it_is_not_cut(odoo: Odoo, made: Made, names: Names, price: str) -> None:
    fields: Fields = {"name": made.name("× p"), "price": kept(Decimal(price))}
    done = create(odoo, loading(PRODUCT, {made.xid("plan_1"): fields}), pace(), nobody)
    expected = {**fields, "price": kept(Decimal(str(names.price(price))))}
    assert read(odoo, PRODUCT, done.ids).fields == {made.xid("plan_1"): expected}


def test_good_rows_come_in_beside_bad_ones(odoo: Odoo, made: Made) -> None:
    told: list[int] = []
    rows = {
        made.xid(f"user_{index}"): {"name": "" if index in {1, 3} else made.name(str(index)), "reference": None}
        for index in range(6)
    }
    done = create(odoo, loading(PARTNER, rows), pace(), told.append)
    assert sorted(done.ids) == [made.xid(f"user_{index}") for index in (0, 2, 4, 5)]
    assert sorted(done.failed) == [made.xid("user_1"), made.xid("user_3")]
    assert all("Contacts require a name" in reason for reason in done.failed.values())
    assert told == [6]


def test_more_bad_rows_than_odoo_tells_at_once_are_all_named(odoo: Odoo, made: Made) -> None:
    rows = {
        made.xid(f"user_{index:02}"): {"name": "" if index < 14 else made.name("good"), "reference": None}
        for index in range(16)
    }
    done = create(odoo, loading(PARTNER, rows), pace(), nobody)
    assert (len(done.failed), sorted(done.ids)) == (14, [made.xid("user_14"), made.xid("user_15")])


def test_making_records_twice_never_doubles_them(odoo: Odoo, made: Made) -> None:
    rows = {made.xid("user_1"): {"name": made.name("1"), "reference": "r"}}
    first, second = (create(odoo, loading(PARTNER, rows), pace(), nobody) for _ in range(2))
    assert first.ids == second.ids


def test_what_differs_is_written_and_what_odoo_refuses_is_told(odoo: Odoo, made: Made) -> None:
    before = {made.xid(f"user_{index}"): {"name": made.name(str(index)), "reference": "old"} for index in range(3)}
    there = read(odoo, PARTNER, create(odoo, loading(PARTNER, before), pace(), nobody).ids)
    wanted = {xid: {**fields, "reference": "new"} for xid, fields in before.items()} | {
        made.xid("user_2"): {"name": None, "reference": "old"}
    }
    done = update(odoo, PARTNER, changes(wanted, there.fields), ids=there.ids, wanted=wanted, pace=pace(), progress=nobody)
    assert list(done.failed) == [made.xid("user_2")]
    after = read(odoo, PARTNER, there.ids).fields
    assert [after[xid]["reference"] for xid in sorted(after)] == ["new", "new", "old"]


def test_values_of_their_own_are_written_in_one_call_and_told(odoo: Odoo, made: Made) -> None:
    before: dict[str, Fields] = {
        made.xid(f"user_{index}"): {"name": made.name(str(index)), "reference": "r"} for index in range(5)
    }
    there = read(odoo, PARTNER, create(odoo, loading(PARTNER, before), pace(), nobody).ids)
    wanted: dict[str, Fields] = {
        xid: {"name": made.name(f"{index} new"), "reference": "r" if index else None} for index, xid in enumerate(before)
    }
    told: list[int] = []
    done = update(odoo, PARTNER, changes(wanted, there.fields), ids=there.ids, wanted=wanted, pace=pace(), progress=told.append)
    assert (done.failed, read(odoo, PARTNER, there.ids).fields, sorted(told)) == ({}, wanted, [1, 4])


def test_a_record_deleted_meanwhile_does_not_come_back_in_part(odoo: Odoo, made: Made) -> None:
    before: dict[str, Fields] = {
        made.xid(f"user_{index}"): {"name": made.name(str(index)), "reference": None} for index in range(3)
    }
    there = read(odoo, PARTNER, create(odoo, loading(PARTNER, before), pace(), nobody).ids)
    wanted = {xid: {**fields, "name": f"{fields['name']} new"} for xid, fields in before.items()}
    odoo.unlink("res.partner", [there.ids[made.xid("user_1")]])
    done = update(odoo, PARTNER, changes(wanted, there.fields), ids=there.ids, wanted=wanted, pace=pace(), progress=nobody)
    assert list(done.failed) == [made.xid("user_1")]
    assert "Unknown database identifier" in done.failed[made.xid("user_1")]
    assert sorted(read(odoo, PARTNER, there.ids).fields) == [made.xid("user_0"), made.xid("user_2")]


def test_one_refused_record_of_a_write_does_not_stop_the_others(odoo: Odoo, made: Made) -> None:
    rows = {made.xid("user_1"): {"name": made.name("1"), "reference": None}}
    ids = create(odoo, loading(PARTNER, rows), pace(), nobody).ids | {made.xid("user_gone"): 999_999_999}
    change = (FieldChange(field="reference", before=None, after="new"),)
    made_changes = Changes(create={}, update=dict.fromkeys(ids, change), unchanged=(), extra=())
    done = update(odoo, PARTNER, made_changes, ids=ids, wanted={}, pace=pace(), progress=nobody)
    assert list(done.failed) == [made.xid("user_gone")]
    assert read(odoo, PARTNER, ids).fields[made.xid("user_1")]["reference"] == "new"


def test_ids_are_found_with_and_without_the_right_to_read_them(odoo: Odoo, importer: Odoo, made: Made, run: str) -> None:
    rows = {made.xid(f"user_{index}"): {"name": made.name(str(index)), "reference": None} for index in range(2)}
    ids = create(odoo, loading(PARTNER, rows), pace(), nobody).ids
    wrong = {made.xid("user_0"): ids[made.xid("user_1")]}
    for known in ({}, ids, wrong):
        asked = {*rows, made.xid("user_none")}
        assert resolve(odoo, PARTNER, run, wanted=asked, known=known) == ids
        assert resolve(importer, PARTNER, run, wanted=asked, known=known) == ids
    assert external_ids(importer, "res.partner", ids.values()) == {odoo_id: xid for xid, odoo_id in ids.items()}
    assert resolve(odoo, PARTNER, "another", wanted=rows, known={}) == {}


class Counted:
    """An Odoo that remembers which methods it was called for."""

    def __init__(self, odoo: Odoo) -> None:
        self._odoo = odoo
        self.methods: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._odoo, name)

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        self.methods.append(method)
        return self._odoo.call(model, method, *args, **kwargs)


@pytest.mark.parametrize("others", [0, 200])
def test_ids_never_seen_before_are_not_asked_for_one_by_one(
    odoo: Odoo, importer: Odoo, made: Made, run: str, others: int
) -> None:
    rows: dict[str, Fields] = {made.xid("user_0"): {"name": made.name("0"), "reference": None}}
    ids = create(odoo, loading(PARTNER, rows), pace(), nobody).ids
    odoo.write("res.partner", list(ids.values()), {"active": False})
    counted: Any = Counted(importer)
    wanted = {*rows, *(made.xid(f"user_none{index}") for index in range(others))}
    assert resolve(counted, PARTNER, run, wanted=wanted, known={}) == ids
    assert counted.methods.count("check_object_reference") == (0 if others else 1)


def test_an_id_that_is_not_the_first_of_its_record_is_found_where_the_store_knows_it(
    odoo: Odoo, importer: Odoo, made: Made, run: str
) -> None:
    rows: dict[str, Fields] = {
        made.xid(f"user_{index}"): {"name": made.name(str(index)), "reference": None} for index in range(2)
    }
    ids = create(odoo, loading(PARTNER, rows), pace(), nobody).ids
    first, second = ids
    (row,) = odoo.search_read("ir.model.data", [("name", "=", second.removeprefix("fcb."))], ["id"])
    odoo.write("ir.model.data", [row["id"]], {"res_id": ids[first]})
    wanted = {*ids, *(made.xid(f"user_none{index}") for index in range(200))}
    both = dict.fromkeys(ids, ids[first])
    assert resolve(importer, PARTNER, run, wanted=wanted, known=ids) == both
    assert resolve(odoo, PARTNER, run, wanted=wanted, known=ids) == both
    odoo.unlink("res.partner", [ids[second]])


def _confirmed(odoo: Odoo, made: Made, partner: int) -> None:
    """An order that no version deletes with its partner."""
    odoo.call("sale.order", "action_confirm", [made.order(partner)])


def test_an_external_id_that_stands_for_something_else_is_not_taken_for_ours(
    odoo: Odoo, importer: Odoo, made: Made, run: str
) -> None:
    xid = made.xid("user_taken")
    (country,) = odoo.search_read("res.country", [("code", "=", "CA")], ["id"])
    taken = {"module": "fcb", "name": xid.removeprefix("fcb."), "model": "res.country", "res_id": country["id"]}
    row = odoo.call("ir.model.data", "create", taken)
    for each in (odoo, importer):
        assert resolve(each, PARTNER, run, wanted=[xid], known={}) == {}
    odoo.unlink("ir.model.data", [row])


def test_a_record_in_use_stays_and_the_others_go(odoo: Odoo, made: Made) -> None:
    used, free = made.partner("used"), made.partner("free")
    _confirmed(odoo, made, used)
    done = remove(odoo, "res.partner", {"used": used, "free": free}, pace())
    assert (done.gone, list(done.refused)) == (["free"], ["used"])


def test_what_is_gone_already_counts_as_removed_beside_what_is_in_use(odoo: Odoo, made: Made) -> None:
    ids = {name: made.partner(name) for name in ("gone", "used", "free", "lost")}
    _confirmed(odoo, made, ids["used"])
    odoo.unlink("res.partner", [ids["gone"], ids["lost"]])
    done = remove(odoo, "res.partner", ids, pace())
    assert (sorted(done.gone), list(done.refused)) == (["free", "gone", "lost"], ["used"])
    assert rows_where(odoo, "res.partner", "id", ids.values(), ["id"]) == [{"id": ids["used"]}]


def test_a_model_that_this_odoo_does_not_have_holds_nothing(odoo: Odoo) -> None:
    assert rows_where(odoo, "sale.subscription", "id", [1], ["id"]) == []


def test_a_code_of_nobody_reads_as_its_id() -> None:
    codec = coded({"CA": 38})
    assert [codec.read(raw) for raw in ([38, "Canada"], 38, [233, "United States"], 233, False)] == [
        "CA",
        "CA",
        "#233",
        "#233",
        None,
    ]
    assert [codec.sent("CA"), codec.sent(None), codec.cell(None)] == [38, False, ""]


@pytest.mark.parametrize(("price", "decimals"), [("0.0075", 4), ("0.01", 2), ("5", 0), ("0.0075", None)])
def test_a_price_that_is_kept_whole_is_fine(price: str, decimals: int | None) -> None:
    require_decimals(Decimal(price), decimals)


def test_a_price_that_odoo_would_cut_is_refused_with_what_to_do() -> None:
    with pytest.raises(InvalidInput, match=r"keeps 2 decimals of a price and 0.0075 has more: raise the decimal accuracy"):
        require_decimals(Decimal("0.0075"), 2)


def test_decimals_are_those_that_odoo_says(odoo: Odoo, names: Names) -> None:
    assert decimals_kept(odoo, "product.template", "list_price") == names.decimals
    assert decimals_kept(odoo, "sale.order.line", "product_uom_qty") in {2, 6}


@given(value=st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**9, places=6))
def test_what_a_double_keeps_is_the_same_there_and_back(value: Decimal) -> None:
    assert NUMBER.read(float(kept(value))) == kept(value)
