"""The published form of a row, its hash, and what changed between two revisions."""

import json
from typing import Any

from fcb_pipelines.domain.reconciliation import RowOwner, reconcile
from fcb_pipelines.domain.revisions import Origin, changes, content_hash, published
from fcb_pipelines_tests.builders import TORONTO, a_month, actual, expected

FIRST = Origin(snapshot_id=1, settings_hash="a", rule_version="1")


def forms(due: str | None, billed: str | None) -> list[dict[str, Any]]:
    rows = reconcile(
        "demo/2026-04",
        [RowOwner(external_subscription_id="s1", external_user_id="u1", currency="CAD")],
        [] if due is None else [expected(due)],
        [] if billed is None else [actual(billed)],
        a_month(),
    )
    return [published(row, service="demo", period="2026-04", zone=TORONTO) for row in rows]


def test_amounts_are_text_and_an_absent_side_is_null() -> None:
    (row,) = forms("50", None)
    assert row["expected"] == {"net": "50.00", "tax": "6.50", "gross": "56.50"}
    assert row["actual"] is None
    assert (row["difference"], row["abs_difference"]) == ("50.00", "50.00")
    (zero,) = forms("0", None)
    assert zero["expected"] == {"net": "0.00", "tax": "0.00", "gross": "0.00"}


def test_a_row_has_the_keys_of_the_contract() -> None:
    (row,) = forms("50", "50")
    assert row.keys() >= {
        "row_id", "service", "period", "subscription", "partner", "currency", "line_key", "external_invoice_ids", "expected",
        "actual", "difference", "abs_difference", "status", "verdict", "causes", "instances", "evidence",
    }  # fmt: skip
    assert row["instances"][0].keys() >= {
        "charge", "service_from", "service_to", "due_at", "expected", "actual", "difference", "status", "verdict", "causes",
    }  # fmt: skip
    assert (row["subscription"], row["partner"], row["external_invoice_ids"]) == ("s1", "u1", ["i1"])
    assert row["evidence"] == [{"kind": "invoice_line", "reference": "i1/1"}]
    assert row["instances"][0]["service_from"] == "2026-04-01T00:00:00-04:00"
    json.dumps(row)


def test_amounts_finer_than_a_cent_are_shown_whole() -> None:
    (row,) = forms(None, "9.1425")
    assert row["actual"]["net"] == "9.1425"


def test_equal_rows_have_equal_hashes_and_any_cent_changes_it() -> None:
    assert content_hash(forms("50", "50")) == content_hash(forms("50", "50"))
    assert content_hash(forms("50", "50")) != content_hash(forms("50", "50.01"))


def test_the_first_revision_changed_nothing() -> None:
    assert changes(None, forms("50", "50"), None, FIRST).as_json() == {"because": [], "rows": []}


def test_a_change_names_row_and_field_with_before_and_after_and_its_reason() -> None:
    after = Origin(snapshot_id=2, settings_hash="b", rule_version="1")
    found = changes(forms("50", None), forms("50", "50"), FIRST, after)
    assert found.because == ("snapshot 1 → 2", "settings changed")
    (row,) = found.rows
    assert (row.row_id, row.change, row.fields["status"]) == (
        "demo/2026-04/subscription/s1", "changed", ("only_expected", "match")
    )  # fmt: skip


def test_rows_that_come_and_go_are_named() -> None:
    one = forms("50", None)
    assert [row.change for row in changes([], one, FIRST, FIRST).rows] == ["added"]
    assert [row.change for row in changes(one, [], FIRST, FIRST).rows] == ["removed"]
    assert changes(one, one, FIRST, FIRST).rows == ()
