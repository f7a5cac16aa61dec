"""The claims that the bills of the source make.

Owns: filling table `claim` from the newest revision of every period, as a whole; the caller owns the transaction. Does not own:
claims of anybody else (claims), what a line bills (domain/actual).

An instance with an actual side claims the ranges of the lines that bill it, the flat price and usage each by itself. A line
without a range claims nothing and is told, and so does an instance of which all was given back.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.store.database import Connection, in_bulk

GIVEN_BACK = "the source: its bill is void, given back or otherwise now"
"""Who releases a claim whose line no longer stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubleBilled:
    """A bill of the source for what is claimed already."""

    wanted: Claim
    in_the_way: Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What the bills of the source claim."""

    added: int
    kept: int
    """Held before."""
    released: tuple[Claim, ...]
    double_billed: tuple[DoubleBilled, ...]
    without_range: tuple[str, ...]
    """Lines that claim nothing because they have no range."""


REFERRED: LiteralString = """
    CREATE TEMPORARY TABLE referred ON COMMIT DROP AS
    WITH newest AS (
        SELECT DISTINCT ON (period) revision_id, period FROM period_revision WHERE service = %(service)s
         ORDER BY period, revision DESC
    )
    SELECT newest.period, i.revision_id, i.row_id, i.ordinal AS instance, i.charge, e.reference AS line_key
      FROM newest JOIN reconciliation_instance AS i USING (revision_id)
     CROSS JOIN LATERAL jsonb_to_recordset(i.evidence) AS e (kind text, reference text)
     WHERE i.actual_net IS NOT NULL AND e.kind = 'invoice_line'
       AND (i.due_at IS NOT NULL OR NOT i.charge = ANY(%(kinds)s))
"""
BILLED: LiteralString = """
    CREATE TEMPORARY TABLE billed_line ON COMMIT DROP AS
    SELECT r.external_subscription_id, i.charge, i.revision_id, i.row_id, i.instance, i.line_key,
           a.kind, a.net, a.issued_at, a.service_from, a.service_to
      FROM referred AS i
      JOIN reconciliation_row AS r USING (revision_id, row_id)
      JOIN actual_line AS a
        ON a.service = %(service)s AND a.period = i.period AND a.external_invoice_id || '/' || a.ordinal = i.line_key
     WHERE r.external_subscription_id IS NOT NULL AND a.counts
"""
WANTED: LiteralString = """
    CREATE TEMPORARY TABLE wanted ON COMMIT DROP AS
    SELECT claim_charge_id, service_range, reference, row_number() OVER (ORDER BY first_at, reference) AS place
      FROM (SELECT external_subscription_id, charge, min(issued_at) AS first_at,
                   (array_agg(line_key ORDER BY issued_at DESC, line_key DESC) FILTER (WHERE net >= 0))[1] AS reference,
                   tstzrange(min(service_from) FILTER (WHERE net >= 0), max(service_to) FILTER (WHERE net >= 0))
                       AS service_range
              FROM billed_line
             WHERE service_from IS NOT NULL AND kind <> 'discount'
             GROUP BY external_subscription_id, charge, revision_id, row_id, instance
            HAVING bool_or(net >= 0) AND (sum(net) > 0 OR bool_and(net >= 0))) AS found
      JOIN claim_charge USING (external_subscription_id, charge) WHERE service = %(service)s
"""
NUMBERS = """
    INSERT INTO claim_charge (service, external_subscription_id, charge)
    SELECT DISTINCT %(service)s, external_subscription_id, charge FROM billed_line WHERE service_from IS NOT NULL
    ON CONFLICT DO NOTHING
"""
HELD = """
    CREATE TEMPORARY TABLE held ON COMMIT DROP AS
    SELECT claim_id, claim_charge_id, service_range, biller, reference,
           EXISTS (SELECT FROM flip WHERE flip_id = claim.reference) AS is_of_flip
      FROM claim JOIN claim_charge USING (claim_charge_id) WHERE service = %(service)s AND released_at IS NULL
