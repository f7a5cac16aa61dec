"""Traces of prices that are not those of today's plan: of another plan then, and the last of instalments."""

from datetime import date, timedelta
from pathlib import Path

from fcb_pipelines.domain.trace import Kind
from fcb_pipelines.domain.usage import PULLED
from fcb_pipelines.services import Service
from fcb_pipelines_tests.acts.traced import MAY, Traced
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.kept import KeptStore
from fcb_pipelines_tests.source.small_host import FIRST, SmallHost

IN_MAY = f"small/{MAY}/subscription/{FIRST}"


def test_the_plan_that_it_was_on_is_found_without_a_history(fresh_database: str, store_database: str, tmp_path: Path) -> None:
    traced = Traced(host=SmallHost(fresh_database, tmp_path), db=KeptStore(store_database), feed=PULLED)
    traced.snapshot()
    traced.host.run(f"UPDATE subscriptions SET external_plan_id = 'l' WHERE external_subscription_id = '{FIRST}'")
    traced.snapshot(NOW + timedelta(days=1))
    traced.dual_run(MAY)
    with traced.looked_at(IN_MAY, charge="flat") as seen:
        assert (seen.found.wrong, seen.found.untraced) == ([], [])
        assert seen.says(Kind.PRICE)[0].startswith("monthly price of Small 9.14 CAD")
        assert "plans/s" in [step.reference for step in seen.of(Kind.SOURCE_ROW)]


class Thirds(Traced):
    """Whose last instalment takes the rest."""

    @property
    def service(self) -> Service:
        conventions = {"instalments": "last_takes_rest"}
        return self.host.service(terms_assumed_from=date(2025, 1, 1), conventions=conventions, place_of_supply="CA-ON")


def test_the_last_instalment_is_told_with_the_rest_that_it_takes(
    fresh_database: str, store_database: str, tmp_path: Path
) -> None:
    traced = Thirds(host=SmallHost(fresh_database, tmp_path), db=KeptStore(store_database))
    traced.host.run(
        "UPDATE plans SET price_yearly = 100 WHERE external_plan_id = 's'",
        f"""UPDATE subscriptions SET billing_interval = 'yearly', started_at = '2025-09-10 12:00Z'
             WHERE external_subscription_id = '{FIRST}'""",
    )
    traced.host.remap("subscriptions", "instalments", "3::integer")
    traced.snapshot()
    traced.dual_run(MAY)
    with traced.looked_at(IN_MAY, charge="flat") as seen:
        assert seen.found.wrong == []
        says = "yearly price of Small 100.00 CAD ÷ 3 instalments, of which the last takes the rest: 33.34"
        assert seen.says(Kind.PRICE)[0].startswith(says)
        assert seen.says(Kind.ROUNDING) == ["rounded once, half up: 33.34 CAD"]
