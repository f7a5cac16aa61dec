"""Which tax of Odoo stands for a component: by what it is called and how much it asks, never by its amount alone."""

from decimal import Decimal

import pytest

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.tax import TaxComponent, TaxRounding
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.taxes import Taxes, TaxRecord, taxes


def component(text: str) -> TaxComponent:
    """`HST 13`."""
    name, _, percent = text.partition(" ")
    return TaxComponent(component=name, percent=Decimal(percent), amount=money("1.00 CAD"))


def a_record(odoo_id: int, percent: str, *called: str) -> TaxRecord:
    return TaxRecord(odoo_id=odoo_id, name=called[0], percent=Decimal(percent), called=called)


def known(*records: TaxRecord, **declared: int) -> Taxes:
    return Taxes(
        records=records, rounding=TaxRounding.LINE, declared={f"CA-{key}": odoo_id for key, odoo_id in declared.items()}
    )


CHART = known(
    a_record(5, "5", "5% GST", "5%", "GST"),
    a_record(6, "0", "0% GST", "0%", "GST"),
    a_record(8, "7", "7% PST BC", "7%", "PST 7%"),
    a_record(9, "7", "7% PST MB", "7%", "PST 7%"),
    a_record(10, "9.975", "9.975% QST", "9.975%", "QST"),
    a_record(11, "13", "13% HST", "13%", "HST 13%"),
    a_record(20, "8", "Sales levy", "L", "Group of PST"),
    a_record(21, "15", "TVH", "15%", "hst 15%"),
    a_record(22, "14", "NONHST", "14%", "Other"),
)


@pytest.mark.parametrize(
    ("components", "ids"),
    [
        (("HST 13",), (11,)),
        (("QST 9.975", "GST 5"), (5, 10)),
        (("GST 5.0000",), (5,)),
        (("PST 8",), (20,)),
        (("HST 15",), (21,)),
        ((), ()),
    ],
)
def test_a_tax_is_found_by_rate_and_any_of_its_names(components: tuple[str, ...], ids: tuple[int, ...]) -> None:
    assert CHART.of("CA-XX", [component(one) for one in components]) == ids


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("HST 14", ("no active sales tax in Odoo of 14 %", "is called HST", "'NONHST' (id 22)", '"CA-NS/HST" = "account.…"')),
        ("HST 12", ("no active sales tax in Odoo of 12 %", "is called HST;", "odoo_taxes")),
        ("PST 7", ("several sales taxes", "'7% PST BC' (id 8), '7% PST MB' (id 9)", '"CA-NS/PST" = "account.…"')),
        ("ST 13", ("of 13 % there are '13% HST' (id 11)",)),
    ],
)
def test_where_it_is_not_sure_nothing_is_picked(wanted: str, words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as refused:
        CHART.of("CA-NS", [component(wanted)])
    assert all(word in str(refused.value) for word in words), refused.value


def test_the_file_decides_between_several() -> None:
    chart = known(*CHART.records, **{"MB/PST": 9})
    assert chart.of("CA-MB", [component("PST 7")]) == (9,)
    with pytest.raises(InvalidInput, match="several"):
        chart.of("CA-BC", [component("PST 7")])


@pytest.mark.parametrize("odoo_id", [5, 14])
def test_the_file_cannot_make_a_tax_of_another_rate_fit(odoo_id: int) -> None:
    with pytest.raises(InvalidInput, match=r"fcb.toml declares.*CA-ON/HST that is no active sales tax of 13 %"):
        known(*CHART.records, **{"ON/HST": odoo_id}).of("CA-ON", [component("HST 13")])


FIRST_WITH_HST_14 = 19
"""Nova Scotia's since April 2025; 18.0's chart still has 15 %."""


@pytest.mark.parametrize(
    ("components", "names"),
    [(("HST 13",), ["13% HST"]), (("HST 14",), ["14% HST"]), (("GST 5", "QST 9.975"), ["5% GST", "9.975% QST"])],
)
def test_the_canadian_chart_has_each_tax_of_ours_once(odoo: Odoo, components: tuple[str, ...], names: list[str]) -> None:
    if names == ["14% HST"] and odoo.version().major < FIRST_WITH_HST_14:
        with pytest.raises(InvalidInput, match="no active sales tax in Odoo of 14 %"):
            taxes(odoo, {}).of("CA-NS", [component("HST 14")])
        return
    ids = taxes(odoo, {}).of("CA-QC", [component(one) for one in components])
    assert sorted(row["name"] for row in odoo.search_read("account.tax", [("id", "in", ids)], ["name"])) == names


def test_a_group_of_taxes_is_never_picked(odoo: Odoo) -> None:
    chart = taxes(odoo, {})
    groups = odoo.search_read("account.tax", [("amount_type", "=", "group")], ["id"])
    assert groups
    assert not {row["id"] for row in groups} & {record.odoo_id for record in chart.records}
    with pytest.raises(InvalidInput, match="no active sales tax"):
        chart.of("CA-QC", [component("GST 100")])


def test_provinces_with_one_rate_need_the_file(odoo: Odoo) -> None:
    with pytest.raises(InvalidInput, match="several"):
        taxes(odoo, {}).of("CA-BC", [component("PST 7")])
    declared = {"CA-BC/PST": "account.1_pst_sale_tax_7_bc"}
    (chosen,) = taxes(odoo, declared).of("CA-BC", [component("PST 7")])
    (row,) = odoo.search_read("account.tax", [("id", "=", chosen)], ["name"])
    assert row["name"] == "7% PST BC"


@pytest.mark.parametrize(
    ("xid", "why"), [("account.1_no_such_tax", "which Odoo does not have"), ("base.CAD", "which is no tax but a res.currency")]
)
def test_what_the_file_declares_must_be_there(odoo: Odoo, xid: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        taxes(odoo, {"CA-ON/HST": xid})


def test_the_user_with_the_least_rights_sees_the_same(odoo: Odoo, importer: Odoo) -> None:
    declared = {"CA-ON/HST": "account.1_hst_sale_tax_13"}
    assert taxes(importer, declared) == taxes(odoo, declared)
