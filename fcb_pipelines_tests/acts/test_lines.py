"""What the rules caught of a host's invoices: those that count, of all months or of one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fcb_pipelines.acts.lines import lines
from fcb_pipelines.acts.source import take_snapshot
from fcb_pipelines.domain.classification import Caught, Classification
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines_tests.acts.chain import TAXES, silent
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.kept import KeptStore
from fcb_pipelines_tests.source.small_host import SmallHost

RULES = (
    {"pattern": "^small", "kind": "plan"},
    {"created_by": "ada", "pattern": "^fee$", "kind": "one_off"},
    {"line": "in_3/1", "because": "Ada says so", "kind": "credit"},
    {"pattern": "^HST", "kind": "tax"},
)
OTHERS = """
    INSERT INTO invoices VALUES
        ('in_2', 1, NULL, '2026-04-03 12:00Z', 'open', 'CAD', 12, 1.56, 13.56, NULL, 'ada',
         '[{"description": "Fee", "amount": "7"}, {"description": "Gift", "amount": "3", "kind": "add_on"},
           {"description": "HST 13 %", "amount": "1.56"}]'),
        ('in_3', 1, NULL, '2026-05-03 12:00Z', 'paid', 'CAD', 5, 0.65, 5.65, NULL, 'stripe',
         '[{"description": "Thanks", "amount": "4"}, {"description": "What", "amount": "1"}]'),
        ('in_4', 1, NULL, '2026-05-03 12:00Z', 'draft', 'CAD', 99, 0, 99, NULL, 'stripe',
         '[{"description": "Small", "amount": "99"}]'),
        ('in_5', 1, NULL, '2026-05-03 12:00Z', 'lost', 'CAD', 77, 0, 77, NULL, 'stripe', '[]')
"""
Found = Callable[[str | None], Classification]


@pytest.fixture
def found(fresh_database: str, store_database: str, tmp_path: Path) -> Found:
    host = SmallHost(fresh_database, tmp_path)
    host.run(OTHERS)
    service, db = host.service(line_rules=RULES), KeptStore(store_database)
    take_snapshot(db, service, NOW, silent)

    def build(period: str | None) -> Classification:
        with db.transaction() as conn:
            return lines(conn, service, TAXES, None if period is None else service.period(period))

    return build


def keys(caught: Caught) -> list[str]:
    return [line.facts.line_key for line in caught.lines]


def told(classes: Classification) -> dict[str, Any]:
    return {
        "rules": [keys(caught) for _, caught in classes.rules],
        "unknown": [keys(caught) for caught in classes.unknown],
        "not_ruled": {kind: keys(caught) for kind, caught in classes.not_ruled},
    }


def test_every_line_that_counts_is_told_by_the_rule_that_caught_it(found: Found) -> None:
    """Not those of a draft; an invoice that could not be read is unknown with all of its money."""
    assert told(found(None)) == {
        "rules": [["in_1/1"], ["in_2/1"], ["in_3/1"], ["in_2/3"]],
        "unknown": [["in_5/-1"], ["in_3/2"]],
        "not_ruled": {LineKind.ADD_ON: ["in_2/2"], LineKind.BALANCING: ["in_2/0"]},
    }


def test_a_rule_says_the_kind_that_the_lines_have(found: Found) -> None:
    assert all(line.kind is rule.kind for rule, caught in found(None).rules for line in caught.lines)


@pytest.mark.parametrize(("period", "count"), [("2026-03", 1), ("2026-04", 4), ("2026-05", 3)])
def test_a_month_has_the_lines_of_its_rows(found: Found, period: str, count: int) -> None:
    one = told(found(period))
    assert sum(map(len, [*one["rules"], *one["unknown"], *one["not_ruled"].values()])) == count


def test_without_a_snapshot_there_is_nothing_to_show(fresh_database: str, store_database: str, tmp_path: Path) -> None:
    service = SmallHost(fresh_database, tmp_path).service(line_rules=RULES)
    with (
        KeptStore(store_database).transaction() as conn,
        pytest.raises(RuleViolation, match="there is no snapshot of small yet"),
    ):
        lines(conn, service, TAXES)
