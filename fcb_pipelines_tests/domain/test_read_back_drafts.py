from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.domain.changes import Fields
from fcb_pipelines.domain.drafts import Draft, DraftLine, Kept, Totals, totals_in_odoo
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.read_back import CHANGED, RECORD, Difference
from fcb_pipelines.domain.read_back_drafts import (
    Comparing,
    DraftSeen,
    DraftSent,
    differences,
    is_rounded_otherwise,
    left_over,
    not_made,
    predicted,
    why_kept,
)
from fcb_pipelines.domain.tax import TaxRounding
from fcb_pipelines_tests.domain.draft_lines import a_draft, a_draft_line

LINE, TOTAL = TaxRounding.LINE, TaxRounding.TOTAL
XID = "fcb.small_invoice_s1=2f2026-04"
HEADER: dict[str, Any] = {"type": "out_invoice", "partner": 7, "currency": "CAD", "reference": "s1 2026-04", "issued_on": None}


def fields(line: DraftLine, **changes: Any) -> Fields:
    given: dict[str, Any] = {
        "product": 3,
        "description": line.description,
        "quantity": line.quantity,
        "price": line.unit_price,
        "discount": Decimal(0),
        "taxes": "11",
    }
    return given | changes


def sent(draft: Draft) -> DraftSent:
    line_of = {f"{XID}_{number}": line for number, line in enumerate(draft.lines)}
    return DraftSent(
        draft=draft, header=HEADER, lines={line_id: fields(line) for line_id, line in line_of.items()}, line_of=line_of
    )


def seen(draft: Draft, rounding: TaxRounding = LINE, changed: Mapping[str, Mapping[str, Any]] = {}, **values: Any) -> DraftSeen:
    """The draft as Odoo keeps it; `changed` are fields that it has otherwise, by line."""
    given: dict[str, Any] = {
        "state": "draft",
        "was_posted": False,
        "is_refund": False,
        "header": HEADER,
        "lines": {line_id: {**each, **changed.get(line_id[-1], {})} for line_id, each in sent(draft).lines.items()},
        "strangers": {},
        "totals": totals_in_odoo(draft.lines, draft.currency, rounding),
    }
    return DraftSeen(**given | values)


def totals(net: str, tax: str, gross: str) -> Totals:
    return Totals(net=money(f"{net} CAD"), tax=money(f"{tax} CAD"), gross=money(f"{gross} CAD"))


def found(draft: Draft, there: DraftSeen | None, rounding: TaxRounding = LINE, **values: Any) -> dict[str, Difference]:
    listed = list(differences(XID, sent(draft), there, Comparing(**{"rounding": rounding, "kept": Kept(), **values})))
    by_place = {f"{one.external_id.removeprefix(XID)}{one.field}": one for one in listed}
    assert len(by_place) == len(listed), "the store keeps one difference a record and field"
    return by_place


FLAT = a_draft(a_draft_line("1", "9.14", "13"), a_draft_line("16.67", "0.0075", "13"))
"""Per line 9.27 + 1.21, globally 9.27 + 1.20."""


def test_what_odoo_has_as_it_was_sent_is_no_difference() -> None:
    assert found(FLAT, seen(FLAT)) == {}


def test_a_draft_that_is_gone_is_one_difference() -> None:
    (one,) = found(FLAT, None).values()
    assert (one.field, one.sent, one.stored) == (RECORD, "there", None)


def test_cents_of_the_rounding_method_are_named_as_that() -> None:
    differing = found(FLAT, seen(FLAT, TOTAL), TOTAL)
    assert {name: (one.sent, one.stored) for name, one in differing.items()} == {
        "tax": ("1.21", "1.20"),
        "gross": ("10.48", "10.47"),
    }
    assert all(
        "rounds taxes globally: net 9.27 CAD, tax 1.20 CAD; ours per line: net 9.27 CAD, tax 1.21 CAD" in one.why
        for one in differing.values()
    )
    assert all("Round per Line" in one.why for one in differing.values())


def test_the_same_is_told_before_anything_is_written() -> None:
    told = {one.field: one for one in predicted(XID, FLAT, TOTAL)}
    assert told == found(FLAT, seen(FLAT, TOTAL), TOTAL)
    assert list(predicted(XID, FLAT, LINE)) == []


