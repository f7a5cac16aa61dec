from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.drafts import Draft, totals_in_odoo
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.money import Money, money, rounded, total
from fcb_pipelines.domain.source_drafts import TAX_LINE, Placed, exact_taxes, source_draft
from fcb_pipelines.domain.tax import TaxComponent, Taxed, TaxRounding
from fcb_pipelines_tests.builders import APRIL, TORONTO, actual, day

LINE, TOTAL = TaxRounding.LINE, TaxRounding.TOTAL


def hst(line: ActualLine) -> Taxed:
    """What 13 % ask on it."""
    amount = rounded(line.net.amount * Decimal(13) / 100, line.net.currency)
    return Taxed(components=(TaxComponent(component="HST", percent=Decimal(13), amount=amount),))


def beyond(net: str, kind: LineKind = LineKind.ONE_OFF, **changes: Any) -> ActualLine:
    """A line that no charge of ours stands behind, without a service range."""
    given_: dict[str, Any] = {"kind": kind, "charge": None, "service_from": None, "service_to": None, "description": "Set-up"}
    return actual(net, **given_ | changes)


def drafted(*lines: ActualLine, rounding: TaxRounding = LINE) -> Draft:
    placed = [Placed(line=line, place="CA-ON", taxes=exact_taxes(line, hst(line))) for line in lines]
    return source_draft(placed, "2026-04", rounding, TORONTO)


def test_an_invoice_becomes_a_draft_that_says_what_it_was() -> None:
    made = drafted(
        beyond("20", issued_at=day("2026-04-09")),
        beyond("5", LineKind.ADD_ON, ordinal=2, description="Backup", service_from=APRIL.start, service_to=APRIL.end),
    )
    assert (made.key, made.external_user_id, made.currency, made.is_refund) == ("i1/2026-04", "u1", "CAD", False)
    assert made.reference == "source invoice i1 2026-04: add_on, one_off"
    assert str(made.issued_on) == "2026-04-09"
    assert [(line.key, line.description) for line in made.lines] == [
        ("1", "[one_off] Set-up"),
        ("2", "[add_on] Backup, 2026-04-01 to 2026-04-30"),
    ]
    assert all(line.article is None and line.quantity == 1 and line.place == "CA-ON" for line in made.lines)
    assert [line.taxes[0].component for line in made.lines] == ["HST", "HST"]
    assert (str(made.totals.net), str(made.totals.tax)) == ("25.00 CAD", "3.25 CAD")


def test_below_nothing_it_is_a_credit_note_of_what_is_given_back() -> None:
    made = drafted(beyond("-20", LineKind.CREDIT), beyond("5", ordinal=2))
    assert made.is_refund
    assert [str(line.net) for line in made.lines] == ["20.00 CAD", "-5.00 CAD"]
    assert (str(made.totals.gross), str(made.billed.gross)) == ("16.95 CAD", "-16.95 CAD")


def test_a_tax_that_no_rate_makes_is_a_line_as_the_source_stated_it() -> None:
    made = drafted(beyond("20"), beyond("5", ordinal=2, tax=money("0.99 CAD")), beyond("1", ordinal=3, tax=money("0 CAD")))
    one_off, odd, free, tax = made.lines
    assert (len(one_off.taxes), odd.taxes, free.taxes, tax.taxes) == (1, (), (), ())
    assert (tax.key, str(tax.net)) == (TAX_LINE, "0.99 CAD")
    assert "as the source stated it" in tax.description
    assert str(made.totals.gross) == "29.59 CAD"


def test_where_odoo_would_round_otherwise_no_line_has_a_tax() -> None:
    lines = [beyond("0.35", ordinal=number) for number in range(1, 11)]
    assert all(line.taxes for line in drafted(*lines).lines)
    made = drafted(*lines, rounding=TOTAL)
    assert not any(line.taxes for line in made.lines)
    assert str(made.lines[-1].net) == "0.50 CAD"


@pytest.mark.parametrize(
    ("taxed", "tax", "found"),
    [
        (hst(beyond("20")), "2.60", 1),
        (hst(beyond("20")), "2.61", None),
        (hst(beyond("20")), "0", 0),
        (None, "2.60", None),
        (None, "0", 0),
    ],
)
def test_only_taxes_that_make_it_exactly_stand_on_a_line(taxed: Taxed | None, tax: str, found: int | None) -> None:
    taxes = exact_taxes(beyond("20", tax=money(f"{tax} CAD")), taxed)
    assert (None if taxes is None else len(taxes)) == found


def test_an_invoice_that_could_not_be_read_is_not_carried_in_part() -> None:
    with pytest.raises(InvalidInput, match="could not be read: unusable: no date"):
        drafted(beyond("20"), beyond("5", ordinal=-1, notes=("unusable: no date",)))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (beyond("10.005"), "the net of its line 1 is 10.005 CAD: CAD has 2 decimals"),
        (beyond("10", tax=money("1.3001 CAD")), "the tax of its line 1 is 1.3001 CAD"),
        (beyond("0.5", currency="JPY", tax=money("0 JPY")), "the net of its line 1 is 0.5 JPY: JPY has 0 decimals"),
    ],
)
def test_parts_of_a_cent_are_refused_and_not_rounded(line: ActualLine, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        drafted(line, beyond("5", ordinal=2, currency=line.net.currency))


def test_trailing_zeros_are_no_parts_of_a_cent() -> None:
    assert str(drafted(beyond("10.1000", tax=money("1.310 CAD"))).totals.gross) == "11.41 CAD"


cents = st.decimals(min_value=-100, max_value=100, places=2)


@given(st.lists(st.tuples(cents, st.none() | cents), min_size=1, max_size=8), st.sampled_from(TaxRounding))
def test_a_draft_always_comes_to_what_was_billed_under_either_rounding(
    lines: Sequence[tuple[Decimal, Decimal | None]], rounding: TaxRounding
) -> None:
    billed = [
        beyond(str(net), ordinal=number) if tax is None else beyond(str(net), ordinal=number, tax=Money(tax, "CAD"))
        for number, (net, tax) in enumerate(lines, 1)
    ]
    made = drafted(*billed, rounding=rounding)
    whole = total((line.gross for line in billed), "CAD")
    assert made.billed.gross == whole
    assert made.totals.gross == abs(whole)
    assert totals_in_odoo(made.lines, "CAD", rounding) == made.totals
    assert len({line.key for line in made.lines}) == len(made.lines)
