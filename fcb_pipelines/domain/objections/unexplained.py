"""Unexplained: billed or due otherwise than expected, and no record says why; nobody signed for it, or not any more."""

from collections.abc import Iterator

from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.gate import Class, Kind, Objection, of_charge, to_attest
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown
from fcb_pipelines.domain.gate_rows import Placed, placed
from fcb_pipelines.domain.matching import DOUBLE_BILLED
from fcb_pipelines.domain.money import Money
from fcb_pipelines.domain.previews import previewed
from fcb_pipelines.domain.rows import Verdict


def _find(facts: GateFacts) -> Iterator[Objection]:
    unknown = set() if isinstance(facts.unknown_lines, NotKnown) else {line.line_key for line in facts.unknown_lines}
    for one in placed(facts):
        if one.instance.verdict is Verdict.UNEXPLAINED and not _is_named_elsewhere(one, unknown):
            yield _objection(one, _why(one), f"find the record that explains it, or  fcb accept {one.row.row_id}")
        elif one.instance.explanation.is_in_total and one.instance.verdict is Verdict.EXPLAINED and _is_doubtful(one, facts):
            why = "explained by the total of an invoice alone, which says nothing of one subscription"
            yield _objection(one, why, f"say what the invoice pays for (evidence line_reference), or  {_to_attest(one, facts)}")


def _is_named_elsewhere(one: Placed, unknown: set[str]) -> bool:
    """Whether a kind of its own says more of the same money."""
    is_twice = any(finding.cause == DOUBLE_BILLED for finding in one.instance.explanation.findings)
    return is_twice or (one.instance.expected is None and bool(one.lines) and unknown.issuperset(one.lines))


def _to_attest(one: Placed, facts: GateFacts) -> str:
    subject = of_charge(str(one.row.external_subscription_id), one.instance.charge)
    amounts = (str(amount) for subscription, charge, amount in _previews(facts) if of_charge(subscription, charge) == subject)
    return to_attest(facts, Statement.PREVIEW, subject, next(amounts, "AMOUNT"))


def _previews(facts: GateFacts) -> Iterator[tuple[str, str, Money]]:
    """What a person would sign for, by subscription and charge."""
    for plan, charge in facts.charges:
        amount = previewed(plan, charge)
        if amount is not None:
            yield plan.external_subscription_id, charge.charge, amount


def _is_doubtful(one: Placed, facts: GateFacts) -> bool:
    """Whether it is to go live, and nobody signed for exactly what Odoo will bill for this charge first."""
    subscription = one.row.external_subscription_id
    if facts.plan is not None and subscription not in {plan.external_subscription_id for plan in facts.planned}:
        return False
    return not any(
        facts.attested(Statement.PREVIEW, of_charge(each, charge), str(amount)) is not None
        for each, charge, amount in _previews(facts)
        if (each, charge) == (subscription, one.instance.charge)
    )


def _why(one: Placed) -> str:
    said = one.instance.explanation
    return "; ".join((*(finding.words for finding in said.findings), *said.missing)) or "no record says why"


def _objection(one: Placed, why: str, what_to_do: str) -> Objection:
    amount = abs(one.instance.difference) or one.instance.billed
    return Objection(
        id=KIND.id,
        scope=one.row.row_id,
        klass=Class.PROVEN,
        words=f"{amount} ({one.instance.charge}) of customer {one.row.external_user_id} is undecided in {one.period}: {why}",
        evidence=(one.row.row_id, *one.lines),
        since=one.instance.service_from,
        what_to_do=what_to_do,
    )


KIND = Kind(
    id="unexplained",
    asks="whether anything in a period that was reconciled is unexplained, ambiguous, or explained by a total alone",
    classes=(Class.PROVEN,),
    clears="a record that explains it and a new run, or an acceptance in force; of a total, a line reference or PREVIEW",
    find=_find,
)