def test_digits_that_odoo_cut_are_named_as_digits() -> None:
    draft = a_draft(a_draft_line("123456.789", "1.23", "13"))
    cut = {"0": {"quantity": Decimal("123456.8")}}
    stored = totals_in_odoo([a_draft_line("123456.8", "1.23", "13")], "CAD", LINE)
    differing = found(draft, seen(draft, changed=cut, totals=stored), kept=Kept(quantity=1))
    assert differing["_0quantity"].why.startswith("digits: Odoo keeps 1 decimals of a quantity")
    assert (differing["_0quantity"].sent, differing["_0quantity"].stored) == ("123456.789", "123456.8")
    assert all(differing[name].why.startswith("digits: ") for name in ("net", "gross"))


def test_what_somebody_changed_is_not_called_digits() -> None:
    differing = found(
        FLAT, seen(FLAT, changed={"0": {"quantity": Decimal(2), "taxes": None}}, totals=totals("18.41", "0.02", "18.43"))
    )
    assert differing["_0quantity"].why == CHANGED
    assert (differing["_0taxes"].sent, differing["_0taxes"].stored) == ("11", None)
    assert differing["net"].why == "it follows from what differs on its lines"


def test_a_round_number_that_somebody_put_there_is_not_called_digits() -> None:
    """Only what Odoo keeps decides, not how the number that is stored looks."""
    draft = a_draft(a_draft_line("1", "9.14", "13"))
    there = seen(draft, changed={"0": {"price": Decimal(9)}}, totals=totals("9.00", "1.17", "10.17"))
    differing = found(draft, there, kept=Kept(quantity=2, price=2))
    assert differing["_0price"].why == CHANGED
    assert {differing[name].why for name in ("net", "tax", "gross")} == {"it follows from what differs on its lines"}


def test_a_discount_that_somebody_gave_is_named() -> None:
    differing = found(FLAT, seen(FLAT, changed={"0": {"discount": Decimal(10)}}, totals=totals("8.36", "1.09", "9.45")))
    assert (differing["_0discount"].sent, differing["_0discount"].stored) == ("0", "10")
    assert differing["net"].why == "it follows from what differs on its lines"


def test_what_odoo_refused_is_the_cause_of_what_stayed() -> None:
    lines = {f"{XID}_9": fields(a_draft_line("1", "1"), description="old"), **seen(FLAT, changed={"0": {"taxes": None}}).lines}
    differing = found(FLAT, seen(FLAT, lines=lines), refused="the period is locked")
    for name in ("_0taxes", f"_9{RECORD}"):
        assert differing[name].why == "Odoo refused to change it: the period is locked"


def test_any_other_total_is_unknown() -> None:
    differing = found(FLAT, seen(FLAT, totals=totals("9.27", "1.22", "10.49")))
    assert all(one.why.startswith("unknown: ") for one in differing.values())
    assert set(differing) == {"tax", "gross"}


def test_the_other_rounding_method_is_no_excuse() -> None:
    """A company that rounds per line must come to our cents, also where the other way would explain them."""
    differing = found(FLAT, seen(FLAT, TOTAL), LINE)
    assert all(one.why.startswith("unknown: ") for one in differing.values())
    assert differing


def test_a_draft_of_before_the_company_changed_its_rounding_is_known() -> None:
    assert is_rounded_otherwise(sent(FLAT), seen(FLAT, TOTAL), LINE)
    assert is_rounded_otherwise(sent(FLAT), seen(FLAT, LINE), TOTAL)
    assert not is_rounded_otherwise(sent(FLAT), seen(FLAT, LINE), LINE)
    assert not is_rounded_otherwise(sent(FLAT), seen(FLAT, totals=totals("9.27", "1.22", "10.49")), LINE)
    assert not is_rounded_otherwise(sent(FLAT), seen(FLAT, TOTAL, strangers={1: "Gift"}), LINE)
    assert not is_rounded_otherwise(sent(FLAT), seen(FLAT, TOTAL, changed={"0": {"quantity": Decimal(2)}}), LINE)
    even = a_draft(a_draft_line("1", "100", "13"))
    assert not is_rounded_otherwise(sent(even), seen(even, TOTAL), LINE)


def test_lines_that_somebody_added_are_named_and_explain_the_total() -> None:
    more = {801: "Gift: 1.0 × -5.0", 802: "Another: 1.0 × 1.0"}
    differing = found(FLAT, seen(FLAT, strangers=more, totals=totals("5.27", "0.69", "5.96")))
    assert {name: one.stored for name, one in differing.items() if name.startswith("line ")} == {
        "line 801": "Gift: 1.0 × -5.0",
        "line 802": "Another: 1.0 × 1.0",
    }
    assert differing["net"].why == "it holds other lines than those of ours"


