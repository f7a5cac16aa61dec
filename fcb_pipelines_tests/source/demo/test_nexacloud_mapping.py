"""NexaCloud's tables through its mapping: what the project reads is what the service means."""

from collections import Counter
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from fcb_pipelines.domain import canonical
from fcb_pipelines.domain.actual import actual_lines
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.register import RegisterMonth, register
from fcb_pipelines.services import Service
from fcb_pipelines.source.columns import (
    BILLING_STATE,
    ENTITIES,
    EVIDENCE,
    HISTORY,
    INVOICES,
    PLANS,
    RECORDS,
    SUBSCRIPTIONS,
    USERS,
    EntitySpec,
)
from fcb_pipelines.source.connection import Connection
from fcb_pipelines.source.reader import checked, read, usage

Demo = psycopg.Connection[TupleRow]


def rows(source: Connection, service: Service, spec: EntitySpec) -> dict[str, Any]:
    """All rows by id; none may be bad."""
    found = read(source, service, spec)
    assert found.bad == ()
    return {one.external_id: one.row for one in found.rows}


@pytest.mark.parametrize("spec", ENTITIES, ids=lambda spec: spec.name)
def test_every_file_returns_the_canonical_columns_and_no_more(source: Connection, service: Service, spec: EntitySpec) -> None:
    assert checked(source, service, spec) == ()


@pytest.mark.parametrize(
    ("spec", "count"),
    [(USERS, 7), (PLANS, 232), (SUBSCRIPTIONS, 87), (INVOICES, 30), (EVIDENCE, 51), (HISTORY, 21), (BILLING_STATE, 73)],
    ids=lambda given: given.name if isinstance(given, EntitySpec) else str(given),
)
def test_every_row_arrives(source: Connection, service: Service, spec: EntitySpec, count: int) -> None:
    assert len(read(source, service, spec).rows) == count


@pytest.mark.parametrize("spec", RECORDS, ids=lambda spec: spec.name)
def test_no_row_is_refused_by_the_domain(source: Connection, service: Service, spec: EntitySpec) -> None:
    parse = {
        "users": canonical.user,
        "plans": lambda row: canonical.plan(row, service.currency),
        "subscriptions": canonical.subscription,
        "invoices": lambda row: canonical.invoice(row, service.rules),
        "evidence": canonical.evidence,
        "history": canonical.history,
        "billing_state": canonical.billing_state,
    }[spec.name]
    _, bad = canonical.read_all(spec.name, rows(source, service, spec).items(), parse)
    assert bad == ()


def months(source: Connection, service: Service) -> dict[str, RegisterMonth]:
    invoices = [canonical.invoice(row, service.rules) for row in rows(source, service, INVOICES).values()]
    evidence = [canonical.evidence(one.row) for one in read(source, service, EVIDENCE).rows]
    lines = actual_lines(invoices, evidence, {}, lambda _, __: None)
    return {month.month: month for month in register(invoices, lines, service.zone)}


@pytest.mark.parametrize(
    ("month", "figures"),
    [
        ("2026-03", ["877.99", "1078.59", "85.56"]),
        ("2026-04", ["872.66", "958.66", "44.77"]),
        ("2026-05", ["32.20", "843.83", "50.46"]),
    ],
)
def test_the_register_s_figures(source: Connection, service: Service, month: str, figures: list[str]) -> None:
    """Items without a subscription, everything without one, everything with one."""
    found = months(source, service)[month]
    parts = found.items_without_subscription, found.without_subscription, found.with_subscription
    assert [part["CAD"].amount for part in parts] == [Decimal(figure) for figure in figures]


def test_the_register_s_totals(source: Connection, service: Service) -> None:
    found = months(source, service).values()
    assert sum(month.net["CAD"].amount for month in found) == Decimal("3061.87")
    assert sum(month.without_subscription["CAD"].amount for month in found) == Decimal("2881.08")
    assert sum(month.with_subscription["CAD"].amount for month in found) == Decimal("180.79")
    balancing = [line for month in found for line in month.lines if line.kind is LineKind.BALANCING]
    assert (len(balancing), sum(line.net.amount for line in balancing)) == (9, Decimal("1143.00"))


def test_the_reviewed_rules_know_every_line(source: Connection, service: Service) -> None:
    kinds = Counter(line.kind.value for month in months(source, service).values() for line in month.lines)
    assert kinds == {
        "plan": 32,
        "add_on": 10,
        "balancing": 9,
        "proration": 4,
        "overage": 3,
        "discount": 2,
        "one_off": 1,
        "credit": 1,
        "unknown": 1,
    }


def test_an_empty_subscription_id_is_none(demo: Demo, source: Connection, service: Service) -> None:
    empty = [str(row[0]) for row in demo.execute("SELECT id FROM invoices WHERE subscription_id = ''")]
    found = rows(source, service, INVOICES)
    assert [found[one]["external_subscription_id"] for one in empty] == [None]
    assert sum(row["external_subscription_id"] is not None for row in found.values()) == 7


