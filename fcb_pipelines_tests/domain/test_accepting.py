"""What a decision is bound to, and which instances it decides: void as soon as a cent, a range or a record changes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.acceptances import Kind, Reason, Signature, State
from fcb_pipelines.domain.accepting import amount_of, applied, binding, deciding, undecided
from fcb_pipelines.domain.money import Money, money
from fcb_pipelines.domain.rows import Instance, Reference, Remedy, Row, Status, Verdict
from fcb_pipelines_tests.builders import TORONTO
from fcb_pipelines_tests.signed import MATCHED, NOW, RULES, a_row, accepted, an_instance, cent, decided, shown, side, verdicts

USAGE = an_instance("12.00", "2.00", charge="cpu_seconds")
ROW = a_row(an_instance(), MATCHED)
MINE = accepted(ROW)
AMOUNTS = st.one_of(st.none(), st.integers(-500_00, 500_00).map(lambda cents: str(Decimal(cents).scaleb(-2))))


def test_what_is_accepted_is_neither_match_nor_explained_and_says_by_what() -> None:
    (row,), (done,) = decided([ROW], [MINE])
    assert [one.verdict for one in row.instances] == [Verdict.ACCEPTED, Verdict.MATCH]
    assert row.verdict is Verdict.ACCEPTED
    assert row.instances[0].notes == ("accepted: A-1",)
    assert row.instances[1:] == ROW.instances[1:]
    assert (row.status, row.difference) == (ROW.status, ROW.difference)
    assert (done.acceptance_id, done.kind, done.row_id, done.place, done.charge, done.amount) == (
        ("A-1", Kind.ROW, "shop/2026-04/subscription/s1", 1, "flat", money("9.14 CAD"))
    )


@pytest.mark.parametrize(
    ("reason", "remedy"), [(Reason.SOURCE_ERROR, Remedy.FIX_SOURCE), (Reason.GOODWILL, Remedy.NONE)]
)  # fmt: skip
def test_what_is_accepted_says_why_and_what_is_still_to_be_done(reason: Reason, remedy: Remedy) -> None:
    (row,), _ = decided([ROW], [accepted(ROW, reason=reason, text="agreed\n by phone")])
    explanation = row.instances[0].explanation
    assert (explanation.findings[0].cause, explanation.remedy) == (reason.value, remedy)
    assert explanation.findings[0].words == f"accepted by ada ({reason}): agreed by phone"


def test_a_row_is_bound_alike_before_and_after_it_is_accepted() -> None:
    (row,), _ = decided([ROW], [MINE])
    assert binding(shown(row), RULES) == binding(shown(ROW), RULES) == MINE.binding
    lasting = accepted(ROW, kind=Kind.STANDING)
    (row,), _ = decided([ROW], [lasting])
    found = deciding(shown(row), [lasting], rule_version=RULES, today=NOW.date(), states=(State.IN_FORCE,))
    assert found == {1: lasting}


@pytest.mark.parametrize(
    ("changes", "rules", "is_accepted"),
    [
        ({}, RULES, True),
        ({}, "2", False),
        ({"needs_approval": True}, RULES, False),
        ({"needs_approval": True, "approval": Signature(person="grace", at=NOW)}, RULES, True),
        ({"needs_approval": True, "approval": Signature(person="Ada", at=NOW)}, RULES, False),
        ({"expires_on": date(2026, 6, 3)}, RULES, True),
        ({"expires_on": date(2026, 6, 2)}, RULES, False),
        ({"service": "other"}, RULES, False),
    ],
)
def test_only_a_decision_in_force_under_the_same_rules_decides(changes: dict[str, Any], rules: str, is_accepted: bool) -> None:
    (row,), found = decided([ROW], [accepted(ROW, **changes)], rules=rules)
    assert (row.verdict is Verdict.ACCEPTED, bool(found)) == (is_accepted, is_accepted)
    assert row is ROW or is_accepted


def test_a_withdrawn_one_decides_nothing() -> None:
    (row,), found = decided([ROW], [replace(MINE, withdrawal=Signature(person="ada", at=NOW))])
    assert row is ROW
    assert not found


def test_it_expires_as_the_day_begins_in_the_billing_timezone() -> None:
    one = accepted(ROW, expires_on=date(2026, 6, 3))
    midnight = NOW.replace(hour=4) + timedelta(days=1)  # 00:00 in Toronto
    assert verdicts([ROW], [one], as_of=midnight - timedelta(microseconds=1))[0][0] == "accepted"
    assert verdicts([ROW], [one], as_of=midnight)[0][0] == "unexplained"


@pytest.mark.parametrize("verdict", [one for one in Verdict if one is not Verdict.UNEXPLAINED])
def test_what_is_decided_otherwise_stays_so(verdict: Verdict) -> None:
    row = a_row(replace(an_instance(), verdict=verdict))
    assert verdicts([row], [accepted(a_row())]) == [[verdict.value]]
    two = a_row(an_instance(verdict=verdict), USAGE)
    assert verdicts([two], [accepted(two)])[0][1] == "accepted"
    assert verdicts([two], [accepted(two)])[0][0] == verdict.value


def test_it_decides_the_instances_that_were_undecided_when_it_was_signed() -> None:
    explained = a_row(an_instance(verdict=Verdict.EXPLAINED), USAGE)
    one = accepted(explained)
    assert (one.places, one.amount) == ((2,), money("10.00 CAD"))
    undecided_again = a_row(an_instance(), USAGE)
    assert verdicts([undecided_again], [one]) == [["unexplained", "accepted"]]


def test_what_is_explained_since_it_was_signed_stays_explained() -> None:
    one = accepted(a_row(an_instance(), USAGE))
    assert one.places == (1, 2)
    assert verdicts([a_row(an_instance(verdict=Verdict.EXPLAINED), USAGE)], [one]) == [["explained", "accepted"]]


CHANGES: dict[str, Callable[[Row], Row]] = {
    "row_id": lambda row: replace(row, row_id="shop/2026-04/subscription/s2"),
    "partner": lambda row: replace(row, external_user_id="u2"),
    "charge": lambda row: _with(row, charge="other"),
    "range start": lambda row: _with(row, service_from=row.instances[0].service_from + timedelta(hours=1)),  # type: ignore[operator]
    "range end": lambda row: _with(row, service_to=None),
    "due": lambda row: _with(row, due_at=None),
    "evidence gone": lambda row: _with(row, evidence=()),
    "evidence new": lambda row: _with(row, evidence=(*row.instances[0].evidence, Reference(kind="coupon", reference="c1"))),
    "evidence other": lambda row: _with(row, evidence=(Reference(kind="invoice_line", reference="i1/2"),)),
    "expected absent": lambda row: _with(row, expected=None),
    "actual absent": lambda row: _with(row, actual=None),
    "tax undecided": lambda row: _with(row, expected=side("50.00", None)),
    "an instance more": lambda row: replace(row, instances=(*row.instances, MATCHED)),
    "an instance less": lambda row: replace(row, instances=row.instances[:1]),
}


def _with(row: Row, **changes: object) -> Row:
    return replace(row, instances=(replace(row.instances[0], **changes), *row.instances[1:]))  # type: ignore[arg-type]


@pytest.mark.parametrize("what", CHANGES)
def test_it_is_void_as_soon_as_something_of_the_row_changes(what: str) -> None:
    row = CHANGES[what](ROW)
    assert binding(shown(row), RULES) != MINE.binding
    assert "accepted" not in verdicts([row], [MINE])[0]


@pytest.mark.parametrize("changes", [{"notes": ("not_yet_issued",)}, {"verdict": Verdict.ACCEPTED}, {"is_due": False}])
def test_what_is_only_said_about_a_row_binds_nothing(changes: dict[str, object]) -> None:
    assert binding(shown(_with(ROW, **changes)), RULES) == MINE.binding


def _a_cent_elsewhere(row: Row) -> Iterator[Row]:
    """The row with a cent more in each amount of each side of each instance, one at a time."""
    for place, instance in enumerate(row.instances):
        for name, of in (("expected", instance.expected), ("actual", instance.actual)):
            for each in ("net", "tax", "gross"):
                more = side("0.01") if of is None else replace(of, **{each: cent(getattr(of, each))})
                changed = replace(instance, **{name: more})  # type: ignore[arg-type]
                yield replace(row, instances=(*row.instances[:place], changed, *row.instances[place + 1 :]))


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS), min_size=1, max_size=3))
def test_one_cent_changed_anywhere_voids_it_every_time(amounts: list[tuple[str | None, ...]]) -> None:
    instances = [
        an_instance(of[0], of[1], expected_tax=of[2], actual_tax=of[3] or "0.00", status=Status.DELTA) for of in amounts
    ]
    row = a_row(*instances)
    one = accepted(row)
    assert {verdict for each in verdicts([row], [one]) for verdict in each} == {"accepted"}
    for changed in _a_cent_elsewhere(row):
        assert decided([changed], [one]) == ((changed,), ())


@given(st.permutations(range(6)), st.permutations(range(6)))
def test_no_order_changes_anything(of_rows: list[int], of_decisions: list[int]) -> None:
    rows = [a_row(subscription=f"s{n}") for n in range(6)]
    made = [accepted(row, f"A-{n}", kind=Kind.STANDING if n % 2 else Kind.ROW) for n, row in enumerate(rows)]
    again = [accepted(row, f"A-{n + 20}", made_at=NOW + timedelta(1)) for n, row in enumerate(rows)]
    done, _ = decided([rows[n] for n in of_rows], [*(again[n] for n in of_decisions), *(made[n] for n in of_decisions)])
    plain, _ = decided(rows, [*made, *again])
    assert [done[of_rows.index(n)] for n in range(6)] == list(plain)
    # A row's own decision goes before a standing one.
    assert [row.instances[0].notes for row in plain] == [(f"accepted: A-{n + 20 if n % 2 else n}",) for n in range(6)]


@pytest.mark.parametrize(
    ("instance", "amount"),
    [
        (an_instance("50.00", "40.86"), "9.14"),
        (an_instance("40.86", "50.00"), "9.14"),
        (an_instance("50.00", None), "50.00"),
        (an_instance(None, "50.00"), "50.00"),
        (an_instance("50.00", "50.00", expected_tax="6.50", actual_tax="5.00"), "1.50"),
        (an_instance("50.00", "49.99", expected_tax="6.50", actual_tax="900.00"), "893.50"),
        (an_instance("50.00", "40.00", expected_tax="6.50", actual_tax="5.20"), "10.00"),
        (an_instance("50.00", "50.00", expected_tax=None, actual_tax="6.50"), "6.50"),
        (an_instance(None, None), "0.00"),
    ],
)
def test_what_an_instance_weighs_never_leaves_out_its_tax(instance: Instance, amount: str) -> None:
    assert amount_of(shown(a_row(instance)), [1]) == money(f"{amount} CAD")


def test_differences_that_cancel_weigh_both() -> None:
    row = a_row(an_instance("50.00", "60.00"), USAGE)
    assert row.difference == money("0.00 CAD")
    assert accepted(row).amount == money("20.00 CAD")


def test_what_is_open_is_what_nobody_stands_for() -> None:
    row = shown(a_row(an_instance(verdict=Verdict.ACCEPTED), USAGE, MATCHED))
    assert undecided(row, ()) == (1, 2)
    assert undecided(row, {1}) == (2,)
    assert undecided(row, {1, 2}) == ()


LASTING = accepted(ROW, kind=Kind.STANDING)
MAY = a_row(an_instance(period="2026-05"), replace(MATCHED, charge="support"), period="2026-05")


def in_may(row: Row) -> list[str]:
    return verdicts([row], [LASTING], period="2026-05")[0]


def test_a_standing_one_decides_its_charge_in_later_months_under_any_rules() -> None:
    assert (LASTING.charge, LASTING.residual, LASTING.places) == ("flat", money("9.14 CAD"), (1,))
    assert LASTING.subject == "s1/flat"
    assert in_may(MAY) == ["accepted", "match"]
    assert verdicts([MAY], [LASTING], period="2026-05", rules="2")[0][0] == "accepted"
    assert verdicts([ROW], [LASTING])[0] == ["accepted", "match"]


def test_a_standing_one_leaves_every_other_charge_and_month_before_alone() -> None:
    both = a_row(an_instance(period="2026-05"), replace(USAGE, charge="support"), period="2026-05")
    assert in_may(both) == ["accepted", "unexplained"]
    march = a_row(an_instance(period="2026-03"), period="2026-03")
    assert verdicts([march], [LASTING], period="2026-03") == [["unexplained"]]


@pytest.mark.parametrize(
    "row",
    [
        a_row(an_instance("50.00", "40.87", period="2026-05"), period="2026-05"),
        a_row(an_instance("50.00", "40.85", period="2026-05"), period="2026-05"),
        a_row(an_instance("51.00", "41.86", period="2026-05"), period="2026-05"),
        a_row(an_instance("40.86", "50.00", period="2026-05"), period="2026-05"),
        a_row(an_instance(actual_tax="0.01", period="2026-05"), period="2026-05"),
        a_row(an_instance(period="2026-05", notes=("term_unknown_at",)), period="2026-05"),
        a_row(an_instance(period="2026-05", notes=("tax_undecided: no province",)), period="2026-05"),
        a_row(an_instance(period="2026-05"), period="2026-05", subscription="s2"),
        a_row(an_instance(period="2026-05"), period="2026-05", external_user_id="u2"),
        a_row(an_instance(period="2026-05"), period="2026-05", line_key="i1/1"),
        a_row(an_instance(period="2026-05"), an_instance(period="2026-05"), period="2026-05"),
        a_row(an_instance(period="2026-05", currency="USD"), period="2026-05", currency="USD"),
    ],
    ids=["less", "more", "other price", "other sign", "tax", "term", "tax term", "other subscription", "other customer",
         "a line", "twice", "currency"],
)  # fmt: skip
def test_a_standing_one_is_applied_only_where_the_same_is_left_under_the_same_terms(row: Row) -> None:
    assert "accepted" not in in_may(row)


@given(st.integers(-2_000, 2_000))
def test_a_standing_one_is_applied_only_when_equal_to_the_cent(cents: int) -> None:
    billed = money("40.86 CAD") + Money(Decimal(cents).scaleb(-2), "CAD")
    row = a_row(an_instance(actual=str(billed.amount), period="2026-05"), period="2026-05")
    assert (in_may(row) == ["accepted"]) is (cents == 0)


def test_notes_that_say_nothing_of_terms_do_not_void_a_standing_one() -> None:
    assert in_may(a_row(an_instance(period="2026-05", notes=("late usage of 2026-04: 1 → 2",)), period="2026-05")) == [
        "accepted"
    ]


def test_a_row_that_nobody_signed_is_handed_back_as_it_is() -> None:
    rows = (a_row(subscription="s8"), a_row(subscription=None, row_id="shop/2026-04/line/i1/1", line_key="i1/1"))
    done, found = applied(rows, [MINE, LASTING], service="shop", period="2026-04", zone=TORONTO, rule_version=RULES, as_of=NOW)
    assert [one is other for one, other in zip(done, rows, strict=True)] == [True, True]
    assert found == ()