def test_a_line_that_is_lost_or_stayed_is_named() -> None:
    lines = {f"{XID}_9": fields(a_draft_line("1", "1"), description="old"), **seen(FLAT).lines}
    del lines[f"{XID}_1"]
    differing = found(FLAT, seen(FLAT, lines=lines, totals=totals("10.14", "1.19", "11.33")))
    assert (differing[f"_1{RECORD}"].sent, differing[f"_1{RECORD}"].stored) == ("there", None)
    assert (differing[f"_9{RECORD}"].sent, differing[f"_9{RECORD}"].stored) == (None, "old")


POSTED: dict[str, Any] = {"state": "posted", "was_posted": True}
RESET: dict[str, Any] = {"state": "draft", "was_posted": True}


@pytest.mark.parametrize(("standing", "why"), [(POSTED, "no longer a draft but 'posted'"), (RESET, "posted once and reset")])
def test_a_final_invoice_is_compared_by_what_it_bills(standing: dict[str, Any], why: str) -> None:
    otherwise = {"0": {"description": "renamed", "quantity": Decimal("1.0001")}}
    assert found(FLAT, seen(FLAT, changed=otherwise, **standing)) == {}, "its form is nobody's business any more"
    assert found(FLAT, seen(FLAT, strangers={801: "A note of 0"}, **standing)) == {}
    differing = found(FLAT, seen(FLAT, header=HEADER | {"partner": 8, "reference": "other"}, **standing))
    assert {name: why in one.why for name, one in differing.items()} == {"partner": True}
    differing = found(FLAT, seen(FLAT, changed={"0": {"price": Decimal(2)}}, totals=totals("2.13", "0.28", "2.41"), **standing))
    assert set(differing) == {"_0price", "net", "tax", "gross"}
    assert why in differing["_0price"].why


def test_credit_notes_count_against_what_was_posted() -> None:
    """Posted at twice what is due: a credit note of the half ends the difference, one of another amount does not."""
    twice = {"totals": totals("18.54", "2.42", "20.96"), **POSTED}
    assert found(FLAT, seen(FLAT, **twice))
    half = seen(FLAT, credited=totals("9.27", "1.21", "10.48"), **twice)
    assert found(FLAT, half) == {}
    assert half.billed == FLAT.totals
    differing = found(FLAT, seen(FLAT, credited=totals("1.00", "0.13", "1.13"), **twice))
    assert "posted credit notes take off 1.13 CAD" in differing["gross"].why


def test_a_cancelled_invoice_is_one_difference_and_bills_nothing() -> None:
    cancelled = seen(FLAT, state="cancel")
    (one,) = found(FLAT, cancelled).values()
    assert (one.field, one.sent, one.stored) == ("state", "draft", "cancel")
    assert "'cancel' in Odoo: nothing bills this; reset it to draft or delete it" in one.why
    assert cancelled.billed is None
    assert seen(FLAT).billed == FLAT.totals
    refund = seen(FLAT, is_refund=True).billed
    assert refund is not None
    assert str(refund.gross) == "-10.48 CAD"


@pytest.mark.parametrize(
    ("standing", "why"),
    [
        ({}, ""),
        ({"strangers": {1: "Gift"}}, "but somebody added lines"),
        (POSTED, "settle it by a credit note"),
        (RESET, "delete or cancel it in Odoo"),
        ({"state": "cancel"}, None),
        ({"credited": FLAT.totals, **POSTED}, None),
    ],
)
def test_what_becomes_of_an_invoice_for_which_nothing_is_due(standing: dict[str, Any], why: str | None) -> None:
    told = why_kept(seen(FLAT, **standing))
    assert (told is None) == (why is None)
    assert bool(told) == bool(why)
    assert (why or "") in (told or "")


def test_totals_of_another_currency_are_not_compared() -> None:
    header = HEADER | {"currency": "USD"}
    assert set(found(FLAT, seen(FLAT, header=header, totals=None))) == {"currency"}
    dollars = totals_in_odoo([a_draft_line("1", "9", currency="USD")], "USD", LINE)
    assert set(found(FLAT, seen(FLAT, header=header, totals=dollars))) == {"currency"}


def test_an_invoice_that_should_not_be_there_is_one_difference() -> None:
    one = left_over(XID, "s1 2026-04", "nothing is due")
    assert (one.field, one.sent, one.stored, one.why) == (RECORD, None, "s1 2026-04", "nothing is due")


def test_a_draft_that_could_not_be_made_is_one_difference() -> None:
    one = not_made(XID, "s1/2026-04", "no tax rates")
    assert (one.field, one.sent, one.stored, one.why) == (RECORD, "s1/2026-04", None, "no tax rates")
