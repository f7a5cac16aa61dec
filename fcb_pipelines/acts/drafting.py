"""What drafting shares: invoices as they shall be against those that are in Odoo, the difference applied, then read back.

Owns: the steps and their order, which partner and products a draft points to, and what is never touched: an invoice that is no
longer a draft, and a line that is not ours. Does not own: what is drafted (`draft_invoices`, `source_invoices`), the rules
(domain/drafts, domain/read_back_drafts), the words of Odoo (odoo/invoices, odoo/taxes).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from fcb_pipelines.acts.draft_references import References, references
from fcb_pipelines.acts.imports import Reading, Report, Shelf, send
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.domain.changes import Fields
from fcb_pipelines.domain.drafted import Drafted
from fcb_pipelines.domain.drafts import Draft, summed
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.external_ids import Entity, has_tail
from fcb_pipelines.domain.imports import Action, DiffRow, diff_rows
from fcb_pipelines.domain.read_back import Difference, Part
from fcb_pipelines.domain.read_back_drafts import DraftSent, differences, is_rounded_otherwise, left_over, predicted
from fcb_pipelines.domain.revisions import content_hash
from fcb_pipelines.domain.tax import TaxRounding
from fcb_pipelines.odoo import invoices
from fcb_pipelines.odoo.invoices import InvoicesSeen
from fcb_pipelines.odoo.pace import Pace
from fcb_pipelines.odoo.records import Present
from fcb_pipelines.odoo.removal import Removed, remove
from fcb_pipelines.odoo.resolution import resolve
from fcb_pipelines.store import drafts as stored_drafts
from fcb_pipelines.store import imports as stored
from fcb_pipelines.store import read_back, stages

NOTHING_DUE = "nothing is due for it any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafting:
    """One period's drafts of one kind, as they shall be."""

    work: PeriodWork
    reading: Reading
    entity: Entity
    part: Part
    stage: str
    snapshot_id: int
    drafts: Mapping[str, Draft]
    """By the draft's key."""
    failed: Mapping[str, str]
    """Why there is no draft, by key."""
    beside: Part | None = None
    """The part that would be written instead in another edition of Odoo."""
    left: tuple[Difference, ...] = ()
    """What there is of that part all the same, since Odoo was of the other edition."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """All that is read back with it."""
        return (self.part,) if self.beside is None else (self.part, self.beside)

    def xid(self, key: str) -> str:
        """The external id of a draft."""
        return self.reading.xid(self.entity, key)

    def is_of_period(self, xid: str) -> bool:
        """Whether an external id of this entity is of this month: a key ends in `/` and the month, which is escaped."""
        return has_tail(xid, f"/{self.work.period.key}")


@dataclass(slots=True, kw_only=True)
class _Decided:
    """What is to be written, removed and left alone; everything by external id."""

    sent: dict[str, DraftSent] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """External id → key, of `sent` and of what failed."""
    failed: dict[str, str] = field(default_factory=dict)
    """Why there is no draft."""
    found: InvoicesSeen
    frozen: set[str]
    """No longer drafts."""
    remade: set[str] = field(default_factory=set)
    """Drafts that must be deleted first: an invoice cannot become a credit note, nor be rounded anew while its lines stay."""
    removed: dict[str, int] = field(default_factory=dict)
    """Drafts for which nothing is due any more."""
    kept: dict[str, str] = field(default_factory=dict)
    """Not due any more, and why they stay all the same."""
    forgotten: frozenset[str]


def write(drafting: Drafting, *, dry_run: bool, report: Report) -> Drafted:
    """Bring the drafts of a period in Odoo up to date, read them back, and keep what differs; a dry run only tells.

    Raises `RuleViolation` if an import of the service is running, and what the port to Odoo raises.
    """
    with drafting.reading.exclusive(dry_run=dry_run):
        known = references(drafting.reading, drafting.drafts.values())
        decided = _decide(drafting, known)
        shelves = _shelves(drafting, decided, known)
        if dry_run:
            rounding = known.taxes.rounding
            told = [one for xid, each in decided.sent.items() for one in predicted(xid, each.draft, rounding)]
            return _outcome(drafting, decided, shelves, {}, told)
        with drafting.work.db.transaction() as conn:
            for part in drafting.parts:
                read_back.forget(conn, drafting.work.service.code, part, drafting.work.period.key)
        refused = _apply(drafting, decided, shelves, report)
        after = _after(drafting, decided, shelves, known)
        found = (*_compared(decided, after, refused, known), *drafting.left)
        done = _outcome(drafting, decided, shelves, refused, found)
        _keep(drafting, decided, after, done, found)
        return done


def require_switched_on(*, is_on: bool, variable: str, dry_run: bool) -> None:
    """Raise `RuleViolation` where writing is not switched on; a dry run always may be asked."""
    if not is_on and not dry_run:
        raise RuleViolation(f"writing invoices into Odoo is off: set {variable}=true, or look at it with --dry-run first")


def _decide(drafting: Drafting, known: References) -> _Decided:
    """Read what is there, then decide; changes nothing anywhere."""
    found, forgotten = _found(drafting, known)
    decided = _Decided(
        found=found, frozen={xid for xid, each in found.seen.items() if each.state != invoices.DRAFT}, forgotten=forgotten
    )
    for key, draft in drafting.drafts.items():
        xid = drafting.xid(key)
        decided.keys[xid] = key
        try:
            decided.sent[xid] = known.sent(xid, draft)
        except InvalidInput as error:
            decided.failed[xid] = str(error)
    for key, reason in drafting.failed.items():
        decided.keys[drafting.xid(key)], decided.failed[drafting.xid(key)] = key, reason
    for xid, odoo_id in found.ids.items():
        _decide_on_present(decided, xid, odoo_id, known.taxes.rounding)
    return decided


def _decide_on_present(decided: _Decided, xid: str, odoo_id: int, rounding: TaxRounding) -> None:
    seen = decided.found.seen[xid]
    if xid in decided.failed:
        decided.kept[xid] = f"it is of an earlier run and cannot be brought up to date: {decided.failed[xid]}"
    elif xid in decided.frozen:
        if xid not in decided.sent:
            decided.kept[xid] = f"{NOTHING_DUE}, and it is no longer a draft but {seen.state!r}: settle it by a credit note"
    elif xid in decided.sent:
        sent = decided.sent[xid]
        is_other_type = seen.header[invoices.TYPE] != sent.header[invoices.TYPE]
        if is_other_type or is_rounded_otherwise(sent, seen, rounding):
            decided.remade.add(xid)
    elif seen.strangers:
        decided.kept[xid] = f"{NOTHING_DUE}, but somebody added lines to it: delete it in Odoo"
    else:
        decided.removed[xid] = odoo_id


def _found(drafting: Drafting, known: References) -> tuple[InvoicesSeen, frozenset[str]]:
    """The period's invoices of ours in Odoo, and which external ids the store knew that are gone there."""
    reading, kind = drafting.reading, known.ledger.kind(drafting.entity)
    with reading.db.transaction() as conn:
        records = stored.records(conn, reading.service.code, drafting.entity)
    before = {one.external_id: one.odoo_id for one in records if drafting.is_of_period(one.external_id)}
    wanted = {drafting.xid(key) for key in (*drafting.drafts, *drafting.failed)}
    ids = resolve(reading.odoo, kind, reading.service.code, wanted=wanted, known=before)
    seen = invoices.invoices_seen(reading.odoo, kind, {xid: each for xid, each in ids.items() if drafting.is_of_period(xid)})
    return seen, frozenset(before.keys() - seen.ids.keys())


