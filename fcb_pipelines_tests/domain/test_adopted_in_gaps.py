"""What a term that somebody adopted says of a time of which no snapshot and no history tells, and what it does not say."""

from decimal import Decimal

import pytest

from fcb_pipelines.domain.case import Records
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines_tests.builders import a_plan, a_subscription, day, evidence
from fcb_pipelines_tests.domain.test_seen import FIRST, LAST, OLD, costs, flat, of_usage, seen


@pytest.mark.parametrize(
    ("adopted", "exact"),
    [
        (evidence("plan_price", "p1", subject_kind="plan", data={"price": "55"}), Decimal(55)),
        (evidence("plan_price", "p1", subject_kind="plan", data={"price": "600", "interval": "yearly"}), None),
        (evidence("contract_price", "s1", data={"price": "44"}), Decimal(44)),
        (evidence("contract_price", "s1", data={"price": "44"}, valid_to=day("2026-04-01")), None),
        (evidence("contract_price", "s2", data={"price": "44"}), None),
    ],
)
def test_a_term_that_somebody_adopted_says_what_nobody_saw(adopted: Evidence, exact: Decimal | None) -> None:
    assert flat("2026-04", adopted=Records([adopted])).exact == exact


@pytest.mark.parametrize(("charges", "exact"), [(None, Decimal("0.005")), (["cpu_seconds"], Decimal("0.005")), (["gb"], None)])
def test_a_quota_that_somebody_adopted_says_nothing_of_another_charge(charges: list[str] | None, exact: Decimal | None) -> None:
    adopted = Records([evidence("quota", "s1", data={"included_quantity": "4800"} | ({"charges": charges} if charges else {}))])
    assert of_usage(seen=seen((LAST, a_plan(included_quantity=Decimal(0))), (FIRST, a_plan())), adopted=adopted) == [exact]


def test_no_contract_says_a_currency_that_nobody_knows() -> None:
    found = seen((LAST, costs(OLD)), (FIRST, costs(OLD, currency="USD")))
    adopted = Records([evidence("contract_price", "s1", data={"price": "44"})])
    for given_now in ({"subscription": a_subscription(contract_price=Decimal(33))}, {"adopted": adopted}):
        assert flat("2026-04", found, costs(OLD, currency="USD"), **given_now).exact is None
