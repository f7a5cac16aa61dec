"""What line rules caught: each line in one place, money per currency, the unknown by money."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.classification import BilledLine, Caught, Classification, classification
from fcb_pipelines.domain.invoices import LineFacts, LineKind, LineRule
from fcb_pipelines.domain.money import Money

RULES = (
    LineRule(kind=LineKind.PLAN, pattern="^basic"),
    LineRule(kind=LineKind.ADD_ON, product="p-9"),
    LineRule(kind=LineKind.CREDIT, pattern="never said"),
)


def billed(
    number: int, description: str, net: str, *, currency: str = "CAD", product: str | None = None, kind: LineKind | None = None
) -> BilledLine:
    """A line; with a kind of its own no rule is asked of it."""
    facts = LineFacts(line_key=f"i-1/{number}", description=description, product=product)
    return BilledLine(facts=facts, kind=kind or LineKind.PLAN, net=Money(Decimal(net), currency), is_ruled=kind is None)


def classes(lines: Sequence[BilledLine]) -> Classification:
    return classification(lines, RULES)


def nets(caught: Caught) -> list[str]:
    return [str(net) for net in caught.nets]


def keys(caught: Caught) -> list[str]:
    return [line.facts.line_key for line in caught.lines]


def test_each_rule_tells_what_it_caught_and_one_that_caught_nothing_is_there_too() -> None:
    found = classes(
        [
            billed(10, "Basic × 2", "20"),
            billed(2, "Basic × 1", "10.50", product="p-9"),
            billed(3, "Basic × 1", "-4", currency="USD"),
            billed(4, "Backup", "5", product="p-9"),
        ]
    )
    assert [keys(caught) for _, caught in found.rules] == [["i-1/2", "i-1/3", "i-1/10"], ["i-1/4"], []]
    assert [nets(caught) for _, caught in found.rules] == [["30.50 CAD", "-4.00 USD"], ["5.00 CAD"], []]
    assert [rule for rule, _ in found.rules] == list(RULES)


def test_examples_are_of_different_descriptions_where_there_are_two() -> None:
    ((_, plans), *_) = classes([billed(n, name, "1") for n, name in enumerate(["basic", "basic", "basic L"], start=1)]).rules
    assert [one.facts.line_key for one in plans.examples] == ["i-1/1", "i-1/3"]
    ((_, same), *_) = classes([billed(n, "basic", "1") for n in (1, 2, 3)]).rules
    assert [one.facts.line_key for one in same.examples] == ["i-1/1", "i-1/2"]


def test_what_is_unknown_is_told_by_description_the_most_money_first() -> None:
    found = classes(
        [
            billed(1, "Fee", "10"),
            billed(2, "Fee", "-30"),
            billed(3, "Gift", "39.99"),
            billed(4, "Gift", "100", currency="USD"),
            billed(5, "", "1"),
            billed(6, "an invoice that could not be read", "7", kind=LineKind.UNKNOWN),
        ]
    )
    assert [(one.lines[0].facts.description, len(one.lines), nets(one)) for one in found.unknown] == [
        ("Fee", 2, ["-20.00 CAD"]),
        ("Gift", 1, ["39.99 CAD"]),
        ("an invoice that could not be read", 1, ["7.00 CAD"]),
        ("", 1, ["1.00 CAD"]),
        ("Gift", 1, ["100.00 USD"]),
    ]


def test_a_line_whose_kind_is_given_is_caught_by_no_rule() -> None:
    found = classes([billed(1, "Basic", "10", kind=LineKind.ONE_OFF), billed(0, "header", "2", kind=LineKind.BALANCING)])
    assert [(kind, keys(caught)) for kind, caught in found.not_ruled] == [
        (LineKind.BALANCING, ["i-1/0"]),
        (LineKind.ONE_OFF, ["i-1/1"]),
    ]
    assert not any(caught.lines for _, caught in found.rules)


@given(
    st.lists(
        st.builds(
            billed,
            st.integers(0, 50),
            st.sampled_from(["Basic", "Fee", "", "[b]"]),
            st.decimals(-99, 99, places=2).map(str),
            currency=st.sampled_from(["CAD", "USD"]),
            product=st.sampled_from([None, "p-9"]),
            kind=st.sampled_from([None, *LineKind]),
        ),
        max_size=12,
    )
)
def test_every_line_is_in_one_place(lines: list[BilledLine]) -> None:
    found = classes(lines)
    places = [*(caught for _, caught in found.rules), *found.unknown, *(caught for _, caught in found.not_ruled)]
    told = sorted(str(line) for caught in places for line in caught.lines)
    assert told == sorted(map(str, lines))
