"""Per kind of objection the change of the facts of `flip_facts` that makes it alone true."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.audit import Break, Log, Wrong
from fcb_pipelines.domain.boundaries import WITHIN_RANGE
from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.domain.flip_plans import ChargePlan, Proof, SubscriptionPlan
from fcb_pipelines.domain.gate_facts import (
    GateFacts,
    JudgedPeriod,
    OdooSetting,
    OpenAlarm,
    OpenDispute,
    SnapshotSeen,
    Stopped,
    Uncovered,
    UnknownLine,
    UnpaidInvoice,
)
from fcb_pipelines.domain.inert import NotInert
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.partners import AccountLink, LinkState
from fcb_pipelines.domain.rows import NO_EXPLANATION, Explanation, Instance, Remedy, Status, Verdict
from fcb_pipelines_tests.builders import day
from fcb_pipelines_tests.domain.flip_facts import NOW, OLD, a_balance, a_bill, base, charging, explained, stopped_billing
from fcb_pipelines_tests.signed import an_instance

Change = Callable[[GateFacts], GateFacts]


def with_odoo(**changes: Any) -> Change:
    return lambda facts: replace(facts, odoo=replace(facts.odoo, **changes))


def with_source(**changes: Any) -> Change:
    """The subscription otherwise in the newest snapshot."""
    return lambda facts: replace(facts, subscriptions={"s1": replace(facts.subscriptions["s1"], **changes)})


def with_facts(**changes: Any) -> Change:
    return lambda facts: replace(facts, **changes)


def with_instance(instance: Instance, period: str = OLD) -> Change:
    """One instance more in the row of s1 of a month."""

    def change(facts: GateFacts) -> GateFacts:
        found = []
        for one in facts.periods:
            row = one.rows[0]
            more = replace(row, instances=(*row.instances, instance))
            found.append(replace(one, rows=(more, *one.rows[1:])) if one.period == period else one)
        return replace(facts, periods=tuple(found))

    return change


def with_planned(change: Callable[[SubscriptionPlan], SubscriptionPlan]) -> Change:
    """The subscription planned otherwise, and planned so again now."""

    def changed(facts: GateFacts) -> GateFacts:
        assert facts.plan is not None
        plan = replace(facts.plan, subscriptions=tuple(map(change, facts.plan.subscriptions)))
        return replace(facts, plan=plan, replanned=plan)

    return changed


def with_charge(name: str = "flat", **changes: Any) -> Change:
    """A charge planned otherwise, and planned so again now."""

    def one(charge: ChargePlan) -> ChargePlan:
        return replace(charge, **changes) if charge.charge == name else charge

    return with_planned(lambda plan: replace(plan, charges=tuple(map(one, plan.charges))))


def noted(note: str, name: str = "flat") -> Change:
    return with_charge(name, notes=(note,))


def odd(verdict: Verdict, explanation: Explanation = NO_EXPLANATION) -> Change:
    """A difference in the row of s1 of the old month."""
    return with_instance(an_instance(period=OLD, status=Status.DELTA, is_due=False, verdict=verdict, explanation=explanation))


def without(charge: str) -> Change:
    """Nothing of a charge was ever due or billed."""

    def change(facts: GateFacts) -> GateFacts:
        return replace(facts, periods=tuple(_without(one, charge) for one in facts.periods))

    return change


def _without(period: JudgedPeriod, charge: str) -> JudgedPeriod:
    rows = (
        replace(row, instances=tuple(one for one in row.instances if (one.charge, one.verdict) != (charge, Verdict.MATCH)))
        for row in period.rows
    )
    return replace(period, rows=tuple(rows))


def replanned(change: Callable[[SubscriptionPlan], SubscriptionPlan]) -> Change:
    """The subscription comes out otherwise now."""

    def changed(facts: GateFacts) -> GateFacts:
        assert facts.plan is not None
        return replace(facts, replanned=replace(facts.plan, subscriptions=tuple(map(change, facts.plan.subscriptions))))

    return changed


def unsaid(statement: Statement) -> Change:
    """Nobody ever said it."""
    return lambda facts: replace(facts, attestations=tuple(one for one in facts.attestations if one.statement is not statement))


def _alone() -> Mapping[str, Change]:
    long_ago = day("2026-05-20")
    a_claim = Claim(
        external_subscription_id="s1",
        charge="flat",
        service_from=day("2026-07-15"),
        service_to=day("2026-08-15"),
        biller=Biller.SOURCE,
        reference="i12/1",
    )
    a_break = Break(log=Log.AUDIT, position=7, wrong=Wrong.CHANGED, detail="it is not what was written", before=b"")
    unknown = UnknownLine(
        external_user_id="u1", line_key="i7/1", description="???", net=money("3.00 CAD"), issued_at=day("2026-06-03")
    )
    unpaid = UnpaidInvoice(
        external_user_id="u1",
        external_invoice_id="i5",
        issued_at=long_ago,
        amount=money("22.59 CAD"),
        status="open",
    )
    return {
        "alarm_open": with_facts(
            alarms=(OpenAlarm(kind="double", subject="s1/flat", words="billed twice", raised_at=long_ago),)
        ),
        "already_live": with_facts(elsewhere=frozenset({"s1"})),
        "audit_broken": with_facts(broken_logs=(a_break,)),
        "balance_unequal": with_facts(balances=(a_balance("12.00", "0"),)),
        "boundary_unproved": with_charge(proof=Proof.UNPROVED, reference=""),
        "boundary_within_range": noted(f"{WITHIN_RANGE}: 2026-07-01 lies within its range"),
        "carried_without_successor": odd(Verdict.CARRIED, explained("outside_the_model", Remedy.CARRY)),
        "claimed_otherwise": with_facts(claims=(a_claim,)),
        "coverage": with_facts(
            uncovered=(
                Uncovered(
                    period=OLD, external_user_id="u1", reference="i8/1", net=money("4.00 CAD"), because="was billed since"
                ),
            )
        ),
        "double_billed": odd(Verdict.UNEXPLAINED, explained("double_billed", Remedy.FIX_SOURCE)),
        "ending": with_source(ended_at=day("2026-07-20")),
        "feed_silent": with_facts(usage_seen_at=NOW - timedelta(hours=49)),
        "fix_model": odd(Verdict.EXPLAINED, explained("billing_interval", Remedy.FIX_MODEL)),
        "fix_source": odd(Verdict.EXPLAINED, explained("copied_twice", Remedy.FIX_SOURCE)),
        "gap_before_start": _from_august,
        "never_compared": without("flat"),
        "not_inert": with_odoo(not_inert=(NotInert(record="fcb.shop_subscription_s9", reason="is not a draft"),)),
        "not_live": with_facts(live=frozenset()),
        "not_planned": with_planned(lambda one: replace(one, charges=(), notes=("unplanned: no price",))),
        "not_rehearsed": unsaid(Statement.REHEARSED),
        "odoo_setting": with_odoo(
            settings=(OdooSetting(name="lock dates", is_fit=False, words="closed", what_to_do="open them"),)
        ),
        "open_dispute": with_facts(disputes=(OpenDispute(external_user_id="u1", reference="dp_1", since=long_ago),)),
        "order_missing": with_odoo(orders={"s1": None}),
        "other_live_order": with_odoo(others_live={11: ("subscription S00007",)}),
        "partner_linked_twice": with_facts(neighbours={"u1": ("u2",)}),
        "partner_moved": with_planned(lambda one: replace(one, notes=("owner_changes: to customer u2 on 2026-07-09",))),
        "partner_unlinked": with_facts(
            links={
                "u1": AccountLink(external_user_id="u1", state=LinkState.AMBIGUOUS, candidates=(3, 4), reason="two share it")
            }
        ),
        "past_due": with_facts(unpaid=(unpaid,)),
        "period_not_closed": with_facts(last_closed="2026-07"),
        "preview_differs": with_charge(last_bill=a_bill("25.00")),
        "read_back_difference": with_facts(read_back=("subscriptions: fcb.x has tax 0 and not 2.60",)),
        "receiver": unsaid(Statement.RECEIVER),
        "snapshot_too_old": with_facts(
            snapshot=SnapshotSeen(snapshot_id=2, taken_at=NOW - timedelta(hours=25), refused_because=None)
        ),
        "source_not_stopped": with_source(billing=stopped_billing(auto_renew=True)),
        "stopped": with_facts(stopped=Stopped(person="ada", at=NOW, text="a customer called")),
        "tax_undecided": with_facts(tax_undecided={"u1": "the place of supply is unknown"}),
        "term_changes_unknown": with_charge(first_net=None, first_tax=None),
        "terms_changed": replanned(lambda one: replace(one, partner_id=12)),
        "token_missing": with_planned(lambda one: replace(one, token_id=None)),
        "too_few_clean_periods": _under_old_rules,
        "unexplained": odd(Verdict.UNEXPLAINED),
        "unknown_line_kind": with_facts(unknown_lines=(unknown,)),
    }


def _from_august(facts: GateFacts) -> GateFacts:
    assert facts.plan is not None
    plan = replace(facts.plan, not_before="2026-08")
    return replace(facts, plan=plan, replanned=plan)


def _under_old_rules(facts: GateFacts) -> GateFacts:
    *before, last = facts.periods
    return replace(facts, periods=(*before, replace(last, rule_version="0")))


ALONE: Mapping[str, Change] = _alone()
"""By kind, what makes it alone true of `before(kind)`."""
OF_CHARGING = frozenset({"not_live", "token_missing"})
"""Those that only the second gate asks."""


def before(kind: str) -> GateFacts:
    """The facts that nothing stands against, in front of the gate that asks a kind."""
    return charging() if kind in OF_CHARGING else base()


def changed(facts: GateFacts, kinds: Iterable[str]) -> GateFacts:
    """The facts with what makes each of some kinds true."""
    for kind in kinds:
        facts = ALONE[kind](facts)
    return facts
