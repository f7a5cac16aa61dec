"""What a run of Dagster refuses before it begins."""

import pytest

from fcb_pipelines_tests.cli.conftest import Fcb


@pytest.mark.parametrize("args", [("import",), ("run", "--period", "2026-03"), ("close", "--period", "2026-03")])
def test_dagster_in_our_own_database_is_refused(
    fcb: Fcb, store_database: str, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]
) -> None:
    monkeypatch.setenv("FCB_DAGSTER_URL", store_database.replace("postgresql", "postgresql+psycopg2", 1))
    ended = fcb(*args)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("fcb: FCB_DAGSTER_URL and FCB_DATABASE_URL name the same database: make a second one")
