"""Facts that nothing stands against, from which each test changes what it is about; each kind alone is in flip_alone."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from fcb_pipelines.domain.attestations import Attestation, Statement
from fcb_pipelines.domain.balances import Balance
from fcb_pipelines.domain.flip import Part
from fcb_pipelines.domain.flip_plans import FlipPlan, LastBill
from fcb_pipelines.domain.gate_facts import (
    GateFacts,
    GateRules,
    JudgedPeriod,
    NotKnown,
    OdooFacts,
    OdooSetting,
    ShadowOrder,
    SnapshotSeen,
    SourceSubscription,
)
from fcb_pipelines.domain.history import BillingState
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.partners import AccountLink, LinkState
from fcb_pipelines.domain.rows import Explanation, Finding, Instance, Remedy, Status, Verdict
from fcb_pipelines_tests.builders import TORONTO, day
from fcb_pipelines_tests.flips import a_charge, a_plan, a_subscription
from fcb_pipelines_tests.signed import a_row, an_instance

NOW = datetime(2026, 7, 2, 12, tzinfo=TORONTO)
OLD = "2026-04"
"""A month before those that must be clean: what is wrong in it makes none of them unclean."""
MONTHS = (OLD, "2026-05", "2026-06")
VERSION = "1.0"
UNKNOWN = NotKnown("somebody who looks")
RULES = GateRules(
    clean_periods=2, snapshot_hours=24, rehearsed_days=30, feed_silent_hours=48, past_due_days=30, host_closes_after_days=30
)


def attested(statement: Statement, subject: str = "", value: str | None = None, **changes: Any) -> Attestation:
    """Said yesterday, for a month."""
    values: dict[str, Any] = {
        "attestation_id": f"T-{statement}/{subject}",
        "statement": statement,
        "subject": subject,
        "value": value,
        "text": "I looked",
        "author": "ada",
        "made_at": NOW - timedelta(days=1),
        "expires_at": NOW + timedelta(days=30),
    }
    return Attestation(**values | changes)


def matched(period: str, charge: str = "flat", net: str = "19.99", **changes: Any) -> Instance:
    """An instance that was billed as expected."""
    agreed = {"status": Status.MATCH, "verdict": Verdict.MATCH, "evidence": ()}
    return an_instance(net, net, period=period, charge=charge, **agreed | changes)


def explained(cause: str, remedy: Remedy, **changes: Any) -> Explanation:
    finding = Finding(cause=cause, remedy=remedy, words=f"because of {cause}", references=("i1/1",))
    return Explanation(findings=(finding,), **changes)


def a_period(period: str, *instances: Instance, **changes: Any) -> JudgedPeriod:
    """A month in which the flat price and the usage of s1 match, and whatever else is given."""
    both = (matched(period), matched(period, "cpu_seconds", "5.00"))
    values: dict[str, Any] = {
        "period": period,
        "rows": (a_row(*both, *instances, period=period),),
        "is_whole": True,
        "currency": "CAD",
        "was_closed": True,
        "made_at": NOW - timedelta(hours=3),
        "rule_version": "1",
        "settings_hash": "settings",
    }
    return JudgedPeriod(**values | changes)


def a_bill(net: str, line_key: str = "i9/1") -> LastBill:
    """The source's last one, of June."""
    return LastBill(line_key=line_key, service_from=day("2026-06-01"), service_to=day("2026-07-01"), net=money(f"{net} CAD"))


def the_plan() -> FlipPlan:
    """One subscription with a flat price and metered usage, from July on."""
    usage = a_charge(
        charge="cpu_seconds",
        reference="i9/2",
        first_due=day("2026-08-01"),
        first_net=None,
        first_tax=None,
        last_bill=a_bill("5.00", "i9/2"),
    )
    return a_plan(a_subscription(charges=(a_charge(), usage), token_id=31), settings_hash="settings")


def the_odoo(**changes: Any) -> OdooFacts:
    values: dict[str, Any] = {
        "orders": {"s1": an_order()},
        "others_live": {},
        "settings": (OdooSetting(name="lock dates", is_fit=True, words="closed", what_to_do="open them"),),
        "balances": {},
        "not_inert": (),
        "read_at": NOW,
    }
    return OdooFacts(**values | changes)


def an_order(**changes: Any) -> ShadowOrder:
    values: dict[str, Any] = {
        "odoo_id": 21,
        "name": "S00021",
        "state": "draft",
        "partner_id": 11,
        "net": money("19.99 CAD"),
        "tax": money("2.60 CAD"),
    }
    return ShadowOrder(**values | changes)


def stopped_billing(**changes: Any) -> BillingState:
    values: dict[str, Any] = {
        "external_subscription_id": "s1",
        "biller": "stripe",
        "auto_renew": False,
        "paid_through": None,
        "cancel_at": None,
        "provider_id": "sub_1",
    }
    return BillingState(**values | changes)


def in_source(**changes: Any) -> SourceSubscription:
    values: dict[str, Any] = {
        "status": "active",
        "started_at": day("2026-01-01"),
        "ended_at": None,
        "billing": stopped_billing(),
    }
    return SourceSubscription(**values | changes)


def a_balance(source: str | None, odoo: str | None, user: str = "u1") -> Balance:
    told = (None if each is None else money(f"{each} CAD") for each in (source, odoo))
    return Balance(external_user_id=user, currency="CAD", source=next(told), odoo=next(told))


def linked(user: str = "u1", partner: int = 11) -> AccountLink:
    return AccountLink(external_user_id=user, state=LinkState.LINKED, odoo_id=partner, reason="made by the import")


def base(**changes: Any) -> GateFacts:
    """Everything is as it must be: nothing stands against the flip."""
    plan = the_plan()
    values: dict[str, Any] = {
        "service": "shop",
        "zone": TORONTO,
        "now": NOW,
        "part": Part.FLIP,
        "rules": RULES,
        "rule_version": "1",
        "settings_hash": "settings",
        "version": VERSION,
        "plan": plan,
        "replanned": replace(plan, snapshot_id=2, made_at=NOW),
        "under_way": frozenset(),
        "live": frozenset(),
        "elsewhere": frozenset(),
        "customers": ("u1",),
        "neighbours": {},
        "periods": tuple(map(a_period, MONTHS)),
        "last_closed": MONTHS[-1],
        "attestations": (attested(Statement.RECEIVER), attested(Statement.REHEARSED, value=VERSION)),
        "resumed": {},
        "snapshot": SnapshotSeen(snapshot_id=2, taken_at=NOW - timedelta(hours=2), refused_because=None),
        "subscriptions": {"s1": in_source()},
        "links": {"u1": linked()},
        "tax_undecided": {},
        "disputes": (),
        "unpaid": (),
        "uncovered": (),
        "unknown_lines": (),
        "claims": (),
        "balances": (a_balance("0", "0"),),
        "is_metered": True,
        "usage_seen_at": NOW - timedelta(hours=1),
        "alarms": (),
        "stopped": None,
        "broken_logs": (),
        "unproved": (),
        "read_back": (),
        "odoo": the_odoo(),
    }
    return GateFacts(**values | changes)


def charging() -> GateFacts:
    """The same in front of the second gate: the flip has begun with the subscription, and it is live."""
    live = the_odoo(orders={"s1": an_order(state="sale")})
    return base(part=Part.CHARGE, live=frozenset({"s1"}), under_way=frozenset({"s1"}), odoo=live)


def signed(facts: GateFacts, *more: Attestation) -> GateFacts:
    """The facts with more that was attested."""
    return replace(facts, attestations=(*facts.attestations, *more))
