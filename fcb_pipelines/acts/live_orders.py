"""Usage of live subscriptions where Odoo itself invoices: on their orders before its own run.

Owns: the act `usage_on_orders`, and whether Odoo's run may have gone before. Does not own: how lines are written and read back
(`usage_lines`, through `draft_invoices`), which lines they are (domain/live_months).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from fcb_pipelines.acts.draft_invoices import draft_invoices
from fcb_pipelines.acts.due import MonthDue
from fcb_pipelines.acts.imports import Report
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.domain.drafted import Drafted
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.external_ids import Entity, external_id, has_tail
from fcb_pipelines.domain.gate import Class, Objection
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.live_months import missed_runs
from fcb_pipelines.odoo import usage_lines
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import detect
from fcb_pipelines.odoo.order_now import orders_now
from fcb_pipelines.store import closings
from fcb_pipelines.store import imports as stored


def usage_on_orders(
    work: PeriodWork, odoo: Odoo, month: MonthDue, refused: Mapping[str, str], *, dry_run: bool, report: Report
) -> tuple[Drafted, tuple[Objection, ...]]:
    """Write the usage of the month before onto the orders, and say what Odoo's run may have gone without.

    `refused` says by subscription why Odoo may not bill it. Raises `RuleViolation` where that month is not closed, because what
    a run has invoiced cannot be changed.
    """
    before = replace(work, period=work.period.previous())
    with work.db.transaction() as conn:
        if not closings.is_closed(conn, work.service.code, before.period.key):
            close = f"fcb close --service {work.service.code} --period {before.period.key}"
            raise RuleViolation(f"{before.period.key} is not closed, so its usage may still change: {close}")
    told = (*_late(work, odoo, month), *_not_claimed(work, refused))
    return draft_invoices(before, odoo, is_on=True, dry_run=dry_run, report=report), told


def _late(work: PeriodWork, odoo: Odoo, month: MonthDue) -> Iterable[Objection]:
    """Subscriptions whose usage is not on their order yet although Odoo's run is due."""
    code, today = work.service.code, work.now.astimezone(work.service.zone).date()
    usage = {one.external_subscription_id for one in month.due for line, _ in one.lines if line.charge != FLAT and line.is_due}
    with work.db.transaction() as conn:
        known = {one.source_id: one.odoo_id for one in stored.records(conn, code, Entity.SUBSCRIPTION)}
    orders = {each.odoo_id: each for each in orders_now(odoo, [known[one] for one in usage if one in known]).values()}
    runs = {one: orders[known[one]].next_invoice_on for one in usage if known.get(one) in orders}
    there = _with_usage(work, odoo, {one: known[one] for one in runs})
    days = {one: day for one, day in runs.items() if day is not None}
    for one in missed_runs(days, usage - there, today):
        yield Objection(
            id="usage_after_run",
            scope=one,
            klass=Class.PROVEN,
            words=f"its usage of {work.period.previous().key} was not on its order by {days[one]}, when Odoo was to invoice it",
            what_to_do="look at its last invoice in Odoo: the usage is on the next one, where it was not billed by hand",
        )


def _with_usage(work: PeriodWork, odoo: Odoo, orders: Mapping[str, int]) -> set[str]:
    """The subscriptions that have any usage of the month before on their order."""
    code, tail = work.service.code, f"/{work.period.previous().key}"
    named = {external_id(code, Entity.SUBSCRIPTION, one): odoo_id for one, odoo_id in orders.items()}
    seen = usage_lines.orders_seen(odoo, named)
    lines = usage_lines.lines_seen(odoo, usage_lines.kind(detect(odoo)), seen)
    has_some = {
        line.order_id for xid, line in lines.items() if has_tail(xid.rpartition("_")[0], tail) and line.fields["quantity"]
    }
    return {one for one, odoo_id in orders.items() if odoo_id in has_some}


def _not_claimed(work: PeriodWork, refused: Mapping[str, str]) -> Iterable[Objection]:
    for one, why in refused.items():
        yield Objection(
            id="not_claimed",
            scope=one,
            klass=Class.PROVEN,
            words=f"Odoo would invoice what it may not: {why}",
            what_to_do=f"stop it: fcb stop --service {work.service.code}, then see who is right: fcb guard",
        )