def _shelves(drafting: Drafting, decided: _Decided, known: References) -> tuple[Shelf, Shelf]:
    """The invoices that may be written, and their lines."""
    written = {xid: each for xid, each in decided.sent.items() if xid not in decided.frozen}
    there = {xid: decided.found.ids[xid] for xid in written if xid in decided.found.ids and xid not in decided.remade}
    lines = {line_id: each for xid in there for line_id, each in decided.found.seen[xid].lines.items()}
    own = Shelf(
        kind=known.ledger.kind(drafting.entity),
        source_ids={xid: decided.keys[xid] for xid in written},
        wanted={xid: each.header for xid, each in written.items()},
        present=Present(ids=there, fields={xid: decided.found.seen[xid].header for xid in there}),
        forgotten=decided.forgotten,
    )
    parts = Shelf(
        kind=invoices.LINE,
        source_ids={line_id: decided.keys[xid] for xid, each in written.items() for line_id in each.lines},
        wanted={line_id: fields for each in written.values() for line_id, fields in each.lines.items()},
        present=Present(ids={line_id: decided.found.line_ids[line_id] for line_id in lines}, fields=lines),
        is_part=True,
    )
    return own, parts


def _apply(drafting: Drafting, decided: _Decided, shelves: tuple[Shelf, Shelf], report: Report) -> dict[str, str]:
    """Make the difference; why Odoo refused which record, by external id.

    A draft that changed is written whole and through the invoice, which Odoo refuses where somebody posted it meanwhile: a line
    by itself it would let us change even then.
    """
    reading, (own, lines) = drafting.reading, shelves
    gone = {**decided.removed, **{xid: decided.found.ids[xid] for xid in decided.remade}}
    removed = _remove(reading, invoices.MODEL, gone)
    of = {line_id: xid for xid, each in decided.sent.items() for line_id in each.lines}
    touched = {*own.made.create, *own.made.update, *(of[line_id] for line_id in (*lines.made.create, *lines.made.update))}
    load = invoices.loading(
        own.kind,
        {xid: fields for xid, fields in own.wanted.items() if xid in touched},
        {xid: each.lines for xid, each in decided.sent.items()},
    )
    written = send(reading, drafting.entity, load, report)
    extra = _remove(reading, invoices.LINE_MODEL, {line_id: lines.present.ids[line_id] for line_id in lines.made.extra})
    return removed.refused | written.failed | extra.refused


