"""A plan with several charges and a quota of a quarter: rated, closed, adjusted, with all that it was priced from kept."""

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from fcb_pipelines.domain.expected import RatedLine
from fcb_pipelines.domain.rating import Graduated
from fcb_pipelines.domain.usage import PULLED
from fcb_pipelines.services import Conventions, FamilySetting, Service
from fcb_pipelines.store import rating as stored
from fcb_pipelines_tests.acts.desk import ONLY_PULLED, Desk
from fcb_pipelines_tests.source.small_host import FIRST

TIERS = {"model": "graduated", "tiers": [{"up_to": "100", "unit_price": "0"}, {"up_to": None, "unit_price": "0.125"}]}
QUARTER = {"metric": "cpu_seconds", "charge": {"model": "standard", "unit_price": "0.01", "included_quantity": "1000"}}


def with_charges(desk: Desk, *charges: dict[str, Any]) -> Desk:
    """The same host, all of whose plans have these charges."""
    desk.host.remap("plans", "charges", f"'{json.dumps(charges)}'::jsonb")
    desk.snapshot()
    return desk


def rated(desk: Desk, key: str) -> dict[str, RatedLine]:
    """The first subscription's usage as it is stored, by line key."""
    desk.rated(key)
    with desk.db.transaction() as conn:
        lines = stored.rated(conn, "small", key)
    mine = (line for line in lines if line.external_subscription_id == FIRST and line.charge != "flat")
    return {line.line_key.removeprefix(f"{FIRST}/"): line for line in mine}


@ONLY_PULLED
def test_each_charge_of_a_plan_is_an_instance_that_is_kept_as_it_was_priced(desk: Desk) -> None:
    with_charges(desk, {"metric": "requests", "charge": TIERS})
    desk.use("2026-04-10T00:00Z", "107", key="r", metric="requests")
    found = rated(desk, "2026-04")
    assert list(found) == ["cpu_seconds/2026-04-01", "requests/2026-04-01"]
    requests = found["requests/2026-04-01"]
    assert isinstance(requests.pricing.charge, Graduated)
    assert (requests.exact, requests.pricing.quantity, requests.pricing.metric) == (
        Fraction("0.875"),
        Fraction(107),
        "requests",
    )
    assert found["cpu_seconds/2026-04-01"].metered is None, "its columns say it all"


@ONLY_PULLED
def test_usage_that_no_charge_prices_stays_unrated(desk: Desk) -> None:
    with_charges(desk, QUARTER)
    desk.use("2026-04-10T00:00Z", "107", key="r", metric="requests")
    (issue,) = desk.rated("2026-04").issues
    assert issue.reason == "107 requests, a metric without a price"


@ONLY_PULLED
def test_late_usage_is_priced_by_the_charge_of_its_bill_whatever_the_plan_has_become(desk: Desk) -> None:
    with_charges(desk, {"metric": "requests", "charge": TIERS})
    desk.use("2026-03-20T00:00Z", "90", key="r", metric="requests")
    desk.close("2026-03")
    with_charges(desk, {"metric": "requests", "charge": {"model": "standard", "unit_price": "50"}})
    desk.use("2026-03-21T00:00Z", "20", key="late", metric="requests")
    desk.dual_run("2026-04")
    assert desk.adjustments("2026-04") == [("2026-03", "90", "110", Decimal("0.00"), Decimal("1.25"))]


@ONLY_PULLED
def test_late_usage_of_a_bill_that_had_none_is_priced_by_every_charge_of_its_metric(desk: Desk) -> None:
    desk.close("2026-03")
    peak = {"metric": "requests", "code": "peak", "charge": {"model": "standard", "unit_price": "0.5"}}
    with_charges(desk, {"metric": "requests", "charge": TIERS}, peak)
    desk.use("2026-03-21T00:00Z", "110", key="late", metric="requests")
    desk.dual_run("2026-04")
    assert [found[4] for found in desk.adjustments("2026-04")] == [Decimal("55.00"), Decimal("1.25")]
    keys = [key for key in desk.expected("2026-04") if "adjusted" in key]
    assert keys == ["peak/2026-03-15/adjusted-in-2026-04", "requests/2026-03-15/adjusted-in-2026-04"]


