"""How a standing acceptance stands while the month that was reconciled last is not billed yet."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Self

import pytest
from psycopg import Cursor

from fcb_pipelines.acts.acceptances import Wanted, accept, listed
from fcb_pipelines.domain.acceptances import Bearer, Kind, Reason, State
from fcb_pipelines.domain.rows import Instance, Row, Status, Verdict
from fcb_pipelines.services import Service
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.signed import NOW, a_row, an_instance
from fcb_pipelines_tests.signed_store import a_service, reconcile

APRIL = a_row()
EARLY = {"status": Status.ONLY_EXPECTED, "verdict": Verdict.EXPLAINED, "notes": ("not_yet_issued",)}
IN_FORCE, VOID = State.IN_FORCE, State.VOID_CHANGED


def same(period: str) -> Instance:
    return an_instance(period=period)


def another(period: str) -> Instance:
    return an_instance("50.00", "41.00", period=period)


def early(period: str) -> Instance:
    return an_instance("50.00", None, period=period, **EARLY)


@pytest.fixture
def shop(tmp_path: Path) -> Service:
    return a_service(tmp_path)


@pytest.mark.parametrize(
    ("may", "june", "held"),
    [
        (same, early, IN_FORCE),
        (another, early, VOID),
        (early, early, IN_FORCE),
        (early, another, VOID),
        (another, same, IN_FORCE),
    ],
)
def test_a_month_that_is_not_billed_yet_makes_no_standing_one_void(
    store_database: str,
    shop: Service,
    may: Callable[[str], Instance],
    june: Callable[[str], Instance],
    held: State,
) -> None:
    db = Database(store_database)
    reconcile(db, APRIL)
    with db.transaction() as conn:
        accept(conn, shop, wanted(APRIL), NOW)
    for period, made in (("2026-05", may), ("2026-06", june)):
        reconcile(db, a_row(made(period), period=period))
    with db.transaction() as conn:
        found = {period: listed(conn, shop, NOW, period)[0].state for period in (None, "2026-06", "2026-04")}
    assert found == {None: held, "2026-06": held, "2026-04": IN_FORCE}


def test_another_charge_that_is_not_billed_yet_changes_nothing(store_database: str, shop: Service) -> None:
    db = Database(store_database)
    reconcile(db, APRIL)
    with db.transaction() as conn:
        accept(conn, shop, wanted(APRIL), NOW)
    usage = an_instance("3.00", None, charge="cpu_seconds", period="2026-05", **EARLY)
    reconcile(db, a_row(another("2026-05"), usage, period="2026-05"))
    with db.transaction() as conn:
        assert [one.state for one in listed(conn, shop, NOW)] == [VOID]


def test_however_many_were_signed_their_rows_are_read_at_once(store_database: str, shop: Service) -> None:
    db = Database(store_database)
    rows = [a_row(subscription=f"s{number}") for number in range(1, 6)]
    reconcile(db, *rows)
    asked = []
    for row in rows:
        with db.transaction() as conn:
            accept(conn, shop, wanted(row), NOW)
            Counting.asked = 0
            conn.cursor_factory = Counting
            assert VOID not in {one.state for one in listed(conn, shop, NOW)}
            asked.append(Counting.asked)
    assert len(set(asked)) == 1


class Counting(Cursor[Any]):
    """A cursor that counts what it is asked."""

    asked = 0

    def execute(self, *given: Any, **named: Any) -> Self:
        Counting.asked += 1
        return super().execute(*given, **named)


def wanted(row: Row) -> Wanted:
    return Wanted(
        row_ids=(row.row_id,),
        kind=Kind.STANDING,
        reason=Reason.PRICE_AGREED_BY_WORD,
        text="agreed by phone",
        bearer=Bearer.US,
        expires_on=date(2026, 9, 1),
        author="ada",
    )
