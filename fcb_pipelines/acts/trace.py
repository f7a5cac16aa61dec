"""Tracing a row of a period's newest revision back to what it rests on: invoices, prices, single usage events, decisions.

Owns: the act `trace`: which row is meant, and what comes of it in which order. Does not own: the sides (trace_billed,
trace_expected), decisions (trace_decisions). Only reads; call it in a transaction that sees one moment.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.signed_rows import is_text, just_before
from fcb_pipelines.acts.trace_billed import billed, line_step
from fcb_pipelines.acts.trace_decisions import decisions, in_odoo
from fcb_pipelines.acts.trace_expected import expected
from fcb_pipelines.acts.trace_source import Tracing, lines_of, sources
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.money import Money, amount_text
from fcb_pipelines.domain.rows import Amounts, Finding, Instance, Row, Verdict
from fcb_pipelines.domain.trace import Kind, Step, at_time, on_day
from fcb_pipelines.store import reconciliation, snapshots, stages
from fcb_pipelines.store import trace as stored
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.reconciliation import Revision

STALE = "what was metered, rated or billed of the month was built anew since this revision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which row is traced, and how far."""

    row_id: str
    charge: str | None = None
    """One charge of it alone."""
    all_events: bool = False


def trace(conn: Connection, work: PeriodWork, asked: Asked) -> Step:
    """A row with everything that it rests on; single events are read while the steps are walked.

    Raises `RuleViolation` where the period was never reconciled, `InvalidInput` where its newest revision has no such row, with
    the ids that may be meant, or the row no such charge.
    """
    revision, row = _found(conn, work, asked.row_id)
    tracing = Tracing(
        conn=conn,
        work=work,
        row=row,
        revision=revision,
        sources=sources(conn, work, row, revision.snapshot_id),
        all_events=asked.all_events,
        stale=_stale(conn, work, revision),
    )
    charges = _charges(row, asked.charge)
    return Step(
        kind=Kind.ROW,
        reference=row.row_id,
        says=f"{row.row_id}: {_sides(row)}",
        data={"status": row.status.value, "verdict": row.verdict.value, "partner": row.external_user_id},
        rests_on=(_revision(tracing), *_each(tracing, charges), decisions(tracing), in_odoo(tracing)),
    )


def _each(tracing: Tracing, charges: list[Instance]) -> Iterator[Step]:
    yield from (_charge(tracing, one) for one in charges)


def _found(conn: Connection, work: PeriodWork, row_id: str) -> tuple[Revision, Row]:
    code, period = work.service.code, work.period.key
    latest = {one.period: one for one in reconciliation.latest_revisions(conn, code)}
    if period not in latest:
        raise RuleViolation(f"{code} {period} was never reconciled; run it: fcb run --service {code} --period {period}")
    revision = latest[period]
    if not row_id or not is_text(row_id):
        raise InvalidInput(f"{row_id!r} is no row id: see  fcb rows --service {code} --period {period} --json")
    found = reconciliation.rows(conn, revision.revision_id, after=just_before(row_id), most=1)
    if not found or found[0].row_id != row_id:
        near = stored.like(conn, row_id, revision.revision_id, [one.revision_id for one in latest.values()])
        said = f"; did you mean one of: {', '.join(near)}" if near else f": see  fcb rows --service {code} --period {period}"
        raise InvalidInput(f"{row_id} is not in revision {revision.revision} of {period}, the newest{said}")
    return revision, found[0]


def _charges(row: Row, charge: str | None) -> list[Instance]:
    if charge is None:
        return list(row.instances)
    found = [one for one in row.instances if one.charge == charge]
    if not found:
        known = ", ".join(dict.fromkeys(one.charge for one in row.instances)) or "none"
        raise InvalidInput(f"{row.row_id} has no charge {charge!r}; it has: {known}")
    return found


def _stale(conn: Connection, work: PeriodWork, revision: Revision) -> str:
    """Why the stages of the period are no longer those of the revision; empty while they are."""
    stage = stages.find(conn, work.service.code, work.period.key, stages.RECONCILIATION)
    if stage is None or (stage.snapshot_id, stage.content_hash) != (revision.snapshot_id, revision.content_hash):
        return STALE
    return ""


def _sides(row: Row) -> str:
    expected, actual = (_net(side) for side in (row.expected, row.actual))
    return f"expected {expected} | billed {actual} | difference {row.difference} | {_words(row.verdict)}"


def _net(side: Amounts | None) -> str:
    return "–" if side is None else str(side.net)


def _words(verdict: Verdict) -> str:
    return verdict.replace("_", " ")


