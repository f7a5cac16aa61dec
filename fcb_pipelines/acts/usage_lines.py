"""Usage lines: where Odoo itself invoices, a month's usage goes onto the order of its subscription instead of a draft invoice.

Owns: the steps, and what is never touched: a line that was invoiced. Does not own: what is due (`draft_invoices`), the fields
(odoo/usage_lines), which drafts of the time before go (`left_drafts`). The flat price is the order's own recurring line and is
not written here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from fcb_pipelines.acts.draft_decisions import NOTHING_DUE, Drafting
from fcb_pipelines.acts.draft_references import References, references
from fcb_pipelines.acts.imports import Reading, Report, Shelf, apply
from fcb_pipelines.acts.left_drafts import LeftDrafts, left_drafts
from fcb_pipelines.domain.changes import Fields
from fcb_pipelines.domain.drafted import Drafted
from fcb_pipelines.domain.drafts import Draft, summed
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.external_ids import Entity, has_tail, is_of, part_id
from fcb_pipelines.domain.imports import Action, DiffRow, diff_rows
from fcb_pipelines.domain.money import ZERO, Money, amount_text
from fcb_pipelines.domain.read_back import Difference, Why, fields_differing
from fcb_pipelines.domain.read_back_drafts import left_over, why_field
from fcb_pipelines.domain.revisions import content_hash
from fcb_pipelines.odoo import invoices, usage_lines
from fcb_pipelines.odoo.edition import OdooEdition
from fcb_pipelines.odoo.pace import Pace
from fcb_pipelines.odoo.records import Kind, Present
from fcb_pipelines.odoo.removal import Removed, remove
from fcb_pipelines.odoo.subscriptions import MODEL
from fcb_pipelines.odoo.usage_lines import LineSeen, OrderSeen
from fcb_pipelines.store import drafts as stored
from fcb_pipelines.store import imports, read_back, stages

INVOICED = "invoiced"
DRAFTED_NOW = "this Odoo has no subscriptions, so the month is drafted as invoices"
_WAYS_OUT = {
    True: "and this line of an order was invoiced too: settle it by a credit note",
    False: "and this line of an order would be billed beside it: delete it in Odoo, or set its quantity to 0",
}
"""What to do with a line that the other edition left, by whether anything of it was invoiced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The service's orders, and the month's lines of usage on them, by external id."""

    orders: Mapping[str, OrderSeen]
    lines: Mapping[str, LineSeen]


@dataclass(slots=True, kw_only=True)
class _Decided:
    kind: Kind
    seen: _Seen
    left: LeftDrafts
    wanted: dict[str, Fields] = field(default_factory=dict)
    nets: dict[str, Money] = field(default_factory=dict)
    """What each wanted line must come to."""
    keys: dict[str, str] = field(default_factory=dict)
    """Line → key of its draft."""
    order_of: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    """Why there is nothing of a draft, by its key."""
    removed: dict[str, int] = field(default_factory=dict)
    zeroed: dict[str, Fields] = field(default_factory=dict)
    """Not due any more on a confirmed order, whose lines cannot be deleted: with their quantity set to 0."""
    kept: dict[str, str] = field(default_factory=dict)
    """Not due any more, and why they stay all the same."""


def write(drafting: Drafting, edition: OdooEdition, *, dry_run: bool, report: Report) -> Drafted:
    """Bring the month's lines of usage up to date, read them back, and keep what differs; a dry run only tells.

    Raises `RuleViolation` if an import of the service is running or the month was built anew since what is due was read, and
    what the port to Odoo raises: the part then counts as never read back.
    """
    with drafting.reading.exclusive(dry_run=dry_run):
        if not dry_run:
            drafting.begin()
        decided = _decide(drafting, edition)
        shelf = _shelf(decided)
        if dry_run:
            return _outcome(drafting, decided, shelf, {}, ())
        refused = _apply(drafting, decided, shelf, report)
        is_untouched = shelf.made.is_empty and not decided.removed
        after = decided.seen if is_untouched else _seen(drafting, decided.kind)
        found = (*_compared(decided, after.lines, refused), *drafting.still_open())
        done = _outcome(drafting, decided, shelf, refused, found)
        _keep(drafting, decided, done)
        return done


def left_on_orders(drafting: Drafting, edition: OdooEdition) -> tuple[Difference, ...]:
    """A month's usage that stands on orders since Odoo had subscriptions, where the month is drafted as invoices now."""
    lines = _seen(drafting, usage_lines.kind(edition)).lines
    return tuple(
        left_over(line_id, str(line.fields["description"]), f"{DRAFTED_NOW}, {_WAYS_OUT[line.is_invoiced]}")
        for line_id, line in lines.items()
        if line.fields["quantity"]
    )


