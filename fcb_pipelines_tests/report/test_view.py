"""The figures of a report: they close to the cent, and each number has its rows."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.clean import Against, Judged
from fcb_pipelines.domain.money import Money, money, total
from fcb_pipelines.domain.rows import Instance, Row, Verdict
from fcb_pipelines.report import selections
from fcb_pipelines.report.figures import MOST_STEPS, OTHERS, figures
from fcb_pipelines.report.partners import NEXT_MONTH, partners
from fcb_pipelines.report.queue import queue
from fcb_pipelines.report.stakes import stake
from fcb_pipelines.report.strip import strips
from fcb_pipelines_tests.builders import actual, day
from fcb_pipelines_tests.report.material import (
    a_base,
    a_view,
    carried,
    due_next,
    every_kind,
    explained,
    matched,
    row,
    unexplained,
)

CENTS = st.integers(-20_000, 20_000).map(lambda cents: f"{cents / 100:.2f}")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row("s1", matched())], "Ready: CAD 50.00 billed for 2026-04 is decided, and none of our terms is left to mend."),
        ([row("s1", unexplained())], "Not ready: 1 thing stops CAD 9.00 of partner u1 (Maple Ridge Media)."),
        (
            [row("s1", unexplained()), row("s2", unexplained("5.00", None), external_user_id="u2")],
            "Not ready: 1 thing stops CAD 14.00 of 2 partners.",
        ),
        (
            [row("s1", explained()), row("s2", unexplained(currency="USD"), currency="USD")],
            "Not ready: 2 things stop CAD 190.86 and USD 9.00 of partner u1 (Maple Ridge Media).",
        ),
        ([], "Ready: nothing billed for 2026-04 is decided, and none of our terms is left to mend."),
    ],
)
def test_the_sentence(rows: Sequence[Row], said: str) -> None:
    assert a_view(*rows).sentence.replace("\N{NO-BREAK SPACE}", " ") == said


@given(st.lists(st.tuples(CENTS, CENTS, st.sampled_from([unexplained, explained])), max_size=30))
def test_sums_close_to_the_cent(drawn: list[tuple[str, str, object]]) -> None:
    rows = [row(f"s{n}", make(expected, billed)) for n, (expected, billed, make) in enumerate(drawn)]  # type: ignore[operator]
    base = a_base(*rows, next_flat=due_next(u1="17.00"))
    for one in figures(rows, "CAD"):
        assert total((each.actual for each in one.verdicts), "CAD") == one.billed
        assert total((each.expected for each in one.verdicts), "CAD") == one.expected
        assert (one.waterfall[-1].after if one.waterfall else one.expected) == one.billed
        assert one.proved + one.accepted + one.carried + one.undecided == one.billed
    for line in partners(base):
        assert total((part.change for part in line.parts), "CAD") == line.difference


def test_no_figure_sums_currencies() -> None:
    cad, usd = figures([*every_kind()], "CAD")
    assert (cad.currency, usd.currency) == ("CAD", "USD"), "the service's own first"
    assert (usd.billed, usd.undecided) == (money("30.00 USD"), money("30.00 USD"))


def test_the_five_numbers() -> None:
    cad, _ = figures([*every_kind()], "CAD")
    told = [
        str(each) for each in (cad.billed, cad.proved, cad.accepted, cad.carried, cad.carried_open, cad.undecided, cad.unbilled)
    ]
    assert told == ["125.28 CAD", "73.28 CAD", "6.00 CAD", "15.00 CAD", "15.00 CAD", "31.00 CAD", "12.00 CAD"]


def test_a_waterfall_has_only_so_many_steps() -> None:
    rows = [row(f"s{n}", explained("50.00", f"{n}.00", cause=f"cause_{n:02d}")) for n in range(1, MOST_STEPS + 4)]
    (cad,) = figures([*rows], "CAD")
    assert len(cad.waterfall) == MOST_STEPS + 1
    assert cad.waterfall[-1].cause == OTHERS
    assert cad.waterfall[-1].after == cad.billed


def test_the_next_bill_beside_the_last() -> None:
    rows = [row("s1", explained("200.00", "9.14"), matched("4.00", charge="cpu_seconds", due_at=day("2026-05-01")))]
    (line,) = partners(a_base(*rows, next_flat=due_next(u1="230.00")))
    assert (str(line.last), str(line.next), str(line.next_due)) == ("13.14 CAD", "234.00 CAD", "2026-05-01")
    assert [(part.cause, str(part.change)) for part in line.parts] == [
        ("billing_interval", "190.86 CAD"),
        (NEXT_MONTH, "30.00 CAD"),
    ]


def test_a_customer_who_is_only_billed_next_is_there_too() -> None:
    found = partners(a_base(row("s1", matched()), next_flat=due_next(u2="30.00")))
    assert [(one.partner, str(one.last), str(one.next)) for one in found] == [
        ("u1", "50.00 CAD", "0.00 CAD"),
        ("u2", "0.00 CAD", "30.00 CAD"),
    ]


def test_the_strip_bridges_issue_and_service_months() -> None:
    rows = [row("s1", matched("50.00"))]
    late = actual("50.00", external_invoice_id="i-s1", ordinal=1, issued_at=day("2026-05-02"))
    other = actual("7.00", external_invoice_id="i9", service_from=day("2026-03-01"), service_to=day("2026-04-01"))
    (strip,) = strips(a_base(*rows, lines=(late, other)))
    assert [(one.month, str(one.amount)) for one in strip.for_months] == [("2026-03", "7.00 CAD")]
    assert [(one.month, str(one.amount)) for one in strip.issued_in] == [("2026-05", "50.00 CAD")]
    assert (str(strip.register), str(strip.rows), str(strip.gap)) == ("7.00 CAD", "50.00 CAD", "0.00 CAD")


def test_a_row_that_no_invoice_has_is_a_gap() -> None:
    (strip,) = strips(a_base(row("s1", matched("50.00")), lines=()))
    assert strip.gap == money("50.00 CAD")


def test_siblings_are_one_decision_and_the_most_money_is_first() -> None:
    rows = [
        row("s1", unexplained("12.00", "1.00")),
        row("s2", explained()),
        row("s3", explained("50.00", "9.14")),
        row("s4", explained(), external_user_id="u2"),
        row("s5", explained("7.00", "6.00", cause="proration")),
        row("s6", carried("3.00")),
    ]
    found = queue(a_base(*rows))
    assert [(one.against, one.cause, str(one.stake), len(one.items)) for one in found] == [
        (Against.FIX_MODEL, "billing_interval", "422.58 CAD", 3),
        (Against.UNEXPLAINED, "no record says why", "11.00 CAD", 1),
        (Against.NO_SUCCESSOR, "add_on", "3.00 CAD", 1),
        (Against.FIX_MODEL, "proration", "1.00 CAD", 1),
    ]
    assert [one.number for one in found] == [1, 2, 3, 4]
    assert str(found[0].due) == "2026-06-30"


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        (unexplained("40.00", "31.00"), "9.00 CAD"),
        (unexplained("31.00", "40.00"), "9.00 CAD"),
        (unexplained("40.00", "31.00", expected_tax="5.20", actual_tax="17.00"), "11.80 CAD"),
        (unexplained("40.00", "40.00", actual_tax="0.01"), "0.01 CAD"),
        (unexplained("40.00", "40.00"), "40.00 CAD"),
    ],
)
def test_what_is_at_stake_hides_no_tax(instance: Instance, expected: str) -> None:
    assert str(stake(instance)) == expected


def test_each_plan_and_currency_is_decided_by_itself() -> None:
    rows = [row("s1", explained()), row("s2", explained()), row("s3", explained(currency="USD"), currency="USD")]
    found = queue(a_base(*rows, plans={"s1": "A", "s2": "B", "s3": "A"}))
    assert sorted((one.plan, one.stake.currency) for one in found) == [("A", "CAD"), ("A", "USD"), ("B", "CAD")]


def test_the_command_names_every_row_and_what_was_looked_at() -> None:
    evil = "s 1'; rm -rf $HOME"
    (one,) = queue(a_base(row(evil, unexplained()), row("s2", unexplained())))
    assert one.command == (
        "fcb accept 'shop/2026-04/subscription/s 1'\"'\"'; rm -rf $HOME' shop/2026-04/subscription/s2 "
        '--reason CODE --text "WHY" --bears WHO --expires YYYY-MM-DD --revision 2 --service shop'
    )
    commands = {one.against: one.command.split()[1] for one in queue(a_base(*every_kind()))}
    assert commands == {Against.UNEXPLAINED: "accept", Against.FIX_MODEL: "adopt", Against.NO_SUCCESSOR: "carry"}


def net_of(rows: Sequence[Row], currency: str, verdict: Verdict | None = None) -> Money:
    def counts(one: Instance) -> bool:
        return one.currency == currency and one.actual is not None and verdict in (None, one.verdict)

    nets = (one.actual.net for row in rows for one in row.instances if counts(one) and one.actual)
    return total(nets, currency)


def test_each_number_opens_the_rows_that_it_sums() -> None:
    view = a_view(*every_kind())
    found = view.shape.selections
    assert len(found[selections.ALL].rows) == len(every_kind())
    for one in view.shape.figures:
        assert net_of(found[selections.of_currency(one.currency)].rows, one.currency) == one.billed
        for each in one.verdicts:
            rows = found[selections.of_verdict(each.verdict, one.currency)].rows
            assert (net_of(rows, one.currency, each.verdict), len(rows)) == (each.actual, each.rows)
        for step in one.waterfall:
            assert found[selections.of_cause(step.cause, one.currency)].rows
    for line in view.shape.partners:
        rows = found[selections.of_partner(line.partner, line.last.currency)].rows
        assert net_of(rows, line.last.currency) == line.last
    for strip in view.shape.strips:
        for share in strip.issued_in:
            assert net_of(found[selections.of_issue(share.month, strip.currency)].rows, strip.currency) == share.amount


def test_clean_periods_in_a_row() -> None:
    history = [Judged(period="2026-02", objections=()), Judged(period="2026-03", objections=())]
    assert a_view(row("s1", matched()), history=history).clean_periods == 3
    assert a_view(row("s1", unexplained()), history=history).clean_periods == 0
