"""Accepting: what a decision is bound to in a row, and which instances it decides.

Owns: the bindings, what an instance weighs, and the verdict `accepted`. Does not own: the records (acceptances), what needs a
second person (acceptance_limits).

Rows are read in their published form, which is what the person looked at. What is said about a row (verdicts, causes, notes)
binds nothing: a row is bound alike before and after it is accepted.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.acceptances import Acceptance, Decision, Kind, Reason, State, state
from fcb_pipelines.domain.money import ZERO, Money, total
from fcb_pipelines.domain.revisions import Published, published
from fcb_pipelines.domain.rows import Finding, Instance, Remedy, Row, Verdict

ACCEPTED_BY = "accepted: "
"""The note of an accepted instance: after this the id of the acceptance."""

_COMPARED = ("charge", "service_from", "service_to", "due_at", "expected", "actual")
_TERM_NOTES = frozenset(
    [
        "term_attested",
        "term_unknown_at",
        "in_trial",
        "internal",
        "free",
        "unrated",
        "usage_outside_life",
        "place_attested",
        "tax_undecided",
    ]
)
"""Notes of an instance that say which terms held (docs/rows.md)."""
_TERM_KEYS = ("plan", "price", "unit_price", "terms")
"""Keys of an instance that say what it was priced from, as far as they are published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """An instance that an acceptance decided."""

    acceptance_id: str
    kind: Kind
    reason: Reason
    row_id: str
    place: int
    """Which instance of the row, counted from 1."""
    charge: str
    amount: Money


def binding(row: Published, rule_version: str) -> str:
    """What a row acceptance is bound to: SHA-256 of the row's amounts, ranges and evidence, and of the rule version."""
    compared = [[instance[name] for name in _COMPARED] for instance in row["instances"]]
    evidence = [[one["kind"], one["reference"]] for one in row["evidence"]]
    whose = [row["row_id"], row["partner"], row["currency"]]
    return _digest([*whose, row["expected"], row["actual"], compared, evidence, rule_version])


def standing_binding(row: Published, instance: Published) -> str:
    """What a standing acceptance is bound to: SHA-256 of subscription, customer, charge, what is left (net and tax), and terms.

    The terms are what the expected side was priced from: its amounts, the notes that say which terms held, and plan and price
    where they are published.
    """
    whose = [row["subscription"], row["partner"], row["currency"], instance["charge"]]
    tax = _tax_difference(instance, row["currency"])
    return _digest([*whose, instance["difference"], str(tax), terms_digest(instance)])


def terms_digest(instance: Published) -> str:
    """What the expected side of an instance was priced from."""
    notes = sorted(note for note in instance["notes"] if note.partition(":")[0] in _TERM_NOTES)
    priced = {name: instance[name] for name in _TERM_KEYS if name in instance}
    return _digest([instance["expected"], notes, priced])


def weight(instance: Published, currency: str) -> Money:
    """What accepting an instance takes: the larger of |net difference| and |tax difference|, so that no tax goes unseen."""
    return max(abs(Money(Decimal(instance["difference"]), currency)), abs(_tax_difference(instance, currency)))


def amount_of(row: Published, places: Iterable[int]) -> Money:
    """What accepting some instances of a row takes."""
    return total((weight(row["instances"][place - 1], row["currency"]) for place in places), row["currency"])


def undecided(row: Published, taken: Collection[int]) -> tuple[int, ...]:
    """The instances that somebody has to decide: unexplained ones, and accepted ones whose acceptance no longer stands.

    `taken` are those that a standing decision has, whether it is in force or waits for its approval.
    """
    places = enumerate(row["instances"], start=1)
    return tuple(place for place, instance in places if _is_to_decide(instance) and place not in taken)


def _is_to_decide(instance: Published) -> bool:
    """Whether a person may decide it: undecided, signed for before, or explained and asking for something."""
    if instance["verdict"] in (Verdict.UNEXPLAINED, Verdict.ACCEPTED):
        return True
    is_asking = instance["open_remedy"] in (Remedy.FIX_MODEL, Remedy.FIX_SOURCE)
    return instance["verdict"] == Verdict.EXPLAINED and (is_asking or instance["settled_by"] is not None)


def shown(rows: Iterable[tuple[Published, Sequence[int], str]]) -> str:
    """What somebody looks at before they sign: SHA-256 of each row as it binds, and which instances are to be decided.

    Each row comes with those instances and the version of the rules; their order changes nothing.
    """
    return _digest(sorted([row["row_id"], binding(row, rules), list(places)] for row, places, rules in rows))


def places_of(acceptance: Acceptance, row: Published, rule_version: str) -> tuple[int, ...]:
    """Which instances of a row an acceptance is bound to; none where anything of it is not as it was signed."""
    if acceptance.decision.service != row["service"]:
        return ()
    if acceptance.decision.kind is Kind.ROW:
        is_bound = acceptance.row_id == row["row_id"] and acceptance.binding == binding(row, rule_version)
        return acceptance.places if is_bound else ()
    if row["line_key"] is not None or row["period"] < acceptance.period:
        return ()
    instances = enumerate(row["instances"], start=1)
    same = [place for place, instance in instances if _is_left(acceptance, row, instance)]
    # The same difference twice is not the one that was signed: it may be billed twice.
    return (same[0],) if len(same) == 1 else ()


