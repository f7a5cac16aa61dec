"""The gate on a real store: what it reads, and that it reads it at the moment of asking."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest

from fcb_pipelines.acts import acceptances, attestations
from fcb_pipelines.acts.acceptances import Wanted
from fcb_pipelines.acts.gate import against_going_live, look, said_of_plan
from fcb_pipelines.acts.gate_asking import Asked, Outside
from fcb_pipelines.acts.stop import resume, stop
from fcb_pipelines.domain.acceptances import Bearer, Kind, Reason, Signature
from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.flip import Part, Phase, Step
from fcb_pipelines.domain.gate import Class
from fcb_pipelines.domain.reconciliation import RULE_VERSION
from fcb_pipelines.store import journal
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines_tests.acts.gated import Gated, ready, reconcile
from fcb_pipelines_tests.acts.planted_source import billing_row
from fcb_pipelines_tests.acts.spoiled import SPOILED, begun_elsewhere, claimed, host
from fcb_pipelines_tests.conftest import NOW, database
from fcb_pipelines_tests.domain.flip_facts import matched
from fcb_pipelines_tests.flips import keep, written
from fcb_pipelines_tests.signed import a_row, an_instance, decided

MAY = "2026-05"


@dataclass(frozen=True, kw_only=True)
class Store:
    """A store that all tests here share, in which everything is ready; each test leaves it as it was."""

    url: str
    ready: Gated


@pytest.fixture(scope="module")
def store(postgres_url: str, store_template: str) -> Iterator[Store]:
    with database(postgres_url, template=store_template) as url:
        with Database(url).transaction() as connection:
            found = ready(connection)
        yield Store(url=url, ready=found)


@pytest.fixture
def conn(store: Store) -> Iterator[Connection]:
    with Database(store.url).transaction() as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def gated(conn: Connection, store: Store) -> Gated:
    return replace(store.ready, conn=conn)


def test_nothing_stands_against_what_is_ready(gated: Gated) -> None:
    assert gated.objections() == ()


@pytest.mark.parametrize("name", sorted(SPOILED))
def test_what_is_spoiled_in_the_store_is_told(gated: Gated, name: str) -> None:
    spoil, expected = SPOILED[name]
    spoil(gated)
    assert gated.said() == expected


def test_what_was_stopped_may_go_on_once_it_is_resumed(gated: Gated) -> None:
    stop(gated.conn, gated.service, Signature(person="ada", at=NOW, text="wait"))
    (found,) = gated.objections()
    assert (found.words, found.since) == ("ada stopped everything: wait", NOW)
    resume(gated.conn, gated.service, Signature(person="grace", at=NOW, text="all is well"))
    assert gated.said() == set()


def test_an_attestation_counts_until_it_is_taken_back(gated: Gated) -> None:
    host(billing_state=[billing_row(auto_renew=True)])(gated)
    one = gated.attest(Statement.SOURCE_STOPPED, "s-1")
    assert gated.said() == set()
    attestations.withdraw(gated.conn, gated.service, one.attestation_id, Signature(person="ada", at=NOW, text="it renewed"))
    (found,) = gated.objections()
    assert found.id == "source_not_stopped"
    assert f"{one.attestation_id} of ada said so and is taken back" in found.words


def test_a_stop_that_was_said_before_the_source_was_resumed_counts_no_more(gated: Gated) -> None:
    host(billing_state=[billing_row(auto_renew=True)])(gated)
    one = gated.attest(Statement.SOURCE_STOPPED, "s-1")
    again = gated.attest(Statement.SOURCE_RESUMED, "s-1")
    (found,) = gated.objections()
    assert (found.id, found.klass) == ("source_not_stopped", Class.PROVEN)
    assert f"{one.attestation_id} of ada said otherwise before it was resumed on 2026-06-02" in found.words
    attestations.withdraw(gated.conn, gated.service, again.attestation_id, Signature(person="ada", at=NOW, text="a slip"))
    assert gated.said() == set()


def test_a_stop_that_was_said_before_an_unflip_counts_no_more(gated: Gated) -> None:
    host(billing_state=[billing_row(auto_renew=True)])(gated)
    gated.attest(Statement.SOURCE_STOPPED, "s-1")
    keep(gated.conn, gated.plan)
    seen = written((Step.SOURCE_RESUMED, Phase.BEFORE), (Step.SOURCE_RESUMED, Phase.AFTER), external_subscription_id="s-1")
    for entry in seen:
        journal.append(gated.conn, "shop", replace(entry, at=NOW - timedelta(days=1)))
    assert "source_not_stopped" not in gated.said(), "signed a day after it"
    for entry in seen:
        journal.append(gated.conn, "shop", replace(entry, at=NOW))
    assert "source_not_stopped" in gated.said()


def test_an_acceptance_that_expired_opens_its_row_without_a_new_run(gated: Gated) -> None:
    """The stored revision goes on saying that it is accepted."""
    row = a_row(an_instance(period="2026-03", actual="40.86"), period="2026-03", subscription="s-1", external_user_id="u-1")
    reconcile(gated.conn, gated.service, "2026-03", *row.instances)
    wanted = Wanted(
        row_ids=(row.row_id,),
        kind=Kind.ROW,
        reason=Reason.GOODWILL,
        text="agreed by phone",
        bearer=Bearer.US,
        expires_on=date(2026, 6, 3),
        author="ada",
    )
    made = acceptances.accept(gated.conn, gated.service, wanted, NOW).acceptances
    ((done,), _) = decided([row], made, as_of=NOW, rules=RULE_VERSION, period="2026-03")
    reconcile(gated.conn, gated.service, "2026-03", *done.instances)
    assert gated.said() == set()
    gated.now = NOW + timedelta(hours=13)
    (found,) = gated.objections()
    assert (found.id, found.klass) == ("unexplained", Class.PROVEN)
    assert "which is expired since" in found.words


def test_rows_of_a_subscription_from_when_it_was_somebody_elses_are_judged_too(gated: Gated) -> None:
    """A deployment that moved between partners takes what is open of it along."""
    before = a_row(an_instance(period="2026-03"), period="2026-03", subscription="s-1", external_user_id="u-0")
    reconcile(gated.conn, gated.service, "2026-03", rows=(replace(before, row_id="shop/2026-03/subscription/s-1/then"),))
    (found,) = gated.objections()
    assert "customer u-0" in found.words


def test_what_the_same_flip_began_with_is_not_asked_what_it_changed_itself(gated: Gated) -> None:
    begun_elsewhere(gated)
    gated.asked = {"flip_id": "F-ffffffffffff"}
    assert gated.said() == set()
    gated.asked = {"flip_id": "F-ffffffffffff", "under_way": frozenset({"s-1"})}
    claimed(gated)
    assert gated.said() == set()


def test_charging_asks_whether_it_is_live_and_how_they_pay(gated: Gated) -> None:
    gated.asked = {"part": Part.CHARGE, "under_way": frozenset({"s-1"})}
    assert gated.said() == {"not_live", "token_missing"}
    outside = Outside(odoo=gated.odoo, broken_logs=(), replanned=gated.plan)
    said = said_of_plan(gated.conn, gated.service, Asked(plan=gated.plan), outside, gated.rules)
    assert said.objections == ()
    assert {one.id for one in said.for_information} == {"token_missing"}


def test_a_service_that_records_no_evidence_and_no_billing_state_needs_signatures(gated: Gated) -> None:
    gated.service = gated.service.model_copy(update={"mapping": "bitbrains"})
    host(billing_state=[], evidence=[])(gated)
    found = {one.id: one for one in gated.objections()}
    assert set(found) == {"open_dispute", "source_not_stopped", "ending", "balance_unequal"}
    assert {one.klass for one in found.values()} == {Class.UNDECIDABLE}
    assert "evidence.sql" in found["open_dispute"].words
    gated.attest(Statement.NO_DISPUTE, "u-1")
    gated.attest(Statement.SOURCE_STOPPED, "s-1")
    gated.attest(Statement.NOT_ENDING, "s-1")
    gated.attest(Statement.BALANCE, "u-1/CAD", "0.00 CAD")
    assert gated.said() == set()


def test_without_a_plan_it_is_told_by_customer(gated: Gated) -> None:
    reconcile(gated.conn, gated.service, MAY, an_instance(period=MAY), matched(MAY, "cpu_seconds", "5.00"))
    outside = Outside(odoo=gated.odoo, broken_logs=(), replanned=gated.plan)
    found = against_going_live(gated.conn, gated.service, outside, gated.rules)
    assert found.service == ()
    assert {key: {one.id for one in each} for key, each in found.customers.items()} == {
        "u-1": {"unexplained", "too_few_clean_periods"}
    }


def test_before_anything_was_read_nothing_is_known(gated: Gated) -> None:
    gated.service = gated.service.model_copy(update={"code": "other"})
    assert {"snapshot_too_old", "coverage", "ending", "balance_unequal", "partner_unlinked"} <= gated.said()


def test_where_nobody_asked_odoo_nothing_of_it_is_known(gated: Gated, store: Store) -> None:
    outside = look(Database(store.url), None, gated.service, gated.plan, gated.rules)
    assert outside.broken_logs == ()
    gated.odoo, gated.replanned = outside.odoo, outside.replanned  # type: ignore[assignment]
    found = {one.id: one.klass for one in gated.objections()}
    assert set(found) == {
        *("balance_unequal", "not_inert", "odoo_setting", "order_missing", "other_live_order"),
        *("partner_moved", "preview_differs", "terms_changed"),
    }
    assert set(found.values()) == {Class.UNDECIDABLE}
