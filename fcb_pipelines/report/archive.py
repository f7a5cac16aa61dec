"""The auditor's archive: everything behind a report in one file, and how to verify it with tools that every machine has.

Owns: which entries there are, their bytes, and the manifest. Does not own: which rows of the source belong to a report
(acts/report_evidence), the pages. The same revision with the same signatures gives the same bytes: entries are sorted, stored
without compression, and have one fixed time.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from fcb_pipelines.acts.acceptances import Listed
from fcb_pipelines.acts.report_evidence import Dossier
from fcb_pipelines.domain.acceptances import Signature
from fcb_pipelines.domain.carried import Successor
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.money import Money, amount_text
from fcb_pipelines.domain.revisions import canonical_text, hash_list
from fcb_pipelines.report import export
from fcb_pipelines.report.view import View

MANIFEST = "MANIFEST.sha256"
HASHES = "rows.sha256"
_TIME = (1980, 1, 1, 0, 0, 0)
"""The first that the format knows."""
_README = """{service} {period}, revision {revision}: what the dual run found, and everything that it rests on.

VERIFY
  sha256sum --check MANIFEST.sha256      no file was changed since the archive was made
  sha256sum rows.sha256                  is content_hash in revision.json: these are the hashes of the revision's rows
  while IFS= read -r row; do printf %s "$row" | sha256sum | cut -c -64; done < rows.canonical.jsonl | cmp - rows.sha256
                                         says nothing: the rows are those that were hashed
  sha256sum settings.json                is settings_hash in revision.json: the rules are those it was made under
An archive of the same revision with the same signatures has the same bytes, so that the SHA-256 of the archive can be kept and
compared. Our audit log, which has each act of a person, proves itself with  fcb audit verify.

FILES
  revision.json              what the revision was made from (snapshot, settings, rule version) and what stands against it
  rows.canonical.jsonl       the rows, one a line, keys sorted and nothing blank: what is hashed
  rows.sha256                the hash of each row, one a line
  rows.json, rows.csv        the same to read; a text in the CSV that would be a formula has an apostrophe before it
  settings.json              the reviewed rules and taxes, no secret among them
  evidence/*.json            rows of the source as the snapshot has them, by entity
  signatures/acceptances.json    what people accepted, who approved it and who took it back
  signatures/successors.json     who bills after the flip what is carried
Amounts are text, never numbers; times are ISO 8601. A difference is expected - billed; null is a side that is absent.
"""


def archive(view: View, dossier: Dossier, rules: str) -> bytes:
    """The archive; `rules` are the reviewed rules as text.

    Raises `RuleViolation` where the rules, or the form of rows, are no longer those of the revision: nobody could verify it.
    """
    entries = dict(_entries(view, dossier, rules))
    _require_verifiable(view, entries)
    entries[MANIFEST] = "".join(f"{_sha256(entries[name])}  {name}\n" for name in sorted(entries)).encode()
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as file:
        for name in sorted(entries):
            entry = zipfile.ZipInfo(name, _TIME)
            # As on Linux, wherever it is made: a file that its owner may write and others may read.
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            file.writestr(entry, entries[name])
    return written.getvalue()


def name_of(view: View, ending: str) -> str:
    """What a file of the report is called: `nexacloud-2026-05-r2.zip`."""
    revision = view.shape.base.revision
    return f"{revision.service}-{revision.period}-r{revision.revision}.{ending}"


def _entries(view: View, dossier: Dossier, rules: str) -> Iterable[tuple[str, bytes]]:
    base = view.shape.base
    rows = export.rows(base)
    objections = [{"against": one.against.value, "count": one.count} for one in view.judged.objections]
    header = {**export.header(base), "snapshot_hash": dossier.snapshot_hash, "objections": objections}
    told = export.header(base)
    yield "README.txt", _README.format(**{name: told[name] for name in ("service", "period", "revision")}).encode()
    yield "revision.json", export.written(header)
    yield "rows.canonical.jsonl", "".join(f"{canonical_text(row)}\n" for row in rows).encode()
    yield HASHES, hash_list(rows).encode()
    yield "rows.json", export.written(rows)
    yield "rows.csv", export.as_csv(base)
    yield "settings.json", rules.encode()
    yield "signatures/acceptances.json", export.written([_acceptance(one) for one in view.material.signed])
    yield "signatures/successors.json", export.written([_successor(one) for one in dossier.successors])
    for entity, found in dossier.source.items():
        yield f"evidence/{entity}.json", export.written(list(found))


def _require_verifiable(view: View, entries: Mapping[str, bytes]) -> None:
    revision = view.shape.base.revision
    again = f"run the period again:  fcb run --service {revision.service} --period {revision.period}"
    if _sha256(entries["settings.json"]) != revision.settings_hash:
        raise RuleViolation(f"the reviewed rules are no longer those of revision {revision.revision}: {again}")
    if _sha256(entries[HASHES]) != revision.content_hash:
        raise RuleViolation(f"revision {revision.revision} was made by another version, which wrote rows otherwise: {again}")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _acceptance(listed: Listed) -> dict[str, Any]:
    one, decision = listed.acceptance, listed.acceptance.decision
    return {
        "id": one.acceptance_id,
        "decision": decision.decision_id,
        "kind": decision.kind.value,
        "state": listed.state.value,
        "row_id": one.row_id,
        "charge": one.charge,
        "instances": list(one.places),
        "currency": one.amount.currency,
        "amount": _text(one.amount),
        "residual": None if one.residual is None else _text(one.residual),
        "reason": decision.reason.value,
        "text": decision.text,
        "bears": decision.bearer.value,
        "expires_on": decision.expires_on.isoformat(),
        "author": decision.author,
        "made_at": _time(decision.made_at),
        "needs_approval": decision.needs_approval,
        "approval": _signature(decision.approval),
        "withdrawal": _signature(one.withdrawal),
        "binding": one.binding,
    }


def _signature(one: Signature | None) -> dict[str, str] | None:
    return None if one is None else {"by": one.person, "at": _time(one.at), "text": one.text}


def _successor(one: Successor) -> dict[str, Any]:
    return {
        "partner": one.external_user_id,
        "item": one.item,
        "heir": one.heir.value,
        "owner": one.owner,
        "ended_on": None if one.ended_on is None else one.ended_on.isoformat(),
        "text": one.text,
        "author": one.author,
        "made_at": _time(one.made_at),
    }


def _text(amount: Money) -> str:
    return amount_text(amount.amount, amount.currency)


def _time(moment: datetime) -> str:
    return moment.isoformat()
