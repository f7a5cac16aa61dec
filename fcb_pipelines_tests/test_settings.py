"""Settings: what is read, what is refused, and that no secret is ever told."""

import json
from dataclasses import astuple
from decimal import Decimal
from pathlib import Path

import pytest

from fcb_pipelines.domain.errors import InvalidInput, InvalidSettings
from fcb_pipelines.settings import ADDRESSES_FILE, DEMO_NOW, Settings, load
from fcb_pipelines_tests.builders import a_plan
from fcb_pipelines_tests.conftest import NOW

MINIMAL = """
[services.demo]
mapping = "mapping"
zone = "America/Toronto"
currency = "CAD"
first_period = "2026-03"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mapping").mkdir()
    (tmp_path / "mapping" / "users.sql").write_text("SELECT 1")
    (tmp_path / "fcb.toml").write_text(MINIMAL)
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / "fcb.toml").write_text(text)


def refused(folder: Path, **variables: str) -> str:
    with pytest.raises(InvalidSettings) as caught:
        load(variables, folder=folder)
    return str(caught.value)


def read(folder: Path, **variables: str) -> Settings:
    return load(variables, folder=folder)


def test_with_nothing_configured_it_is_the_demo_at_its_own_time(folder: Path) -> None:
    settings = read(folder)
    assert settings.now is not None
    assert settings.now.isoformat() == DEMO_NOW
    assert settings.service(None).is_demo
    assert (settings.database_url, settings.odoo, settings.state_dir) == (None, None, folder / ".fcb")


def test_a_real_source_lets_time_pass_and_refuses_another_clock(folder: Path) -> None:
    real = {"FCB_SOURCE_DEMO_URL": "postgresql://u:hunter2@h/d"}
    settings = read(folder, **real)
    assert (settings.now, settings.service("demo").is_demo) == (None, False)
    assert "FCB_NOW" in refused(folder, **real, FCB_NOW="2026-06-02T00:00:00Z")


def test_the_environment_wins_over_the_env_file_which_wins_over_the_embedded_stack(folder: Path) -> None:
    (folder / ".fcb").mkdir()
    addresses = {"FCB_DATABASE_URL": "postgresql://embedded/fcb", "FCB_SOURCE_DEMO_URL": "postgresql://embedded/demo"}
    (folder / ".fcb" / ADDRESSES_FILE).write_text(json.dumps(addresses))
    settings = read(folder)
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://embedded/fcb"
    assert settings.service("demo").is_demo, "the embedded source is the demo, whatever its address"
    (folder / ".env").write_text("FCB_DATABASE_URL=postgresql://file/fcb\nFCB_UI_PORT=3100\n")
    settings = read(folder, FCB_DATABASE_URL="postgresql://environment/fcb")
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://environment/fcb"
    assert settings.ui_port == 3100


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"FCB_ODO_URL": "http://x"}, ("FCB_ODO_URL", "did you mean FCB_ODOO_URL")),
        ({"FCB_HOST_KEY": "fcb_x"}, ("FCB_HOST_KEY", "fcb_host: unset it")),
        ({"FCB_SOURCE_OTHER_URL": "postgresql://x"}, ("FCB_SOURCE_OTHER_URL",)),
        ({"FCB_ODOO_URL": "http://x"}, ("FCB_ODOO_DB", "FCB_ODOO_KEY")),
        ({"FCB_UI_PORT": "three"}, ("FCB_UI_PORT",)),
        ({"FCB_NOW": "2026-06-02T12:00:00"}, ("FCB_NOW", "timezone")),
        ({"FCB_NOW": "yesterday"}, ("FCB_NOW",)),
        ({"FCB_IMPORT_ALL_PLANS": "perhaps"}, ("FCB_IMPORT_ALL_PLANS",)),
        ({"FCB_CONFIG": "nowhere.toml"}, ("nowhere.toml", "does not exist")),
    ],
)
def test_a_wrong_variable_is_named_with_what_to_do(folder: Path, variables: dict[str, str], words: tuple[str, ...]) -> None:
    message = refused(folder, **variables)
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('zone = "America/Toronto"', 'zone = "Toronto"', ("services.demo.zone", "not a timezone")),
        ('currency = "CAD"', 'currency = "CDN"', ("services.demo.currency", "CDN")),
        ('first_period = "2026-03"', 'first_period = "March"', ("March", "YYYY-MM")),
        ('mapping = "mapping"', 'mapping = "nowhere"', ("nowhere", "users.sql")),
        ('zone = "America/Toronto"', 'zone = "America/Toronto"\nbilled_feed = "both"', ("billed_feed", "'pulled' or 'pushed'")),
        ("[services.demo]", "[services.de_mo]", ("de_mo", "lower-case letters and digits")),
        ('zone = "America/Toronto"', 'zone = "America/Toronto"\nlagg = 3', ("lagg",)),
        ('zone = "America/Toronto"', 'zone = "America/Toronto"\narrears_lag_days = -1', ("arrears_lag_days",)),
        ("[services.demo]", "[services.demo", ("not readable TOML",)),
        (MINIMAL.strip(), "usage_retention_months = 2\n" + MINIMAL, ("usage_retention_months", "equal to 3")),
        (MINIMAL.strip(), "services = 3", ("[services] holds one table per service",)),
        (MINIMAL.strip(), "", ("no service is configured",)),
    ],
)
def test_a_wrong_file_is_refused_naming_the_place(folder: Path, before: str, after: str, words: tuple[str, ...]) -> None:
    write(folder, MINIMAL.replace(before, after))
    message = refused(folder)
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("addition", "words"),
    [
        ('[[services.demo.line_rules]]\npattern = "("\nkind = "plan"', ("not a regular expression",)),
        ('[[services.demo.line_rules]]\npattern = "x"\nkind = "gift"', ("line_rules.0.kind",)),
        ('[[services.demo.line_rules]]\nkind = "plan"', ("at least one of pattern, product, created_by and line",)),
        ('[[services.demo.line_rules]]\nline = "i-7/2"\nkind = "plan"', ("i-7/2 needs because",)),
        ('[[taxes]]\nplace = "CA-ON"\ncomponent = "HST"\npercent = 13.5\nvalid_from = 2010-07-01', ("percent", "not exact")),
        (
            '[[taxes]]\nplace = "CA-ON"\ncomponent = "HST"\npercent = "13"\nvalid_from = 2010-07-01\n' * 2,
            ("overlaps",),
        ),
        ('[services.demo.conventions]\ntax_rounding = "never"', ("conventions.tax_rounding",)),
        ('[services.demo.conventions]\nbilled = "late"', ("conventions.billed", "'in_advance' or 'in_arrears'")),
        ('[[services.demo.families]]\nname = "old"', ("needs either a pattern",)),
        ('[[services.demo.families]]\nname = "old"\npattern = "x"\nplans = ["1"]', ("needs either a pattern",)),
        ('[[services.demo.families]]\nname = "old"\npattern = "("', ("not a regular expression",)),
        ('[[services.demo.families]]\nname = " "\npattern = "x"', ("families.0.name",)),
        ('[[services.demo.families]]\nname = "old"\npattern = "x"\ntax_rounding = "line"', ("families.0.tax_rounding",)),
        ('[[services.demo.families]]\nname = "old"\npattern = "x"\n' * 2, ("two families are called 'old'",)),
        ('[services.demo.odoo_taxes]\n"HST" = "account.1_hst"', ("odoo_taxes", "CA-ON/HST")),
        ('[services.demo.odoo_taxes]\n"CA-ON/HST" = "13"', ("odoo_taxes", "account.1_hst_sale_tax_13")),
        ('[services.demo.times]\n"users.born" = {kind = "day", zone = "UTC"}', ("times.users.born.kind",)),
    ],
)
def test_wrong_rules_are_refused(folder: Path, addition: str, words: tuple[str, ...]) -> None:
    write(folder, MINIMAL + addition)
    message = refused(folder)
    assert all(word in message for word in words), message


def test_no_secret_is_in_a_message_or_a_representation(folder: Path) -> None:
    secret = {
        "FCB_SOURCE_DEMO_URL": "postgresql://u:hunter2@h/d",
        "FCB_DATABASE_URL": "postgresql://u:hunter2@h/d",
        "FCB_ODOO_URL": "https://odoo.example",
        "FCB_ODOO_DB": "d",
        "FCB_ODOO_USER": "u",
        "FCB_ODOO_KEY": "hunter2",
    }
    assert "hunter2" not in repr(read(folder, **secret))
    assert "hunter2" not in refused(folder, **secret, FCB_UI_PORT="x")
    assert "hunter2" not in refused(folder, **{**secret, "FCB_ODOO_URL": "hunter2.example"})


def test_taxes_are_exact_and_dated(folder: Path) -> None:
    write(folder, MINIMAL + '[[taxes]]\nplace = "CA-QC"\ncomponent = "QST"\npercent = "9.975"\nvalid_from = 2013-01-01')
    (rate,) = read(folder).tax_table.rates
    assert (rate.percent, rate.valid_to) == (Decimal("9.975"), None)


FAMILIES = """
[services.demo.conventions]
proration = "calendar_days"
rounding = "half_even"
[[services.demo.families]]
name = "legacy"
pattern = "^legacy "
proration = "fixed_30_days"
billed = "in_arrears"
instalments = "last_takes_rest"
[[services.demo.families]]
name = "dedicated"
plans = ["7", "8"]
months = "anchored"
quota_proration = "seconds"
rounding = "half_up"
"""


@pytest.mark.parametrize(
    ("plan", "family", "conventions"),
    [
        ({"name": "Basic"}, "", ("calendar_days", "none", "half_even", "in_advance", "calendar", "each")),
        ({"name": "Legacy S"}, "legacy", ("fixed_30_days", "none", "half_even", "in_arrears", "calendar", "last_takes_rest")),
        ({"external_plan_id": "7"}, "dedicated", ("calendar_days", "seconds", "half_up", "in_advance", "anchored", "each")),
        (
            {"external_plan_id": "7", "name": "legacy M"},
            "legacy",
            ("fixed_30_days", "none", "half_even", "in_arrears", "calendar", "last_takes_rest"),
        ),
        ({"name": "Not legacy S"}, "", ("calendar_days", "none", "half_even", "in_advance", "calendar", "each")),
    ],
)
def test_the_first_family_that_has_a_plan_holds_for_it_and_the_service_for_what_it_leaves_out(
    folder: Path, plan: dict[str, str], family: str, conventions: tuple[str, ...]
) -> None:
    write(folder, MINIMAL + FAMILIES)
    found = read(folder).service("demo").plan_families.of(a_plan(**plan))
    assert (found.name, astuple(found.conventions)) == (family, conventions)


def test_the_hash_of_the_rules_changes_with_any_rule_and_with_no_address(folder: Path) -> None:
    def digest(**variables: str) -> str:
        settings = read(folder, **variables)
        return settings.rules_hash(settings.service("demo"))

    plain = digest()
    assert digest(FCB_DATABASE_URL="postgresql://x/y", FCB_SOURCE_DEMO_URL="postgresql://x/z") == plain
    write(folder, MINIMAL + '[services.demo.odoo_taxes]\n"CA-ON/HST" = "account.1_hst_sale_tax_13"')
    assert digest() == plain, "which record in Odoo stands for a tax changes no figure"
    write(folder, MINIMAL + "arrears_lag_days = 5")
    assert digest() != plain
    write(folder, MINIMAL + '[services.demo.times]\n"subscriptions.started_at" = {kind = "date", zone = "UTC"}')
    assert digest() != plain
    write(folder, MINIMAL + 'billed_feed = "pulled"')
    assert digest() == plain, "as it is where nothing is said"
    write(folder, MINIMAL + 'billed_feed = "pushed"')
    assert digest() != plain


def test_the_hash_of_the_rules_changes_with_each_convention_of_a_family(folder: Path) -> None:
    def digest(text: str) -> str:
        write(folder, MINIMAL + text)
        settings = read(folder)
        return settings.rules_hash(settings.service("demo"))

    changes = [("anchored", "calendar"), ("half_even", "half_up"), ('"seconds"', '"none"'), ("in_arrears", "in_advance")]
    changes += [("fixed_30_days", "seconds"), ("^legacy", "^old"), ('["7", "8"]', '["7"]'), ('"legacy"', '"aged"')]
    digests = {digest(FAMILIES), *(digest(FAMILIES.replace(*change, 1)) for change in changes)}
    assert len(digests) == 1 + len(changes)
    assert digest(FAMILIES) == digest(FAMILIES.replace('["7", "8"]', '["8", "7"]')), "in whatever order plans are named"


def test_one_service_need_not_be_named_and_an_unknown_one_lists_those_there_are(folder: Path) -> None:
    settings = read(folder)
    assert settings.service(None).code == "demo"
    with pytest.raises(InvalidInput, match=r"no service 'x'.*demo"):
        settings.service("x")
    write(folder, MINIMAL + MINIMAL.replace("services.demo", "services.other"))
    with pytest.raises(InvalidInput, match=r"which service.*demo, other"):
        read(folder).service(None)


def test_a_period_before_the_first_in_scope_is_refused(folder: Path) -> None:
    service = read(folder).service("demo")
    with pytest.raises(InvalidInput, match="before 2026-03"):
        service.period("2026-02")
    assert service.open_period(NOW).key == "2026-06"


def test_the_projects_own_file_is_well_formed() -> None:
    root = Path(__file__).parent.parent
    settings = load({}, folder=root)
    assert {rate.place for rate in settings.tax_table.rates} >= {"CA-ON", "CA-QC", "CA-NS"}
