"""Schemathesis over the document: every check, every phase, links followed; what the document says is what happens."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fcb_pipelines.acts.access import create_key
from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.api.app import create_app
from fcb_pipelines.domain.access import Scope
from fcb_pipelines.settings import Settings
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.api.conftest import NOW
from fcb_pipelines_tests.api.test_reconciliation import add_revision
from fcb_pipelines_tests.odoo.server import serving

ROUNDS = int(os.environ.get("FCB_TEST_ROUNDS", "0"))
EXAMPLES = max(5, ROUNDS)
"""Requests made up for each route, and sequences of them, beside those that every route gets for its bounds."""
ROOT = Path(__file__).parents[2]
CONFIG = """
hooks = "fcb_pipelines_tests.api.described"
headers = {{ Authorization = "Bearer {key}" }}

[dictionaries.subscriptions]
values = ["s-1", "s-nexacloud", "s-other"]

[dictionaries.months]
values = ["2026-04", "2026-03"]

[parameters]
"path.external_id" = {{ dictionary = "subscriptions", probability = 0.5 }}
"path.period" = {{ dictionary = "months", probability = 0.5 }}

[checks]
# No 429 and no 5xx; which 422 a valid request may get is a check of ours.
positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422"]
"""


@pytest.fixture
def described(store: Database, api_settings: Settings, tmp_path: Path) -> Iterator[str]:
    """A server's address, and in the folder how to call it."""
    add_revision(store, "nexacloud", ["s-1", "s-nexacloud", "s-2"], "50")
    _, key = create_key(store, service="nexacloud", name="all", scopes=frozenset(Scope), expires_at=None, actor="ada", now=NOW)
    (tmp_path / "schemathesis.toml").write_text(CONFIG.format(key=key.text))
    unlimited = api_settings.model_copy(update={"api_requests_per_second": 100_000})
    with serving(create_app(unlimited, store, lambda: NOW)) as url:
        yield url


def test_the_document_is_true(described: str, store: Database, tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32) if ROUNDS else 1
    run = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{described}/openapi.json", "--no-color"),
            *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", str(EXAMPLES)),
            *("--seed", str(seed), "--warnings", "off"),
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in run.stdout.replace("  ", " "), run.stdout
    with store.transaction() as conn:
        stored, statuses = conn.execute(
            "SELECT (SELECT count(*) FROM usage_event), array_agg(DISTINCT status) FROM access_log"
        ).fetchone() or (0, [])
    assert stored, "events that can be stored were among them"
    assert {200, 400, 401, 404, 409, 415, 422} <= set(statuses)
    assert not {each for each in statuses if each >= 500 or each == 429}
    assert [each.broken for each in verify_logs(store)] == [None, None]
    print(run.stdout[run.stdout.index("= SUMMARY") :])  # noqa: T201 - how much was tried
