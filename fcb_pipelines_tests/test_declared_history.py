"""History that people declare in `fcb.toml`: what can be declared, and since when it is on record."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from fcb_pipelines.declared_history import HistorySetting
from fcb_pipelines_tests.builders import TORONTO

GIVEN: dict[str, Any] = {
    "subject_kind": "plan",
    "subject": "17",
    "field": "price_monthly",
    "value": "12.00",
    "valid_from": date(2026, 4, 1),
    "because": "announced",
    "declared_by": "Ada",
    "declared_on": date(2026, 4, 12),
}


def test_an_entry_is_on_record_since_the_day_after_it_was_declared() -> None:
    entry = HistorySetting(**GIVEN).entry(TORONTO)
    assert (entry.subject_kind, entry.subject_id, entry.field, entry.value) == ("plan", "17", "price_monthly", "12.00")
    assert entry.valid_from == datetime(2026, 4, 1, 4, tzinfo=UTC)
    assert entry.said_at == datetime(2026, 4, 13, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"field": "name"}, "no term of a plan; its terms are price_monthly"),
        ({"subject_kind": "subscription"}, "no term of a subscription; its terms are plan, billing_interval"),
        ({"value": "a lot"}, "a lot"),
        ({"field": "unit_price", "value": None}, "unit_price has no value"),
        ({"because": ""}, "because"),
        ({"subject_kind": "user"}, "subject_kind"),
    ],
)
def test_what_says_nothing_of_a_term_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        HistorySetting(**GIVEN | changes)


def test_a_term_that_may_be_absent_can_be_declared_absent() -> None:
    given = {**GIVEN, "subject_kind": "subscription", "field": "contract_price"}
    assert HistorySetting(**{key: value for key, value in given.items() if key != "value"}).entry(TORONTO).value is None
