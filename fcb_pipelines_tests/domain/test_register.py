"""The register by issue month, equal to the source's list."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.actual import actual_lines
from fcb_pipelines.domain.invoices import InvoiceStatus
from fcb_pipelines.domain.money import money, total
from fcb_pipelines.domain.register import register
from fcb_pipelines_tests.builders import TORONTO, a_line, an_invoice, day

MARCH = a_line("40", service_from=day("2026-03-01"), service_to=day("2026-04-01"))
INVOICES = [
    an_invoice("40", MARCH, issued_at=day("2026-04-02")),
    an_invoice("30", a_line("20"), external_invoice_id="i2", external_subscription_id=None),
    an_invoice("99", a_line("99"), external_invoice_id="i3", status=InvoiceStatus.DRAFT),
    an_invoice("5", external_invoice_id="i4", issued_at=day("2026-05-01")),
]


def test_figures_of_an_issue_month() -> None:
    april, may = register(INVOICES, actual_lines(INVOICES, [], {}, lambda _, __: None), TORONTO)
    assert (april.month, may.month) == ("2026-04", "2026-05")
    assert april.net == {"CAD": money("70 CAD")}
    assert april.with_subscription == {"CAD": money("40 CAD")}
    assert april.without_subscription == {"CAD": money("30 CAD")}
    assert april.items_without_subscription == {"CAD": money("20 CAD")}
    assert may.with_subscription == {"CAD": money("5 CAD")}
    assert (len(april.entries), [entry.counts for entry in april.entries]) == (3, [True, False, True])


def test_the_bridge_leads_from_issue_month_to_service_month() -> None:
    april, _ = register(INVOICES, actual_lines(INVOICES, [], {}, lambda _, __: None), TORONTO)
    assert april.service_months(TORONTO) == {"2026-03": {"CAD": money("40 CAD")}, "2026-04": {"CAD": money("30 CAD")}}


def test_an_issue_on_the_last_evening_in_toronto_is_still_that_month() -> None:
    late = an_invoice("1", issued_at=day("2026-05-01").replace(month=4, day=30, hour=23))
    (month,) = register([late], actual_lines([late], [], {}, lambda _, __: None), TORONTO)
    assert month.month == "2026-04"


@given(st.lists(st.tuples(st.integers(0, 89), st.integers(-5000, 5000), st.booleans()), max_size=10))
def test_the_register_sums_to_the_headers(invoices: list[tuple[int, int, bool]]) -> None:
    found = [
        an_invoice(
            str(Decimal(cents).scaleb(-2)),
            *([a_line("10")] if has_items else []),
            external_invoice_id=f"i{number}",
            issued_at=day("2026-03-01").replace(month=3 + days // 30, day=1 + days % 30),
        )
        for number, (days, cents, has_items) in enumerate(invoices)
    ]
    months = register(found, actual_lines(found, [], {}, lambda _, __: None), TORONTO)
    net = total((amount for month in months for amount in month.net.values()), "CAD")
    assert net.amount == sum((invoice.subtotal for invoice in found), Decimal(0))
