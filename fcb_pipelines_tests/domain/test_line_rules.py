"""Which rule catches a line: everything that a rule asks must hold, and the first that holds wins."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.canonical import invoice
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.invoices import LineFacts, LineKind, LineRule, catching
from fcb_pipelines_tests.domain.canonical_rows import invoice_row

PLAN, ADD_ON, ONE_OFF = LineKind.PLAN, LineKind.ADD_ON, LineKind.ONE_OFF


def rule(kind: LineKind = PLAN, /, **asks: str) -> LineRule:
    return LineRule(kind=kind, **asks)


def facts(**changes: str | None) -> LineFacts:
    values: dict[str, Any] = {
        "line_key": "i-7/2",
        "description": "Daily Backup × 1",
        "product": "p-9",
        "created_by": "ada@host.example",
    }
    return LineFacts(**values | changes)


FEE = {"description": "Set-up fee", "amount": "1.00"}
BACKUP = {"description": "Daily Backup × 1", "amount": "9.14", "product": "p-9"}
BY_HAND = {"line": "i-7/2", "because": "it is the backup of a plan"}


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        ({"pattern": "^daily backup"}, True),
        ({"pattern": "backup$"}, False),
        ({"product": "p-9"}, True),
        ({"product": "p-90"}, False),
        ({"product": "P-9"}, False),
        ({"created_by": "ada@host.example"}, True),
        ({"created_by": "ada"}, False),
        (BY_HAND, True),
        (BY_HAND | {"line": "i-7/20"}, False),
        ({"pattern": "backup", "product": "p-9", "created_by": "ada@host.example", **BY_HAND}, True),
        ({"pattern": "monitoring", "product": "p-9", "created_by": "ada@host.example", **BY_HAND}, False),
        ({"pattern": "backup", "product": "p-1", "created_by": "ada@host.example", **BY_HAND}, False),
        ({"pattern": "backup", "product": "p-9", "created_by": "bob@host.example", **BY_HAND}, False),
        ({"pattern": "backup", "product": "p-9", "created_by": "ada@host.example", **BY_HAND, "line": "i-7/1"}, False),
    ],
)
def test_a_rule_holds_where_all_that_it_asks_does(asked: dict[str, str], holds: bool) -> None:
    assert rule(**asked).holds_for(facts()) is holds


@pytest.mark.parametrize("asked", [{"product": "p-9"}, {"created_by": "ada@host.example"}])
def test_a_line_without_an_id_is_caught_by_none(asked: dict[str, str]) -> None:
    assert not rule(**asked).holds_for(facts(product=None, created_by=None))


@pytest.mark.parametrize(
    ("rules", "caught_by", "kind"),
    [
        ((), None, LineKind.UNKNOWN),
        ((rule(pattern="nothing"),), None, LineKind.UNKNOWN),
        ((rule(pattern="backup"), rule(ADD_ON, product="p-9")), 0, PLAN),
        ((rule(ADD_ON, product="p-9"), rule(pattern="backup")), 0, ADD_ON),
        ((rule(pattern="nothing"), rule(ONE_OFF, **BY_HAND), rule(pattern="backup")), 1, ONE_OFF),
    ],
)
def test_the_first_rule_that_holds_wins(rules: tuple[LineRule, ...], caught_by: int | None, kind: LineKind) -> None:
    assert catching(facts(), rules) == caught_by
    (found,) = invoice(invoice_row(created_by="ada@host.example", external_invoice_id="i-7", lines=[FEE, BACKUP]), rules).lines[
        1:
    ]
    assert found.kind is kind


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        ({}, "at least one of pattern, product, created_by and line"),
        ({"because": "so"}, "at least one of pattern, product, created_by and line"),
        ({"pattern": "("}, "not a regular expression"),
        ({"product": ""}, "empty product"),
        ({"pattern": "x", "created_by": " "}, "empty product, created_by or line"),
        ({"line": "i-7/2"}, "i-7/2 needs because"),
        ({"line": "i-7/2", "because": " "}, "i-7/2 needs because"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(asked: dict[str, str], refused: str) -> None:
    with pytest.raises(InvalidInput, match=refused):
        rule(**asked)


@given(description=st.text(max_size=20), pattern=st.sampled_from(["a", "^b", "C.d", "", "é"]), other=st.text(max_size=5))
def test_a_rule_of_a_pattern_alone_looks_at_nothing_else(description: str, pattern: str, other: str) -> None:
    """As it was when patterns were all there was."""
    one = rule(pattern=pattern)
    said = {one.holds_for(facts(description=description, product=each, created_by=each)) for each in (other, None)}
    assert len(said) == 1


@pytest.mark.parametrize(
    ("asked", "kinds"),
    [
        ({"pattern": "backup"}, [LineKind.UNKNOWN, ADD_ON]),
        ({"product": "p-9"}, [ADD_ON, LineKind.UNKNOWN]),
        ({"created_by": "ada@host.example"}, [ADD_ON, ADD_ON]),
        (BY_HAND | {"line": "i-7/2"}, [LineKind.UNKNOWN, ADD_ON]),
    ],
)
def test_lines_of_an_invoice_are_told_apart_by_what_the_source_says_of_them(
    asked: dict[str, str], kinds: list[LineKind]
) -> None:
    lines = [{"description": "Basic", "amount": "1", "product": " p-9 "}, {"description": "Backup", "amount": "1"}]
    read = invoice(invoice_row(external_invoice_id="i-7", created_by="ada@host.example", lines=lines), [rule(ADD_ON, **asked)])
    assert [line.kind for line in read.lines] == kinds
    assert not any(line.is_kind_given for line in read.lines)


def test_no_rule_is_asked_where_the_mapping_names_the_kind() -> None:
    lines = [{"description": "Backup", "amount": "1", "kind": "one_off"}]
    (line,) = invoice(invoice_row(lines=lines), [rule(ADD_ON, pattern="backup")]).lines
    assert (line.kind, line.is_kind_given) == (ONE_OFF, True)
