"""What people decided about a row, and what stands for it in Odoo.

Owns: these steps. Does not own: the decisions (acts/acceptances, acts/adoption, acts/carrying_on), what is in Odoo (odoo).
"""

from collections.abc import Iterable, Iterator

from fcb_pipelines.acts.signed_rows import Newest
from fcb_pipelines.acts.trace_source import Tracing, lines_of
from fcb_pipelines.domain.acceptances import STATES, Acceptance, Signature, State
from fcb_pipelines.domain.carried import Successor, item_of
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.rows import Verdict
from fcb_pipelines.domain.trace import Kind, Step, at_time, on_day
from fcb_pipelines.store import acceptances, partners, successors
from fcb_pipelines.store import trace as stored
from fcb_pipelines.store.imports import OdooRecord

Listed = tuple[Acceptance, State]


def decisions(tracing: Tracing) -> Step:
    """Adopted terms, acceptances, successors, and what the audit log has of them."""
    signed, named = tuple(_signed(tracing)), tuple(_successors(tracing))
    steps = (
        *_terms(tracing),
        *(_acceptance(tracing, one, state) for one, state in signed),
        *(_successor(tracing, one) for one in named),
        *_audited(tracing, signed, named),
    )
    return Step(kind=Kind.DECISIONS, says="decisions" if steps else "decisions: none", rests_on=steps)


def _terms(tracing: Tracing) -> Iterator[Step]:
    """The adopted terms about its subscription, plans and customer, and those that were adopted because of it."""
    rows, row = tracing.sources.rows, tracing.row
    plans = {external_id for entity, external_id in rows if entity == "plans"}
    subjects = {("user", row.external_user_id), *(("plan", each) for each in plans)}
    if row.external_subscription_id is not None:
        subjects.add(("subscription", row.external_subscription_id))
    for term in tracing.work.service.terms:
        if term.row == row.row_id or (term.subject_kind, term.subject) in subjects:
            yield tracing.term(term)


def _signed(tracing: Tracing) -> Iterator[Listed]:
    """What was signed about the row, and how it stands; a standing acceptance names the row of the month of its signing."""
    conn, service, period = tracing.conn, tracing.work.service, tracing.work.period.key
    every = [
        one
        for one in acceptances.acceptances(conn, tracing.code)
        if one.period <= period and _is_about(tracing, one) and (one.charge is not None or one.period == period)
    ]
    newest, today = Newest.of(conn, service), tracing.work.now.astimezone(service.zone).date()
    yield from ((one, newest.state_of(conn, one, today, period)) for one in every)


def _is_about(tracing: Tracing, one: Acceptance) -> bool:
    return one.row_id.split("/", 2)[2:] == tracing.row.row_id.split("/", 2)[2:]


def _acceptance(tracing: Tracing, one: Acceptance, state: State) -> Step:
    decision, zone = one.decision, tracing.work.service.zone
    charge = "" if one.charge is None else f", standing for {one.charge}"
    approved = "" if decision.approval is None else f", approved by {_who(tracing, decision.approval)}"
    back = "" if one.withdrawal is None else f", taken back by {_who(tracing, one.withdrawal)}: {one.withdrawal.text}"
    signed = f"signed by {decision.author} on {on_day(decision.made_at, zone)}{approved}{back}"
    says = (
        f"acceptance {one.acceptance_id} of {one.amount}{charge}: {_words(decision.reason)}, “{decision.text}”, borne by "
        f"{_words(decision.bearer)}; {signed}, until before {decision.expires_on}: {_words(state)}, {STATES[state]}"
    )
    data = {
        "state": state.value,
        "decision": decision.decision_id,
        "reason": decision.reason.value,
        "author": decision.author,
        "made_at": at_time(decision.made_at, zone),
        "is_applied": one.acceptance_id in {each.explanation.settled_by for each in tracing.row.instances},
    }
    return Step(kind=Kind.ACCEPTANCE, reference=one.acceptance_id, says=says, data=data)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _who(tracing: Tracing, signature: Signature) -> str:
    return f"{signature.person} on {on_day(signature.at, tracing.work.service.zone)}"


