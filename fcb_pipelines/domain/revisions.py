"""Revisions: a period can be reconciled again at any time, and each time says what changed and why.

Owns: the published form of a row (the same for command line, pages and hashes), the content hash, the changes between two
revisions. Does not own: storage.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.money import Money, amount_text
from fcb_pipelines.domain.rows import Amounts, Explanation, Finding, Instance, Row

Published = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a revision was made from; same origin, same rows, byte for byte."""

    snapshot_id: int
    settings_hash: str
    rule_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """A row that is new, gone, or differs; fields hold before and after."""

    row_id: str
    change: str
    """`added`, `removed` or `changed`."""
    fields: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionChanges:
    """What differs from the revision before, and what in its origin may be why. Empty for the first."""

    because: tuple[str, ...]
    rows: tuple[RowChange, ...]

    def as_json(self) -> Published:
        """The form that is stored and shown."""
        rows = [{"row_id": row.row_id, "change": row.change, "fields": dict(row.fields)} for row in self.rows]
        return {"because": list(self.because), "rows": rows}


def published(row: Row, *, service: str, period: str, zone: ZoneInfo) -> Published:
    """A row as others read it: amounts as text with the currency's decimals, times ISO 8601 in the billing timezone.

    null is a side that is absent; "0.00" is one that is present and zero.
    """
    return {
        "row_id": row.row_id,
        "service": service,
        "period": period,
        "subscription": row.external_subscription_id,
        "partner": row.external_user_id,
        "currency": row.currency,
        "line_key": row.line_key,
        "external_invoice_ids": list(row.external_invoice_ids),
        "expected": _side(row.expected),
        "actual": _side(row.actual),
        "difference": _text(row.difference),
        "abs_difference": _text(row.abs_difference),
        "status": row.status.value,
        "verdict": row.verdict.value,
        "is_due": row.is_due,
        "causes": _causes(finding for one in row.instances for finding in one.explanation.findings),
        "remedy": row.remedy.value,
        "sentence": row.sentence,
        "instances": [_instance(instance, zone) for instance in row.instances],
        "evidence": [{"kind": one.kind, "reference": one.reference} for instance in row.instances for one in instance.evidence],
        "notes": list(row.notes),
    }


def content_hash(forms: Iterable[Published]) -> str:
    """SHA-256, in hex, of the list of the forms' hashes: rows by row id, so that each can be hashed where it is."""
    return hashlib.sha256(hash_list(forms).encode()).hexdigest()


def hash_list(forms: Iterable[Published]) -> str:
    """The hash of each form in hex, a line each."""
    return "".join(f"{form_hash(form).hex()}\n" for form in forms)


def form_hash(form: Published) -> bytes:
    """SHA-256 of a form's canonical text."""
    return hashlib.sha256(canonical_text(form).encode()).digest()


def canonical_text(form: Published) -> str:
    """The one way in which a form is written to be hashed: keys sorted, nothing blank, on one line."""
    return json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def changes(
    before: Sequence[Published] | None, after: Sequence[Published], origin_before: Origin | None, origin_after: Origin
) -> RevisionChanges:
    """What changed between two revisions of a period, row by row; nothing for the first one.

    Rows that are known to be alike in both may be left out of both.
    """
    if before is None or origin_before is None:
        return RevisionChanges(because=(), rows=())
    old, new = ({row["row_id"]: row for row in rows} for rows in (before, after))
    rows = [
        *(RowChange(row_id=key, change="added", fields={}) for key in new.keys() - old.keys()),
        *(RowChange(row_id=key, change="removed", fields={}) for key in old.keys() - new.keys()),
        *(
            RowChange(row_id=key, change="changed", fields=_differing(old[key], new[key]))
            for key in new.keys() & old.keys()
            if new[key] != old[key]
        ),
    ]
    return RevisionChanges(
        because=tuple(_because(origin_before, origin_after)), rows=tuple(sorted(rows, key=lambda row: row.row_id))
    )


def _differing(before: Published, after: Published) -> dict[str, tuple[Any, Any]]:
    return {name: (before.get(name), after[name]) for name in after if before.get(name) != after[name]}


def _because(before: Origin, after: Origin) -> Iterable[str]:
    if before.snapshot_id != after.snapshot_id:
        yield f"snapshot {before.snapshot_id} → {after.snapshot_id}"
    if before.settings_hash != after.settings_hash:
        yield "settings changed"
    if before.rule_version != after.rule_version:
        yield f"rule version {before.rule_version} → {after.rule_version}"


def _instance(instance: Instance, zone: ZoneInfo) -> Published:
    return {
        "charge": instance.charge,
        "service_from": _time(instance.service_from, zone),
        "service_to": _time(instance.service_to, zone),
        "due_at": _time(instance.due_at, zone),
        "expected": _side(instance.expected),
        "actual": _side(instance.actual),
        "difference": _text(instance.difference),
        "status": instance.status.value,
        "verdict": instance.verdict.value,
        "causes": _causes(instance.explanation.findings),
        "remedy": instance.explanation.remedy.value,
        **_explanation(instance.explanation),
        "notes": list(instance.notes),
    }


def _causes(findings: Iterable[Finding]) -> list[Published]:
    found = {(each.cause, each.remedy): {"cause": each.cause, "remedy": each.remedy.value} for each in findings}
    return [found[key] for key in sorted(found)]


def _explanation(explanation: Explanation) -> Published:
    return {
        "findings": [
            {
                "cause": each.cause,
                "remedy": each.remedy.value,
                "words": each.words,
                "references": list(each.references),
                "conventions": list(each.conventions),
                "family": each.family,
            }
            for each in explanation.findings
        ],
        "waterfall": [
            {"step": each.name, "words": each.words, "amount": _text(each.amount), "residual": _text(each.residual)}
            for each in explanation.waterfall
        ],
        "missing": list(explanation.missing),
        "suggestions": [
            {"words": each.words, "amount": _text(each.amount), "chance": each.chance} for each in explanation.suggestions
        ],
        "is_in_total": explanation.is_in_total,
        "successor": explanation.successor,
        "open_remedy": explanation.open_remedy.value,
        "settled_by": explanation.settled_by,
    }


def _side(side: Amounts | None) -> Published | None:
    if side is None:
        return None
    return {
        "net": _text(side.net),
        "tax": None if side.tax is None else _text(side.tax),
        "gross": None if side.gross is None else _text(side.gross),
    }


def _text(amount: Money) -> str:
    return amount_text(amount.amount, amount.currency)


def _time(moment: datetime | None, zone: ZoneInfo) -> str | None:
    return None if moment is None else time_text(moment, zone)


def time_text(moment: datetime, zone: ZoneInfo) -> str:
    """ISO 8601 in the billing timezone."""
    return moment.astimezone(zone).isoformat()