def test_a_line_keeps_its_amount_exact_and_ends_the_day_after_the_last(source: Connection, service: Service) -> None:
    lines = [line for row in rows(source, service, INVOICES).values() for line in row["lines"]]
    assert [line for line in lines if line["amount"] == "10.27"] == [
        {
            "kind": None,
            "description": "Hosting service – Web S (2025) × 1, 9 to 30 April",
            "quantity": "1",
            "amount": "10.27",
            "service_from": "2026-04-09T04:00:00+00:00",
            "service_to": "2026-05-01T04:00:00+00:00",
        }
    ]


def test_lines_come_in_the_order_of_the_invoice(demo: Demo, source: Connection, service: Service) -> None:
    written = demo.execute("SELECT invoice_id::text, array_agg(description ORDER BY position) FROM invoice_items GROUP BY 1")
    found = rows(source, service, INVOICES)
    for invoice, descriptions in written:
        assert [line["description"] for line in found[invoice]["lines"]] == descriptions


def test_a_price_on_request_stays_absent(source: Connection, service: Service) -> None:
    found = {row["name"]: row for row in rows(source, service, PLANS).values()}
    assert (found["GPU S (2025)"]["price_monthly"], found["GPU S (2025)"]["price_yearly"]) == (None, None)
    assert (found["Free"]["price_monthly"], found["Cache S (2025)"]["price_yearly"]) == ("0", None)


def test_a_core_hour_above_the_quota_costs_0_0075_on_every_plan(source: Connection, service: Service) -> None:
    found = rows(source, service, PLANS).values()
    assert {(row["unit_price"], row["unit_batch"], row["currency"]) for row in found} == {("0.0075", "3600", "CAD")}
    assert {row["name"]: row["included_quantity"] for row in found}["Compute M (2025)"] == "1800000"


def test_the_interval_of_a_list_price_is_evidence_and_not_the_price_s(source: Connection, service: Service) -> None:
    archive = next(row for row in rows(source, service, PLANS).values() if row["name"] == "Archive 2 TB")
    assert (archive["price_monthly"], archive["price_yearly"]) == ("200", None)
    found = [one.row for one in read(source, service, EVIDENCE).rows if one.row["kind"] == "list_interval"]
    assert {row["subject_id"]: row["data"] for row in found}[archive["external_plan_id"]] == {"interval": "yearly"}


def test_agreements_are_evidence_and_not_terms(source: Connection, service: Service) -> None:
    found = rows(source, service, SUBSCRIPTIONS).values()
    assert {(row["contract_price"], row["discount_percent"]) for row in found} == {(None, None)}
    kinds = Counter(one.row["kind"] for one in read(source, service, EVIDENCE).rows)
    assert kinds == {
        "line_reference": 38,
        "trial": 5,
        "list_interval": 3,
        "contract_price": 1,
        "discount": 1,
        "credit_note": 1,
        "void_confirmation": 1,
        "account_credit": 1,
    }


@pytest.mark.parametrize(
    ("of", "valid", "data"),
    [
        (("trial", "SUB-1048"), ("2026-03-16T04:00:00+00:00", "2026-04-01T04:00:00+00:00"), {}),
        (("discount", "SUB-1031"), ("2026-02-01T05:00:00+00:00", "2026-08-01T04:00:00+00:00"), {"percent": "20.00"}),
        (("contract_price", "SUB-1021"), ("2025-11-01T04:00:00+00:00", None), {"price": "65.00", "interval": "monthly"}),
    ],
)
def test_evidence_holds_from_local_midnight(
    source: Connection, service: Service, of: tuple[str, str], valid: tuple[str, str | None], data: dict[str, str]
) -> None:
    one = next(o.row for o in read(source, service, EVIDENCE).rows if (o.row["kind"], o.row["subject_id"]) == of)
    assert (one["valid_from"], one["valid_to"]) == valid
    assert data.items() <= one["data"].items()


@pytest.mark.parametrize(
    ("key", "events", "seconds"),
    [("2026-03", 1431, "20467980"), ("2026-04", 1776, "24603378.12"), ("2026-05", 1135, "17476019.64")],
)
def test_usage_of_a_month_in_toronto(source: Connection, service: Service, key: str, events: int, seconds: str) -> None:
    batches = list(usage(source, service, service.period(key)))
    found = [event for batch in batches for event in batch.events]
    assert not any(batch.bad for batch in batches)
    assert (len(found), sum(event.quantity for event in found)) == (events, Decimal(seconds))
    assert len({(event.external_subscription_id, event.idempotency_key) for event in found}) == events


def test_the_boundary_event_is_the_next_month_s(source: Connection, service: Service) -> None:
    def starts(key: str) -> set[str]:
        return {e.started_at.isoformat() for batch in usage(source, service, service.period(key)) for e in batch.events}

    boundary = "2026-04-01T04:00:00+00:00"
    assert boundary in starts("2026-04")
    assert boundary not in starts("2026-03")


def test_the_test_account_is_marked(source: Connection, service: Service) -> None:
    assert [key for key, row in rows(source, service, USERS).items() if row["is_internal"]] == ["7"]
