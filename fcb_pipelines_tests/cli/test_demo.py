import socket
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from fcb_pipelines.cli.demo import attempted, demo, demo_periods, demo_services
from fcb_pipelines.cli.warned import Checked
from fcb_pipelines.domain.errors import InvalidSettings, Refused, RuleViolation
from fcb_pipelines.settings import Settings, load
from fcb_pipelines_tests.cli.evaluations import warning
from fcb_pipelines_tests.projects import enter, write_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two services, being where commands are run."""
    enter(monkeypatch, write_project(tmp_path, "shop", "host"))
    return tmp_path


def settings_of(project: Path, **variables: str) -> Settings:
    return load(variables, folder=project)


@pytest.mark.parametrize(
    ("now", "keys"),
    [
        ("2026-06-02T12:00:00-04:00", ["2026-03", "2026-04", "2026-05"]),
        ("2026-06-01T00:00:00-04:00", ["2026-03", "2026-04", "2026-05"]),
        ("2026-05-31T23:59:59-04:00", ["2026-03", "2026-04"]),
        ("2026-04-01T03:59:59+00:00", []),
        ("2025-01-01T00:00:00+00:00", []),
    ],
)
def test_the_demo_works_on_the_months_that_have_ended(project: Path, now: str, keys: list[str]) -> None:
    assert demo_periods(settings_of(project).service("shop"), datetime.fromisoformat(now)) == keys


def test_a_real_service_is_left_alone(project: Path) -> None:
    settings = settings_of(project, FCB_SOURCE_SHOP_URL="postgresql://db.invalid/shop")
    assert [service.code for service in demo_services(settings)] == ["host"]


def test_without_a_demo_service_it_says_which_commands_to_use(project: Path) -> None:
    real = {f"FCB_SOURCE_{code}_URL": "postgresql://db.invalid/x" for code in ("SHOP", "HOST")}
    with pytest.raises(InvalidSettings, match="FCB_SOURCE_SHOP_URL, FCB_SOURCE_HOST_URL is given: use `fcb import`"):
        demo_services(settings_of(project, **real))


def test_a_taken_port_is_said_before_any_work(project: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        result = CliRunner().invoke(demo, env={"FCB_UI_PORT": str(other.getsockname()[1])})
    assert isinstance(result.exception, InvalidSettings)
    assert "is taken" in str(result.exception)
    assert not (project / ".fcb").exists()


def test_a_month_that_is_blocked_stops_no_other_and_is_told_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    done = []

    def blocked() -> Checked:
        raise RuleViolation("the check feeds_agree says: they differ")

    def april() -> Checked:
        done.append("April")
        return [warning("usage_conserved")]

    undone, checked = attempted({"rating March": blocked, "rating April": april})
    assert (undone, done) == (["rating March: the check feeds_agree says: they differ"], ["April"])
    assert [one.check_name for one in checked] == ["usage_conserved"]
    assert capsys.readouterr().err == "rating March\nrating April\n"


def test_what_nobody_can_go_on_without_ends_the_demo() -> None:
    def away() -> Checked:
        raise Refused("our own database cannot be reached")

    with pytest.raises(Refused):
        attempted({"importing": away, "rating April": lambda: ()})