@ONLY_PULLED
def test_a_quota_of_a_quarter_counts_what_earlier_months_used(desk: Desk) -> None:
    with_charges(desk, QUARTER | {"included_interval": "quarterly"})
    desk.use("2026-04-10T00:00Z", "800", key="april")
    desk.use("2026-05-10T00:00Z", "500", key="may")
    unknown = rated(desk, "2026-05")["cpu_seconds/2026-05-01"]
    assert unknown.exact is None
    assert unknown.notes[0].startswith("quota_unknown: its included quantity counts from 2026-03 on, and 2026-03 was never")
    found = {key: rated(desk, key)[f"cpu_seconds/{day}"] for key, day in (("2026-03", "2026-03-15"), ("2026-04", "2026-04-01"))}
    found["2026-05"] = rated(desk, "2026-05")["cpu_seconds/2026-05-01"]
    # 100.500001 of March and 807 of April leave 92.499999 for the 500 of May.
    assert [line.exact for line in found.values()] == [0, 0, Decimal("4.07500001")]
    assert found["2026-05"].included_quantity == Decimal("92.499999")
    assert found["2026-05"].pricing.quota.months == ("2026-03", "2026-04", "2026-05")


@ONLY_PULLED
def test_late_usage_of_a_quarter_is_billed_once_however_it_falls(desk: Desk) -> None:
    with_charges(desk, QUARTER | {"included_interval": "quarterly"})
    desk.close("2026-03")
    desk.use("2026-04-10T00:00Z", "800", key="april")
    desk.use("2026-03-21T00:00Z", "50", key="late")
    desk.close("2026-04")
    # Late for March on the bill of May, when April has used of the same quota.
    desk.use("2026-03-22T00:00Z", "200", key="later")
    desk.use("2026-04-22T00:00Z", "10", key="late in April")
    desk.use("2026-05-10T00:00Z", "30", key="may")
    desk.dual_run("2026-05")
    amounts = [
        line.net.amount
        for key in ("2026-03", "2026-04", "2026-05")
        for name, line in desk.expected(key).items()
        if line.net is not None and name.startswith("cpu_seconds/")
    ]
    used = Decimal("100.500001") + 807 + 50 + 200 + 10 + 30
    assert sum(amounts) == pytest.approx(Decimal("0.01") * (used - 1000), abs=Decimal("0.015")), "each bill is rounded"
    assert [found[3:] for found in desk.adjustments("2026-05")] == [
        (Decimal("0.00"), Decimal("1.58")),
        (Decimal("1.58"), Decimal("1.68")),
    ]


@ONLY_PULLED
def test_what_a_later_bill_made_of_a_month_counts_against_its_quarter(desk: Desk) -> None:
    with_charges(desk, QUARTER | {"included_interval": "quarterly"})
    desk.close("2026-03")
    desk.use("2026-03-21T00:00Z", "50", key="late")
    desk.close("2026-04")
    desk.use("2026-05-10T00:00Z", "900", key="may")
    (may,) = rated(desk, "2026-05").values()
    assert may.included_quantity == 1000 - Decimal("150.500001") - 7


class Under(Desk):
    """The same desk under other conventions."""

    @property
    def service(self) -> Service:
        conventions = Conventions.model_validate({"rounding": "half_up"})
        small = FamilySetting.model_validate({"name": "small", "pattern": "^small$", "rounding": "half_even"})
        return super().service.model_copy(update={"conventions": conventions, "families": (small,)})


@ONLY_PULLED
def test_late_usage_is_rounded_as_its_bill_was(desk: Desk) -> None:
    under = Under(host=desk.host, db=desk.db, feed=PULLED)
    with_charges(under, {"metric": "requests", "charge": {"model": "standard", "unit_price": "0.005"}})
    under.use("2026-03-20T00:00Z", "1", key="r", metric="requests")
    under.close("2026-03")
    assert str(under.expected("2026-03")["requests/2026-03-15"].net) == "0.00 CAD", "half a cent goes to the even one"
    desk.use("2026-03-21T00:00Z", "4", key="late", metric="requests")
    desk.dual_run("2026-04")
    assert desk.adjustments("2026-04") == [("2026-03", "1", "5", Decimal("0.00"), Decimal("0.02"))]
