"""A record that is written as JSON is read again as it was."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.flip_plans import FlipPlan
from fcb_pipelines.domain.money import Money
from fcb_pipelines.domain.records_json import as_json, read
from fcb_pipelines_tests.flips import a_charge, a_plan, a_subscription, a_term

TIMES = st.datetimes(timezones=st.sampled_from([UTC]))
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9)


def test_a_whole_plan_is_read_as_it_was_written() -> None:
    whole = a_plan(
        a_subscription(charges=(a_charge(final_biller=Biller.ODOO, first_net=None, last_bill=None), a_charge())),
        a_subscription("s2", token_id=7, terms_ending=(a_term(),), partner_id=None),
        drawn_in={"s2": "shares an invoice"},
    )
    written = json.loads(json.dumps(as_json(whole)))
    assert read(FlipPlan, written) == whole


@given(boundary=TIMES, amount=AMOUNTS)
def test_no_instant_and_no_amount_is_changed_by_writing(boundary: datetime, amount: Any) -> None:
    whole = a_plan(a_subscription(charges=(a_charge(boundary=boundary, first_net=Money(amount, "CAD")),)))
    assert read(FlipPlan, json.loads(json.dumps(as_json(whole)))) == whole


def test_a_time_keeps_the_day_that_it_had() -> None:
    charge = a_plan().subscriptions[0].charges[0]
    again = read(type(charge), as_json(charge))
    assert again.boundary.date() == charge.boundary.date() == date(2026, 7, 1)


@dataclass(frozen=True)
class Inexact:
    amount: float


@pytest.mark.parametrize("value", [Inexact(1.5), [1], b"1", {1.5: 1.5}])
def test_what_would_be_read_otherwise_is_not_written(value: Any) -> None:
    with pytest.raises(InvalidInput, match="a record keeps no"):
        as_json(value)


@pytest.mark.parametrize("change", [{"subscriptions": None}, {"made_at": "yesterday"}, {"subscriptions": [{"charges": 1}]}])
def test_what_was_not_written_by_us_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="no FlipPlan"):
        read(FlipPlan, as_json(a_plan()) | change)
    with pytest.raises(InvalidInput, match="no FlipPlan"):
        read(FlipPlan, {})
