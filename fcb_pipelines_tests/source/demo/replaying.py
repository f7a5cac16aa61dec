"""A month of a service from its source to its reports, in whatever process, environment and order of rows.

Owns: what is compared of it. `python -m fcb_pipelines_tests.source.demo.replaying FOLDER SOURCE STORE` prints it as JSON.
"""

import hashlib
import io
import json
import sys
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fcb_pipelines.acts import report as acts
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.invoices import actual_period
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.rating import expect_period, rate_period
from fcb_pipelines.acts.reconciliation import reconcile_period
from fcb_pipelines.acts.report_evidence import dossier
from fcb_pipelines.acts.source import take_snapshot
from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.report import export
from fcb_pipelines.report.archive import archive
from fcb_pipelines.report.view import shape, view
from fcb_pipelines.settings import load
from fcb_pipelines_tests.conftest import NOW

PERIOD = "2026-04"
ROOT = Path(__file__).parents[3]
NAMED = 'mapping = "nexacloud"'


@dataclass(frozen=True, kw_only=True)
class Month:
    """A month of the demo in a store."""

    reached: Connections

    @classmethod
    def of(cls, folder: Path, source_url: str, store_url: str, now: datetime = NOW) -> "Month":
        """The settings of a folder, on this source and this store, at this time."""
        given = {"FCB_SOURCE_NEXACLOUD_URL": source_url, "FCB_DATABASE_URL": store_url}
        return cls(reached=Connections(settings=load(given, folder=folder), now=now, report=lambda _: None))

    @property
    def work(self) -> PeriodWork:
        """What acts on the month are given."""
        return self.reached.period(self.reached.settings.service("nexacloud"), PERIOD)

    def read(self) -> str:
        """Take a snapshot; the hash of its content."""
        work = self.work
        return take_snapshot(work.db, work.service, work.now, lambda _: None, only=[work.period]).header.content_hash

    def run(self) -> None:
        """Meter, rate and reconcile the month."""
        work = self.work
        usage_totals(work)
        rate_period(work)
        expect_period(work)
        actual_period(work)
        reconcile_period(work)

    def files(self) -> dict[str, bytes]:
        """Everything that is written of the newest revision: CSV, JSON, and the archive with what is in it."""
        work = self.work
        with work.db.transaction() as conn:
            revision = acts.newest(conn, work.service, work.period.key)
            assert revision is not None
            base = acts.base(conn, work, revision)
            found = view(shape(base), acts.material(conn, base, settings_hash=work.settings_hash, now=work.now))
            packed = archive(found, dossier(conn, base), self.reached.settings.rules_text(work.service))
        with zipfile.ZipFile(io.BytesIO(packed)) as file:
            inside = {f"archive/{name}": file.read(name) for name in file.namelist()}
        return {"rows.csv": export.as_csv(base), "report.json": export.as_json(found), "archive.zip": packed, **inside}


def hashes(month: Month) -> dict[str, str]:
    """The snapshot's hash, and that of each file, once the month was read and run."""
    told = {"snapshot": month.read()}
    month.run()
    return told | {name: hashlib.sha256(content).hexdigest() for name, content in month.files().items()}


def project(folder: Path, *, is_shuffled: bool = False) -> Path:
    """The project's settings with a mapping of their own, whose rows may come in an order that says nothing."""
    text = (ROOT / "fcb.toml").read_text(encoding="utf-8")
    assert NAMED in text
    (folder / "fcb.toml").write_text(text.replace(NAMED, 'mapping = "mapping"'), encoding="utf-8")
    (folder / "mapping").mkdir()
    for file in (ROOT / "fcb_pipelines" / "source" / "nexacloud").glob("*.sql"):
        query = file.read_text(encoding="utf-8")
        if is_shuffled:
            query = f"SELECT * FROM (\n{query.strip().rstrip(';')}\n) AS every ORDER BY md5(every::text)"
        (folder / "mapping" / file.name).write_text(query, encoding="utf-8")
    return folder


def answer() -> dict[str, Any]:
    """What this process makes of the month, and what it is like."""
    folder, source_url, store_url = sys.argv[1:]
    month = Month.of(Path(folder), source_url, store_url)
    return {"hashes": hashes(month), "local": datetime(2026, 4, 1, tzinfo=UTC).astimezone().isoformat()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(answer()))