def deciding(
    row: Published, acceptances: Iterable[Acceptance], *, rule_version: str, today: date, states: Collection[State]
) -> dict[int, Acceptance]:
    """Which acceptance in one of the states has which instance of a row; a row's own before standing ones, the older first."""
    found: dict[int, Acceptance] = {}
    for acceptance in sorted(acceptances, key=_order):
        places = places_of(acceptance, row, rule_version)
        if state(acceptance, is_bound=bool(places), today=today) in states:
            found |= {place: acceptance for place in places if place not in found}
    return found


def applied(
    rows: Sequence[Row],
    acceptances: Iterable[Acceptance],
    *,
    service: str,
    period: str,
    zone: ZoneInfo,
    rule_version: str,
    as_of: datetime,
) -> tuple[tuple[Row, ...], tuple[Applied, ...]]:
    """Rows with what is accepted as of a time, and by what; every other row is handed back as it is.

    Only an unexplained instance becomes accepted; of an explained one what it asks for is settled. Neither the order of rows
    nor that of acceptances changes anything.
    """
    today = as_of.astimezone(zone).date()
    subjects: dict[str | None, list[Acceptance]] = defaultdict(list)
    for one in acceptances:
        subjects[one.row_id if one.decision.kind is Kind.ROW else one.external_subscription_id].append(one)
    done: list[Row] = []
    decided: list[Applied] = []
    for row in rows:
        candidates = [*subjects.get(row.row_id, ()), *subjects.get(row.external_subscription_id, ())]
        if not candidates:
            done.append(row)
            continue
        form = published(row, service=service, period=period, zone=zone)
        by = deciding(form, candidates, rule_version=rule_version, today=today, states=(State.IN_FORCE,))
        by = {place: one for place, one in by.items() if _may_decide(row.instances[place - 1])}
        done.append(_accepted(row, by) if by else row)
        decided += [_applied(form, place, one) for place, one in sorted(by.items())]
    return tuple(done), tuple(decided)


def proposed(row: Published, decision: Decision, places: Sequence[int], rule_version: str) -> list[dict[str, Any]]:
    """The fields of the acceptances that a decision on some instances of a row makes, but for ids and exposure."""
    common = {
        "decision": decision,
        "period": row["period"],
        "row_id": row["row_id"],
        "external_subscription_id": row["subscription"],
        "external_user_id": row["partner"],
    }
    if decision.kind is Kind.ROW:
        whole = {"charge": None, "residual": None, "places": tuple(places), "binding": binding(row, rule_version)}
        return [{**common, **whole, "amount": amount_of(row, places)}]
    return [{**common, **_standing(row, place)} for place in places]


def _standing(row: Published, place: int) -> dict[str, Any]:
    instance = row["instances"][place - 1]
    return {
        "charge": instance["charge"],
        "residual": Money(Decimal(instance["difference"]), row["currency"]),
        "places": (place,),
        "binding": standing_binding(row, instance),
        "amount": amount_of(row, [place]),
    }


def _may_decide(instance: Instance) -> bool:
    is_asking = instance.explanation.open_remedy in (Remedy.FIX_MODEL, Remedy.FIX_SOURCE)
    return instance.verdict is Verdict.UNEXPLAINED or (instance.verdict is Verdict.EXPLAINED and is_asking)


def _accepted(row: Row, by: Mapping[int, Acceptance]) -> Row:
    instances = enumerate(row.instances, start=1)
    return replace(row, instances=tuple(_noted(each, by[place]) if place in by else each for place, each in instances))


def _noted(instance: Instance, acceptance: Acceptance) -> Instance:
    decision = acceptance.decision
    # Without references: what a decision is bound to must not change by the decision itself.
    words = f"accepted by {decision.author} ({decision.reason}): {' '.join(decision.text.split())}"
    finding = Finding(cause=decision.reason.value, remedy=decision.remedy, words=words)
    findings = (*instance.explanation.findings, finding)
    found = replace(instance.explanation, findings=findings, settled_by=acceptance.acceptance_id)
    notes = (*instance.notes, f"{ACCEPTED_BY}{acceptance.acceptance_id}")
    verdict = Verdict.ACCEPTED if instance.verdict is Verdict.UNEXPLAINED else instance.verdict
    return replace(instance, verdict=verdict, notes=notes, explanation=found)


def _applied(row: Published, place: int, acceptance: Acceptance) -> Applied:
    return Applied(
        acceptance_id=acceptance.acceptance_id,
        kind=acceptance.decision.kind,
        reason=acceptance.decision.reason,
        row_id=row["row_id"],
        place=place,
        charge=row["instances"][place - 1]["charge"],
        amount=amount_of(row, [place]),
    )


def _is_left(acceptance: Acceptance, row: Published, instance: Published) -> bool:
    return instance["charge"] == acceptance.charge and acceptance.binding == standing_binding(row, instance)


def _order(acceptance: Acceptance) -> tuple[bool, datetime, int, str]:
    given = acceptance.acceptance_id
    return acceptance.decision.kind is Kind.STANDING, acceptance.decision.made_at, len(given), given


def _tax_difference(instance: Published, currency: str) -> Money:
    """Expected − actual tax; what is absent or undecided counts as nothing."""
    expected, actual = ((instance[side] or {}).get("tax") for side in ("expected", "actual"))
    return Money(Decimal(expected or ZERO), currency) - Money(Decimal(actual or ZERO), currency)


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