def _remove(reading: Reading, model: str, ids: Mapping[str, int]) -> Removed:
    return remove(reading.odoo, model, ids, Pace(reading.clock)) if ids else Removed()


def _after(drafting: Drafting, decided: _Decided, shelves: tuple[Shelf, Shelf], known: References) -> InvoicesSeen:
    """What is in Odoo now: read again if anything was written."""
    is_untouched = all(shelf.made.is_empty and not shelf.made.extra for shelf in shelves)
    if is_untouched and not decided.removed:
        return decided.found
    return _found(drafting, known)[0]


def _compared(decided: _Decided, after: InvoicesSeen, refused: Mapping[str, str], known: References) -> Iterator[Difference]:
    for xid, each in decided.sent.items():
        if xid in after.seen or xid not in refused:
            yield from differences(xid, each, after.seen.get(xid), known.taxes.rounding)
    for xid, why in decided.kept.items():
        yield left_over(xid, str(after.seen[xid].header["reference"] if xid in after.seen else None), why)
    for xid, why in refused.items():
        if xid in decided.removed:
            yield left_over(xid, str(decided.found.seen[xid].header["reference"]), f"{NOTHING_DUE}, but Odoo keeps it: {why}")


def _outcome(
    drafting: Drafting,
    decided: _Decided,
    shelves: tuple[Shelf, Shelf],
    refused: Mapping[str, str],
    found: Iterable[Difference],
) -> Drafted:
    own, lines = shelves
    changed_lines = {*lines.made.create, *lines.made.update, *lines.made.extra}
    touched = {xid for xid in own.made.unchanged if any(each.startswith(f"{xid}_") for each in changed_lines)}
    bad = {**decided.failed, **{xid: why for xid, why in refused.items() if xid in decided.keys}}
    good = {xid for xid in own.wanted if xid not in bad}
    created = (good & own.made.create.keys()) - decided.remade
    changed = good & (own.made.update.keys() | touched | decided.remade)
    gone = [xid for xid in (*decided.removed, *lines.made.extra) if xid not in refused]
    return Drafted(
        part=drafting.part,
        period=drafting.work.period.key,
        created=len(created),
        changed=len(changed),
        unchanged=len(good - created - changed),
        removed=tuple(xid for xid in decided.removed if xid not in refused),
        untouched=len(decided.frozen & decided.sent.keys()),
        failed={decided.keys[xid]: why for xid, why in sorted(bad.items())},
        totals=summed(each.draft.billed for xid, each in decided.sent.items() if xid not in bad),
        diff=(
            *diff_rows(own.made),
            *diff_rows(lines.made),
            *(DiffRow(external_id=xid, action=Action.REMOVE, fields=()) for xid in gone),
        ),
        differences=tuple(found),
    )


def _keep(drafting: Drafting, decided: _Decided, after: InvoicesSeen, done: Drafted, found: tuple[Difference, ...]) -> None:
    work, now = drafting.work, drafting.reading.now
    seen = [
        stored.OdooRecord(
            external_id=xid, entity=drafting.entity, source_id=decided.keys[xid], model=invoices.MODEL, odoo_id=odoo_id
        )
        for xid, odoo_id in after.ids.items()
        if xid in decided.keys
    ]
    digest = content_hash([_form(xid, each) for xid, each in sorted(decided.sent.items())])
    with work.db.transaction() as conn:
        stored.forget_records(conn, (*decided.forgotten, *done.removed))
        stored.put_records(conn, work.service.code, seen, now)
        for part in drafting.parts:
            is_own = part is drafting.part
            records = len(decided.sent) if is_own else len(drafting.left)
            compared = read_back.ReadBack(part=part, period=work.period.key, records=records, read_at=now)
            of_part = [one for one in found if (one in drafting.left) is not is_own]
            read_back.replace(conn, work.service.code, compared, of_part)
        stored_drafts.replace(conn, work.service.code, drafting.snapshot_id, done, now)
        stages.record(conn, work.stage(drafting.stage, snapshot_id=drafting.snapshot_id, content_hash=digest))


def _form(xid: str, each: DraftSent) -> dict[str, object]:
    """What of a draft its hash is over."""
    return {"id": xid, "header": _texts(each.header), "lines": {line: _texts(fields) for line, fields in each.lines.items()}}


def _texts(fields: Fields) -> dict[str, str]:
    return {name: str(value) for name, value in fields.items()}