def _revision(tracing: Tracing) -> Step:
    one, zone = tracing.revision, tracing.work.service.zone
    rules = f"{one.settings_hash}{', which are no longer the reviewed ones' if tracing.rules_changed else ''}"
    says = (
        f"revision {one.revision} of {one.period}, made at {at_time(one.made_at, zone)} by rule version {one.rule_version}; "
        f"settings {rules}; content {one.content_hash}"
    )
    data = {
        "revision": one.revision,
        "made_at": at_time(one.made_at, zone),
        "rule_version": one.rule_version,
        "settings_hash": one.settings_hash,
        "content_hash": one.content_hash,
        "snapshot_id": one.snapshot_id,
    }
    return Step(kind=Kind.REVISION, reference=str(one.revision), says=says, data=data, rests_on=(_snapshot(tracing),))


def _snapshot(tracing: Tracing) -> Step:
    snapshot_id, zone = tracing.revision.snapshot_id, tracing.work.service.zone
    header = snapshots.snapshot(tracing.conn, tracing.code, snapshot_id)
    if header is None:
        return Step(kind=Kind.SNAPSHOT, says=f"snapshot {snapshot_id}", wrong="the store has no such snapshot")
    says = f"snapshot {snapshot_id} of the source, taken at {at_time(header.taken_at, zone)}; content {header.content_hash}"
    data = {"snapshot_id": snapshot_id, "taken_at": at_time(header.taken_at, zone), "content_hash": header.content_hash}
    return Step(kind=Kind.SNAPSHOT, reference=str(snapshot_id), says=says, data=data)


def _charge(tracing: Tracing, one: Instance) -> Step:
    zone = tracing.work.service.zone
    ranged = "" if one.service_from is None else f" from {on_day(one.service_from, zone)}"
    ranged += "" if one.service_to is None else f" to before {on_day(one.service_to, zone)}"
    sides = replace(tracing.row, instances=(one,))
    sentence = f". {sides.sentence}" if sides.sentence else ""
    parts = {"expected": one.expected, "actual": one.actual}
    return Step(
        kind=Kind.CHARGE,
        reference=one.charge,
        says=f"{one.charge}{ranged}: {_sides(sides)}{sentence}",
        data={
            **{name: None if side is None else _text(side.net) for name, side in parts.items()},
            "difference": _text(one.difference),
            "currency": one.currency,
            "status": one.status.value,
            "verdict": one.verdict.value,
            "notes": list(one.notes),
        },
        rests_on=(billed(tracing, one), expected(tracing, one), *_difference(tracing, one)),
    )


def _text(amount: Money) -> str:
    return amount_text(amount.amount, amount.currency)


def _difference(tracing: Tracing, one: Instance) -> Iterator[Step]:
    """Why the sides differ, or how they were found to be one: each cause with its records, then the waterfall."""
    explanation = one.explanation
    missing = (Step(kind=Kind.FINDING, says=f"undecided: it would take {each}") for each in explanation.missing)
    rests = (*(_finding(tracing, one, each) for each in explanation.findings), *_waterfall(one), *missing)
    if rests:
        says = f"difference: {one.difference}" if one.difference else "how they were found to be one"
        yield Step(kind=Kind.DIFFERENCE, says=says, data={"difference": _text(one.difference)}, rests_on=rests)


def _finding(tracing: Tracing, one: Instance, found: Finding) -> Step:
    own, shown = set(lines_of([one])), set[str]()
    lines = [line for line in found.references if line not in own and _is_line(tracing, line)]
    records = (*tracing.references(found.references), *(line_step(tracing, line, shown) for line in lines))
    says = f"{found.cause.replace('_', ' ')} (remedy {found.remedy.replace('_', ' ')}): {found.words}"
    return Step(kind=Kind.FINDING, reference=found.cause, says=says, data={"remedy": found.remedy.value}, rests_on=records)


def _waterfall(one: Instance) -> Iterator[Step]:
    steps = one.explanation.waterfall
    for number, step in enumerate(steps, start=1):
        says = f"after {step.name.replace('_', ' ')}: {step.amount}, {step.residual} left of the difference"
        is_open = number == len(steps) and one.verdict is Verdict.EXPLAINED and bool(step.residual)
        wrong = "it is explained, and this is left of the difference" if is_open else ""
        data = {"amount": _text(step.amount), "residual": _text(step.residual)}
        yield Step(kind=Kind.WATERFALL, reference=step.name, says=says, data=data, wrong=wrong)


def _is_line(tracing: Tracing, reference: str) -> bool:
    invoice, _, ordinal = reference.rpartition("/")
    return ordinal.lstrip("-").isdigit() and ("invoices", invoice) in tracing.sources.rows
