"""One-time links: of many who come at once one opens it, and nothing that is kept opens anything."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

from fcb_pipelines.acts.report_links import make_link, open_link, visitor
from fcb_pipelines.domain.report_links import Spent
from fcb_pipelines.store import report_links
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.conftest import NOW


def test_of_many_at_once_one_opens_it(store_database: str) -> None:
    db = Database(store_database)
    link, token = make_link(db, service="shop", period="2026-04", hours=1, actor="ada", now=NOW)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: open_link(db, token.text, NOW, address="127.0.0.1"), range(8)))
    opened = [one for one in found if one is not None and one.visit is not None]
    assert len(opened) == 1
    assert [one.why_not for one in found if one is not None and one.visit is None] == [Spent.USED] * 7
    assert opened[0].visit is not None
    visiting = visitor(db, opened[0].visit.text, NOW)
    assert visiting is not None
    assert visiting.link_id == link.link_id


def test_who_opens_a_link_holds_it(store_database: str) -> None:
    db = Database(store_database)
    _, token = make_link(db, service="shop", period="2026-04", hours=1, actor="ada", now=NOW)
    with db.transaction() as first, db.transaction() as second:
        assert report_links.held(first, token.digest) is not None
        second.execute("SET LOCAL lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            report_links.held(second, token.digest)
        second.rollback()


def test_the_token_of_the_link_is_not_that_of_the_visit(store_database: str) -> None:
    db = Database(store_database)
    _, token = make_link(db, service="shop", period="2026-04", hours=1, actor="ada", now=NOW)
    assert visitor(db, token.text, NOW) is None
    opened = open_link(db, token.text, NOW, address="")
    assert opened is not None
    assert opened.visit is not None
    assert visitor(db, token.text, NOW) is None
    assert open_link(db, opened.visit.text, NOW, address="") is None


def test_what_is_kept_opens_nothing(store_database: str) -> None:
    db = Database(store_database)
    make_link(db, service="shop", period="2026-04", hours=1, actor="ada", now=NOW)
    with db.transaction() as conn:
        row = conn.execute("SELECT encode(digest, 'hex'), encode(digest, 'base64') FROM report_link").fetchone()
    assert row is not None
    for kept in row:
        assert open_link(db, kept.rstrip("=\n"), NOW, address="") is None


def test_a_link_of_the_very_moment_of_its_end_is_over(store_database: str) -> None:
    db = Database(store_database)
    _, token = make_link(db, service="shop", period="2026-04", hours=1, actor="ada", now=NOW)
    late = open_link(db, token.text, NOW + timedelta(hours=1), address="")
    assert late is not None
    assert late.why_not is Spent.EXPIRED
    assert open_link(db, token.text, NOW + timedelta(minutes=59), address="") is not None
