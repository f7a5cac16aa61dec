"""Revisions of a period's reconciliation, as they are read; none is ever changed or deleted.

Owns: reading tables `period_revision`, `reconciliation_row`, `reconciliation_instance`; the caller owns the transaction. Does
not own: writing them (new_revision).
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg.rows import class_row, dict_row

from fcb_pipelines.domain.money import Money
from fcb_pipelines.domain.revisions import Origin
from fcb_pipelines.domain.rows import Amounts, Instance, Reference, Row, Status, Verdict
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.explanations import read


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One reconciliation of one period, as it was signed into the store."""

    revision_id: int
    service: str
    period: str
    revision: int
    snapshot_id: int
    settings_hash: str
    rule_version: str
    content_hash: str
    made_at: datetime
    coverage: dict[str, Any]
    changes: dict[str, Any]

    @property
    def origin(self) -> Origin:
        """What it was made from."""
        return Origin(snapshot_id=self.snapshot_id, settings_hash=self.settings_hash, rule_version=self.rule_version)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyTotal:
    """All rows of a revision in one currency; an absent side counts as nothing."""

    currency: str
    expected_net: Decimal
    actual_net: Decimal
    difference: Decimal


COLUMNS = """revision_id, service, period, revision, snapshot_id, settings_hash, rule_version, content_hash, made_at,
             coverage, changes"""
LATEST = f"""
    SELECT DISTINCT ON (period) {COLUMNS} FROM period_revision
     WHERE service = %(service)s AND (%(period)s::text IS NULL OR period = %(period)s)
     ORDER BY period, revision DESC
"""  # noqa: S608 - the column list is ours


def latest_revisions(conn: Connection, service: str, period: str | None = None) -> tuple[Revision, ...]:
    """The newest revision of each period that has one, or of the one period asked for, by period."""
    with conn.cursor(row_factory=class_row(Revision)) as cursor:
        return tuple(cursor.execute(LATEST, {"service": service, "period": period}))


SELECT_ROWS = """
    SELECT row_id, external_subscription_id, external_user_id, currency, line_key, external_invoice_ids, notes
      FROM reconciliation_row WHERE revision_id = %(revision_id)s AND row_id COLLATE "C" > %(after)s
     ORDER BY row_id COLLATE "C" LIMIT %(most)s
"""
SELECT_INSTANCES = """
    SELECT row_id, charge, service_from, service_to, due_at, currency, expected_net, expected_tax, expected_gross, actual_net,
           actual_tax, actual_gross, status, verdict, is_due, billed, notes, evidence, explanation
      FROM reconciliation_instance
     WHERE revision_id = %(revision_id)s AND row_id = ANY(%(row_ids)s)
     ORDER BY row_id, ordinal
"""


def rows(conn: Connection, revision_id: int, *, after: str = "", most: int | None = None) -> tuple[Row, ...]:
    """The rows of a revision with their instances, by row id; all, or so many of those after a row id."""
    given = {"revision_id": revision_id, "after": after, "most": most}
    with conn.cursor(row_factory=dict_row) as cursor:
        records = cursor.execute(SELECT_ROWS, given).fetchall()
    return with_instances(conn, revision_id, records)


def with_instances(conn: Connection, revision_id: int, records: Sequence[dict[str, Any]]) -> tuple[Row, ...]:
    """Rows of a revision with their instances, in the order of the records that are given of them."""
    instances: dict[str, list[Instance]] = {}
    given = {"revision_id": revision_id, "row_ids": [record["row_id"] for record in records]}
    with conn.cursor(row_factory=dict_row) as cursor:
        for record in cursor.execute(SELECT_INSTANCES, given):
            instances.setdefault(record.pop("row_id"), []).append(_instance(record))
    return tuple(
        Row(
            **{
                **record,
                "external_invoice_ids": tuple(record["external_invoice_ids"]),
                "notes": tuple(record["notes"]),
                "instances": tuple(instances.get(record["row_id"], [])),
            }
        )
        for record in records
    )


SELECT_NAMED = """
    SELECT row_id, external_subscription_id, external_user_id, currency, line_key, external_invoice_ids, notes
      FROM reconciliation_row WHERE revision_id = %(revision_id)s AND row_id = ANY(%(row_ids)s) ORDER BY row_id COLLATE "C"
"""


def rows_named(conn: Connection, revision_id: int, row_ids: Sequence[str]) -> tuple[Row, ...]:
    """Some rows of a revision, by row id; those that it does not have are left out."""
    with conn.cursor(row_factory=dict_row) as cursor:
        records = cursor.execute(SELECT_NAMED, {"revision_id": revision_id, "row_ids": list(row_ids)}).fetchall()
    return with_instances(conn, revision_id, records)


