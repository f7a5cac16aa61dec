"""Live invoices: what Odoo bills for real in a month, made as drafts, read back, and posted where nothing objects.

Owns: the act `live_invoices`, and posting. Does not own: what is due (`live_due`), what objects (`live_posting`), how drafts
are written and read back (`drafting`), usage on orders (`live_orders`), the call that posts (odoo/live).

Where Odoo has no subscriptions we make each invoice of what falls due in its month. Where it has them it invoices by itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fcb_pipelines.acts.draft_decisions import Drafting
from fcb_pipelines.acts.draft_invoices import VARIABLE, reading
from fcb_pipelines.acts.drafting import require_switched_on, write
from fcb_pipelines.acts.due import MonthDue, drafts_of
from fcb_pipelines.acts.imports import Report
from fcb_pipelines.acts.late_hand_back import hand_back_late
from fcb_pipelines.acts.live_due import claimed, live_due
from fcb_pipelines.acts.live_keys import live_keys
from fcb_pipelines.acts.live_orders import usage_on_orders
from fcb_pipelines.acts.live_posting import posting_objections_now
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.read_back import require_read_back
from fcb_pipelines.acts.stop import require_running
from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.drafted import Drafted
from fcb_pipelines.domain.drafts import draft_key
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.gate import Objection
from fcb_pipelines.domain.live_keys import live_key
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.domain.unflips import HandBack
from fcb_pipelines.odoo import live
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import detect
from fcb_pipelines.odoo.invoices import ledger
from fcb_pipelines.odoo.lanes import ONE_LANE, Lanes
from fcb_pipelines.odoo.live import Posted
from fcb_pipelines.odoo.records import batches
from fcb_pipelines.store import audit, stages
from fcb_pipelines.store import imports as stored
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.imports import exclusive_import

AT_ONCE = 50
"""Invoices posted by one call; the kill switch is looked at before each."""
POSTER = "live invoicing"
"""Who posts, in the audit log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveDone:
    """What became of a month's live invoices."""

    drafted: Drafted
    objections: tuple[Objection, ...]
    """Why nothing was posted; where Odoo itself invoices, what its run may go without."""
    posted: tuple[str, ...] = ()
    """External ids of invoices that were posted now, or are noted now as posted."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why Odoo refused to post others, by external id."""
    handed_back: tuple[HandBack, ...] = ()
    """Late usage on the bill of the month before that is of the time before a boundary: the source bills it."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left for a person to look at but that posting is off."""
        told = [one for one in self.objections if one.id != "posting_off"]
        return not (told or self.refused or self.drafted.failed or self.drafted.differences)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "drafted": self.drafted.as_json(),
            "objections": [{"id": one.id, "words": one.words, "what_to_do": one.what_to_do} for one in self.objections],
            "posted": list(self.posted),
            "refused": dict(self.refused),
            "handed_back": [
                {
                    "subscription": one.external_subscription_id,
                    "charge": one.charge,
                    "from": one.service_from.isoformat(),
                    "to": one.service_to.isoformat(),
                    "quantity": plain(one.quantity),
                }
                for one in self.handed_back
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """What the settings allow."""

    may_draft: bool
    """FCB_ODOO_DRAFT_INVOICES."""
    may_post: bool
    """FCB_ODOO_POST_INVOICES."""


def live_invoices(
    work: PeriodWork, odoo: Odoo, switches: Switches, *, dry_run: bool, report: Report, lanes: Lanes = ONE_LANE
) -> LiveDone:
    """Claim, draft, read back and, where nothing objects, post what falls due in a month of live subscriptions.

    Run again it goes on from what is there: nothing is claimed, drafted or posted twice. A dry run only tells. Raises
    `RuleViolation` where writing is switched off or the month, or the one before it, was not rated; `Stopped` where the service
    is stopped.
    """
    require_switched_on(is_on=switches.may_draft, variable=VARIABLE, dry_run=dry_run)
    with work.db.transaction() as conn:
        if not dry_run:
            require_running(conn, work.service.code)
        month = live_due(conn, work)
        late = hand_back_late(conn, replace(work, period=work.period.previous()))
        if dry_run:
            conn.rollback()
    done = _billed(work, odoo, switches, month, dry_run=dry_run, report=report, lanes=lanes)
    return replace(done, handed_back=late)


def _billed(
    work: PeriodWork, odoo: Odoo, switches: Switches, month: MonthDue, *, dry_run: bool, report: Report, lanes: Lanes
) -> LiveDone:
    refused = claimed(work, month.due, dry_run=dry_run)
    if detect(odoo).has_subscriptions:
        drafted, told = usage_on_orders(work, odoo, month, refused, dry_run=dry_run, report=report)
        return LiveDone(drafted=drafted, objections=told)
    drafting = _drafting(work, odoo, month, refused, lanes)
    drafted = write(drafting, dry_run=dry_run, report=report)
    against = posting_objections_now(work, is_on=switches.may_post)
    if dry_run or against:
        return LiveDone(drafted=drafted, objections=against)
    answers = dict(_posted(drafting))
    if not answers:
        return LiveDone(drafted=drafted, objections=())
    # What Odoo made of them when they were posted is compared like everything else that it stores.
    return LiveDone(
        drafted=write(drafting, dry_run=False, report=report),
        objections=(),
        posted=tuple(xid for xid, why in answers.items() if not why),
        refused={xid: why for xid, why in answers.items() if why},
    )


def _drafting(work: PeriodWork, odoo: Odoo, month: MonthDue, refused: Mapping[str, str], lanes: Lanes) -> Drafting:
    drafts, reasons = drafts_of(work, month.due, ledger(odoo).kept, refused, is_invoice=True)
    keys = live_keys(work, odoo, [one.external_subscription_id for one in month.due])
    named = {draft_key(one, work.period.key): str(key) for one, key in keys.items()}
    return Drafting(
        work=work,
        reading=reading(work, odoo, month.records, lanes),
        entity=Entity.LIVE_INVOICE,
        part=Part.LIVE_INVOICES,
        stage=stages.ODOO_LIVE_INVOICES,
        snapshot_id=month.records.snapshot_id,
        stood=month.stood,
        drafts={named[each]: replace(one, key=named[each]) for each, one in drafts.items()},
        failed={named[each]: why for each, why in reasons.items()},
        closing=work.period.previous(),
    )


def _posted(drafting: Drafting) -> Iterator[tuple[str, str]]:
    """Post what was not noted as posted yet; each external id with why Odoo refused it, or nothing."""
    work, odoo = drafting.work, drafting.reading.odoo
    with exclusive_import(work.db, work.service.code) as lock:
        with work.db.transaction() as conn:
            open_ = _not_noted(conn, work)
        for batch in batches(sorted(open_), AT_ONCE):
            with work.db.transaction() as conn:
                # A posting cannot be repeated by external id: an unflip may have taken away what is about to be posted.
                lock.require_held(conn)
                drafting.require_unchanged(conn)
                require_read_back(conn, work.service.code, [(Part.LIVE_INVOICES, work.period.key)])
                require_running(conn, work.service.code)
            answer = live.post(odoo, [open_[xid] for xid in batch])
            told = {xid: answer.refused.get(open_[xid], "") for xid in batch}
            with work.db.transaction() as conn:
                audit.append_audit(conn, _entry(work, {xid: open_[xid] for xid in batch}, answer))
            yield from told.items()


def _not_noted(conn: Connection, work: PeriodWork) -> dict[str, int]:
    """The month's live invoices in Odoo of which the audit log does not say that they were posted."""
    code = work.service.code
    noted = {each["odoo_id"] for one in audit.noted(conn, code, [Act.INVOICES_POSTED]) for each in one.data["posted"]}
    there = stored.records(conn, code, Entity.LIVE_INVOICE)
    of_month = [one for one in there if live_key(one.source_id).month == work.period.key]
    return {one.external_id: one.odoo_id for one in of_month if one.odoo_id not in noted}


def _entry(work: PeriodWork, ids: Mapping[str, int], answer: Posted) -> AuditEntry:
    return AuditEntry(
        at=work.now,
        actor=POSTER,
        act=Act.INVOICES_POSTED,
        service=work.service.code,
        subject=work.period.key,
        data={
            "posted": [{"invoice": xid, "odoo_id": each} for xid, each in ids.items() if each in answer.ids],
            "refused": {xid: answer.refused[each] for xid, each in ids.items() if each in answer.refused},
        },
    )