"""
STALE = """
    WITH stale AS (
        DELETE FROM held WHERE biller = 'source' AND NOT is_of_flip
           AND NOT EXISTS (SELECT FROM wanted WHERE wanted.claim_charge_id = held.claim_charge_id
                              AND wanted.service_range = held.service_range AND wanted.reference = held.reference)
        RETURNING claim_id
    )
    UPDATE claim SET released_at = %(now)s, released_by = %(by)s FROM stale, claim_charge AS k
     WHERE claim.claim_id = stale.claim_id AND k.claim_charge_id = claim.claim_charge_id
    RETURNING external_subscription_id, charge, lower(service_range), upper(service_range), biller, reference
"""
KEPT = """
    DELETE FROM wanted USING held
     WHERE held.claim_charge_id = wanted.claim_charge_id AND held.biller = 'source'
       AND (held.service_range = wanted.service_range AND held.reference = wanted.reference
            OR held.is_of_flip AND held.service_range @> wanted.service_range)
"""
IN_THE_WAY = """
    WITH standing AS (
        SELECT claim_charge_id, service_range, biller, reference, 0 AS place FROM held
         UNION ALL SELECT claim_charge_id, service_range, 'source', reference, place FROM wanted
    ), refused AS (
        SELECT DISTINCT ON (w.place) w.place, s.service_range, s.biller, s.reference
          FROM wanted AS w JOIN standing AS s USING (claim_charge_id)
         WHERE s.place < w.place AND s.service_range && w.service_range ORDER BY w.place, s.place, s.service_range
    ), gone AS (
        DELETE FROM wanted AS w USING refused AS r WHERE r.place = w.place
        RETURNING w.claim_charge_id, w.service_range AS wanted_range, w.reference AS wanted_reference,
                  r.service_range, r.biller, r.reference
    )
    SELECT external_subscription_id, charge, lower(wanted_range), upper(wanted_range), wanted_reference,
           lower(service_range), upper(service_range), biller, reference
      FROM gone JOIN claim_charge USING (claim_charge_id)
     ORDER BY external_subscription_id COLLATE "C", charge COLLATE "C", wanted_range
"""
ADD = """
    INSERT INTO claim (claim_charge_id, service_range, biller, reference, claimed_at)
    SELECT claim_charge_id, service_range, 'source', reference, %(now)s FROM wanted ORDER BY claim_charge_id, service_range
"""
WITHOUT_RANGE = """
    SELECT DISTINCT line_key FROM billed_line WHERE service_from IS NULL ORDER BY line_key
"""


def load(conn: Connection, service: str, now: datetime) -> Loaded:
    """Claim what the newest revisions say that the source billed.

    Others who claim at the same time wait until the caller's transaction ends, so that nothing here meets what it did not see.
    """
    conn.execute("LOCK TABLE claim_charge, claim IN SHARE ROW EXCLUSIVE MODE")
    given = {"service": service, "now": now, "by": GIVEN_BACK, "kinds": [kind.value for kind in LineKind]}
    with in_bulk(conn):
        for name, statement in (
            ("referred", REFERRED),
            ("billed_line", BILLED),
            ("", NUMBERS),
            ("wanted", WANTED),
            ("held", HELD),
        ):
            conn.execute(statement, given)
            if name:
                conn.execute(f"ANALYZE {name}".encode())
        released = tuple(_claim(row) for row in conn.execute(STALE, given))
        kept = conn.execute(KEPT).rowcount
        double_billed = tuple(_double(row) for row in conn.execute(IN_THE_WAY))
        without_range = tuple(row[0] for row in conn.execute(WITHOUT_RANGE))
        added = conn.execute(ADD, given).rowcount
    for name in ("referred", "billed_line", "wanted", "held"):
        conn.execute(f"DROP TABLE {name}".encode())
    return Loaded(
        added=added, kept=kept, released=released, double_billed=double_billed, without_range=tuple(sorted(without_range))
    )


def _double(row: tuple[Any, ...]) -> DoubleBilled:
    subscription, charge, start, end, reference, *other = row
    return DoubleBilled(
        wanted=_claim((subscription, charge, start, end, Biller.SOURCE, reference)),
        in_the_way=_claim((subscription, charge, *other)),
    )


def _claim(row: tuple[Any, ...]) -> Claim:
    subscription, charge, start, end, biller, reference = row
    return Claim(
        external_subscription_id=subscription,
        charge=charge,
        service_from=start,
        service_to=end,
        biller=Biller(biller),
        reference=reference,
    )
