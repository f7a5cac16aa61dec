"""How the plan of a flip is printed: a table per customer, and beneath it what a person must know of it.

Owns: columns and words. Does not own: the command (flip), the plan (acts/flip_plan), what stands against it (acts/gate).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from fcb_pipelines.domain.flip_plans import ChargePlan, FlipPlan, Proof, SubscriptionPlan
from fcb_pipelines.domain.gate import Objection
from fcb_pipelines.domain.money import Money

WIDTH = 150
"""Columns that its tables need."""
UNKNOWN = "–"
_VALUE = re.compile(r"'[^']*'")


def shown(plan: FlipPlan, zone: ZoneInfo, states: Mapping[str, str]) -> RenderableType:
    """A plan as people read it; `states` says where a subscription stands that is not in the shadow any more."""
    by_customer = sorted(plan.subscriptions, key=lambda one: (one.external_user_id, one.external_subscription_id))
    tables = [
        _of_customer(customer, list(members), zone, states)
        for customer, members in groupby(by_customer, key=lambda one: one.external_user_id)
    ]
    return Group(*tables)


def words(plan: FlipPlan, zone: ZoneInfo) -> Iterator[str]:
    """What stands beneath the tables, a line each."""
    yield from _section("Terms that end", _terms(plan, zone))
    yield from _section("To know", _notes(plan))
    yield from _section("Drawn in", (f"{one}: {why}" for one, why in plan.drawn_in.items()))
    yield from _section("Left out", (f"{one}: {why}" for one, why in plan.left_out.items()))
    unknown = sum(one.first_net is None for one in plan.subscriptions)
    totals = ", ".join(str(amount) for amount in plan.totals.values()) or "nothing that is known"
    yield f"{len(plan.subscriptions)} subscriptions; Odoo's first invoices come to {totals}, net, before usage"
    if unknown:
        yield f"{unknown} of them without an amount: it cannot be told"


def next_command(plan: FlipPlan, flip_id: str) -> str:
    """How the plan is armed."""
    amounts = " ".join(f"--amount {code}={str(amount).split()[0]}" for code, amount in plan.totals.items())
    return f"fcb arm {flip_id} --count {len(plan.subscriptions)} {amounts} --service {plan.service}".replace("  ", " ")


def objected(objections: Sequence[Objection], for_information: Sequence[Objection]) -> Iterator[str]:
    """What stands against the plan, by kind; each says what to do."""
    yield from _by_kind("Stands against it", objections)
    yield from _by_kind("Stands against charging later", for_information)
    if not objections:
        yield "Nothing stands against it"


def _by_kind(title: str, objections: Sequence[Objection]) -> Iterator[str]:
    if objections:
        yield f"{title} ({len(objections)}):"
    for kind, found in groupby(sorted(objections, key=lambda one: one.id), key=lambda one: one.id):
        of_kind = list(found)
        yield f"  {kind} ({', '.join(sorted({one.klass.value for one in of_kind}))}, {len(of_kind)})"
        for one in of_kind:
            yield f"    {one.scope}: {one.words}"
        yield from (f"    → {do}" for do in _to_do(of_kind))


def _to_do(of_kind: Sequence[Objection]) -> Iterator[str]:
    """What to do, each command that differs only in whom and how much it is about as the first of them."""
    alike: dict[str, list[str]] = defaultdict(list)
    for one in of_kind:
        alike[_VALUE.sub("", one.what_to_do.replace(one.scope, ""))].append(one.what_to_do)
    for found in alike.values():
        others = len(set(found)) - 1
        yield found[0] + (f"  (and {others} more like it)" if others else "")


def _of_customer(customer: str, members: list[SubscriptionPlan], zone: ZoneInfo, states: Mapping[str, str]) -> RenderableType:
    partner = "no partner in Odoo" if members[0].partner_id is None else f"partner {members[0].partner_id} in Odoo"
    table = Table(title=f"{escape(members[0].customer)} (customer {escape(customer)}, {partner})", title_justify="left")
    for name in ("subscription", "charge", "Odoo bills from", "known by", "source's last bill"):
        table.add_column(name, overflow="fold")
    for name in ("net", "Odoo's first bill", "net", "difference"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in members:
        head = f"{one.external_subscription_id}\n{one.plan_name}\n{states.get(one.external_subscription_id, one.order_name)}"
        rows = [_charge(each, zone) for each in one.charges] or [[UNKNOWN] * (len(table.columns) - 1)]
        for number, row in enumerate(rows):
            table.add_row(*map(escape, [head.strip() if not number else "", *row]), end_section=number == len(rows) - 1)
    return table


def _charge(one: ChargePlan, zone: ZoneInfo) -> list[str]:
    last, difference = one.last_bill, None
    if last is not None and one.first_net is not None and last.net.currency == one.first_net.currency:
        difference = one.first_net - last.net
    final = "" if one.final_from is None else f"\n(source: from {_day(one.final_from, zone)})"
    return [
        one.charge,
        f"{_day(one.boundary, zone)}{final}",
        _proof(one),
        UNKNOWN if last is None else f"{_day(last.service_from, zone)} – {_day(last.service_to, zone)}",
        _amount(None if last is None else last.net),
        _day(one.first_due, zone),
        _amount(one.first_net),
        _amount(difference),
    ]


def _proof(one: ChargePlan) -> str:
    said = {
        Proof.INVOICE_LINE: "line",
        Proof.SIGNED: "signed",
        Proof.NOTHING_DUE: "nothing due",
        Proof.BEGINNING: "its beginning",
        Proof.UNPROVED: "not proved",
    }
    # The row of a month that says that nothing is due is told by its subscription.
    return said[one.proof] if one.proof is Proof.NOTHING_DUE else f"{said[one.proof]} {one.reference}".strip()


def _terms(plan: FlipPlan, zone: ZoneInfo) -> Iterator[str]:
    for one in plan.subscriptions:
        for end in one.terms_ending:
            then = "" if end.net_after is None else f"; the bill after it: {end.net_after}"
            yield f"{one.external_subscription_id}: {end.kind} on {_day(end.ends_at, zone)} ({end.reference}){then}"


def _notes(plan: FlipPlan) -> Iterator[str]:
    for one in plan.subscriptions:
        yield from (f"{one.external_subscription_id}: {note}" for note in one.notes)
        for each in one.charges:
            yield from (f"{one.external_subscription_id}/{each.charge}: {note}" for note in each.notes)


def _section(name: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield f"{name}:"
        yield from (f"  {line}" for line in found)


def _day(moment: datetime | None, zone: ZoneInfo) -> str:
    return UNKNOWN if moment is None else moment.astimezone(zone).date().isoformat()


def _amount(amount: Money | None) -> str:
    return UNKNOWN if amount is None else str(amount)
