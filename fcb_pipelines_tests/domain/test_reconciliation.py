"""Both sides of a month by charge instance: statuses, matching, rows. Worked examples of the rules are marked W."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.actual import STATUS_UNVERIFIED, ActualLine
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.matching import CURRENCY_MISMATCH, DOUBLE_BILLED, PARTNER_MISMATCH
from fcb_pipelines.domain.money import money, total
from fcb_pipelines.domain.reconciliation import NOT_ALIVE, NOT_YET_ISSUED, SUBSCRIPTION_UNKNOWN, RowOwner, reconcile
from fcb_pipelines.domain.rows import Row, Status, Verdict
from fcb_pipelines_tests.builders import APRIL, NOW, a_month, a_subscription, actual, day, expected

S1 = RowOwner(external_subscription_id="s1", external_user_id="u1", currency="CAD")
USAGE = {"charge": "cpu_seconds", "line_key": "s1/cpu_seconds/2026-04-01", "due_at": APRIL.end}
CENTS = st.integers(-500, 500).map(lambda cents: str(Decimal(cents).scaleb(-2)))


def rows(
    expected: Sequence[ExpectedLine] = (),
    actual: Sequence[ActualLine] = (),
    alive: Sequence[RowOwner] = (S1,),
    now: datetime = NOW,
) -> tuple[Row, ...]:
    return reconcile("demo/2026-04", alive, expected, actual, a_month(as_of=now))


def row(expected: Sequence[ExpectedLine] = (), actual: Sequence[ActualLine] = (), **changes: datetime) -> Row:
    (only,) = rows(expected, actual, **changes)  # type: ignore[arg-type]
    return only


@pytest.mark.parametrize(
    ("due", "billed", "status", "verdict", "difference"),
    [
        ("50", "50", Status.MATCH, Verdict.MATCH, "0"),
        ("50", "49.99", Status.DELTA, Verdict.UNEXPLAINED, "0.01"),
        ("50", "60", Status.DELTA, Verdict.UNEXPLAINED, "-10"),
        ("50", None, Status.ONLY_EXPECTED, Verdict.UNEXPLAINED, "50"),
        ("0", None, Status.NOTHING_DUE, Verdict.NOTHING_DUE, "0"),
        ("0", "0", Status.NOTHING_DUE, Verdict.NOTHING_DUE, "0"),
        ("0", "5", Status.DELTA, Verdict.UNEXPLAINED, "-5"),
        ("50", "0", Status.DELTA, Verdict.UNEXPLAINED, "50"),
    ],
)
def test_the_two_sides_of_an_instance(due: str, billed: str | None, status: Status, verdict: Verdict, difference: str) -> None:
    found = row([expected(due)], [actual(billed)] if billed is not None else [])
    assert (found.status, found.verdict, found.difference) == (status, verdict, money(f"{difference} CAD"))
    assert (found.actual is None) == (billed is None)


def test_w_amounts_that_cancel_are_no_match() -> None:
    found = row(
        [expected("50"), expected("12", **USAGE)],
        [actual("60"), actual("2", charge="cpu_seconds", kind=LineKind.OVERAGE, ordinal=2)],
    )
    assert (found.difference, found.abs_difference) == (money("0 CAD"), money("20 CAD"))
    assert (found.status, found.verdict) == (Status.DELTA, Verdict.UNEXPLAINED)


def test_w_a_line_for_february_does_not_pay_for_march() -> None:
    late = actual("100", service_from=day("2026-03-01"), service_to=day("2026-04-01"))
    found = row([expected("100")], [late])
    assert [one.status for one in found.instances] == [Status.ONLY_EXPECTED, Status.ONLY_ACTUAL]


def test_a_line_without_a_range_cannot_match_by_its_date() -> None:
    found = row([expected("50")], [actual("50", service_from=None, service_to=None)])
    (only,) = found.instances
    assert (only.status, only.verdict, only.explanation.is_in_total) == (Status.DELTA, Verdict.EXPLAINED, True)


def test_w_a_tax_that_fits_another_net_is_a_difference_of_tax() -> None:
    found = row([expected("100")], [actual("100", tax=money("11.70 CAD"))])
    assert (found.status, found.difference) == (Status.DELTA, money("0 CAD"))


def test_an_undecided_tax_is_never_a_match() -> None:
    assert row([expected("50", tax=None)], [actual("50")]).status is Status.DELTA


def test_unknown_terms_are_unexplained_even_if_nothing_was_billed() -> None:
    found = row([expected(None, is_due=True)])
    assert (found.status, found.verdict, found.expected) == (Status.ONLY_EXPECTED, Verdict.UNEXPLAINED, None)
    assert row([expected(None)], [actual("50")]).status is Status.ONLY_ACTUAL


@pytest.mark.parametrize(
    ("line", "note"),
    [
        (actual("50", external_user_id="u2"), PARTNER_MISMATCH),
        (actual("50", external_invoice_id="i2", issued_at=day("2026-04-02")), DOUBLE_BILLED),
    ],
)
def test_a_second_claim_and_another_partner_are_left_over_with_the_reason(line: ActualLine, note: str) -> None:
    billed = [line] if note == PARTNER_MISMATCH else [actual("50"), line]
    (found,) = (one for one in row([expected("50")], billed).instances if one.status is Status.ONLY_ACTUAL)
    assert note in found.notes


@pytest.mark.parametrize(
    "other",
    [
        actual("0", external_invoice_id="i0"),
        actual("-50", external_invoice_id="i0"),
        actual("50", external_invoice_id="i0", notes=(STATUS_UNVERIFIED,)),
    ],
)
def test_the_invoice_that_asks_for_money_takes_the_instance_before_a_credit_or_a_void(other: ActualLine) -> None:
    found = row([expected("50")], [other, actual("50")])
    assert found.instances[0].status is Status.MATCH
    assert found.instances[0].evidence[0].reference == "i1/1"
    assert (DOUBLE_BILLED in found.instances[1].notes) == (other.net.amount > 0)


def test_what_is_expected_in_another_currency_has_a_row_of_its_own() -> None:
    late = {**USAGE, "line_key": "s1/cpu_seconds/2026-03-01/adjusted-in-2026-04", "service_from": day("2026-03-01")}
    found = rows([expected("50"), expected("5", **late, currency="USD")])
    assert {one.row_id: str(one.difference) for one in found} == {
        "demo/2026-04/subscription/s1": "50.00 CAD",
        "demo/2026-04/subscription/s1/USD": "5.00 USD",
    }
    assert {one.external_subscription_id for one in found} == {"s1"}


def test_another_currency_is_a_row_of_its_own_and_never_summed() -> None:
    found = rows([expected("50")], [actual("50", "USD")])
    by_currency = {one.currency: one for one in found}
    assert by_currency["CAD"].status is Status.ONLY_EXPECTED
    assert (by_currency["USD"].status, by_currency["USD"].line_key) == (Status.ONLY_ACTUAL, "i1/1")
    assert CURRENCY_MISMATCH in by_currency["USD"].instances[0].notes


def test_two_lines_of_one_invoice_bill_an_instance_together() -> None:
    found = row([expected("50")], [actual("30"), actual("20", ordinal=2)])
    assert (found.status, len(found.instances[0].evidence)) == (Status.MATCH, 2)


def test_a_line_without_a_subscription_is_a_row_of_its_own_and_matches_nothing() -> None:
    found = rows([expected("50")], [actual("50", external_subscription_id=None)])
    assert {one.status for one in found} == {Status.ONLY_EXPECTED, Status.ONLY_ACTUAL}
    assert {one.line_key for one in found} == {None, "i1/1"}


def test_a_subscription_that_the_source_does_not_have_gets_a_row_that_says_so() -> None:
    found = rows([], [actual("50", external_subscription_id="ghost")])
    (ghost,) = (one for one in found if one.external_subscription_id == "ghost")
    assert (ghost.status, ghost.notes) == (Status.ONLY_ACTUAL, (SUBSCRIPTION_UNKNOWN,))


def test_money_for_a_subscription_that_no_longer_lives_is_shown_in_its_own_row() -> None:
    gone = RowOwner(external_subscription_id="s1", external_user_id="u1", currency="CAD", is_alive=False)
    (found,) = rows([], [actual("50")], alive=[gone])
    assert (found.status, found.notes) == (Status.ONLY_ACTUAL, (NOT_ALIVE,))
    assert rows([], [], alive=[gone]) == ()


def test_every_subscription_alive_has_a_row() -> None:
    assert row().status is Status.NOTHING_DUE


def test_lines_that_do_not_count_are_left_out() -> None:
    assert row([], [actual("50", counts=False)]).status is Status.NOTHING_DUE


@pytest.mark.parametrize(("now", "is_early"), [("2026-04-01", True), ("2026-05-01", True), ("2026-05-02", False)])
def test_before_the_lag_is_over_an_absent_line_is_not_yet_issued(now: str, *, is_early: bool) -> None:
    found = row([expected("50")], now=day(now))
    assert (NOT_YET_ISSUED in found.instances[0].notes) is is_early


@given(nets=st.lists(CENTS, min_size=1, max_size=6))
def test_reconciling_a_side_with_itself_is_all_match(nets: list[str]) -> None:
    due = [expected(net, line_key=f"s{n}", external_subscription_id=f"s{n}") for n, net in enumerate(nets)]
    billed = [actual(net, external_subscription_id=f"s{n}", external_invoice_id=f"i{n}") for n, net in enumerate(nets)]
    found = rows(due, billed, alive=())
    assert all(one.status in {Status.MATCH, Status.NOTHING_DUE} and not one.abs_difference for one in found)


@given(
    due=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["flat", "cpu_seconds"]), CENTS), max_size=6),
    billed=st.lists(
        st.tuples(st.none() | st.integers(0, 5), st.sampled_from(["flat", "cpu_seconds", None]), CENTS), max_size=8
    ),
    order=st.randoms(),
)
def test_no_money_is_lost_or_doubled_and_order_does_not_matter(
    due: list[tuple[int, str, str]], billed: list[tuple[int | None, str | None, str]], order: st.DrawFn
) -> None:
    unique = {(n, charge): net for n, charge, net in due}
    lines = [
        expected(net, line_key=f"s{n}/{charge}", external_subscription_id=f"s{n}", charge=charge)
        for (n, charge), net in unique.items()
    ]
    claims = [
        actual(net, external_subscription_id=None if n is None else f"s{n}", charge=charge, external_invoice_id=f"i{number}")
        for number, (n, charge, net) in enumerate(billed)
    ]
    alive = [RowOwner(external_subscription_id=f"s{n}", external_user_id="u1", currency="CAD") for n in range(2)]
    found = rows(lines, claims, alive)
    assert total((one.actual.net for one in found if one.actual), "CAD") == total((one.net for one in claims), "CAD")
    assert total((one.expected.net for one in found if one.expected), "CAD") == total(
        (one.net for one in lines if one.net), "CAD"
    )
    assert len({one.row_id for one in found}) == len(found)
    order.shuffle(claims)  # type: ignore[attr-defined]
    assert rows(lines, claims, alive) == found


def test_a_row_is_named_after_its_scope() -> None:
    assert row().row_id == f"demo/2026-04/subscription/{a_subscription().external_subscription_id}"
