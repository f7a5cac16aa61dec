"""What drafting shares: invoices as they shall be against those that are in Odoo, the difference applied, then read back.

Owns: the steps and their order, what is written by which call, and what is kept of it. Does not own: what is drafted
(`draft_invoices`, `source_invoices`), what is decided before (`draft_decisions`), the rules (domain/drafts,
domain/read_back_drafts), the words of Odoo (odoo/invoices, odoo/taxes).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from fcb_pipelines.acts.draft_decisions import NOTHING_DUE, Decided, Drafting, decide, found_of
from fcb_pipelines.acts.draft_references import References, references
from fcb_pipelines.acts.imports import Reading, Report, Shelf, send
from fcb_pipelines.domain.changes import Fields
from fcb_pipelines.domain.drafted import Drafted
from fcb_pipelines.domain.drafts import Totals, summed
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.imports import Action, DiffRow, diff_rows
from fcb_pipelines.domain.read_back import Difference
from fcb_pipelines.domain.read_back_drafts import Comparing, DraftSent, differences, left_over, predicted
from fcb_pipelines.domain.revisions import content_hash
from fcb_pipelines.odoo import invoices
from fcb_pipelines.odoo.batches import Load
from fcb_pipelines.odoo.invoices import InvoicesSeen
from fcb_pipelines.odoo.pace import Pace
from fcb_pipelines.odoo.records import Present
from fcb_pipelines.odoo.removal import Removed, remove
from fcb_pipelines.store import drafts as stored_drafts
from fcb_pipelines.store import imports as stored
from fcb_pipelines.store import read_back, stages


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What Odoo did, and what is in it now."""

    after: InvoicesSeen
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why Odoo refused to make, change or remove which invoice, or a line of it."""
    lines_gone: tuple[str, ...] = ()
    """Lines that were no longer due."""


def write(drafting: Drafting, *, dry_run: bool, report: Report) -> Drafted:
    """Bring the drafts of a period in Odoo up to date, read them back, and keep what differs; a dry run only tells.

    Raises `RuleViolation` if an import of the service is running or the month was built anew since what is due was read, and
    what the port to Odoo raises: the part then counts as never read back.
    """
    with drafting.reading.exclusive(dry_run=dry_run):
        if not dry_run:
            drafting.begin()
        known = references(drafting.reading, drafting.drafts.values())
        decided = decide(drafting, known)
        shelves = _shelves(drafting, decided, known)
        if dry_run:
            return _told(drafting, decided, shelves, known)
        done = _applied(drafting, decided, shelves, known, report)
        found = (*_compared(decided, done, known), *drafting.left, *drafting.still_open())
        outcome = _outcome(drafting, decided, shelves, done, found)
        _keep(drafting, decided, done, outcome)
        return outcome


def require_switched_on(*, is_on: bool, variable: str, dry_run: bool) -> None:
    """Raise `RuleViolation` where writing is not switched on; a dry run always may be asked."""
    if not is_on and not dry_run:
        raise RuleViolation(f"writing invoices into Odoo is off: set {variable}=true, or look at it with --dry-run first")


def _shelves(drafting: Drafting, decided: Decided, known: References) -> tuple[Shelf, Shelf]:
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


def _told(drafting: Drafting, decided: Decided, shelves: tuple[Shelf, Shelf], known: References) -> Drafted:
    """What writing would do, and what Odoo would round otherwise."""
    rounding = known.taxes.rounding
    found = [one for xid, each in decided.sent.items() for one in predicted(xid, each.draft, rounding)]
    shown = _Done(after=decided.found, lines_gone=shelves[1].made.extra)
    return replace(_outcome(drafting, decided, shelves, shown, found), totals=summed(_foreseen(decided)))


def _applied(drafting: Drafting, decided: Decided, shelves: tuple[Shelf, Shelf], known: References, report: Report) -> _Done:
    """Make the difference, and read again what is there if anything was written.

    A draft that changed is written whole and through the invoice, which Odoo refuses where somebody posted it meanwhile: a line
    by itself it would let us change even then.
    """
    reading, (own, lines) = drafting.reading, shelves
    if all(shelf.made.is_empty and not shelf.made.extra for shelf in shelves) and not decided.removed:
        return _Done(after=decided.found)
    gone = {**decided.removed, **{xid: decided.found.ids[xid] for xid in decided.remade}}
    refused = _remove(reading, invoices.MODEL, gone).refused
    refused |= send(reading, drafting.entity, _loading(decided, own, lines, refused), report).failed
    on = {line_id: xid for xid, each in decided.found.seen.items() for line_id in each.lines}
    extra = _remove(
        reading,
        invoices.LINE_MODEL,
        {line_id: lines.present.ids[line_id] for line_id in lines.made.extra if on[line_id] not in refused},
    )
    refused |= {on[line_id]: f"a line that is no longer due stays: {why}" for line_id, why in extra.refused.items()}
    return _Done(after=found_of(drafting, known)[0], refused=refused, lines_gone=tuple(extra.gone))


def _loading(decided: Decided, own: Shelf, lines: Shelf, refused: Mapping[str, str]) -> Load:
    """The invoices that are new, or of which anything changed, whole."""
    on = {line_id: xid for xid, each in decided.sent.items() for line_id in each.lines}
    touched = {*own.made.create, *own.made.update, *(on[line_id] for line_id in (*lines.made.create, *lines.made.update))}
    return invoices.loading(
        own.kind,
        {xid: fields for xid, fields in own.wanted.items() if xid in touched and xid not in refused},
        {xid: each.lines for xid, each in decided.sent.items()},
    )


def _remove(reading: Reading, model: str, ids: Mapping[str, int]) -> Removed:
    return remove(reading.odoo, model, ids, Pace(reading.lanes.clock)) if ids else Removed()


def _compared(decided: Decided, done: _Done, known: References) -> Iterator[Difference]:
    after, refused = done.after.seen, done.refused
    for xid, each in decided.sent.items():
        if xid in after or xid not in refused:
            comparing = Comparing(rounding=known.taxes.rounding, kept=known.ledger.kept, refused=refused.get(xid, ""))
            yield from differences(xid, each, after.get(xid), comparing)
    for xid, why in decided.kept.items():
        yield left_over(xid, str(after[xid].header["reference"] if xid in after else None), why)
    for xid, why in refused.items():
        if xid in decided.removed:
            yield left_over(xid, str(decided.found.seen[xid].header["reference"]), f"{NOTHING_DUE}, but Odoo keeps it: {why}")


def _foreseen(decided: Decided) -> Iterator[Totals]:
    """What each invoice would come to: what is due where it may be written, else what it comes to now."""
    yield from (each.draft.billed for xid, each in decided.sent.items() if xid not in decided.frozen)
    for xid, seen in decided.found.seen.items():
        is_final = xid in decided.frozen or (xid not in decided.sent and xid not in decided.removed)
        if is_final and seen.billed is not None:
            yield seen.billed


def _outcome(
    drafting: Drafting,
    decided: Decided,
    shelves: tuple[Shelf, Shelf],
    done: _Done,
    found: Iterable[Difference],
) -> Drafted:
    (own, lines), refused = shelves, done.refused
    changed_lines = {*lines.made.create, *lines.made.update, *lines.made.extra}
    touched = {xid for xid in own.made.unchanged if any(each.startswith(f"{xid}_") for each in changed_lines)}
    bad = {**decided.failed, **{xid: why for xid, why in refused.items() if xid in decided.keys}}
    good = {xid for xid in own.wanted if xid not in bad}
    created = (good & own.made.create.keys()) - decided.remade
    changed = good & (own.made.update.keys() | touched | decided.remade)
    removed = tuple(xid for xid in decided.removed if xid not in refused)
    return Drafted(
        part=drafting.part,
        period=drafting.work.period.key,
        created=len(created),
        changed=len(changed),
        unchanged=len(good - created - changed),
        removed=removed,
        untouched=len(decided.frozen & decided.sent.keys()),
        failed={decided.keys[xid]: why for xid, why in sorted(bad.items())},
        totals=summed(each.billed for each in done.after.seen.values() if each.billed is not None),
        diff=(
            *diff_rows(own.made),
            *diff_rows(lines.made),
            *(DiffRow(external_id=xid, action=Action.REMOVE, fields=()) for xid in (*removed, *done.lines_gone)),
        ),
        differences=tuple(found),
    )


def _keep(drafting: Drafting, decided: Decided, done: _Done, outcome: Drafted) -> None:
    work, now = drafting.work, drafting.reading.now
    seen = [
        stored.OdooRecord(
            external_id=xid, entity=drafting.entity, source_id=decided.keys[xid], model=invoices.MODEL, odoo_id=odoo_id
        )
        for xid, odoo_id in done.after.ids.items()
        if xid in decided.keys
    ]
    digest = content_hash([_form(xid, each) for xid, each in sorted(decided.sent.items())])
    objecting = drafting.objecting(outcome)
    with work.db.transaction() as conn:
        drafting.require_unchanged(conn)
        stored.forget_records(conn, (*decided.forgotten, *outcome.removed))
        stored.put_records(conn, work.service.code, seen, now)
        for part in drafting.parts:
            is_own = part is drafting.part
            records = len(decided.sent) if is_own else len(drafting.left)
            compared = read_back.ReadBack(part=part, period=work.period.key, records=records, read_at=now)
            of_part = [one for one in objecting if (one in drafting.left) is not is_own]
            read_back.replace(conn, work.service.code, compared, of_part)
        stored_drafts.replace(conn, work.service.code, drafting.snapshot_id, outcome, now)
        stages.record(conn, work.stage(drafting.stage, snapshot_id=drafting.snapshot_id, content_hash=digest))


def _form(xid: str, each: DraftSent) -> dict[str, object]:
    """What of a draft its hash is over."""
    return {"id": xid, "header": _texts(each.header), "lines": {line: _texts(fields) for line, fields in each.lines.items()}}


def _texts(fields: Fields) -> dict[str, str]:
    return {name: str(value) for name, value in fields.items()}
