"""Claims in our store: who bills a charge over a time, which the database lets only one do.

Owns: tables `claim_charge`, `claim`, `carried_claim`; the caller owns the transaction. Does not own: the claims that bills of
the source make (source_claims), who may claim what (acts).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredClaim:
    """A claim as it is kept, released or not."""

    claim_id: int
    external_subscription_id: str
    charge: str
    service_from: datetime
    service_to: datetime
    biller: str
    reference: str
    claimed_at: datetime
    released_at: datetime | None
    released_by: str | None

    @property
    def claim(self) -> Claim:
        """The claim itself."""
        return Claim(
            external_subscription_id=self.external_subscription_id,
            charge=self.charge,
            service_from=self.service_from,
            service_to=self.service_to,
            biller=Biller(self.biller),
            reference=self.reference,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedClaim:
    """Who bills what stands outside the model, by the line of the source."""

    line_key: str
    biller: Biller
    reference: str


NUMBER = """
    INSERT INTO claim_charge (service, external_subscription_id, charge) VALUES (%(service)s, %(subscription)s, %(charge)s)
    ON CONFLICT DO NOTHING
"""
LOCK = """
    SELECT FROM claim_charge WHERE service = %(service)s AND external_subscription_id = %(subscription)s AND charge = %(charge)s
       FOR UPDATE
"""
ADD = """
    INSERT INTO claim (claim_charge_id, service_range, biller, reference, claimed_at)
    SELECT claim_charge_id, tstzrange(%(start)s, %(end)s), %(biller)s, %(reference)s, %(now)s FROM claim_charge
     WHERE service = %(service)s AND external_subscription_id = %(subscription)s AND charge = %(charge)s
       AND NOT EXISTS (SELECT FROM claim AS same
                        WHERE same.claim_charge_id = claim_charge.claim_charge_id AND same.released_at IS NULL
                          AND same.service_range = tstzrange(%(start)s, %(end)s)
                          AND (same.biller, same.reference) = (%(biller)s, %(reference)s))
"""
SELECT = """
    SELECT claim_id, external_subscription_id, charge, lower(service_range) AS service_from, upper(service_range) AS service_to,
           biller, reference, claimed_at, released_at, released_by
      FROM claim JOIN claim_charge USING (claim_charge_id)
"""
IN_THE_WAY = f"""
    {SELECT} WHERE service = %(service)s AND external_subscription_id = %(subscription)s AND charge = %(charge)s
       AND released_at IS NULL AND service_range && tstzrange(%(start)s, %(end)s)
       AND NOT (service_range = tstzrange(%(start)s, %(end)s) AND biller = %(biller)s AND reference = %(reference)s)
     ORDER BY lower(service_range) LIMIT 1
"""
HELD = f"""
    {SELECT} WHERE service = %(service)s AND (released_at IS NULL OR %(with_released)s)
       AND (%(subscriptions)s::text[] IS NULL OR external_subscription_id = ANY(%(subscriptions)s))
     ORDER BY external_subscription_id COLLATE "C", charge COLLATE "C", service_range, claim_id
"""
RELEASE = """
    UPDATE claim SET released_at = %(now)s, released_by = %(by)s FROM claim_charge AS k
     WHERE k.claim_charge_id = claim.claim_charge_id AND k.service = %(service)s AND released_at IS NULL
       AND reference = %(reference)s AND k.external_subscription_id = ANY(%(subscriptions)s)
    RETURNING claim_id, external_subscription_id, charge, lower(service_range) AS service_from,
              upper(service_range) AS service_to, biller, reference, claimed_at, released_at, released_by
"""


def lock(conn: Connection, service: str, wanted: Collection[Claim]) -> None:
    """Keep others from claiming these charges until the transaction ends.

    Always in the same order, and before anything is added: two who add overlapping ranges at one moment would each wait for the
    other, which Postgres ends by an error for one of them.
    """
    for claim in {one.charge_key: one for one in sorted(wanted, key=lambda one: one.charge_key)}.values():
        given = _given(service, claim)
        conn.execute(NUMBER, given)
        conn.execute(LOCK, given)


def add(conn: Connection, service: str, claim: Claim, now: datetime) -> bool:
    """Keep a claim on a charge that is locked; False where the very same is held already.

    Another one on the same time of the charge raises `psycopg.errors.ExclusionViolation`.
    """
    return conn.execute(ADD, {**_given(service, claim), "now": now}).rowcount > 0


def in_the_way(conn: Connection, service: str, claim: Claim) -> StoredClaim | None:
    """The first claim that is held on any of the same time of the charge, but for the very same."""
    with conn.cursor(row_factory=class_row(StoredClaim)) as cursor:
        return cursor.execute(IN_THE_WAY, _given(service, claim)).fetchone()


def held(
    conn: Connection, service: str, subscriptions: Collection[str] | None = None, *, with_released: bool = False
) -> tuple[StoredClaim, ...]:
    """The claims of a service, or of some subscriptions, by subscription, charge and time."""
    only = None if subscriptions is None else list(subscriptions)
    with conn.cursor(row_factory=class_row(StoredClaim)) as cursor:
        return tuple(cursor.execute(HELD, {"service": service, "subscriptions": only, "with_released": with_released}))


def release(
    conn: Connection, service: str, reference: str, subscriptions: Sequence[str], *, by: str, now: datetime
) -> tuple[Claim, ...]:
    """Release the claims that rest on a reference, of some subscriptions; those that were released."""
    given = {"service": service, "reference": reference, "subscriptions": list(subscriptions), "by": by, "now": now}
    with conn.cursor(row_factory=class_row(StoredClaim)) as cursor:
        found = [one.claim for one in cursor.execute(RELEASE, given)]
    return tuple(sorted(found, key=lambda one: (one.charge_key, one.service_from)))


CHANGED = """
    SELECT count(*) FROM claim JOIN claim_charge USING (claim_charge_id)
     WHERE service = %(service)s AND biller = 'odoo' AND (claimed_at >= %(since)s OR released_at >= %(since)s)
"""


def changed_since(conn: Connection, service: str, since: datetime) -> int:
    """How many claims of Odoo were made or released from a moment on."""
    row = conn.execute(CHANGED, {"service": service, "since": since}).fetchone()
    return 0 if row is None else int(row[0])


ADD_CARRIED = """
    INSERT INTO carried_claim (service, line_key, biller, reference, claimed_at)
    VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
CARRIED = """
    SELECT line_key, biller, reference FROM carried_claim
     WHERE service = %s AND (%s::text IS NULL OR line_key = %s) ORDER BY line_key COLLATE "C"
"""


def add_carried(conn: Connection, service: str, one: CarriedClaim, now: datetime) -> CarriedClaim:
    """Claim a line outside the model; the claim that is held then, which is another's where that came first."""
    conn.execute(ADD_CARRIED, [service, one.line_key, one.biller, one.reference, now])
    (found,) = carried(conn, service, one.line_key)
    return found


def carried(conn: Connection, service: str, line_key: str | None = None) -> tuple[CarriedClaim, ...]:
    """Who bills which lines outside the model, or one of them."""
    rows = conn.execute(CARRIED, [service, line_key, line_key])
    return tuple(CarriedClaim(line_key=key, biller=Biller(biller), reference=reference) for key, biller, reference in rows)


def _given(service: str, claim: Claim) -> dict[str, object]:
    return {
        "service": service,
        "subscription": claim.external_subscription_id,
        "charge": claim.charge,
        "start": claim.service_from,
        "end": claim.service_to,
        "biller": claim.biller.value,
        "reference": claim.reference,
    }
