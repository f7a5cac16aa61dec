"""The auditor's archive: verified with the tools that it names, the same bytes each time, refused where nobody could verify."""

import hashlib
import io
import json
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from fcb_pipelines.acts.acceptances import Listed
from fcb_pipelines.acts.report_evidence import Dossier
from fcb_pipelines.domain.acceptances import State
from fcb_pipelines.domain.carried import Heir, Successor
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.revisions import content_hash
from fcb_pipelines.report import export
from fcb_pipelines.report.archive import archive, name_of
from fcb_pipelines.report.view import View, view
from fcb_pipelines_tests.report.material import a_base, a_view, every_kind
from fcb_pipelines_tests.signed import NOW, a_row, accepted

RULES = '{"currency": "CAD"}'


def reported() -> View:
    """The report of a revision whose hashes are right."""
    listed = Listed(acceptance=accepted(a_row(subscription="s7")), state=State.IN_FORCE)
    digest = content_hash(export.rows(a_base(*every_kind())))
    settings = hashlib.sha256(RULES.encode()).hexdigest()
    found = a_view(*every_kind(), signed=[listed])
    revision = replace(found.shape.base.revision, content_hash=digest, settings_hash=settings)
    base = replace(found.shape.base, revision=revision)
    return view(replace(found.shape, base=base), replace(found.material, base=base))


def papers() -> Dossier:
    said = Successor(
        external_user_id="u1",
        item="add-on",
        heir=Heir.SOURCE,
        owner="ada",
        ended_on=None,
        text="stays there",
        author="ada",
        made_at=NOW,
    )
    return Dossier(snapshot_hash="a" * 64, source={"plans": ({"external_plan_id": "227"},)}, successors=(said,))


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(archive(reported(), papers(), RULES))) as file:
        file.extractall(tmp_path)
    return tmp_path


def verified(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sha256sum", "--check", "--strict", "MANIFEST.sha256"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_tools_that_it_names_verify_it(unpacked: Path) -> None:
    done = verified(unpacked)
    assert done.returncode == 0, done.stderr
    files = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert {line.partition(":")[0] for line in done.stdout.splitlines()} == files - {"MANIFEST.sha256"}
    header = json.loads((unpacked / "revision.json").read_text())
    for name, told in (("rows.sha256", "content_hash"), ("settings.json", "settings_hash")):
        printed = subprocess.run(["sha256sum", name], cwd=unpacked, capture_output=True, text=True, check=True).stdout
        assert printed.split()[0] == header[told]


def test_the_command_that_it_names_holds_rows_against_their_hashes(unpacked: Path) -> None:
    (command,) = (line for line in (unpacked / "README.txt").read_text().splitlines() if "while IFS=" in line)
    assert subprocess.run(["sh", "-c", command], cwd=unpacked, capture_output=True, check=False).returncode == 0
    rows = unpacked / "rows.canonical.jsonl"
    rows.write_bytes(rows.read_bytes().replace(b"9.14", b"9.15", 1))
    done = subprocess.run(["sh", "-c", command], cwd=unpacked, capture_output=True, text=True, check=False)
    assert (done.returncode, "differ" in done.stdout) == (1, True)


def test_a_changed_file_is_found(unpacked: Path) -> None:
    rows = unpacked / "rows.csv"
    rows.write_bytes(rows.read_bytes().replace(b"9.14", b"9.15"))
    done = verified(unpacked)
    assert done.returncode != 0
    assert "rows.csv: FAILED" in done.stdout


def test_it_holds_rows_evidence_and_signatures(unpacked: Path) -> None:
    header = json.loads((unpacked / "revision.json").read_text())
    assert (header["snapshot_id"], header["snapshot_hash"], header["revision"]) == (7, "a" * 64, 2)
    assert json.loads((unpacked / "rows.json").read_text()) == [
        json.loads(line) for line in (unpacked / "rows.canonical.jsonl").read_text().splitlines()
    ]
    assert json.loads((unpacked / "evidence" / "plans.json").read_text()) == [{"external_plan_id": "227"}]
    (acceptance,) = json.loads((unpacked / "signatures" / "acceptances.json").read_text())
    assert (acceptance["author"], acceptance["amount"], acceptance["state"]) == ("ada", "9.14", "in_force")
    (successor,) = json.loads((unpacked / "signatures" / "successors.json").read_text())
    assert (successor["heir"], successor["owner"]) == ("source", "ada")
    assert (unpacked / "settings.json").read_text() == RULES


def test_the_same_revision_has_the_same_bytes_and_one_cent_others() -> None:
    first, second = (archive(reported(), papers(), RULES) for _ in range(2))
    assert first == second
    assert archive(reported(), replace(papers(), successors=()), RULES) != first
    with zipfile.ZipFile(io.BytesIO(first)) as file:
        assert {entry.date_time for entry in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert [entry.filename for entry in file.infolist()] == sorted(file.namelist())
    assert name_of(reported(), "zip") == "shop-2026-04-r2.zip"


def test_what_nobody_could_verify_is_refused() -> None:
    with pytest.raises(RuleViolation, match="rules are no longer those of revision 2: run the period again"):
        archive(reported(), papers(), RULES + " ")
    found = reported()
    base = replace(found.shape.base, rows=found.shape.base.rows[1:])
    with pytest.raises(RuleViolation, match="made by another version"):
        archive(replace(found, shape=replace(found.shape, base=base)), papers(), RULES)
