"""Every cause of the table has a file, says what it needs, is planted, and is found where it is planted."""

import pytest

from fcb_pipelines.domain.acceptances import Reason
from fcb_pipelines.domain.rows import Remedy, Row, Verdict
from fcb_pipelines.domain.steps import all_causes
from fcb_pipelines_tests.seeded.generator import clean, seeded
from fcb_pipelines_tests.seeded.harness import reconciled, sides
from fcb_pipelines_tests.seeded.measures import instances

TABLE = """
    not_issued_yet issued_late test_account copied_twice double_billed consolidated_invoice credit_note reissue price_override
    plan_version billing_interval instalment quantity_change proration trial ended_early plan_change discount minimum maximum
    tier quota usage_missing usage_duplicate usage_late timezone_boundary tax_rate tax_inclusion tax_rounding rounding
    account_credit deposit currency source_error missing_in_source missing_in_expected billed_by_odoo
"""
BY_PEOPLE = {"source_error"}
"""Nothing on record proves it: it is a reason for which a person accepts a difference."""

EARLY = {"not_issued_yet"}
"""Only there until the month closes."""
AFTER_A_FLIP = {"billed_by_odoo"}
"""Only there of what is live, which a source alone does not tell."""


def found_in(rows: tuple[Row, ...]) -> set[str]:
    return {finding.cause for row in rows for one in row.instances for finding in one.explanation.findings}


def test_every_cause_of_the_table_has_a_file_or_is_a_reason_to_accept() -> None:
    assert {cause.name for cause in all_causes()} == set(TABLE.split()) - BY_PEOPLE
    assert set(Reason) >= BY_PEOPLE


@pytest.mark.parametrize("cause", all_causes(), ids=lambda cause: cause.name)
def test_every_cause_says_what_it_needs(cause: object) -> None:
    assert len(getattr(cause, "needs", "")) > 10


def test_every_cause_is_planted_and_found() -> None:
    host = seeded(4, 800, share=0.9)
    planted = {cause for truth in host.truths.values() for cause in (*truth.causes, *truth.maybe)}
    assert planted | EARLY | AFTER_A_FLIP == {cause.name for cause in all_causes()}
    assert found_in(reconciled(sides(host.world()))) == planted


def test_what_is_not_billed_before_the_month_closes_is_not_issued_yet() -> None:
    host = clean(2, 40)
    host.now = host.period.end
    untold = sorted(host.invoices)[::3]
    for key in untold:
        del host.invoices[key]
    rows = reconciled(sides(host.world()))
    waiting = [one for ones in instances(rows).values() for one in ones if one.verdict is Verdict.EXPLAINED]
    assert len(waiting) == len(untold)
    assert found_in(rows) == EARLY
    assert {one.explanation.remedy for one in waiting} == {Remedy.NONE}
