"""Rows to be accepted, and decisions on them, with defaults: a test names only what it is about."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from fcb_pipelines.domain.acceptance_limits import exposure
from fcb_pipelines.domain.acceptances import Acceptance, Bearer, Decision, Kind, Reason
from fcb_pipelines.domain.accepting import Applied, applied, proposed, undecided
from fcb_pipelines.domain.money import Money, money
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.revisions import Published, published
from fcb_pipelines.domain.rows import Amounts, Instance, Reference, Row, Status, Verdict
from fcb_pipelines_tests.builders import TORONTO

NOW = datetime(2026, 6, 2, 16, tzinfo=UTC)
RULES = "1"


def side(net: str | None, tax: str | None = "0.00", currency: str = "CAD") -> Amounts | None:
    """One side; None where there is no net."""
    if net is None:
        return None
    of_net = money(f"{net} {currency}")
    of_tax = None if tax is None else money(f"{tax} {currency}")
    return Amounts(net=of_net, tax=of_tax, gross=None if of_tax is None else of_net + of_tax)


def an_instance(expected: str | None = "50.00", actual: str | None = "40.86", **changes: Any) -> Instance:
    """April's flat price, billed 9.14 too little; `expected_tax` and `actual_tax` are 0.00 unless given."""
    currency = changes.pop("currency", "CAD")
    taxes = [changes.pop(name, "0.00") for name in ("expected_tax", "actual_tax")]
    period = Period(changes.pop("period", "2026-04"), TORONTO)
    values: dict[str, Any] = {
        "charge": "flat",
        "service_from": period.start,
        "service_to": period.end,
        "due_at": period.start,
        "currency": currency,
        "expected": side(expected, taxes[0], currency),
        "actual": side(actual, taxes[1], currency),
        "status": Status.DELTA,
        "verdict": Verdict.UNEXPLAINED,
        "is_due": True,
        "billed": money(f"{actual or 0} {currency}"),
        "evidence": (Reference(kind="invoice_line", reference="i1/1"),),
    }
    return Instance(**values | changes)


MATCHED = an_instance("5.00", "5.00", charge="cpu_seconds", status=Status.MATCH, verdict=Verdict.MATCH)


def a_row(*instances: Instance, period: str = "2026-04", subscription: str | None = "s1", **changes: Any) -> Row:
    """The row of a subscription in a month; of one instance unless others are given."""
    values: dict[str, Any] = {
        "row_id": f"shop/{period}/subscription/{subscription}",
        "external_subscription_id": subscription,
        "external_user_id": "u1",
        "currency": "CAD",
        "line_key": None,
        "external_invoice_ids": ("i1",),
        "instances": instances or (an_instance(period=period),),
    }
    return Row(**values | changes)


def shown(row: Row) -> Published:
    """A row as people look at it."""
    return published(row, service="shop", period=row.row_id.split("/")[1], zone=TORONTO)


def a_decision(**changes: Any) -> Decision:
    values: dict[str, Any] = {
        "decision_id": "D-1",
        "service": "shop",
        "kind": Kind.ROW,
        "reason": Reason.GOODWILL,
        "text": "agreed with the customer on the phone",
        "bearer": Bearer.US,
        "expires_on": date(2026, 9, 1),
        "author": "ada",
        "made_at": NOW,
    }
    return Decision(**values | changes)


def accepted(row: Row, acceptance_id: str = "A-1", *, rules: str = RULES, **changes: Any) -> Acceptance:
    """The acceptance of the one thing that is undecided in a row; changes are those of the decision."""
    form, decision = shown(row), a_decision(**changes)
    (fields,) = proposed(form, decision, undecided(form, ()), rules)
    due = exposure(fields["amount"], decision.kind, fields["period"], decision.expires_on)
    return Acceptance(**fields, acceptance_id=acceptance_id, exposure=due)


def worth(amount: str, acceptance_id: str = "A-1", customer: str = "u1", **changes: Any) -> Acceptance:
    """An acceptance of so much of a customer; changes are those of the decision."""
    one = accepted(a_row(), acceptance_id, **changes)
    return replace(one, amount=money(amount), exposure=money(amount), external_user_id=customer)


def verdicts(
    rows: Sequence[Row],
    acceptances: Iterable[Acceptance],
    *,
    as_of: datetime = NOW,
    rules: str = RULES,
    period: str = "2026-04",
) -> list[list[str]]:
    """Per row the verdict of each instance once what is accepted is applied."""
    done, _ = decided(rows, acceptances, as_of=as_of, rules=rules, period=period)
    return [[instance.verdict.value for instance in row.instances] for row in done]


def decided(
    rows: Sequence[Row],
    acceptances: Iterable[Acceptance],
    *,
    as_of: datetime = NOW,
    rules: str = RULES,
    period: str = "2026-04",
) -> tuple[tuple[Row, ...], tuple[Applied, ...]]:
    """Rows with what is accepted, and by what."""
    return applied(rows, acceptances, service="shop", period=period, zone=TORONTO, rule_version=rules, as_of=as_of)


def cent(amount: Money | None) -> Money:
    """A cent more; an amount that was absent becomes one of a cent."""
    return money("0.01 CAD") if amount is None else amount + money("0.01 CAD")