def _successors(tracing: Tracing) -> Iterator[Successor]:
    """Who bills after the flip what the row carries."""
    carried = [one for one in tracing.row.instances if one.verdict is Verdict.CARRIED]
    lines = stored.actual_lines(tracing.conn, tracing.code, lines_of(carried))
    said = successors.successors(tracing.conn, tracing.code) if lines else {}
    for item in dict.fromkeys(map(item_of, lines)):
        if item in said:
            yield said[item]


def _successor(tracing: Tracing, one: Successor) -> Step:
    on = on_day(one.made_at, tracing.work.service.zone)
    says = f"successor of {one.item}: {one}; “{one.text}”, said by {one.author} on {on}"
    data = {"heir": one.heir.value, "owner": one.owner, "author": one.author}
    return Step(kind=Kind.SUCCESSOR, reference=one.item, says=says, data=data)


def _audited(tracing: Tracing, signed: Iterable[Listed], named: Iterable[Successor]) -> Iterator[Step]:
    """The entries of the audit log about any of it; the log proves itself by  fcb audit verify."""
    ids = {name for one, _ in signed for name in (one.acceptance_id, one.decision.decision_id)}
    items = {one.item for one in named}
    for entry in stored.audited(tracing.conn, tracing.code, tracing.row.row_id, sorted({*ids, *items})):
        if entry.subject in items and entry.data.get("customer") != tracing.row.external_user_id:
            continue
        at = at_time(entry.at, tracing.work.service.zone)
        done = f"{_words(entry.act)}, {entry.subject}, by {entry.actor} at {at}"
        says = f"audit log, row {entry.position}: {done}; {entry.hash}"
        data = {"position": entry.position, "act": entry.act, "actor": entry.actor, "at": at, "hash": entry.hash}
        yield Step(kind=Kind.AUDIT, reference=str(entry.position), says=says, data=data)


def in_odoo(tracing: Tracing) -> Step:
    """The order, the drafts and the partner that stand for the row in Odoo, as they were last seen there."""
    row, period = tracing.row, tracing.work.period.key
    wanted = [(Entity.SOURCE_INVOICE.value, each) for each in row.external_invoice_ids]
    if row.external_subscription_id is not None:
        draft = f"{row.external_subscription_id}/{period}"
        wanted.append((Entity.SUBSCRIPTION.value, row.external_subscription_id))
        wanted += [(entity.value, draft) for entity in (Entity.INVOICE, Entity.LIVE_INVOICE, Entity.USAGE_LINE)]
    found = [_record(one) for one in stored.in_odoo(tracing.conn, tracing.code, wanted)]
    found += _partner(tracing)
    return Step(kind=Kind.ODOO, says="in Odoo" if found else "in Odoo: nothing stands for it", rests_on=tuple(found))


def _record(one: OdooRecord) -> Step:
    says = f"{_words(one.entity)} {one.source_id}: {one.external_id}, {one.model} {one.odoo_id}"
    data = {"external_id": one.external_id, "model": one.model, "odoo_id": one.odoo_id, "entity": one.entity}
    return Step(kind=Kind.ODOO, reference=one.external_id, says=says, data=data)


def _partner(tracing: Tracing) -> Iterator[Step]:
    customer = tracing.row.external_user_id
    link = partners.links(tracing.conn, tracing.code).get(customer)
    if link is not None:
        to = f"res.partner {link.odoo_id}" if link.odoo_id is not None else f"no partner ({link.state})"
        data = {"model": "res.partner", "odoo_id": link.odoo_id, "state": link.state.value}
        yield Step(kind=Kind.ODOO, reference=f"users/{customer}", says=f"customer {customer}: {to}, {link.reason}", data=data)
