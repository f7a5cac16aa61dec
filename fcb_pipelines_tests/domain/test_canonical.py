from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.canonical import (
    BadRow,
    billing_state,
    evidence,
    history,
    invoice,
    plan,
    read_all,
    subscription,
    user,
)
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.invoices import InvoiceStatus, LineKind, LineRule
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines_tests.domain.canonical_rows import evidence_row, invoice_row, plan_row, subscription_row, user_row

RULES = (LineRule(pattern="backup", kind=LineKind.ADD_ON), LineRule(pattern="remaining time", kind=LineKind.PRORATION))


@pytest.mark.parametrize(
    ("given_place", "country", "state"),
    [((" ca ", "on"), "CA", "ON"), (("", "  "), None, None), ((None, None), None, None), (("CA", None), "CA", None)],
)
def test_a_place_is_told_as_tax_tables_tell_it(
    given_place: tuple[str | None, str | None], country: str | None, state: str | None
) -> None:
    read = user(user_row(country=given_place[0], state=given_place[1]))
    assert (read.country, read.state) == (country, state)


def test_a_user_keeps_its_email_as_written_and_blank_texts_are_absent() -> None:
    read = user(user_row(name=" Ada ", email=" Ada@Example.org ", company=" ", stripe_customer_id=""))
    assert (read.name, read.email, read.company, read.stripe_customer_id) == ("Ada", "Ada@Example.org", None, None)


def test_a_user_without_a_name_is_refused_by_its_id() -> None:
    with pytest.raises(InvalidInput, match=r"user u-1 has no name"):
        user(user_row(name="  "))


@pytest.mark.parametrize(
    ("monthly", "yearly", "prices"),
    [
        ("9.14", None, {Interval.MONTHLY: Decimal("9.14")}),
        (None, "200", {Interval.YEARLY: Decimal(200)}),
        ("0", "0.00", {Interval.MONTHLY: Decimal(0), Interval.YEARLY: Decimal(0)}),
        (None, None, {}),
    ],
)
def test_a_missing_price_is_absent_and_not_zero(
    monthly: str | None, yearly: str | None, prices: dict[Interval, Decimal]
) -> None:
    assert plan(plan_row(price_monthly=monthly, price_yearly=yearly), "CAD").flat_prices == prices


@pytest.mark.parametrize(("stated", "currency"), [("usd", "USD"), (" CAD", "CAD"), (None, "EUR"), ("", "EUR")])
def test_a_plan_is_in_its_own_currency_or_the_services(stated: str | None, currency: str) -> None:
    assert plan(plan_row(currency=stated), "EUR").currency == currency


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"currency": "XXX"}, "XXX"),
        ({"price_monthly": "-1"}, "price_monthly is -1"),
        ({"unit_batch": "0"}, "unit batch must be above 0"),
        ({"name": ""}, "has no name"),
        ({"unit_price": "cheap"}, "not a decimal number"),
    ],
)
def test_a_bad_plan_is_refused_by_its_id(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        plan(plan_row(**change), "CAD")
    assert "p-1" in str(refused.value)


def test_a_plan_keeps_quota_price_and_date_exactly() -> None:
    read = plan(plan_row(valid_from="2026-01-01T05:00:00+00:00"), "CAD")
    assert (read.included_quantity, read.unit_price, read.unit_batch) == (Decimal(3600), Decimal("0.0075"), Decimal(3600))
    assert read.valid_from == datetime(2026, 1, 1, 5, tzinfo=UTC)


def test_a_subscription_is_read_with_its_terms() -> None:
    read = subscription(
        subscription_row(
            billing_interval=" Yearly ",
            status="Active ",
            ended_at="2026-04-20T04:00:00+00:00",
            contract_price="150",
            discount_percent="10",
            external_deployment_id="",
        )
    )
    assert read.interval is Interval.YEARLY
    assert (read.status, read.external_deployment_id) == ("active", None)
    assert (read.contract_price, read.discount_percent) == (Decimal(150), Decimal(10))
    assert read.ended_at == datetime(2026, 4, 20, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"billing_interval": "weekly"}, "unknown billing cycle 'weekly'"),
        ({"billing_interval": None}, "unknown billing cycle None"),
        ({"ended_at": "2026-03-15T03:59:59+00:00"}, "ends before it starts"),
        ({"discount_percent": "100.01"}, "must be 0 to 100"),
        ({"discount_percent": "-1"}, "must be 0 to 100"),
        ({"contract_price": "-5"}, "contract_price is -5"),
        ({"instalments": "0"}, "instalments is 0, must be a whole number"),
        ({"instalments": "1.5"}, "instalments is 1.5, must be a whole number"),
        ({"instalments": "2"}, "2 instalments of a monthly price are not of whole months; it can have 1"),
        (
            {"billing_interval": "yearly", "instalments": "5"},
            "5 instalments of a yearly price are not of whole months; it can have 1 or 2 or 3 or 4 or 6 or 12",
        ),
        ({"billing_anchor": "9999-01-01T00:00:00+00:00"}, "outside the years"),
    ],
)
def test_a_bad_subscription_is_refused_by_its_id(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        subscription(subscription_row(**change))
    assert "s-1" in str(refused.value)


def test_an_anchor_and_instalments_are_read_where_the_mapping_returns_them() -> None:
    plain = subscription(subscription_row())
    assert (plain.billing_anchor, plain.instalments) == (None, 1)
    anchor = "2026-01-31T05:00:00+00:00"
    read = subscription(subscription_row(billing_interval="yearly", billing_anchor=anchor, instalments="12"))
    assert (read.billing_anchor, read.instalments, read.months) == (datetime(2026, 1, 31, 5, tzinfo=UTC), 12, 1)


@pytest.mark.parametrize("discount", ["0", "100"])
def test_a_discount_may_be_nothing_or_all(discount: str) -> None:
    assert subscription(subscription_row(discount_percent=discount)).discount_percent == Decimal(discount)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ({"kind": "plan", "description": "Daily Backup"}, LineKind.PLAN),
        ({"kind": " One_Off ", "description": ""}, LineKind.ONE_OFF),
        ({"kind": None, "description": "Daily BACKUP × 1"}, LineKind.ADD_ON),
        ({"kind": "", "description": "Remaining time on Small"}, LineKind.PRORATION),
        ({"description": "Something else"}, LineKind.UNKNOWN),
        ({"description": None}, LineKind.UNKNOWN),
    ],
)
def test_the_mappings_own_kind_wins_over_the_rules(line: dict[str, Any], kind: LineKind) -> None:
    (read,) = invoice(invoice_row(lines=[{"amount": "1", **line}]), RULES).lines
    assert read.kind is kind


