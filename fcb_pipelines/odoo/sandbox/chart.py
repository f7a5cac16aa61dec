"""The Canadian chart as far as sales need it: the taxes, and which of them apply in which province.

Source: the records of Odoo 19.0 after its chart `ca_2023` is loaded (account.tax, account.fiscal.position).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

TAXED = "tax_group_fix"
SALE, PURCHASE = "sale", "purchase"

TAX_GROUPS = {
    TAXED: "Taxes",
    "tax_group_gst": "GST",
    "tax_group_pst_6": "PST 6%",
    "tax_group_pst_7": "PST 7%",
    "tax_group_qst": "QST",
    "tax_group_hst_13": "HST 13%",
    "tax_group_hst_14": "HST 14%",
    "tax_group_hst_15": "HST 15%",
}
"""Headings under which an invoice adds up its taxes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxEntry:
    """A tax in percent. A group's amount says 100 and means nothing; its children are what is charged."""

    code: str
    name: str
    amount: Decimal = Decimal(100)
    sequence: int
    positions: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    group: str = TAXED
    text: str = ""
    use: str = SALE

    @property
    def description(self) -> str:
        """As the chart describes it, without the markup."""
        return self.text or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A fiscal position: a province, or (without states) everywhere else."""

    code: str
    name: str
    sequence: int
    states: tuple[str, ...]


def purchased(entry: TaxEntry) -> TaxEntry:
    """The tax of the same name and rate on what the company buys."""
    children = tuple(map(_purchase_code, entry.children))
    return replace(entry, code=_purchase_code(entry.code), children=children, positions=(), use=PURCHASE)


def replaced_by(entry: TaxEntry) -> Sequence[str]:
    """The codes of the taxes that this one takes the place of, where its fiscal positions apply."""
    if not entry.positions or entry.code in _PARTS:
        return ()
    return [other.code for other in TAXES if other.code in _WHOLE and other.code != entry.code]


def _purchase_code(code: str) -> str:
    return code.replace("_sale_tax_", "_purchase_tax_")


def _percent(code: str, group: str, name: str, amount: str, sequence: int, *positions: str) -> TaxEntry:
    return TaxEntry(code=code, name=name, amount=Decimal(amount), sequence=sequence, positions=positions, group=group)


def _group(code: str, name: str, position: str, text: str, *children: str) -> TaxEntry:
    return TaxEntry(code=code, name=name, sequence=1, positions=(position,), children=children, text=text)


GST, QST = "gst_sale_tax_5", "qst_sale_tax_9975"
GST_GROUP, PST_6, PST_7 = "tax_group_gst", "tax_group_pst_6", "tax_group_pst_7"

TAXES = (
    _percent(GST, GST_GROUP, "5% GST", "5", 10, "ab", "nt", "nu", "yt"),
    _percent("gst_sale_tax_0", GST_GROUP, "0% GST", "0", 10),
    _percent("pst_sale_tax_6", PST_6, "6% PST SK", "6", 20, "sk"),
    _percent("pst_sale_tax_7_bc", PST_7, "7% PST BC", "7", 20, "bc"),
    _percent("pst_sale_tax_7_mb", PST_7, "7% PST MB", "7", 20, "mb"),
    _percent(QST, "tax_group_qst", "9.975% QST", "9.975", 20, "qc"),
    _percent("hst_sale_tax_13", "tax_group_hst_13", "13% HST", "13", 20, "on"),
    _percent("hst_sale_tax_14", "tax_group_hst_14", "14% HST", "14", 20, "ns"),
    _percent("hst_sale_tax_15", "tax_group_hst_15", "15% HST", "15", 20, "nb", "nl", "pe"),
    _group("gstpst_sale_tax_11", "11% GST+PST SK", "sk", "5% GST + 6% PST SK", GST, "pst_sale_tax_6"),
    _group("gstpst_sale_tax_12_bc", "12% GST+PST BC", "bc", "5% GST + 7% PST BC", GST, "pst_sale_tax_7_bc"),
    _group("gstpst_sale_tax_12_mb", "12% GST+PST MB", "mb", "5% GST + 7% PST MB", GST, "pst_sale_tax_7_mb"),
    _group("gstqst_sale_tax_14975", "14.975% GST+QST", "qc", "5% GST + 9.975% QST", GST, QST),
    replace(_percent("int_sale_tax_0", TAXED, "0% Int", "0", 10, "intl"), text="0% International"),
    _percent("exempt_sale_tax_0", TAXED, "0% Exempt", "0", 10),
)

NOT_IN_18 = frozenset({"hst_sale_tax_14"})
"""18.0's chart still charges 15 % in Nova Scotia."""

TAXES_18 = tuple(
    replace(entry, positions=(*entry.positions, "ns")) if entry.code == "hst_sale_tax_15" else entry
    for entry in TAXES
    if entry.code not in NOT_IN_18
)

_PARTS = frozenset({"pst_sale_tax_6", "pst_sale_tax_7_bc", "pst_sale_tax_7_mb", "qst_sale_tax_9975"})
"""Provincial taxes that are only charged within a group."""

_WHOLE = frozenset(entry.code for entry in TAXES if entry.positions and entry.code not in _PARTS) - {"int_sale_tax_0"}
"""Taxes that stand for the whole of a province's tax, so that one may take another's place."""

POSITIONS = (
    *(
        Position(code=code, name=name, sequence=number * 10, states=(code.upper(),))
        for number, (code, name) in enumerate(
            (
                ("ab", "Alberta (AB)"),
                ("bc", "British Columbia (BC)"),
                ("mb", "Manitoba (MB)"),
                ("nb", "New Brunswick (NB)"),
                ("nl", "Newfoundland and Labrador (NL)"),
                ("ns", "Nova Scotia (NS)"),
                ("nt", "Northwest Territories (NT)"),
                ("nu", "Nunavut (NU)"),
                ("on", "Ontario (ON)"),
                ("pe", "Prince Edward Islands (PE)"),
                ("qc", "Quebec (QC)"),
                ("sk", "Saskatchewan (SK)"),
                ("yt", "Yukon (YT)"),
            ),
            start=1,
        )
    ),
    Position(code="intl", name="International (INTL)", sequence=140, states=()),
)
