"""What an auditor needs beside the rows of a revision: the rows of the source that they rest on, and what people said.

Owns: the act `dossier`, and which rows of the snapshot belong to a report. Does not own: how they are filed (report/archive).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fcb_pipelines.acts.report import Base
from fcb_pipelines.domain.carried import Successor
from fcb_pipelines.domain.rows import Row
from fcb_pipelines.store import snapshots, successors
from fcb_pipelines.store.database import Connection

SourceRow = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """What belongs to a report beside its rows."""

    snapshot_hash: str
    """Of everything that the snapshot holds."""
    source: Mapping[str, tuple[SourceRow, ...]]
    """The snapshot's rows that the report rests on, by entity."""
    successors: tuple[Successor, ...]
    """Who bills what is carried of its customers after the flip, as last said."""


def dossier(conn: Connection, base: Base) -> Dossier:
    """The rows of the source that a report rests on."""
    snapshot_id, code = base.revision.snapshot_id, base.service.code
    header = snapshots.snapshot(conn, code, snapshot_id)
    wanted = _wanted(base)
    found = {
        entity: tuple(
            row for external_id, row in snapshots.identified_rows(conn, snapshot_id, entity) if takes(external_id, row)
        )
        for entity, takes in wanted.items()
    }
    customers = {row.external_user_id for row in base.rows}
    said = successors.successors(conn, code)
    return Dossier(
        snapshot_hash="" if header is None else header.content_hash,
        source={entity: rows for entity, rows in found.items() if rows},
        successors=tuple(said[item] for item in sorted(said) if item[0] in customers),
    )


def _wanted(base: Base) -> Mapping[str, Callable[[str, SourceRow], bool]]:
    """Which rows of each entity: those that a row is about, is billed by, or names as its evidence."""
    shown = [row for row in base.rows if row.instances]
    subscriptions = {row.external_subscription_id for row in shown}
    customers, invoices = {row.external_user_id for row in shown}, _invoices(shown)
    references = {each for row in shown for one in row.instances for f in one.explanation.findings for each in f.references}
    plans = {one.partition("/")[2] for one in references if one.startswith("plans/")}
    subjects = {*subscriptions, *customers, *invoices, *plans}
    return {
        "users": lambda external_id, _row: external_id in customers,
        "plans": lambda external_id, _row: external_id in plans,
        "subscriptions": lambda external_id, _row: external_id in subscriptions,
        "invoices": lambda external_id, _row: external_id in invoices,
        "evidence": lambda _id, row: row.get("reference") in references or row.get("subject_id") in subjects,
        "history": lambda _id, row: row.get("subject_id") in subjects,
        "billing_state": lambda external_id, _row: external_id in subscriptions,
    }


def _invoices(rows: list[Row]) -> set[str]:
    named = {invoice for row in rows for invoice in row.external_invoice_ids}
    lines = {each.reference.rpartition("/")[0] for row in rows for one in row.instances for each in one.evidence}
    return named | lines