@pytest.mark.parametrize(("given_id", "kept"), [("", None), ("  ", None), (None, None), ("s-1", "s-1")])
def test_an_empty_subscription_id_is_none(given_id: str | None, kept: str | None) -> None:
    assert invoice(invoice_row(external_subscription_id=given_id), ()).external_subscription_id == kept


def test_an_invoice_is_read_as_it_states_itself() -> None:
    line = {
        "description": "Small × 2",
        "amount": "-9.14",
        "quantity": "2",
        "service_from": "2026-03-15T04:00:00+00:00",
        "service_to": "2026-04-01T04:00:00+00:00",
    }
    read = invoice(invoice_row(status=" Paid", currency="cad", lines=[line, {"description": "b", "amount": "0"}]), ())
    assert (read.status, read.currency, read.provider_id) == (InvoiceStatus.PAID, "CAD", "in_1")
    assert (read.subtotal, read.tax, read.total) == (Decimal("9.14"), Decimal("1.19"), Decimal("10.33"))
    assert [one.ordinal for one in read.lines] == [1, 2]
    assert (read.lines[0].amount, read.lines[0].quantity) == (Decimal("-9.14"), Decimal(2))
    assert read.lines[0].service_to == datetime(2026, 4, 1, 4, tzinfo=UTC)
    assert read.lines[1].service_from is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": "sent"}, "unknown invoice status 'sent'"),
        ({"currency": "???"}, "currency"),
        ({"lines": [{"description": "Small"}]}, r"line 1 \(Small\) has no amount, which is not 0.00"),
        ({"lines": [{"amount": "1"}, {"amount": "1", "kind": "gift"}]}, "line 2 has kind 'gift'"),
        ({"lines": [{"amount": "1", "service_from": "2026-03-15T04:00:00+00:00"}]}, "only one end"),
        ({"total": "NaN"}, "NaN"),
    ],
)
def test_a_bad_invoice_is_refused_by_its_id(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        invoice(invoice_row(**change), ())
    assert "i-1" in str(refused.value)


def test_evidence_is_read_with_the_time_in_which_it_holds() -> None:
    read = evidence(evidence_row())
    assert (read.kind, read.subject_id, read.data, read.reference) == ("contract", "s-1", {"price": "150.00"}, "contract 7")
    assert read.holds_at(datetime(2026, 5, 1, tzinfo=UTC))
    assert not read.holds_at(datetime(2025, 12, 31, tzinfo=UTC))


def test_evidence_whose_data_is_no_object_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Contract of subscription s-1: data must be a JSON object"):
        evidence(evidence_row(data=["150"]))


def test_history_and_billing_state_are_read() -> None:
    change = history(
        {
            "subject_kind": "Subscription",
            "subject_id": "s-1",
            "field": "Plan",
            "value": None,
            "valid_from": "2026-03-15T04:00:00+00:00",
        }
    )
    assert (change.subject_kind, change.field, change.value) == ("subscription", "plan", None)
    state = billing_state(
        {
            "external_subscription_id": "s-1",
            "biller": "stripe ",
            "auto_renew": True,
            "paid_through": "2026-04-01T04:00:00+00:00",
            "cancel_at": None,
            "provider_id": " ",
        }
    )
    assert (state.biller, state.auto_renew, state.cancel_at, state.provider_id) == ("stripe", True, None, None)
    assert state.paid_through == datetime(2026, 4, 1, 4, tzinfo=UTC)


def test_a_bad_row_is_kept_whole_with_its_reason() -> None:
    bad = user_row(external_user_id="u-2", name="")
    good, refused = read_all("users", [("u-1", user_row()), ("u-2", bad)], user)
    assert [one.external_user_id for one in good] == ["u-1"]
    assert refused == (
        BadRow(entity="users", external_id="u-2", reason="user u-2 has no name, and Odoo requires one", row=bad),
    )


@given(st.lists(st.booleans(), max_size=20))
def test_every_row_is_a_record_or_a_bad_row_in_order(are_good: list[bool]) -> None:
    rows = [
        (str(number), user_row(external_user_id=str(number), name="Ada" if is_good else ""))
        for number, is_good in enumerate(are_good)
    ]
    good, bad = read_all("users", rows, user)
    assert [one.external_user_id for one in good] == [str(n) for n, is_good in enumerate(are_good) if is_good]
    assert [one.external_id for one in bad] == [str(n) for n, is_good in enumerate(are_good) if not is_good]
