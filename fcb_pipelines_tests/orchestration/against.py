"""What can stand against taking the cohort of `ready` live, or charging it: by objection, what makes it alone true in a world.

Owns: one case for each kind. Does not own: the changes (changes), what the gate is to say (domain/objections), asking (shells).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.rows import Remedy, Verdict
from fcb_pipelines_tests.acts.planted_source import billing_row, plan_row, user_row
from fcb_pipelines_tests.domain.flip_facts import explained
from fcb_pipelines_tests.orchestration.changes import (
    Change,
    accepted_until_yesterday,
    alarmed,
    begun_elsewhere,
    billed,
    billed_too,
    by_host,
    cancelled,
    charging_armed,
    claimed,
    confirmed_by_hand,
    forgotten,
    gone,
    linked,
    locked,
    moved,
    nobody_billed_usage,
    odd,
    on_record,
    price_changed,
    read_back_differs,
    repeats,
    rewritten,
    same_partner,
    stopped,
    unknown_line,
    unsaid,
    until_yesterday,
    within_range,
)
from fcb_pipelines_tests.orchestration.ready import World


@dataclass(frozen=True, kw_only=True)
class Case:
    """What makes one kind of objection true."""

    change: Change
    also: frozenset[str] = frozenset()
    """What is said with it, for `why`: there is no world in which it is alone true."""
    why: str = ""
    is_planned_after: bool = False
    """Whether the cohort is planned and armed in the changed world; else somebody changed it since."""
    not_before: Callable[[World], str] | None = None
    is_in_odoo: bool = False
    """Whether Odoo is changed, so that it must be nobody else's."""


def a_case(change: Change, *also: str, **values: object) -> Case:
    return Case(change=change, also=frozenset(also), **values)  # type: ignore[arg-type]


def then_planned(change: Change, *also: str, **values: object) -> Case:
    """True of a plan that was made knowing it."""
    return a_case(change, *also, is_planned_after=True, **values)


def in_odoo(change: Change, *also: str, **values: object) -> Case:
    """True of what Odoo has."""
    return a_case(change, *also, is_in_odoo=True, **values)


FLIP: Mapping[str, Case] = {
    "alarm_open": a_case(alarmed),
    "already_live": a_case(begun_elsewhere, "in_another_flip", why="the act itself keeps a subscription out of two flips"),
    "audit_broken": a_case(rewritten),
    "balance_unequal": a_case(on_record("account_credit", data={"amount": "5"})),
    "boundary_unproved": then_planned(unsaid(Statement.PAID_THROUGH, "s-1/cpu_seconds")),
    "boundary_within_range": then_planned(within_range),
    "carried_without_successor": a_case(odd(Verdict.CARRIED, explained("outside_the_model", Remedy.CARRY))),
    "claimed_otherwise": a_case(claimed),
    "coverage": a_case(billed_too()),
    "double_billed": a_case(odd(Verdict.UNEXPLAINED, explained("double_billed", Remedy.FIX_SOURCE))),
    "ending": then_planned(cancelled),
    "feed_silent": a_case(unsaid(Statement.FEED_ALIVE)),
    "fix_model": a_case(odd(Verdict.EXPLAINED, explained("billing_interval", Remedy.FIX_MODEL))),
    "fix_source": a_case(odd(Verdict.EXPLAINED, explained("copied_twice", Remedy.FIX_SOURCE))),
    "gap_before_start": then_planned(lambda world: None, not_before=lambda world: world.months.first.next().key),
    "never_compared": then_planned(nobody_billed_usage),
    "not_inert": in_odoo(confirmed_by_hand),
    "not_planned": then_planned(by_host(plans=[plan_row(price_monthly=None)])),
    "not_rehearsed": a_case(unsaid(Statement.REHEARSED)),
    "odoo_setting": in_odoo(locked),
    "open_dispute": a_case(on_record("dispute")),
    "order_missing": then_planned(forgotten),
    "other_live_order": in_odoo(repeats),
    "partner_linked_twice": a_case(
        same_partner, "terms_changed", why="whoever is the same partner goes along: the cohort is another one since"
    ),
    "partner_moved": in_odoo(moved, is_planned_after=True),
    "partner_unlinked": then_planned(
        linked("u-1", None),
        *("balance_unequal", "partner_moved"),
        why="what nobody is in Odoo has no balance there, and its order is somebody's",
    ),
    "past_due": a_case(billed(status="open")),
    "period_not_closed": a_case(
        lambda world: world.run(
            "UPDATE period_revision SET made_at = %s WHERE period = %s", world.months.closed[2].start, world.months.last
        )
    ),
    "preview_differs": in_odoo(price_changed),
    "read_back_difference": a_case(read_back_differs),
    "receiver": a_case(unsaid(Statement.RECEIVER)),
    "snapshot_too_old": a_case(lambda world: world.run("UPDATE source_snapshot SET taken_at = taken_at - interval '3 days'")),
    "source_not_stopped": a_case(by_host(billing_state=[billing_row(auto_renew=True)])),
    "stopped": a_case(stopped),
    "tax_undecided": then_planned(by_host(users=[user_row(state="NU")])),
    "term_changes_unknown": then_planned(by_host(plans=[plan_row(valid_from=None)])),
    "terms_changed": a_case(by_host(users=[user_row(company="Another Name")])),
    "too_few_clean_periods": a_case(
        lambda world: world.run("UPDATE period_revision SET rule_version = '0' WHERE period = %s", world.months.last)
    ),
    "unexplained": a_case(odd(Verdict.UNEXPLAINED)),
    "unknown_line_kind": a_case(unknown_line),
}
"""Of each kind that is asked in front of a flip."""


CHARGE: Mapping[str, Case] = {"not_live": a_case(charging_armed), "token_missing": in_odoo(gone)}
"""Of each kind that is asked in front of charging alone."""


EXPIRING: Mapping[str, Change] = {"receiver": until_yesterday, "unexplained": accepted_until_yesterday}
"""What held when it was planned and armed, a day and two hours ago, by the objection that stands in its place now."""
