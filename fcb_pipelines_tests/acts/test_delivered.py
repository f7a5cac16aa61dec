"""What follows from attempts: when the next one is, who is told, and what is kept of an endpoint that is disabled."""

from datetime import UTC, datetime, timedelta

import pytest

from fcb_pipelines.domain.delivery import NoticeKind
from fcb_pipelines.store import deliveries
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.acts.test_delivery import added, again, kinds, sent, told
from fcb_pipelines_tests.webhooks.listening import Receivers
from fcb_pipelines_tests.webhooks.outgoing import SERVICE


@pytest.fixture
def db(store_database: str) -> Database:
    return Database(store_database)


def test_the_operator_is_told_once_that_a_message_is_refused_though_it_failed_otherwise_before(
    db: Database, receivers: Receivers
) -> None:
    added(db, f"{receivers.url}/hooks")
    told(db, "s1")
    for status in (500, 401, 403):
        receivers.statuses["/hooks"] = status
        sent(db)
        again(db)
    assert kinds(db) == [NoticeKind.REFUSED]


@pytest.mark.parametrize("seconds", [-400, 400])
def test_how_long_to_wait_does_not_hang_on_the_clock_of_the_sender(db: Database, receivers: Receivers, seconds: int) -> None:
    added(db, f"{receivers.url}/hooks")
    receivers.statuses["/hooks"] = 401
    told(db, "s1")
    assert sent(db, clock=lambda: datetime.now(UTC) + timedelta(seconds=seconds)).attempts == 1
    with db.transaction() as conn:
        next_in = deliveries.next_due_in(conn, SERVICE)
    assert next_in is not None
    assert timedelta(0) < next_in <= timedelta(seconds=5)


def test_an_endpoint_that_is_disabled_by_its_answer_is_in_the_audit_log(db: Database, receivers: Receivers) -> None:
    endpoint_id, _ = added(db, f"{receivers.url}/hooks")
    receivers.statuses["/hooks"] = 410
    told(db, "s1", "s2")
    sent(db)
    with db.transaction() as conn:
        found = conn.execute("SELECT actor, service, subject FROM audit_log WHERE act = 'endpoint_disabled'").fetchall()
    assert found == [("delivery", SERVICE, endpoint_id)]
