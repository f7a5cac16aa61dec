"""The expected side of a trace: from the list price, step by step, to the amount that our model bills.

Owns: these steps, and the proof that walking them again comes to what was rated. Does not own: what any step does
(domain/causes, domain/terms), usage (trace_usage).
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from decimal import Decimal
from fractions import Fraction
from functools import partial

from fcb_pipelines.acts.trace_source import Tracing
from fcb_pipelines.acts.trace_usage import adjusted, used
from fcb_pipelines.acts.used import UsageTold
from fcb_pipelines.domain.case import Case
from fcb_pipelines.domain.charges import write_pricing
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.expected import PLACE_ATTESTED, UNRATED, ExpectedLine, RatedLine
from fcb_pipelines.domain.expected import rated_lines as walked_again
from fcb_pipelines.domain.instances import NOT_DUE, TERM_ATTESTED
from fcb_pipelines.domain.money import Money, amount_text, exact_text, plain, rounded, total
from fcb_pipelines.domain.pricing import Flat, Metered, Pricing
from fcb_pipelines.domain.quotas import Used
from fcb_pipelines.domain.rating import Standard
from fcb_pipelines.domain.rows import Instance
from fcb_pipelines.domain.seen import Change, Record
from fcb_pipelines.domain.steps import walk
from fcb_pipelines.domain.terms import cases
from fcb_pipelines.domain.trace import Kind, Step, at_time, grouped
from fcb_pipelines.store import adjustments, late_usage, stages
from fcb_pipelines.store import trace as stored
from fcb_pipelines.store import trace_usage as stored_usage

AGAIN = "run the period again, then trace the row of the new revision"


def expected(tracing: Tracing, one: Instance) -> Step:
    """What our model bills for a charge, and what that rests on."""
    if one.expected is None and one.due_at is None:
        return Step(kind=Kind.EXPECTED, says="expected: nothing; our model has no such charge")
    says = "expected: not known" if one.expected is None else f"expected: {_with_tax(one.expected.net, one.expected.tax)}"
    if tracing.stale:
        return Step(kind=Kind.EXPECTED, says=says, untraced=f"{tracing.stale}: {AGAIN}")
    line, taxed = _lines_of(tracing, one)
    if line is None or taxed is None:
        return Step(kind=Kind.EXPECTED, says=says, wrong="no rated line stands for it, though the period was not rated since")
    return Step(
        kind=Kind.EXPECTED,
        says=says,
        reference=line.line_key,
        data={"exact": None if line.exact is None else exact_text(line.exact), "notes": list(line.notes)},
        wrong=_wrong(one, line, taxed),
        rests_on=(*_price(tracing, line), *_amount(tracing, line, taxed)),
    )


def _with_tax(net: Money, tax: Money | None) -> str:
    return f"{net}, its tax undecided" if tax is None else f"{net} and {tax} of tax" if tax else str(net)


def _lines_of(tracing: Tracing, one: Instance) -> tuple[RatedLine | None, ExpectedLine | None]:
    """The rated and the expected line of a charge: of a subscription no two are of one charge and range."""
    subscription = tracing.row.external_subscription_id or ""
    place = (one.charge, one.service_from, one.service_to)

    def is_it(line: RatedLine | ExpectedLine) -> bool:
        return (line.charge, line.service_from, line.service_to) == place

    given = (tracing.conn, tracing.code, tracing.work.period.key, subscription)
    return next(filter(is_it, stored.rated(*given)), None), next(filter(is_it, stored.expected(*given)), None)


def _wrong(one: Instance, line: RatedLine, taxed: ExpectedLine) -> str:
    """Why rounding what was rated does not come to what is expected; empty where it does."""
    net = None if line.exact is None else rounded(line.exact, line.currency, line.rounding)
    told = None if one.expected is None else one.expected.net
    if net != taxed.net or net != told:
        return f"rated {net}, expected {taxed.net}, in the row {told}"
    parts = total((each.amount for each in taxed.tax_components), line.currency)
    if taxed.tax is not None and parts != taxed.tax:
        return f"the taxes come to {parts} and not to {taxed.tax}"
    return ""


def _price(tracing: Tracing, line: RatedLine) -> Iterator[Step]:
    """From the list price to the exact amount."""
    if line.charge == UNRATED:
        yield Step(kind=Kind.PRICE, says="; ".join(line.notes), rests_on=tuple(_own_rows(tracing)))
        return
    if line.adjusts is not None:
        yield _adjustment(tracing, line)
        return
    if tracing.rules_changed:
        said = f"the reviewed rules are no longer those of revision {tracing.revision.revision}: {AGAIN}"
        yield Step(kind=Kind.PRICE, says=_rated_words(line), untraced=said, rests_on=tuple(_own_rows(tracing)))
    else:
        yield from _walk(tracing, line)
    if line.charge != "flat":
        yield used(tracing, line)


def _rated_words(line: RatedLine) -> str:
    exact = "no amount" if line.exact is None else exact_text(line.exact)
    return f"rated {grouped(line.quantity)} × {plain(line.unit_price)} per {plain(line.unit_batch)}: {exact}"


def _own_rows(tracing: Tracing) -> Iterator[Step]:
    if tracing.row.external_subscription_id is not None:
        yield tracing.source_row("subscriptions", tracing.row.external_subscription_id)


def _walk(tracing: Tracing, line: RatedLine) -> Iterator[Step]:
    """The waterfall as rating walked it, walked again."""
    try:
        case, again = _again(tracing, line)
    except InvalidInput as error:
        yield Step(kind=Kind.PRICE, says=_rated_words(line), wrong=f"it was rated, and cannot be now: {error}")
        return
    if case is None:
        yield Step(kind=Kind.PRICE, says=_rated_words(line), wrong="it was rated, and the terms have no such charge now")
        return
    same = again is not None and again.exact == line.exact
    said = "" if same else f"walked again it comes to {_exact(again)}, and was rated {_exact(line)}"
    yield Step(
        kind=Kind.PRICE,
        says=f"{_price_words(case)}: {exact_text(case.pricing.due)}{_attested(tracing, line)}",
        data=_pricing_data(case.pricing),
        wrong=said,
        rests_on=tuple(_priced_by(tracing, case)),
    )
    for step in walk(case.as_rated):
        amount = exact_text(step.pricing.due)
        says = f"{step.cause.replace('_', ' ')}: {step.words}: {amount}"
        references = tuple(tracing.references(step.references))
        yield Step(kind=Kind.CAUSE, reference=step.cause, says=says, data={"exact": amount}, rests_on=references)
    if reasons := [note for note in line.notes if note in NOT_DUE]:
        yield Step(kind=Kind.CAUSE, says=f"nothing is due: {', '.join(reasons)}: 0", rests_on=tuple(_not_due(tracing, reasons)))


def _exact(line: RatedLine | None) -> str:
    return "nothing" if line is None or line.exact is None else exact_text(line.exact)


def _again(tracing: Tracing, line: RatedLine) -> tuple[Case | None, RatedLine | None]:
    """The case of a line, and the line that follows from it now."""
    subscription = tracing.sources.directory.subscriptions.get(line.external_subscription_id)
    if subscription is None:
        raise InvalidInput("the snapshot has no good row of its subscription")
    terms, period = tracing.sources.directory.terms(tracing.work, subscription), tracing.work.period
    told = _used(tracing, line.external_subscription_id)
    found = {instance.line_key: case for instance, case in cases(terms, period, told)}
    lines = {each.line_key: each for each in walked_again(terms, period, told)}
    return found.get(line.line_key), lines.get(line.line_key)


def _used(tracing: Tracing, subscription: str) -> Used:
    """What the subscription used, as rating was told; other months are read when a quota asks for them."""
    conn, code, period = tracing.conn, tracing.code, tracing.work.period

    def totals(month: str) -> dict[tuple[str, str], Decimal]:
        found = stored_usage.totals_of(conn, code, month, subscription)
        return {(one.external_subscription_id, one.metric): one.quantity for one in found}

    def other(month: str) -> dict[tuple[str, str], Decimal] | None:
        if stages.find(conn, code, month, stages.USAGE_TOTALS) is None:
            return None
        return {**totals(month), **late_usage.added(conn, code, month, before=period.key)}

    told = UsageTold(totals(period.key), partial(other))
    told.take(late_usage.stored(conn, code, period.key))
    return told.of(subscription)


def _price_words(case: Case) -> str:
    pricing, plan = case.pricing, case.plan
    if isinstance(pricing, Flat):
        span = pricing.spans[0]
        of = "contract price" if case.subscription.contract_price is not None else f"{case.subscription.interval} price"
        parts = f" ÷ {pricing.instalments} instalments" if pricing.instalments > 1 else ""
        parts += ", of which the last takes the rest" if pricing.rest is not None else ""
        less = f" − {plain(case.subscription.discount_percent)} %" if case.subscription.discount_percent else ""
        return f"{of} of {plan.name} {amount_text(span.price, plan.currency)} {plan.currency}{parts}{less}"
    return f"{plan.name}: {_metered_words(pricing)}"


def _metered_words(pricing: Metered) -> str:
    charge, quantity = pricing.charge, f"{grouped(pricing.quantity)} {pricing.metric}"
    if not isinstance(charge, Standard):
        return f"{quantity} by a {type(charge).__name__.lower()} charge"
    above = max(pricing.quantity - pricing.included, Fraction(0))
    included = f", of which {grouped(pricing.included)} are included" if pricing.included else ""
    batch = f" per {plain(charge.unit_batch)}" if charge.unit_batch != 1 else ""
    return f"{quantity}{included}: {grouped(above)} × {plain(charge.unit_price)}{batch}"


def _pricing_data(pricing: Pricing) -> dict[str, object]:
    exact = {"exact": exact_text(pricing.due)}
    if isinstance(pricing, Metered):
        return {**exact, "quantity": exact_text(pricing.quantity), **write_pricing(pricing)}
    prices = [plain(span.price) for span in pricing.spans]
    return {**exact, "prices": prices, "instalments": pricing.instalments, "proration": pricing.convention.value}


def _attested(tracing: Tracing, line: RatedLine) -> str:
    if TERM_ATTESTED not in line.notes:
        return ""
    return f" (no record dates this price: {tracing.code} attests that it held then, terms_assumed_from in fcb.toml)"


def _priced_by(tracing: Tracing, case: Case) -> Iterator[Step]:
    yield tracing.source_row("plans", case.plan.external_plan_id)
    yield tracing.source_row("subscriptions", case.subscription.external_subscription_id)
    for name in ("plan", "user"):
        for entry in case.adopted.changes("subscription", case.subscription.external_subscription_id, name):
            yield from tracing.reference(f"history/{entry.subject_id}/{name}/{entry.valid_from.isoformat()}")
    seen = tracing.sources.records.seen
    for change in seen.plans.get(case.plan.external_plan_id, ()):
        yield _seen(tracing, f"plans/{case.plan.external_plan_id}", change)
    for other in seen.subscriptions.get(case.subscription.external_subscription_id, ()):
        yield _seen(tracing, f"subscriptions/{case.subscription.external_subscription_id}", other)


def _seen(tracing: Tracing, reference: str, change: Change[Record]) -> Step:
    """A change that snapshots saw: what was before it and after it, and between which two moments it came."""
    before, after = asdict(change.before), asdict(change.after)
    fields = {name: [f"{before[name]}", f"{after[name]}"] for name in before if before[name] != after[name]}
    words = ", ".join(f"{name} {old} → {new}" for name, (old, new) in fields.items())
    times = [at_time(moment, tracing.work.service.zone) for moment in (change.last_seen, change.first_seen)]
    says = f"{reference} as snapshots saw it: {words}, between {times[0]} and {times[1]}"
    return Step(kind=Kind.EVIDENCE, reference=reference, says=says, data={"fields": fields, "between": times})


def _not_due(tracing: Tracing, reasons: Iterable[str]) -> Iterator[Step]:
    if "in_trial" in reasons:
        for reference, rows in tracing.sources.told.items():
            if any(entity == "evidence" and row["kind"] == "trial" for entity, row in rows):
                yield from tracing.reference(reference)
    if "internal" in reasons:
        yield tracing.source_row("users", tracing.row.external_user_id)


def _amount(tracing: Tracing, line: RatedLine, taxed: ExpectedLine) -> Iterator[Step]:
    """The one rounding, then the taxes."""
    if line.exact is None or taxed.net is None:
        yield Step(kind=Kind.ROUNDING, says=f"no amount: {', '.join(line.notes)}")
        return
    yield Step(
        kind=Kind.ROUNDING,
        says=f"rounded once, {line.rounding.replace('_', ' ')}: {taxed.net}",
        data={"exact": exact_text(line.exact), "rounding": line.rounding.value},
    )
    for each in taxed.tax_components:
        says = f"{each.component} {plain(each.percent)} % of {taxed.net}, {taxed.place_of_supply}: {each.amount}"
        rests = () if PLACE_ATTESTED in taxed.notes else (tracing.source_row("users", taxed.external_user_id),)
        attested = " (the place is attested: place_of_supply in fcb.toml)" if PLACE_ATTESTED in taxed.notes else ""
        yield Step(kind=Kind.TAX, reference=each.component, says=f"{says}{attested}", rests_on=rests)


def _adjustment(tracing: Tracing, line: RatedLine) -> Step:
    """What late usage changes of an earlier month: both ratings, and the events that make the difference."""
    every = adjustments.adjustments(tracing.conn, tracing.code, tracing.work.period.key)
    one = next((each for each in every if each.line_key == line.line_key), None)
    if one is None:
        return Step(kind=Kind.ADJUSTMENT, says="; ".join(line.notes), wrong="no adjustment is kept of it")
    is_same = one.net is None or (line.exact is not None and one.net == Decimal(exact_text(line.exact)))
    nets = [None if each is None else amount_text(each, one.currency) for each in (one.old_net, one.new_net)]
    says = (
        f"adjusts {one.of_period}: {grouped(one.old_quantity)} → {grouped(one.new_quantity)} {one.metric}, "
        f"{nets[0]} → {nets[1]} {one.currency}"
    )
    data = {"of_period": one.of_period, "old_net": nets[0], "new_net": nets[1], "metric": one.metric}
    return Step(
        kind=Kind.ADJUSTMENT,
        reference=line.line_key,
        says=says,
        data=data,
        wrong="" if is_same else f"the line is of {_exact(line)}",
        rests_on=(adjusted(tracing, one),),
    )
