"""Attesting as an act on a real store: about what is there, for a time, and in the audit log."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from fcb_pipelines.acts import attestations as acts
from fcb_pipelines.acts.attestations import Said
from fcb_pipelines.domain.acceptances import Signature
from fcb_pipelines.domain.attestations import Attestation, Statement
from fcb_pipelines.domain.audit import Act
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.services import Service
from fcb_pipelines.store import audit
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines_tests.acts import planted_source as source
from fcb_pipelines_tests.acts.gated import reconcile
from fcb_pipelines_tests.acts.source_records import a_service
from fcb_pipelines_tests.builders import day
from fcb_pipelines_tests.conftest import NOW, database

SHOP = a_service("shop")
ROWS = "shop/2026-04/subscription"
MADE = (Act.ATTESTED, Act.ATTESTATION_WITHDRAWN)


@pytest.fixture(scope="module")
def database_of_module(postgres_url: str, store_template: str) -> Iterator[str]:
    """A store with one customer and one subscription; each test leaves nothing else in it."""
    with database(postgres_url, template=store_template) as url:
        with Database(url).transaction() as connection:
            source.keep(connection, SHOP.code)
            reconcile(connection, SHOP, "2026-04")
        yield url


@pytest.fixture
def conn(rolled_back: Connection) -> Connection:
    return rolled_back


def attest(conn: Connection, service: Service = SHOP, **changes: Any) -> Attestation:
    now = changes.pop("now", NOW)
    values: dict[str, Any] = {
        "statement": Statement.SOURCE_STOPPED,
        "subject": "s-1",
        "value": None,
        "text": "auto-renew is off",
        "expires_on": date(2026, 7, 1),
        "author": "ada",
    }
    return acts.attest(conn, service, Said(**values | changes), now, "1.0")


def test_what_is_said_is_kept_as_it_was_said(conn: Connection) -> None:
    one = attest(conn, subject=" s-1 ", text=" auto-renew is off ")
    assert (one.subject, one.text, one.author, one.made_at) == ("s-1", "auto-renew is off", "ada", NOW)
    assert one.expires_at == day("2026-07-01")
    assert acts.listed(conn, SHOP) == (one,)
    assert acts.listed(conn, a_service("other")) == ()
    assert acts.unproved(conn, SHOP) == ()


def test_each_step_is_in_the_audit_log(conn: Connection) -> None:
    one = attest(conn, statement=Statement.PREVIEW, subject="s-1/flat", value="16.670 CAD")
    back = Signature(person="grace", at=NOW + timedelta(hours=1), text="another price")
    acts.withdraw(conn, SHOP, one.attestation_id, back)
    said, taken = audit.noted(conn, SHOP.code, MADE)
    assert (said.act, said.actor, said.subject) == (Act.ATTESTED, "ada", one.attestation_id)
    assert said.data == {
        "statement": "preview",
        "subject": "s-1/flat",
        "value": "16.67 CAD",
        "text": "auto-renew is off",
        "expires_at": "2026-07-01T04:00:00+00:00",
    }
    assert (taken.act, taken.actor, taken.data) == (Act.ATTESTATION_WITHDRAWN, "grace", {"text": "another price"})
    (kept,) = acts.listed(conn, SHOP)
    assert kept.withdrawn_at == back.at
    assert acts.unproved(conn, SHOP) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"subject": "s-2"}, "'s-2' is not among the subscriptions of the newest snapshot"),
        ({"statement": Statement.PREVIEW, "subject": "s-2/flat", "value": "1 CAD"}, "'s-2' is not among the subscriptions"),
        ({"statement": Statement.NO_TOKEN}, "'s-1' is not among the users"),
        ({"statement": Statement.BALANCE, "subject": "u-2/CAD", "value": "1 CAD"}, "'u-2' is not among the users"),
        (
            {"statement": Statement.FIXED_IN_SOURCE, "subject": f"{ROWS}/s-2"},
            "is not in revision 1 of 2026-04",
        ),
        ({"statement": Statement.FIXED_IN_SOURCE, "subject": "s-1"}, "is no row of a period"),
        ({"text": "  "}, "say why with --text"),
        ({"author": " "}, "needs the name of who makes it"),
        ({"value": "yes"}, "has no value"),
        ({"expires_on": date(2026, 6, 2)}, "would expire at once"),
        ({"expires_on": date(2027, 6, 30)}, "more than 366 days ahead"),
        ({"subject": "s-1\0"}, "must be plain text"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(conn: Connection, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        attest(conn, **changes)
    assert acts.listed(conn, SHOP) == ()
    assert audit.noted(conn, SHOP.code, MADE) == ()


@pytest.mark.parametrize(
    ("statement", "subject", "value"),
    [
        (Statement.NO_TOKEN, "u-1", None),
        (Statement.BALANCE, "u-1/CAD", "0 CAD"),
        (Statement.FIXED_IN_SOURCE, "shop/2026-04/subscription/s-1", None),
        (Statement.RECEIVER, "", None),
        (Statement.REHEARSED, "", "1.0"),
    ],
)
def test_what_is_there_can_be_spoken_of(conn: Connection, statement: Statement, subject: str, value: str | None) -> None:
    assert attest(conn, statement=statement, subject=subject, value=value).subject == subject


def test_what_does_not_stand_cannot_be_taken_back(conn: Connection) -> None:
    one = attest(conn)
    gone = Signature(person="ada", at=NOW, text="a mistake")
    with pytest.raises(InvalidInput, match="has no attestation 'T-0'"):
        acts.withdraw(conn, SHOP, "T-0", gone)
    with pytest.raises(InvalidInput, match="say why with --text"):
        acts.withdraw(conn, SHOP, one.attestation_id, Signature(person="ada", at=NOW))
    with pytest.raises(InvalidInput, match="needs the name"):
        acts.withdraw(conn, SHOP, one.attestation_id, Signature(person=" ", at=NOW, text="a mistake"))
    with pytest.raises(InvalidInput, match="holds no longer since 2026-07-01"):
        acts.withdraw(conn, SHOP, one.attestation_id, Signature(person="ada", at=day("2026-07-01"), text="late"))
    acts.withdraw(conn, SHOP, one.attestation_id, gone)
    with pytest.raises(InvalidInput, match="holds no longer since 2026-06-02"):
        acts.withdraw(conn, SHOP, one.attestation_id, gone)


@pytest.mark.parametrize("statement", ["UPDATE attestation SET text = 'x'", "DELETE FROM attestation"])
def test_the_database_lets_nobody_change_it(conn: Connection, statement: str) -> None:
    attest(conn)
    with pytest.raises(psycopg.Error), conn.transaction():
        conn.execute(statement)


@pytest.mark.parametrize(
    ("forged", "words"),
    [
        (
            "INSERT INTO attestation SELECT 'T-77', service, 'receiver', '', NULL, text, author, made_at, expires_at"
            " FROM attestation",
            "attestation T-77 is not what the audit log says of it",
        ),
        (
            "INSERT INTO attestation_withdrawal SELECT attestation_id, author, made_at, 'x' FROM attestation",
            "whether attestation .* was taken back is not what the audit log says",
        ),
    ],
)
def test_what_the_log_does_not_say_is_told(conn: Connection, forged: str, words: str) -> None:
    attest(conn)
    conn.execute(forged)
    (found,) = acts.unproved(conn, SHOP)
    assert re.search(words, found)
