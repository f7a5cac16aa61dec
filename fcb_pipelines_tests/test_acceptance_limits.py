"""`[services.<code>.acceptance]` of fcb.toml: what is read, what is refused, and that it changes no figure."""

from decimal import Decimal
from pathlib import Path

import pytest

from fcb_pipelines.domain.errors import InvalidSettings
from fcb_pipelines.settings import Settings, load
from fcb_pipelines_tests.projects import write_project


def loaded(folder: Path, table: str = "") -> Settings:
    write_project(folder)
    with (folder / "fcb.toml").open("a") as file:
        file.write(f"\n[services.shop.acceptance]\n{table}\n" if table else "")
    return load({}, folder=folder)


def test_low_limits_hold_until_somebody_says_otherwise(tmp_path: Path) -> None:
    found = loaded(tmp_path).services["shop"].acceptance
    assert (found.limit["CAD"], found.longest_days) == (Decimal(50), 366)
    assert "JPY" not in found.limit


def test_limits_are_exact_and_name_every_currency_that_has_one(tmp_path: Path) -> None:
    found = loaded(tmp_path, 'limit = {CAD = "100.00", JPY = 9000}\nlongest_days = 90').services["shop"].acceptance
    assert (found.limit, found.longest_days) == ({"CAD": Decimal("100.00"), "JPY": Decimal(9000)}, 90)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("limit = {CAD = 100.5}", "as text"),
        ('limit = {CAD = "-1"}', "below 0"),
        ('limit = {CAD = "much"}', "not a decimal number"),
        ("limit = {CAD = true}", "not a decimal number"),
        ('limit = {XXX = "1"}', "currency 'XXX' is not known"),
        ("longest_days = 0", "greater than or equal to 1"),
        ("longest = 1", "Extra inputs"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(InvalidSettings, match=r"services\.shop\.acceptance") as refused:
        loaded(tmp_path, table)
    assert said in str(refused.value)


def test_a_limit_changes_no_figure_so_nothing_is_built_anew_for_it(tmp_path: Path) -> None:
    hashes = set()
    for table in ("", 'limit = {CAD = "1"}', "longest_days = 30"):
        settings = loaded(tmp_path, table)
        hashes.add(settings.rules_hash(settings.services["shop"]))
    assert len(hashes) == 1