APART = """
    SELECT row_id, external_subscription_id, external_user_id, currency, line_key, external_invoice_ids, notes
      FROM reconciliation_row WHERE revision_id = %(revision_id)s AND verdict NOT IN ('match', 'nothing_due')
     ORDER BY row_id COLLATE "C"
"""
AGREED = """
    SELECT currency, sum(actual_net) FROM reconciliation_row
     WHERE revision_id = %s AND verdict IN ('match', 'nothing_due') AND actual_net IS NOT NULL GROUP BY currency
"""


def rows_apart(conn: Connection, revision_id: int) -> tuple[Row, ...]:
    """The rows of a revision of which something does not agree, by row id."""
    with conn.cursor(row_factory=dict_row) as cursor:
        records = cursor.execute(APART, {"revision_id": revision_id}).fetchall()
    return with_instances(conn, revision_id, records)


def agreed(conn: Connection, revision_id: int) -> dict[str, Decimal]:
    """Currency → Σ net that was billed by all other rows; as much was expected."""
    return {row[0]: row[1] for row in conn.execute(AGREED, [revision_id])}


TO_REMEDY = """
    SELECT row_id, external_subscription_id, external_user_id, currency, line_key, external_invoice_ids, notes
      FROM reconciliation_row AS found
     WHERE revision_id = %(revision_id)s
       AND EXISTS (SELECT FROM reconciliation_instance AS one
                    WHERE one.revision_id = found.revision_id AND one.row_id = found.row_id AND remedy <> 'none')
     ORDER BY row_id COLLATE "C"
"""


def rows_to_remedy(conn: Connection, revision_id: int) -> tuple[Row, ...]:
    """The rows of a revision that still ask for something."""
    with conn.cursor(row_factory=dict_row) as cursor:
        records = cursor.execute(TO_REMEDY, {"revision_id": revision_id}).fetchall()
    return with_instances(conn, revision_id, records)


TOTALS = """
    SELECT currency, coalesce(sum(expected_net), 0) AS expected_net, coalesce(sum(actual_net), 0) AS actual_net,
           sum(difference) AS difference
      FROM reconciliation_row WHERE revision_id = %s GROUP BY currency ORDER BY currency
"""


def totals(conn: Connection, revision_id: int) -> tuple[CurrencyTotal, ...]:
    """The rows of a revision summed, each currency by itself."""
    with conn.cursor(row_factory=class_row(CurrencyTotal)) as cursor:
        return tuple(cursor.execute(TOTALS, [revision_id]))


COUNT_BY_STATUS = """
    SELECT v.period, r.status, count(*)
      FROM reconciliation_row r JOIN period_revision v USING (revision_id)
     WHERE revision_id = ANY(%s) GROUP BY v.period, r.status
"""


def counts_by_status(conn: Connection, revision_ids: Sequence[int]) -> dict[str, Counter[Status]]:
    """Rows per status for each period of the revisions."""
    counts: dict[str, Counter[Status]] = defaultdict(Counter)
    for period, status, count in conn.execute(COUNT_BY_STATUS, [list(revision_ids)]):
        counts[period][Status(status)] = count
    return counts


COUNT_BY_VERDICT = """
    SELECT v.period, r.verdict, count(*)
      FROM reconciliation_row r JOIN period_revision v USING (revision_id)
     WHERE revision_id = ANY(%s) GROUP BY v.period, r.verdict
"""


def counts_by_verdict(conn: Connection, revision_ids: Sequence[int]) -> dict[str, Counter[Verdict]]:
    """Rows per verdict for each period of the revisions."""
    counts: dict[str, Counter[Verdict]] = defaultdict(Counter)
    for period, verdict, count in conn.execute(COUNT_BY_VERDICT, [list(revision_ids)]):
        counts[period][Verdict(verdict)] = count
    return counts


COUNT_TO_REMEDY = """
    SELECT v.period, count(*)
      FROM reconciliation_instance i JOIN period_revision v USING (revision_id)
     WHERE revision_id = ANY(%s) AND remedy <> 'none' GROUP BY v.period
"""


def counts_to_remedy(conn: Connection, revision_ids: Sequence[int]) -> Counter[str]:
    """Instances that still ask for something, for each period of the revisions."""
    return Counter(dict(conn.execute(COUNT_TO_REMEDY, [list(revision_ids)])))


def _instance(record: dict[str, Any]) -> Instance:
    currency = record["currency"]
    sides = {name: _side(name, record, currency) for name in ("expected", "actual")}
    return Instance(
        **{
            **record,
            **sides,
            "status": Status(record["status"]),
            "verdict": Verdict(record["verdict"]),
            "billed": Money(record["billed"], currency),
            "notes": tuple(record["notes"]),
            "evidence": tuple(Reference(**one) for one in record["evidence"]),
            "explanation": read(record["explanation"], currency),
        }
    )


def _side(name: str, record: dict[str, Any], currency: str) -> Amounts | None:
    net, tax, gross = (record.pop(f"{name}_{part}") for part in ("net", "tax", "gross"))
    if net is None:
        return None
    return Amounts(
        net=Money(net, currency),
        tax=None if tax is None else Money(tax, currency),
        gross=None if gross is None else Money(gross, currency),
    )
