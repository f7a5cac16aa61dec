"""Claims: the database lets one bill a time of a charge, whoever comes first and however many come at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fcb_pipelines.acts.claims import release, take, take_carried
from fcb_pipelines.domain.claims import Biller, Claim, overlapping
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.services import Service
from fcb_pipelines.store import claims as stored
from fcb_pipelines.store.claims import CarriedClaim
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines_tests.acts.source_records import a_service
from fcb_pipelines_tests.conftest import NOW

START = datetime(2026, 7, 1, 4, tzinfo=UTC)
AT_ONCE = 4
EACH = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def a_claim(
    first: int = 0, days: int = 31, *, biller: Biller = Biller.ODOO, reference: str = "F-1", charge: str = "flat"
) -> Claim:
    start = START + timedelta(days=first)
    return Claim(
        external_subscription_id="SUB-1",
        charge=charge,
        service_from=start,
        service_to=start + timedelta(days=days),
        biller=biller,
        reference=reference,
    )


@pytest.fixture(scope="module")
def service() -> Service:
    return a_service("shop")


@pytest.fixture
def conn(rolled_back: Connection) -> Connection:
    return rolled_back


def kept(conn: Connection, service: Service) -> list[Claim]:
    return [one.claim for one in stored.held(conn, service.code)]


def test_what_is_claimed_again_is_claimed_once(conn: Connection, service: Service) -> None:
    wanted = [a_claim(), a_claim(charge="cpu_seconds")]
    assert take(conn, service, wanted, NOW) == 2
    assert take(conn, service, wanted, NOW) == 0
    assert sorted(kept(conn, service), key=lambda one: one.charge, reverse=True) == wanted


@pytest.mark.parametrize("other", [a_claim(30, biller=Biller.SOURCE), a_claim(-5, 6), a_claim(reference="F-2"), a_claim(3, 2)])
def test_the_claim_in_the_way_is_named(conn: Connection, service: Service, other: Claim) -> None:
    take(conn, service, [a_claim()], NOW)
    said = "the claim of odoo from 2026-07-01 to 2026-08-01 .F-1. is in the way; see  fcb claims --subscription SUB-1"
    with pytest.raises(RuleViolation, match=said):
        take(conn, service, [a_claim(charge="cpu_seconds"), other], NOW)
    take(conn, service, [a_claim(31), a_claim(-31)], NOW)


def test_another_service_another_subscription_and_what_follows_are_free(conn: Connection, service: Service) -> None:
    take(conn, service, [a_claim()], NOW)
    take(conn, a_service("other"), [a_claim(reference="F-2")], NOW)
    take(conn, service, [a_claim(31, reference="F-2")], NOW)
    assert len(kept(conn, service)) == 2


def test_what_is_released_can_be_claimed_again_and_is_remembered(conn: Connection, service: Service) -> None:
    take(conn, service, [a_claim(), a_claim(charge="cpu_seconds"), a_claim(31, reference="F-2")], NOW)
    assert release(conn, service, "F-1", ["SUB-2"], by="ada", now=NOW) == ()
    gone = release(conn, service, "F-1", ["SUB-1"], by="ada", now=NOW)
    assert [one.charge for one in gone] == ["cpu_seconds", "flat"]
    assert release(conn, service, "F-1", ["SUB-1"], by="ada", now=NOW) == ()
    take(conn, service, [a_claim(biller=Biller.SOURCE, reference="i1/1")], NOW)
    everything = stored.held(conn, service.code, ["SUB-1"], with_released=True)
    assert sorted((one.reference, one.released_by or "") for one in everything) == [
        ("F-1", "ada"),
        ("F-1", "ada"),
        ("F-2", ""),
        ("i1/1", ""),
    ]


def test_a_line_outside_the_model_is_billed_by_one(conn: Connection, service: Service) -> None:
    one = CarriedClaim(line_key="i1/2", biller=Biller.SOURCE, reference="fee")
    take_carried(conn, service, [one, one], NOW)
    with pytest.raises(RuleViolation, match=r"line i1/2 is billed by source already \(fee\)"):
        take_carried(conn, service, [CarriedClaim(line_key="i1/2", biller=Biller.ODOO, reference="F-1")], NOW)
    assert stored.carried(conn, service.code) == (one,)


def test_the_database_itself_refuses_a_second_biller(conn: Connection, service: Service) -> None:
    stored.lock(conn, service.code, [a_claim()])
    stored.add(conn, service.code, a_claim(), NOW)
    with pytest.raises(psycopg.errors.ExclusionViolation, match="one_biller"):
        stored.add(conn, service.code, a_claim(3, 4, biller=Biller.SOURCE, reference="i1/1"), NOW)


@pytest.fixture
def db(database_of_module: str) -> Database:
    """Emptied of claims before each round of a race."""
    return Database(database_of_module)


@EACH
@given(
    shifts=st.lists(st.integers(-15, 15), min_size=AT_ONCE, max_size=AT_ONCE), charge=st.sampled_from(["flat", "cpu_seconds"])
)
def test_of_those_who_claim_one_moment_at_once_exactly_one_wins(
    db: Database, service: Service, shifts: list[int], charge: str
) -> None:
    with db.transaction() as conn:
        conn.execute("DELETE FROM claim")
    together = Barrier(AT_ONCE)
    wanted = [a_claim(shift, 31, reference=f"F-{number}", charge=charge) for number, shift in enumerate(shifts)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        won = list(pool.map(partial(_try, db, service, together), wanted))
    with db.transaction() as conn:
        found = kept(conn, service)
        conn.execute("DELETE FROM claim")
    assert won.count(True) == 1
    assert found == [wanted[won.index(True)]]


@EACH
@given(
    wanted=st.lists(
        st.lists(st.builds(a_claim, st.integers(0, 60), st.integers(1, 20)), min_size=1, max_size=4),
        min_size=AT_ONCE,
        max_size=AT_ONCE,
    )
)
def test_whoever_claims_what_at_once_nothing_is_billed_twice(db: Database, service: Service, wanted: list[list[Claim]]) -> None:
    with db.transaction() as conn:
        conn.execute("DELETE FROM claim")
    together = Barrier(AT_ONCE)
    named = [[replace(one, reference=f"F-{number}") for one in each] for number, each in enumerate(wanted)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        won = list(pool.map(lambda each: _try(db, service, together, *each), named))
    with db.transaction() as conn:
        found = kept(conn, service)
        conn.execute("DELETE FROM claim")
    assert not list(overlapping(found))
    assert set(found) == {one for each, has_won in zip(named, won, strict=True) for one in each if has_won}


def _try(db: Database, service: Service, together: Barrier, *wanted: Claim) -> bool:
    """Whether all of it could be claimed; nothing of it is kept where it could not."""
    with db.transaction() as conn:
        together.wait()
        try:
            take(conn, service, wanted, NOW)
        except RuleViolation:
            conn.rollback()
            return False
    return True
