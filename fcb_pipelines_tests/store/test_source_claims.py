"""The source's bills claim first: each range once, what is void or given back no more, and a second bill is only told."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest

from fcb_pipelines.acts.claims import load_source, take
from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.matching import PaysFor
from fcb_pipelines.domain.plans import CPU_SECONDS
from fcb_pipelines.domain.reconciliation import RowOwner, reconcile
from fcb_pipelines.domain.revisions import Origin
from fcb_pipelines.services import Service
from fcb_pipelines.store import claims, flips, invoices, snapshots
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.flips import StoredFlip
from fcb_pipelines.store.source_claims import Loaded
from fcb_pipelines_tests.acts.source_records import a_service
from fcb_pipelines_tests.builders import NOW, a_month, actual, day, expected
from fcb_pipelines_tests.flips import a_plan
from fcb_pipelines_tests.revisions import add_revision

SUBSCRIPTIONS = ("s1", "s2", "s3")
CREDIT: dict[str, Any] = {"kind": LineKind.CREDIT, "charge": None}
USAGE: dict[str, Any] = {"kind": LineKind.OVERAGE, "charge": CPU_SECONDS}


@pytest.fixture(scope="module")
def service() -> Service:
    return a_service("shop")


@pytest.fixture
def conn(rolled_back: Connection) -> Connection:
    return rolled_back


def due(subscription: str = "s1", charge: str = "flat", **changes: Any) -> ExpectedLine:
    key = f"{subscription}/{charge}/2026-04-01"
    return expected("50", external_subscription_id=subscription, charge=charge, line_key=key, **changes)


def reconciled(
    conn: Connection,
    service: Service,
    lines: Sequence[ActualLine],
    *,
    wanted: Sequence[ExpectedLine] | None = None,
    told: Mapping[str, PaysFor] | None = None,
    period: str = "2026-04",
) -> Loaded:
    """Keep a revision of a month in which this was billed, and load what it claims."""
    owners = [RowOwner(external_subscription_id=one, external_user_id="u1", currency="CAD") for one in SUBSCRIPTIONS]
    rows = reconcile(f"{service.code}/{period}", owners, [due()] if wanted is None else wanted, lines, a_month(), pays_for=told)
    invoices.replace_actual(conn, service.code, period, lines)
    snapshot = snapshots.open_snapshot(conn, service.code, NOW)
    origin = Origin(snapshot_id=snapshot, settings_hash="h", rule_version="3")
    add_revision(conn, service=service.code, period=period, origin=origin, made_at=NOW, rows=rows)
    return load_source(conn, service, NOW)


def held(conn: Connection, service: Service) -> list[tuple[str, str, str, str, str]]:
    """Subscription, charge, first and last day and reference of what is claimed."""
    found = (one.claim for one in claims.held(conn, service.code))
    return [(*one.charge_key, _day(one.service_from), _day(one.service_to), one.reference) for one in found]


def _day(moment: datetime) -> str:
    return moment.astimezone(NOW.tzinfo).date().isoformat()


APRIL = ("s1", "flat", "2026-04-01", "2026-05-01", "i1/1")


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([actual("50")], [APRIL]),
        ([actual("40")], [APRIL]),
        ([actual("50", counts=False)], []),
        ([actual("50", service_from=None, service_to=None)], []),
        ([actual("50"), actual("-50", external_invoice_id="c1", **CREDIT)], []),
        ([actual("50"), actual("-5", external_invoice_id="c1", **CREDIT)], [APRIL]),
        ([actual("50", kind=LineKind.ADD_ON, charge=None)], []),
        ([actual("5", **USAGE)], [("s1", CPU_SECONDS, "2026-04-01", "2026-05-01", "i1/1")]),
        ([actual("600", service_to=day("2027-04-01"))], [("s1", "flat", "2026-04-01", "2027-04-01", "i1/1")]),
        ([actual("50", external_subscription_id=None)], []),
    ],
    ids=["flat", "delta", "void", "no range", "credited", "credit", "add-on", "usage", "longer than ours", "nobody's"],
)
def test_what_a_bill_claims(
    conn: Connection, service: Service, lines: list[ActualLine], found: list[tuple[str, str, str, str, str]]
) -> None:
    loaded = reconciled(conn, service, lines)
    assert (held(conn, service), loaded.added, loaded.double_billed) == (found, len(found), ())


def test_again_adds_only_what_is_new(conn: Connection, service: Service) -> None:
    reconciled(conn, service, [actual("50")])
    again = load_source(conn, service, NOW)
    assert (again.added, again.kept, again.released) == (0, 1, ())
    more = reconciled(conn, service, [actual("50"), actual("5", ordinal=2, **USAGE)])
    assert (more.added, more.kept) == (1, 1)


def test_a_line_without_a_range_claims_nothing_and_is_told(conn: Connection, service: Service) -> None:
    loaded = reconciled(conn, service, [actual("50", service_from=None, service_to=None)])
    assert (loaded.added, loaded.without_range) == (0, ("i1/1",))


def test_a_consolidated_line_claims_for_those_whom_a_record_names(conn: Connection, service: Service) -> None:
    told = {"i1/1": PaysFor(subscriptions=("s1", "s2"), references=("desk/1",))}
    line = actual("100", external_subscription_id=None)
    reconciled(conn, service, [line], wanted=[due("s1"), due("s2")], told=told)
    assert [one[0] for one in held(conn, service)] == ["s1", "s2"]


def test_a_claim_whose_bill_is_void_or_credited_since_is_released_by_name(conn: Connection, service: Service) -> None:
    reconciled(conn, service, [actual("50")])
    loaded = reconciled(conn, service, [actual("50", counts=False)])
    assert [(one.charge_key, one.reference) for one in loaded.released] == [(("s1", "flat"), "i1/1")]
    (gone,) = claims.held(conn, service.code, with_released=True)
    assert gone.released_by == "the source: its bill is void, given back or otherwise now"
    assert held(conn, service) == []


def test_of_a_reissue_the_newest_claims(conn: Connection, service: Service) -> None:
    reconciled(conn, service, [actual("50")])
    loaded = reconciled(conn, service, [actual("50", counts=False), actual("50", external_invoice_id="i2")])
    assert (len(loaded.released), loaded.added, held(conn, service)) == (1, 1, [(*APRIL[:4], "i2/1")])


def test_a_second_bill_of_a_range_is_told_and_kept_out(conn: Connection, service: Service) -> None:
    twice = [actual("50"), actual("50", external_invoice_id="i2", issued_at=day("2026-04-09"))]
    loaded = reconciled(conn, service, twice)
    (double,) = loaded.double_billed
    assert (double.wanted.reference, double.in_the_way.reference, loaded.added) == ("i2/1", "i1/1", 1)
    assert load_source(conn, service, NOW).double_billed == loaded.double_billed
    assert held(conn, service) == [APRIL]


def test_a_bill_for_what_odoo_has_claimed_is_told_and_kept_out(conn: Connection, service: Service) -> None:
    of_odoo = Claim(
        external_subscription_id="s1",
        charge="flat",
        service_from=day("2026-04-20"),
        service_to=day("2026-05-20"),
        biller=Biller.ODOO,
        reference="F-1",
    )
    take(conn, service, [of_odoo], NOW)
    loaded = reconciled(conn, service, [actual("50"), actual("5", ordinal=2, **USAGE)])
    (double,) = loaded.double_billed
    assert (double.in_the_way, double.wanted.reference, loaded.added) == (of_odoo, "i1/1", 1)


def test_odoo_cannot_claim_what_the_source_has_billed(conn: Connection, service: Service) -> None:
    reconciled(conn, service, [actual("50")])
    wanted = Claim(
        external_subscription_id="s1",
        charge="flat",
        service_from=day("2026-04-30"),
        service_to=day("2026-05-30"),
        biller=Biller.ODOO,
        reference="F-1",
    )
    with pytest.raises(RuleViolation, match=r"the claim of source from 2026-04-01 to 2026-05-01 \(i1/1\) is in the way"):
        take(conn, service, [wanted], NOW)


def test_the_final_bill_that_a_flip_left_to_the_source_is_no_second_one(conn: Connection, service: Service) -> None:
    plan = a_plan(service=service.code)
    flip = StoredFlip(
        flip_id="F-1", service=service.code, plan=plan, plan_hash="h", planned_at=NOW, planned_by="ada", ended_at=None
    )
    flips.add(conn, flip)
    left = Claim(
        external_subscription_id="s1",
        charge=CPU_SECONDS,
        service_from=day("2026-03-01"),
        service_to=day("2026-05-01"),
        biller=Biller.SOURCE,
        reference="F-1",
    )
    take(conn, service, [left], NOW)
    loaded = reconciled(conn, service, [actual("5", **USAGE)])
    assert (loaded.added, loaded.kept, loaded.released, loaded.double_billed) == (0, 1, (), ())
    assert held(conn, service) == [("s1", CPU_SECONDS, "2026-03-01", "2026-05-01", "F-1")]


def test_only_the_newest_revision_of_each_month_claims(conn: Connection, service: Service) -> None:
    march = actual("50", external_invoice_id="i0", service_from=day("2026-03-01"), service_to=day("2026-04-01"))
    reconciled(conn, service, [march], wanted=[], period="2026-03")
    reconciled(conn, service, [actual("50")])
    loaded = reconciled(conn, service, [actual("50", external_subscription_id="s2")], wanted=[due("s2")])
    assert [one.charge_key for one in loaded.released] == [("s1", "flat")]
    assert [(one[0], one[4]) for one in held(conn, service)] == [("s1", "i0/1"), ("s2", "i1/1")]