def _seen(drafting: Drafting, kind: Kind) -> _Seen:
    reading = drafting.reading
    there, _ = reading.present(Kind(entity=Entity.SUBSCRIPTION, model=MODEL, fields=()), ())
    orders = usage_lines.orders_seen(reading.odoo, there.ids)
    every = usage_lines.lines_seen(reading.odoo, kind, orders)
    return _Seen(orders=orders, lines={xid: each for xid, each in every.items() if _is_of_month(drafting, xid)})


def _is_of_month(drafting: Drafting, line_id: str) -> bool:
    """Whether a line's external id is a part of a draft of this month."""
    whole, _, part = line_id.rpartition("_")
    code = drafting.work.service.code
    return bool(part) and is_of(whole, code, Entity.USAGE_LINE) and has_tail(whole, f"/{drafting.work.period.key}")


def _decide(drafting: Drafting, edition: OdooEdition) -> _Decided:
    kind = usage_lines.kind(edition)
    known = references(drafting.reading, drafting.drafts.values())
    left = left_drafts(drafting, known)
    decided = _Decided(kind=kind, seen=_seen(drafting, kind), left=left, failed=dict(drafting.failed), kept=dict(left.kept))
    for key, draft in drafting.drafts.items():
        try:
            _want(drafting, decided, known, draft)
        except InvalidInput as error:
            decided.failed[key] = str(error)
    failing = {drafting.xid(key): reason for key, reason in decided.failed.items()}
    states = {one.odoo_id: one.state for one in decided.seen.orders.values()}
    for line_id, line in decided.seen.lines.items():
        if line_id not in decided.wanted:
            _decide_on_extra(decided, failing, line_id, states[line.order_id])
    return decided


def _want(drafting: Drafting, decided: _Decided, known: References, draft: Draft) -> None:
    """Add a draft's lines; raises `InvalidInput` with the reason where they cannot be written."""
    subscription = draft.key.rpartition("/")[0]
    order = decided.seen.orders.get(drafting.reading.xid(Entity.SUBSCRIPTION, subscription))
    if order is None:
        raise InvalidInput("the order of its subscription is not in Odoo: run the import (fcb import)")
    if order.currency != draft.currency:
        raise InvalidInput(f"the order of its subscription is in {order.currency} and not in {draft.currency}")
    fields = {
        part_id(drafting.xid(draft.key), one.key): (one, {**invoices.line(one, *known.of_line(one)), "discount": ZERO})
        for one in draft.lines
    }
    lines = decided.seen.lines
    if order.obstacle and not all(line_id in lines and lines[line_id].is_invoiced for line_id in fields):
        raise InvalidInput(f"the order of its subscription is {order.obstacle} in Odoo, which invoices nothing put on it")
    for line_id, (one, each) in fields.items():
        decided.wanted[line_id], decided.order_of[line_id] = each, order.odoo_id
        decided.keys[line_id], decided.nets[line_id] = draft.key, one.net


def _decide_on_extra(decided: _Decided, failing: Mapping[str, str], line_id: str, state: str) -> None:
    line = decided.seen.lines[line_id]
    whole = line_id.rpartition("_")[0]
    if whole in failing:
        decided.kept[line_id] = f"it is of an earlier run and cannot be brought up to date: {failing[whole]}"
    elif line.is_invoiced:
        decided.kept[line_id] = f"{NOTHING_DUE}, and it was invoiced: settle it by a credit note"
    elif state in usage_lines.ERASABLE:
        decided.removed[line_id] = line.odoo_id
    elif line.fields["quantity"]:
        decided.zeroed[line_id] = {**line.fields, "quantity": ZERO}


def _shelf(decided: _Decided) -> Shelf:
    """The lines that may be written."""
    frozen = {line_id for line_id, line in decided.seen.lines.items() if line.is_invoiced}
    written = {line_id: fields for line_id, fields in decided.wanted.items() if line_id not in frozen} | decided.zeroed
    there = {line_id: decided.seen.lines[line_id] for line_id in written if line_id in decided.seen.lines}
    present = Present(
        ids={line_id: line.odoo_id for line_id, line in there.items()},
        fields={line_id: line.fields for line_id, line in there.items()},
    )
    return Shelf(kind=decided.kind, source_ids=decided.keys, wanted=written, present=present, is_part=True)


def _apply(drafting: Drafting, decided: _Decided, shelf: Shelf, report: Report) -> dict[str, str]:
    """Make the difference; why Odoo refused which line.

    In one lane: an order may have several lines of a month, and each changes its total.
    """
    reading = replace(drafting.reading, lanes=replace(drafting.reading.lanes, count=1))
    drafts = _remove(reading, invoices.MODEL, decided.left.removed)
    lines = _remove(reading, decided.kind.model, decided.removed)
    refused = drafts.refused | lines.refused
    load = usage_lines.loading(decided.kind, shelf.made.create, decided.order_of)
    return refused if shelf.made.is_empty else refused | apply(reading, shelf, load, report).failed


