"""Billed too: what the source bills of what Odoo is about to bill, told before Odoo claims or invoices any of it.

Owns: the rule, and what a person settled of it. Does not own: what is raised once both bill it (guards), reading the source
(acts/billed_too).

The newest snapshot says it by itself for lines that name their subscription, charge and range. Of the others the newest
revisions tell what they were matched with.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fcb_pipelines.domain.alarms import NO_LONGER_SO, Alarm
from fcb_pipelines.domain.claims import Claim
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.guards import ChargeKey, Kind, Ranged, SourceBilled, bills, overlap


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the source billed."""

    source: Sequence[SourceBilled]
    """Its lines in the newest snapshot."""
    doubled: Sequence[Claim]
    """What its bills by the newest revisions could not claim, because Odoo had; each rests on its line."""
    settled: Collection[str]
    """Lines that a person said are settled."""


def settled_lines(alarms: Iterable[Alarm]) -> frozenset[str]:
    """The lines of which a person cleared the last alarm that they are billed twice; `alarms` are all, the oldest first."""
    last = {one.subject: one for one in alarms if one.kind is Kind.BILLED_TWICE}
    cleared = (one for one in last.values() if one.cleared_by not in (None, NO_LONGER_SO))
    return frozenset(line for one in cleared for line in one.evidence.get("source", ()))


def billed_too(due: Iterable[ExpectedLine], told: Told) -> Mapping[str, str]:
    """By subscription, why Odoo must not bill what is due now: the source does."""
    by = _by_charge(told)
    why: dict[str, str] = {}
    for one in due:
        for bill, words in by.get((one.external_subscription_id, one.charge), ()):
            if overlap(one, bill):
                day = one.service_from.date().isoformat()
                why.setdefault(one.external_subscription_id, f"its {one.charge} from {day} is billed by the source: {words}")
    return why


def _by_charge(told: Told) -> Mapping[ChargeKey, list[tuple[Ranged, str]]]:
    found: dict[ChargeKey, list[tuple[Ranged, str]]] = {}
    for key, bill, words in (*_by_snapshot(told), *_by_revision(told)):
        found.setdefault(key, []).append((bill, words))
    return found


def _by_snapshot(told: Told) -> Iterator[tuple[ChargeKey, Ranged, str]]:
    for key, bill in bills(told.source):
        if not set(bill.lines) <= set(told.settled):
            lines = ", ".join(bill.lines)
            words = f"{bill.net} ({lines}); have it given back there, then  fcb import, or settle its alarm:  fcb guard"
            yield key, bill, words


def _by_revision(told: Told) -> Iterator[tuple[ChargeKey, Ranged, str]]:
    """Of lines that still stand and do not say themselves what they bill; one that is void since is none any more."""
    untold = {one.line_key: one for one in told.source if not _tells(one)}
    for claim in told.doubled:
        line = untold.get(claim.reference)
        if line is not None and line.line_key not in told.settled:
            words = (
                f"{line.net} ({line.line_key}), as its month was last reconciled; have it given back there and run that again"
            )
            yield claim.charge_key, claim, words


def _tells(one: SourceBilled) -> bool:
    return None not in (one.external_subscription_id, one.charge, one.service_from, one.service_to)
