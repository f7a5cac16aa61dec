"""The doctor: everything is looked at, what is wrong is named with what to do, and one fault hides no other."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.doctor import diagnose, fix
from fcb_pipelines.domain.findings import Finding, Level
from fcb_pipelines.domain.read_back import Difference, Part
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines.settings import load
from fcb_pipelines.source.columns import ENTITIES
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.read_back import ReadBack, replace
from fcb_pipelines_tests.acceptance.fixtures import Demo
from fcb_pipelines_tests.acceptance.project import ROOT
from fcb_pipelines_tests.acts.conftest import DATABASE
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.odoo.server import ADMIN_KEY, IMPORTER_KEY
from fcb_pipelines_tests.source.small_host import SmallHost

SMALL = """
[services.small]
mapping = "mapping"
zone = "America/Toronto"
currency = "CAD"
first_period = "2026-03"
place_of_supply = "CA-ON"
"""
SETTINGS = ["Odoo precision 'Product Unit'", "Odoo tax rounding"]
"""What a new installation of Odoo 19 needs."""

SECRET = "never-to-be-shown"
Doctor = Callable[..., dict[str, Finding]]


@pytest.fixture
def host(fresh_database: str, tmp_path: Path) -> SmallHost:
    (tmp_path / "mapping").mkdir()
    return SmallHost(fresh_database, tmp_path / "mapping")


@pytest.fixture
def connections(host: SmallHost, store_database: str, sandbox_of_imports: str, tmp_path: Path) -> Callable[..., Connections]:
    """A small service that is in order, with what a test makes of its variables and its file."""
    odoo = {"FCB_ODOO_DB": DATABASE, "FCB_ODOO_USER": "importer", "FCB_ODOO_KEY": IMPORTER_KEY}
    given = {"FCB_SOURCE_SMALL_URL": host.url, "FCB_DATABASE_URL": store_database, "FCB_ODOO_URL": sandbox_of_imports, **odoo}

    def configured(more: str = "terms_assumed_from = 2026-01-01", **variables: str) -> Connections:
        (tmp_path / "fcb.toml").write_text(
            SMALL + more + "\n" + "".join((ROOT / "fcb.toml").read_text().partition("[[taxes]]")[1:])
        )
        return Connections(settings=load({**given, **variables}, folder=tmp_path), now=NOW, report=lambda _: None)

    return configured


@pytest.fixture
def doctor(connections: Callable[..., Connections]) -> Doctor:
    """The findings on it."""

    def look(**changes: str) -> dict[str, Finding]:
        return {one.about: one for one in diagnose(connections(**changes))}

    return look


def at(level: Level, found: dict[str, Finding]) -> set[str]:
    return {about for about, one in found.items() if one.level is level}


def test_a_demo_is_healthy(demo: Demo) -> None:
    findings = demo.doctor.answer
    assert demo.doctor.code == 0
    assert all(set(one) - {"remedy"} == {"level", "about", "message"} for one in findings)
    assert {one["level"] for one in findings} == {"ok", "warning"}
    assert [one["about"] for one in findings if one["level"] == "warning"] == SETTINGS
    assert [one["about"] for one in findings if "remedy" in one] == SETTINGS
    read = {one["about"]: one["message"] for one in findings if one["message"].startswith("read ")}
    assert {read[f"{name}.sql"] for name in ("users", "plans", "subscriptions")} == {
        "read 7 users",
        "read 232 plans",
        "read 87 subscriptions",
    }


def test_people_are_shown_what_matters_and_counts(demo: Demo) -> None:
    brief, whole = demo.project.fcb("doctor"), demo.project.fcb("doctor", "--verbose")
    count = len(json.loads(demo.doctor.out))
    assert brief.out.splitlines()[-1] == f"{count - 2} in order, 2 warnings, 0 errors"
    assert len(whole.out.splitlines()) == count + len(SETTINGS) + 1
    assert sum("fcb doctor --fix would: " in line for line in brief.out.splitlines()) == len(SETTINGS)
    assert "plans.sql: price_monthly" in whole.out
    assert "plans.sql: price_monthly" not in brief.out


def test_fixing_says_what_else_changes_before_it_writes_and_whom_to_ask_where_it_may_not(demo: Demo) -> None:
    told = demo.project.fcb("doctor", "--fix", "--yes")
    lines = [line for line in told.out.splitlines() if line.startswith(("fixing", "refused"))]
    assert [line.split()[0] for line in lines] == ["fixing", "refused"] * len(SETTINGS)
    assert "every draft order and invoice of the company, other people's too" in lines[2]
    assert told.out.splitlines()[-1].endswith("0 errors, 0 of 2 fixed")
    answered = demo.project.fcb("doctor", "--fix", "--yes", "--json")
    fixes = {one["about"]: one["fix"] for one in json.loads(answered.out) if "fix" in one}
    assert {about: fix["applied"] for about, fix in fixes.items()} == dict.fromkeys(SETTINGS, False)
    assert all("FCB_ODOO_KEY of a user who may" in fix["message"] for fix in fixes.values())
    assert (told.code, answered.code) == (1, 1)


def test_nothing_is_fixed_that_nobody_agreed_to(demo: Demo) -> None:
    alone = demo.project.fcb("doctor", "--fix")
    assert (alone.code, [line for line in alone.out.splitlines() if line.startswith(("fixed", "refused"))]) == (1, [])
    assert "Write this? [y/N]" in alone.out
    for args, why in ((("--fix", "--json"), "add --yes"), (("--yes",), "add --fix"), (("--only", "x"), "add --fix")):
        refused = demo.project.fcb("doctor", *args)
        assert (refused.code, why in refused.err, refused.out) == (2, True, "")


def test_only_what_was_chosen_is_fixed(demo: Demo) -> None:
    told = demo.project.fcb("doctor", "--fix", "--yes", "--only", SETTINGS[1])
    assert [line.split()[0] for line in told.out.splitlines() if line.startswith(("fixing", "refused"))] == [
        "fixing",
        "refused",
    ]
    assert told.out.splitlines()[-1].endswith("0 of 1 fixed")
    unknown = demo.project.fcb("doctor", "--fix", "--yes", "--only", "the weather")
    assert (unknown.code, "what can is: Odoo precision 'Product Unit', Odoo tax rounding" in unknown.err) == (2, True)


@pytest.fixture
def as_found(sandbox_of_imports: str) -> Iterator[None]:
    """Puts the settings back that other tests of this sandbox expect as installed."""
    yield
    admin = connect(sandbox_of_imports, DATABASE, "admin", ADMIN_KEY)
    (unit,) = admin.search_read("decimal.precision", [("name", "=", "Product Unit")], ["id"])
    admin.write("decimal.precision", [unit["id"]], {"digits": 2})
    admin.write("res.company", [1], {"tax_calculation_rounding_method": "round_globally"})


@pytest.mark.usefixtures("as_found")
def test_an_administrator_fixes_what_was_found(doctor: Doctor, connections: Callable[..., Connections]) -> None:
    found = doctor()
    assert [about for about, one in found.items() if one.remedy] == SETTINGS
    done = list(fix(connections(FCB_ODOO_USER="admin", FCB_ODOO_KEY=ADMIN_KEY), list(found.values())))
    assert [(one.about, one.is_applied) for one in done] == [(about, True) for about in SETTINGS]
    assert all(one.message.startswith("done and read back: ") for one in done)
    assert not at(Level.WARNING, doctor()) & set(SETTINGS)


@pytest.mark.usefixtures("as_found")
def test_settings_are_fixed_though_our_own_database_is_away(connections: Callable[..., Connections]) -> None:
    away = connections(FCB_ODOO_USER="admin", FCB_ODOO_KEY=ADMIN_KEY, FCB_DATABASE_URL=f"postgresql://u:{SECRET}@127.0.0.1:1/x")
    done = list(fix(away, list(diagnose(away)), is_wanted=lambda finding: finding.about == SETTINGS[0]))
    assert [(one.about, one.is_applied) for one in done] == [(SETTINGS[0], True)]


def test_what_odoo_has_otherwise_is_told_until_it_is_read_back_clean(doctor: Doctor, store_database: str) -> None:
    about = "read-back of small subscriptions"
    assert about not in doctor(), "nothing was imported yet"
    read = ReadBack(part=Part.SUBSCRIPTIONS, period="", records=7, read_at=NOW)
    one = Difference(external_id="fcb.small_subscription_1", field="total", sent="1.00", stored="2.00", why="because")
    with Database(store_database).transaction() as conn:
        replace(conn, "small", read, [dataclasses.replace(one, field=f"f{number}") for number in range(7)])
    found = doctor()[about]
    assert found.level is Level.WARNING
    assert "subscriptions: fcb.small_subscription_1 has f0 2.00 and not 1.00: because" in found.message
    assert found.message.endswith("(and 2 more)")
    with Database(store_database).transaction() as conn:
        replace(conn, "small", read, [])
    assert doctor()[about].level is Level.OK


def test_a_service_that_is_in_order_has_no_errors(doctor: Doctor) -> None:
    found = doctor()
    assert at(Level.ERROR, found) == set()
    assert found["our database"].message == "connected, no migration pending"
    assert found["terms of small"].message == "undated prices are attested to hold since 2026-01-01"


def test_terms_that_nobody_attested_are_warned_about(doctor: Doctor) -> None:
    assert "terms of small" in at(Level.WARNING, doctor(more=""))


def test_pending_migrations_are_an_error_that_says_migrate(doctor: Doctor, postgres_url: str) -> None:
    found = doctor(FCB_DATABASE_URL=postgres_url)
    assert found["our database"].level is Level.ERROR
    assert found["our database"].message.endswith("migrations are pending; run: fcb migrate")
    assert "FCB_SOURCE_SMALL_URL" in at(Level.OK, found)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FCB_DATABASE_URL", f"postgresql://u:{SECRET}@127.0.0.1:1/x"),
        ("FCB_DATABASE_URL", f"nonsense {SECRET}"),
        ("FCB_SOURCE_SMALL_URL", f"postgresql://u:{SECRET}@127.0.0.1:1/x"),
        ("FCB_ODOO_URL", "http://127.0.0.1:1"),
    ],
)
def test_what_cannot_be_reached_is_one_finding_and_hides_no_other(doctor: Doctor, variable: str, value: str) -> None:
    found = doctor(**{variable: value})
    assert at(Level.ERROR, found) == {variable}
    assert SECRET not in " ".join(one.message for one in found.values())
    others = {"our database", "users.sql", "Odoo login"} & at(Level.OK, found)
    assert len(others) == 2


def test_a_role_that_can_write_is_warned_about(doctor: Doctor, host: SmallHost) -> None:
    (role,) = (about for about in at(Level.WARNING, doctor()) if about.startswith("role "))
    host.run(
        "DROP ROLE IF EXISTS looks_only",
        "CREATE ROLE looks_only LOGIN",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO looks_only",
    )
    with psycopg.connect(host.url) as conn:
        password = conn.info.password
    host.run(f"ALTER ROLE looks_only PASSWORD '{password}'")
    found = doctor(FCB_SOURCE_SMALL_URL=host.url.replace("//postgres:", "//looks_only:"))
    host.run("DROP OWNED BY looks_only", "DROP ROLE looks_only")
    assert role == "role postgres"
    assert found["role looks_only"].level is Level.OK


@pytest.mark.parametrize("entity", [spec for spec in ENTITIES if spec.is_optional], ids=lambda spec: spec.name)
def test_an_optional_entity_that_is_missing_says_what_stays_undecidable(
    doctor: Doctor, host: SmallHost, entity: object
) -> None:
    spec = next(one for one in ENTITIES if one is entity)
    (host.folder / spec.file).unlink(missing_ok=True)
    found = doctor()[spec.file]
    assert found.level is Level.WARNING
    assert found.message == f"is not mapped; undecidable without it: {spec.undecidable_without}"
    assert spec.undecidable_without


def test_a_column_that_is_missing_names_file_and_column(doctor: Doctor, host: SmallHost) -> None:
    host.remap("plans", "included_quantity", None)
    found = doctor()
    assert "plans.sql: included_quantity" in at(Level.ERROR, found)
    assert "users.sql" in at(Level.OK, found)


def test_rows_that_cannot_be_used_are_named(doctor: Doctor, host: SmallHost) -> None:
    host.run("INSERT INTO plans VALUES ('bad', NULL, 'CAD', 1, NULL, 0, 0, 1, true, NULL)")
    found = doctor()["plans.sql"]
    assert found.level is Level.WARNING
    assert "'bad'" in found.message