def _remove(reading: Reading, model: str, ids: Mapping[str, int]) -> Removed:
    return remove(reading.odoo, model, ids, Pace(reading.lanes.clock)) if ids else Removed()


def _compared(decided: _Decided, lines: Mapping[str, LineSeen], refused: Mapping[str, str]) -> Iterator[Difference]:
    for line_id, fields in decided.wanted.items():
        if line_id in lines:
            line = lines[line_id]
            yield from fields_differing({line_id: fields}, {line_id: line.fields}, _why(line))
            yield from _subtotal(line_id, decided.nets[line_id], line)
        elif line_id not in refused:
            yield from fields_differing({line_id: fields}, {}, lambda _: "")
    for line_id, fields in decided.zeroed.items():
        if line_id in lines and line_id not in refused:
            yield from fields_differing({line_id: fields}, {line_id: lines[line_id].fields}, _why(lines[line_id]))
    for xid, why in decided.kept.items():
        yield left_over(xid, _title(decided, xid), why)
    for xid, why in refused.items():
        if xid not in decided.wanted:
            yield left_over(xid, _title(decided, xid), f"{NOTHING_DUE}, but Odoo keeps it: {why}")


def _title(decided: _Decided, xid: str) -> str:
    """What a person sees of a line or an invoice."""
    return decided.left.titles[xid] if xid in decided.left.titles else str(decided.seen.lines[xid].fields["description"])


def _why(line: LineSeen) -> Why:
    return lambda change: why_field(change, INVOICED if line.is_invoiced else "")


def _subtotal(line_id: str, net: Money, line: LineSeen) -> Iterator[Difference]:
    if line.subtotal != net.amount:
        sent, there = (amount_text(amount, net.currency) for amount in (net.amount, line.subtotal))
        why = "it follows from the quantity, price and discount that Odoo stored"
        yield Difference(external_id=line_id, field="net", sent=sent, stored=there, why=why)


def _outcome(
    drafting: Drafting, decided: _Decided, shelf: Shelf, refused: Mapping[str, str], found: Iterable[Difference]
) -> Drafted:
    bad = decided.failed | {decided.keys[line_id]: why for line_id, why in refused.items() if line_id in decided.keys}
    lines: dict[str, set[str]] = {}
    for line_id, key in decided.keys.items():
        lines.setdefault(key, set()).add(line_id)
    removed = [xid for xid in (*decided.left.removed, *decided.removed) if xid not in refused]
    emptied = [line_id for line_id in decided.zeroed if line_id not in refused]
    touched = {*shelf.made.create, *shelf.made.update}
    good = {key: each for key, each in lines.items() if key not in bad}
    new = {key for key, each in good.items() if each <= shelf.made.create.keys()}
    untouched = {key for key, each in good.items() if not each & shelf.wanted.keys()}
    changed = {key for key, each in good.items() if each & touched} - new
    return Drafted(
        part=drafting.part,
        period=drafting.work.period.key,
        created=len(new),
        changed=len(changed),
        unchanged=len(good) - len(new) - len(changed) - len(untouched),
        removed=(*removed, *emptied),
        untouched=len(untouched),
        failed=dict(sorted(bad.items())),
        totals=summed(drafting.drafts[key].billed for key in good),
        diff=(*diff_rows(shelf.made), *(DiffRow(external_id=each, action=Action.REMOVE, fields=()) for each in removed)),
        differences=tuple(found),
    )


def _keep(drafting: Drafting, decided: _Decided, done: Drafted) -> None:
    work, now = drafting.work, drafting.reading.now
    form = {line_id: {name: str(value) for name, value in each.items()} for line_id, each in decided.wanted.items()}
    digest = content_hash([{"id": line_id, **each} for line_id, each in sorted(form.items())])
    objecting = drafting.objecting(done)
    with work.db.transaction() as conn:
        drafting.require_unchanged(conn)
        imports.forget_records(conn, (*decided.left.forgotten, *done.removed))
        for part in drafting.parts:
            is_own = part is drafting.part
            records = len(decided.wanted) + len(decided.zeroed) if is_own else len(decided.left.titles)
            found = [one for one in objecting if (one.external_id in decided.left.titles) is not is_own]
            compared = read_back.ReadBack(part=part, period=work.period.key, records=records, read_at=now)
            read_back.replace(conn, work.service.code, compared, found)
        stored.replace(conn, work.service.code, drafting.snapshot_id, done, now)
        stages.record(conn, work.stage(drafting.stage, snapshot_id=drafting.snapshot_id, content_hash=digest))
