"""Adopting what explained a row: what is written into the reviewed rules, what is refused, and who did it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fcb_pipelines.acts import adoption
from fcb_pipelines.acts.adoption import Signed
from fcb_pipelines.adopted_terms import TermSetting
from fcb_pipelines.domain.audit import Act
from fcb_pipelines.domain.errors import InvalidInput, InvalidSettings
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.rows import Explanation, Finding, Remedy, Row, Verdict
from fcb_pipelines.services import Service
from fcb_pipelines.settings import CONFIG_VARIABLE, load
from fcb_pipelines.store import audit
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.builders import TORONTO, day, evidence
from fcb_pipelines_tests.projects import write_project
from fcb_pipelines_tests.signed import NOW, a_row, an_instance
from fcb_pipelines_tests.signed_store import reconcile

S1, S2 = "shop/2026-04/subscription/s1", "shop/2026-04/subscription/s2"
CONTRACT = evidence("contract_price", "s1", data={"price": "40.00", "note": 'a "special" one'}, valid_from=day("2026-01-01"))
YEAR = evidence("list_interval", "p1", subject_kind="plan", data={"interval": "yearly"})
ADA = Signed(person="ada", at=NOW)


def explained_by(*findings: Finding, subscription: str = "s1") -> Row:
    row = a_row(an_instance(), subscription=subscription)
    told = Explanation(findings=findings)
    return replace(row, instances=tuple(replace(one, verdict=Verdict.EXPLAINED, explanation=told) for one in row.instances))


def found(record: Evidence, cause: str = "price_override") -> Finding:
    return Finding(cause=cause, remedy=Remedy.FIX_MODEL, words="as agreed", references=(record.reference,))


def by_convention(*values: str, family: str = "") -> Finding:
    said = tuple(f"proration = {value}" for value in values)
    return Finding(
        cause="proration", remedy=Remedy.FIX_MODEL, words="17 of 30 days", references=("x",), conventions=said, family=family
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = write_project(tmp_path)
    config = folder / "fcb.toml"
    config.write_text(f"# What people review.\n{config.read_text(encoding='utf-8')}", encoding="utf-8")
    return folder


def service(folder: Path) -> Service:
    return load({}, folder=folder).services["shop"]


def check(folder: Path) -> Callable[[Path], None]:
    def read(draft: Path) -> None:
        load({CONFIG_VARIABLE: str(draft)}, folder=folder)

    return read


def adopt(
    db: Database, folder: Path, *row_ids: str, records: Sequence[Evidence] = (CONTRACT, YEAR), chosen: Sequence[str] = ()
) -> list[str]:
    shop = service(folder)
    with db.transaction() as conn:
        asked = adoption.wanted(conn, shop, records, row_ids, chosen)
        return adoption.adopt(conn, shop, folder / "fcb.toml", asked, ADA, check=check(folder))


def test_a_record_becomes_a_term_with_who_and_because_of_what(store_database: str, project: Path) -> None:
    db = Database(store_database)
    reconcile(db, explained_by(found(CONTRACT)))
    before = (project / "fcb.toml").read_text(encoding="utf-8")
    adopt(db, project, S1)
    after = (project / "fcb.toml").read_text(encoding="utf-8")
    assert after.startswith(before.rstrip("\n")), "nothing that was there is another"
    (term,) = service(project).terms
    assert term.evidence(TORONTO) == CONTRACT
    assert (term.adopted_by, term.adopted_on, term.row) == ("ada", NOW.astimezone(TORONTO).date(), S1)
    with db.transaction() as conn:
        (entry,) = audit.noted(conn, "shop", [Act.TERM_ADOPTED])
    assert (entry.actor, entry.subject) == ("ada", S1)
    assert "contract_price" in entry.data["added"][0]


def test_two_rows_that_rest_on_one_record_bring_it_once(store_database: str, project: Path) -> None:
    db = Database(store_database)
    reconcile(db, explained_by(found(YEAR)), explained_by(found(YEAR), subscription="s2"))
    assert len(adopt(db, project, S1, S2)) == 1
    with pytest.raises(InvalidInput, match="has all of it already: run the period again"):
        adopt(db, project, S2)
    assert len(service(project).terms) == 1


def test_a_convention_is_declared_where_it_stands(store_database: str, project: Path) -> None:
    db = Database(store_database)
    reconcile(db, explained_by(by_convention("calendar_days")))
    assert adopt(db, project, S1) == ['[services.shop.conventions]\nproration = "calendar_days"']
    assert service(project).conventions.proration == "calendar_days"
    text = (project / "fcb.toml").read_text(encoding="utf-8")
    assert f"adopted by ada on {NOW.astimezone(TORONTO).date()} because of {S1}" in text


def test_a_convention_of_a_family_is_declared_in_the_family(store_database: str, project: Path) -> None:
    config = project / "fcb.toml"
    config.write_text(f'{config.read_text("utf-8")}\n[[services.shop.families]]\nname = "smalls"\npattern = "small"\n', "utf-8")
    db = Database(store_database)
    reconcile(db, explained_by(by_convention("calendar_days", family="smalls")))
    assert adopt(db, project, S1) == ['# in the [[services.shop.families]] of name = "smalls"\nproration = "calendar_days"']
    (smalls,) = service(project).families
    assert (smalls.proration, service(project).conventions.proration) == ("calendar_days", "none")


def test_of_several_conventions_that_fit_one_is_chosen(store_database: str, project: Path) -> None:
    db = Database(store_database)
    reconcile(db, explained_by(by_convention("calendar_days", "fixed_30_days")))
    with pytest.raises(InvalidInput, match="choose one with --convention: 'proration = calendar_days', 'proration = fixed_30"):
        adopt(db, project, S1)
    adopt(db, project, S1, chosen=["proration = fixed_30_days"])
    assert service(project).conventions.proration == "fixed_30_days"
    with pytest.raises(InvalidInput, match="follows a convention that is declared already: run its month again with"):
        adopt(db, project, S1)


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ([], "asks nothing of our model"),
        ([Finding(cause="timezone_boundary", remedy=Remedy.FIX_MODEL, words="w", references=("usage/1",))], "fcb accept"),
        (
            [Finding(cause="double_billed", remedy=Remedy.FIX_SOURCE, words="w", references=(CONTRACT.reference,))],
            "asks nothing",
        ),
    ],
)
def test_what_cannot_be_adopted_is_refused_with_what_to_do(
    store_database: str, project: Path, findings: list[Finding], said: str
) -> None:
    db = Database(store_database)
    reconcile(db, explained_by(*findings))
    before = (project / "fcb.toml").read_bytes()
    with pytest.raises(InvalidInput, match=said):
        adopt(db, project, S1)
    assert (project / "fcb.toml").read_bytes() == before


def test_what_could_not_be_read_as_settings_is_never_written(store_database: str, project: Path) -> None:
    db = Database(store_database)
    reconcile(db, explained_by(found(CONTRACT)))
    before = (project / "fcb.toml").read_bytes()
    with pytest.raises(InvalidSettings, match="must be later than valid_from"):
        adopt(db, project, S1, records=[replace(CONTRACT, valid_to=day("2026-01-01"))])
    assert (project / "fcb.toml").read_bytes() == before
    assert sorted(each.name for each in project.iterdir() if each.name.startswith(".fcb.toml")) == []


TERM: dict[str, Any] = {
    "kind": "contract_price",
    "subject_kind": "subscription",
    "subject": "s1",
    "data": {"price": "40.00"},
    "reference": "contract/1",
    "adopted_by": "ada",
    "adopted_on": date(2026, 6, 2),
    "row": S1,
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "line_reference"}, "cannot be adopted"),
        ({"data": {}}, "has no 'price'"),
        ({"data": {"price": "cheap"}}, "is not a decimal number"),
        ({"subject_kind": "invoice"}, "subject_kind"),
        ({"note": "x"}, "note"),
    ],
)
def test_a_term_that_no_price_can_follow_is_refused_when_it_is_read(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TermSetting(**TERM | changes)
