"""How a month was reconciled, read page by page: the rows as `fcb rows --json` prints them."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta

import httpx
import pytest

from fcb_pipelines.acts.revisions import published_rows
from fcb_pipelines.domain.coverage import coverage
from fcb_pipelines.domain.reconciliation import RowOwner, reconcile
from fcb_pipelines.domain.revisions import Origin
from fcb_pipelines.domain.rows import Row
from fcb_pipelines.settings import Settings
from fcb_pipelines.store import snapshots
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.api.conftest import NOW, Host
from fcb_pipelines_tests.api.test_usage import is_problem
from fcb_pipelines_tests.builders import a_month, actual, expected
from fcb_pipelines_tests.revisions import add_revision as store_revision


def rows_of(service: str, ids: Sequence[str], billed: str) -> tuple[Row, ...]:
    """A row for each subscription; 50 CAD were expected of each, and those after the first were billed something."""
    return reconcile(
        f"{service}/2026-04",
        [RowOwner(external_subscription_id=each, external_user_id="u1", currency="CAD") for each in ids],
        [expected("50", external_subscription_id=each) for each in ids],
        [actual(billed, external_subscription_id=each, external_invoice_id=f"i-{each}") for each in ids[1:]],
        a_month(),
    )


def add_revision(db: Database, service: str, ids: Sequence[str], billed: str, period: str = "2026-04") -> None:
    rows = rows_of(service, ids, billed)
    with db.transaction() as conn:
        snapshot = snapshots.latest_snapshot(conn, service)
        assert snapshot is not None
        store_revision(
            conn,
            service=service,
            period=period,
            origin=Origin(snapshot_id=snapshot.snapshot_id, settings_hash="h", rule_version="1"),
            made_at=NOW + timedelta(seconds=1),
            coverage=asdict(coverage(rows, "CAD")),
            rows=rows,
        )


IDS = ("S-2", "s-1", "s-10", "s-2", "ß-1", "é", "😀")
"""In the order of their characters' numbers, which no language sorts by."""


@pytest.fixture
def reconciled(host: Host) -> Host:
    """April of nexacloud in its second revision, and of another service in its first."""
    add_revision(host.db, "nexacloud", ["s-old"], "50")
    add_revision(host.db, "nexacloud", IDS, "50.25")
    add_revision(host.db, "other", ["s-theirs", "s-1"], "50")
    return host


def read(host: Host, period: str = "2026-04", key: str = "reconciler", **query: object) -> httpx.Response:
    params = {name: str(value) for name, value in query.items()}
    return host.client.get(f"/v1/periods/{period}/reconciliation", params=params, headers=host.bearer(key))


def test_the_newest_revision_is_told_with_its_figures(reconciled: Host) -> None:
    told = read(reconciled).json()
    rows = told.pop("rows")
    assert told == {
        "service": "nexacloud",
        "period": "2026-04",
        "revision": 2,
        "made_at": "2026-04-20T08:00:01-04:00",
        "coverage": {"money": {"CAD": "0.0000"}, "proved_money": {"CAD": "0.0000"}, "subscriptions": "0.0000"},
        "counts": {"match": 0, "delta": 6, "only_expected": 1, "only_actual": 0, "nothing_due": 0},
        "totals": {"CAD": {"expected_net": "350.00", "actual_net": "301.50", "difference": "48.50"}},
        "next": None,
    }
    assert [row["subscription"] for row in rows] == list(IDS)


def test_rows_are_as_the_command_prints_them(reconciled: Host, api_settings: Settings) -> None:
    with reconciled.db.transaction() as conn:
        printed = published_rows(conn, api_settings.services["nexacloud"], "2026-04")
    assert read(reconciled).json()["rows"] == printed
    assert printed is not None
    assert printed[1]["instances"][0]["actual"]["net"] == "50.25"


def pages(host: Host, limit: int) -> Iterator[list[str]]:
    """The subscriptions of each page."""
    query: dict[str, str] = {}
    while True:
        told = read(host, limit=limit, **query).json()
        assert all(row["instances"] for row in told["rows"])
        yield [row["subscription"] for row in told["rows"]]
        if told["next"] is None:
            return
        query = {"after": told["next"]}


def test_pages_tile_the_rows(reconciled: Host) -> None:
    for limit in (1, 2, 3, 6, 7, 8, 1000):
        told = list(pages(reconciled, limit))
        assert [len(page) for page in told[:-1]] == [limit] * (len(told) - 1)
        assert [each for page in told for each in page] == list(IDS)


def test_without_a_limit_a_hundred_are_told(host: Host) -> None:
    add_revision(host.db, "nexacloud", [f"s-{number:03d}" for number in range(101)], "50")
    told = read(host).json()
    assert (len(told["rows"]), told["next"]) == (100, "nexacloud/2026-04/subscription/s-099")


def test_after_the_last_row_there_is_none(reconciled: Host) -> None:
    told = read(reconciled, after="nexacloud/2026-04/\U0010ffff").json()
    assert (told["rows"], told["next"], told["revision"]) == ([], None, 2)


def test_nobody_elses_rows_are_told(reconciled: Host) -> None:
    theirs = read(reconciled, key="reconciler of another service").json()
    assert [row["row_id"] for row in theirs["rows"]] == [f"other/2026-04/subscription/{each}" for each in ("s-1", "s-theirs")]
    assert theirs["revision"] == 1


def test_a_month_that_was_never_reconciled_is_not_found(reconciled: Host) -> None:
    is_problem(read(reconciled, "2026-03"), 404)
    is_problem(read(reconciled, "1999-03"), 404)


def test_what_is_no_month_is_a_problem(reconciled: Host) -> None:
    for period in ("2026-4", "2026-13", "%00", "2026-04%0a", "%D9%A2026-04", "x" * 500):
        is_problem(read(reconciled, period), 422)


NO_PARTS = (
    "limit=0",
    "limit=1001",
    "limit=-1",
    "limit=",
    "limit=1.0",
    "limit=%2B1",
    "limit=01",
    "limit=%D9%A1",
    "limit=1&limit=1",
    "after=a&after=b",
    *(f"after={each}" for each in ("", "nope", "nexacloud/2026-04/", "nexacloud/2026-03/s-1", "other/2026-04/s-1")),
    "after=nexacloud/2026-04/%00",
    "page=2",
    "Limit=2",
)
SAID = (
    "from 1 to 1000",
    "what next said before, such as nexacloud/2026-04/",
    "comes twice",
    "it takes limit and after",
)


def test_what_is_no_part_is_a_problem(reconciled: Host) -> None:
    for query in NO_PARTS:
        answer = reconciled.client.get(f"/v1/periods/2026-04/reconciliation?{query}", headers=reconciled.bearer("reconciler"))
        detail = is_problem(answer, 422)["detail"]
        assert any(each in detail for each in SAID), (query, detail)
        assert query.partition("=")[0] in detail
