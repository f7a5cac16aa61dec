"""Claims: the source's bills claim first, then whoever wants to bill asks for what is left.

Owns: the acts `load_source`, `take` and `release`. Does not own: that no two claims overlap (store/claims, by the database),
which ranges are claimed (flip_plan), the journal (acts/flip).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import psycopg

from fcb_pipelines.domain.claims import Claim
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.services import Service
from fcb_pipelines.store import claims as stored
from fcb_pipelines.store import source_claims
from fcb_pipelines.store.claims import CarriedClaim, StoredClaim
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.source_claims import Loaded


def load_source(conn: Connection, service: Service, now: datetime) -> Loaded:
    """Let the bills of the source claim what they bill, by the newest revision of every period; again adds only what is new.

    What is claimed already by somebody else, or by another bill, is told and kept out. Claims whose bill is void, given back or
    otherwise now are released.
    """
    return source_claims.load(conn, service.code, now)


def take(conn: Connection, service: Service, wanted: Iterable[Claim], now: datetime) -> int:
    """Claim ranges, all or, by the caller's transaction, none; how many were not held already.

    Who claims the same charges at the same time waits until the caller's transaction ends. Raises `RuleViolation` that names
    the claim in the way.
    """
    claims = tuple(wanted)
    stored.lock(conn, service.code, claims)
    return sum(_taken(conn, service, claim, now) for claim in claims)


def _taken(conn: Connection, service: Service, claim: Claim, now: datetime) -> bool:
    try:
        with conn.transaction():
            return stored.add(conn, service.code, claim, now)
    except psycopg.errors.ExclusionViolation as error:
        other = stored.in_the_way(conn, service.code, claim)
        held = "another claim" if other is None else _words(other, service)
        raise RuleViolation(
            f"{claim.external_subscription_id}/{claim.charge} from {_day(claim.service_from, service)} to "
            f"{_day(claim.service_to, service)} cannot be billed by {claim.biller}: {held} is in the way; see  "
            f"fcb claims --subscription {claim.external_subscription_id}"
        ) from error


def release(
    conn: Connection, service: Service, reference: str, subscriptions: Sequence[str], *, by: str, now: datetime
) -> tuple[Claim, ...]:
    """Release the claims of some subscriptions that rest on a reference, such as a flip; which they were. `by` says who did."""
    return stored.release(conn, service.code, reference, subscriptions, by=by, now=now)


def take_carried(conn: Connection, service: Service, wanted: Iterable[CarriedClaim], now: datetime) -> None:
    """Claim lines outside the model; raises `RuleViolation` where another bills one of them."""
    for one in wanted:
        held = stored.add_carried(conn, service.code, one, now)
        if held.biller is not one.biller:
            raise RuleViolation(f"line {one.line_key} is billed by {held.biller} already ({held.reference})")


def _words(one: StoredClaim, service: Service) -> str:
    first, end = _day(one.service_from, service), _day(one.service_to, service)
    return f"the claim of {one.biller} from {first} to {end} ({one.reference})"


def _day(moment: datetime, service: Service) -> str:
    return moment.astimezone(service.zone).date().isoformat()
