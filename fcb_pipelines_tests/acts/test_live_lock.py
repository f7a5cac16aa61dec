"""A live run whose lock is lost posts nothing more: whoever has the lock then may be taking a customer back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
import pytest

from fcb_pipelines.acts.live_invoices import Switches, live_invoices
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines_tests.acts.chain import silent
from fcb_pipelines_tests.acts.live_month import LIVE, LiveMonth, a_live_month
from fcb_pipelines_tests.acts.month import Month

ALLOWED = Switches(may_draft=True, may_post=True)
LOCKS = "pg_stat_activity WHERE application_name = 'fcb import' AND datname = current_database()"


@pytest.fixture
def live(month: Month) -> LiveMonth:
    found = a_live_month(month)
    found.close()
    return found


@dataclass(slots=True)
class Fate:
    """Before which transaction under the lock of posting that is lost; the drafts are written under one of their own before."""

    at: int
    transactions: int = 0
    locks: list[int] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class LosingLock(Database):
    """Our store, which ends the session of the lock right before one of the transactions."""

    fate: Fate

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with psycopg.connect(self.url, autocommit=True) as conn:
            self._look(conn)
        with super().transaction() as conn:
            yield conn

    def _look(self, conn: Connection) -> None:
        held = [pid for (pid,) in conn.execute(f"SELECT pid FROM {LOCKS}")]
        self.fate.locks += [pid for pid in held if pid not in self.fate.locks]
        if held == self.fate.locks[1:2] != []:
            self.fate.transactions += 1
            if self.fate.transactions == self.fate.at:
                conn.execute("SELECT pg_terminate_backend(%s)", held)


class Posting:
    """Odoo, which notes of each posting whether the lock was held then."""

    def __init__(self, odoo: Any, url: str) -> None:
        self._odoo, self._url = odoo, url
        self.posted: list[bool] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._odoo, name)

    def call(self, model: str, method: str, *args: Any, **named: Any) -> Any:
        if method == "action_post":
            with psycopg.connect(self._url, autocommit=True) as conn:
                self.posted.append(conn.execute(f"SELECT 1 FROM {LOCKS}").rowcount > 0)
        return self._odoo.call(model, method, *args, **named)


def test_wherever_the_lock_is_lost_nothing_is_posted_without_it(live: LiveMonth) -> None:
    """Lost before one transaction after the other, until a run comes to its end before it would be."""
    url, refused = live.april.chain.db.url, []
    for at in range(1, 100):
        odoo = Posting(live.april.chain.odoo, url)
        work = replace(live.may.work, db=LosingLock(url=url, fate=Fate(at)))
        try:
            live_invoices(work, odoo, ALLOWED, dry_run=False, report=silent)
        except RuleViolation as error:
            refused.append(str(error))
        assert all(odoo.posted), f"posted after the lock was lost before transaction {at}"
        if odoo.posted:
            break
    assert live.april.moves()[LIVE]["state"] == "posted"
    assert refused, "it was never lost between the lock and the posting"
    assert all("another run may have gone on" in one for one in refused)
