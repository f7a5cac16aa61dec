"""Flips in our store: what was planned, who armed it, and which subscriptions are live.

Owns: tables `flip`, `flip_subscription`, `flip_arming`, `flip_approval`; the caller owns the transaction. Does not own: the
journal (journal), the rules (domain/flip, domain/arming).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from fcb_pipelines.domain.acceptances import Signature
from fcb_pipelines.domain.arming import Arming, Stake
from fcb_pipelines.domain.flip import Part, Step, course, is_in_odoo, is_under_way, state
from fcb_pipelines.domain.flip_plans import FlipPlan
from fcb_pipelines.domain.live import Live
from fcb_pipelines.domain.records_json import as_json, read
from fcb_pipelines.store import journal
from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFlip:
    """A plan as it was stored; it never changes."""

    flip_id: str
    service: str
    plan: FlipPlan
    plan_hash: str
    planned_at: datetime
    planned_by: str
    ended_at: datetime | None = None

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Those of its cohort."""
        return tuple(one.external_subscription_id for one in self.plan.subscriptions)


LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
ADD = """
    INSERT INTO flip (flip_id, service, plan, plan_hash, planned_at, planned_by)
    VALUES (%(flip_id)s, %(service)s, %(plan)s, %(plan_hash)s, %(planned_at)s, %(planned_by)s)
    ON CONFLICT (flip_id) DO NOTHING
"""
ADD_SUBSCRIPTION = "INSERT INTO flip_subscription (flip_id, external_subscription_id) VALUES (%s, %s)"
FLIPS = "SELECT flip_id, service, plan, plan_hash, planned_at, planned_by, ended_at FROM flip WHERE service = %s"
ONE = f"{FLIPS} AND flip_id = %s"
HELD = f"{ONE} FOR UPDATE"
ALL = f"{FLIPS} ORDER BY planned_at, flip_id"
END = "UPDATE flip SET ended_at = %s WHERE flip_id = %s"
ARM = """
    INSERT INTO flip_arming (flip_id, act, person, secret_made_by, count, amounts, armed_at, expires_at, needs_approval)
    VALUES (%(flip_id)s, %(act)s, %(person)s, %(secret_made_by)s, %(count)s, %(amounts)s, %(armed_at)s, %(expires_at)s,
            %(needs_approval)s)
    RETURNING arming_id
"""
ARMINGS = """
    SELECT a.*, ok.person AS approver, ok.at AS approved_at
      FROM flip_arming a LEFT JOIN flip_approval ok USING (arming_id)
     WHERE a.flip_id = %s ORDER BY a.arming_id
"""
APPROVE = "INSERT INTO flip_approval (arming_id, person, at) VALUES (%s, %s, %s)"
ELSEWHERE = """
    SELECT s.external_subscription_id, f.flip_id
      FROM flip f JOIN flip_subscription s USING (flip_id)
     WHERE f.service = %(service)s AND f.flip_id <> %(flip_id)s AND s.external_subscription_id = ANY(%(subscriptions)s)
       AND f.ended_at IS NULL
       AND (EXISTS (SELECT 1 FROM flip_journal j WHERE j.flip_id = f.flip_id AND j.phase = 'before')
            OR EXISTS (SELECT 1 FROM flip_arming a WHERE a.flip_id = f.flip_id AND a.expires_at > %(now)s))
     ORDER BY f.flip_id, s.external_subscription_id
"""
ARMED = """
    SELECT DISTINCT s.external_subscription_id
      FROM flip f JOIN flip_subscription s USING (flip_id) JOIN flip_arming a USING (flip_id)
     WHERE f.service = %(service)s AND f.ended_at IS NULL AND a.act = 'flip' AND a.expires_at > %(now)s
"""


def lock(conn: Connection, service: str) -> None:
    """Let one at a time arm and begin flips of a service until the transaction ends, so that each sees what others began."""
    conn.execute(LOCK, [f"flips/{service}"])


def add(conn: Connection, flip: StoredFlip) -> bool:
    """Store a plan; whether it is new. The same plan, by its id, is stored once."""
    given = {
        "flip_id": flip.flip_id,
        "service": flip.service,
        "plan": Jsonb(as_json(flip.plan)),
        "plan_hash": flip.plan_hash,
        "planned_at": flip.planned_at,
        "planned_by": flip.planned_by,
    }
    with conn.cursor() as cursor:
        if cursor.execute(ADD, given).rowcount != 1:
            return False
        cursor.executemany(ADD_SUBSCRIPTION, [(flip.flip_id, one) for one in flip.subscriptions])
    return True


def flip(conn: Connection, service: str, flip_id: str, *, is_held: bool = False) -> StoredFlip | None:
    """A plan of a service by its id, or None; `is_held` keeps it from others until the transaction ends."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(HELD if is_held else ONE, [service, flip_id]).fetchone()
    return None if row is None else _flip(row)


def flips(conn: Connection, service: str) -> tuple[StoredFlip, ...]:
    """Every plan of a service, the first first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(map(_flip, cursor.execute(ALL, [service])))


def end(conn: Connection, flip_id: str, at: datetime | None) -> None:
    """Note when a flip came to its end; None where it goes on, as an unflip of one that was complete does."""
    conn.execute(END, [at, flip_id])


def elsewhere(
    conn: Connection, service: str, flip_id: str, subscriptions: Collection[str], now: datetime
) -> tuple[tuple[str, str], ...]:
    """Which of these subscriptions are in other flips that are armed or have begun, each with the flip.

    One that only waited, and of which nothing is armed any more, stands in nobody's way.
    """
    given = {"service": service, "flip_id": flip_id, "subscriptions": list(subscriptions), "now": now}
    return tuple((row[0], row[1]) for row in conn.execute(ELSEWHERE, given))


def arm(conn: Connection, arming: Arming) -> Arming:
    """Store an arming, whose number is drawn here."""
    given = {
        "flip_id": arming.flip_id,
        "act": arming.part,
        "person": arming.person,
        "secret_made_by": arming.secret_made_by,
        "count": arming.stake.count,
        "amounts": Jsonb(as_json(arming.stake.amounts)),
        "armed_at": arming.armed_at,
        "expires_at": arming.expires_at,
        "needs_approval": arming.needs_approval,
    }
    row = conn.execute(ARM, given).fetchone()
    assert row is not None  # noqa: S101 - an INSERT … RETURNING answers one row
    return next(one for one in armings(conn, arming.flip_id) if one.arming_id == row[0])


def armings(conn: Connection, flip_id: str) -> tuple[Arming, ...]:
    """Everything that was armed of a flip, the first first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(map(_arming, cursor.execute(ARMINGS, [flip_id])))


def approve(conn: Connection, arming_id: int, approval: Signature) -> None:
    """Store that a second person stands behind an arming; a second approval of it is a violation of its key."""
    conn.execute(APPROVE, [arming_id, approval.person, approval.at])


def armed_subscriptions(conn: Connection, service: str, now: datetime) -> frozenset[str]:
    """The subscriptions of flips that are armed to go live, whether or not anything was done of them."""
    return frozenset(row[0] for row in conn.execute(ARMED, {"service": service, "now": now}))


def live_subscriptions(conn: Connection, service: str) -> Mapping[str, Live]:
    """The subscriptions that Odoo bills, by their id: live or complete, and not being taken back."""
    return {key: one for key, one in last_flips(conn, service).items() if one.is_live}


def subscriptions_in_odoo(conn: Connection, service: str) -> Mapping[str, Live]:
    """The subscriptions whose order in Odoo may be confirmed, by their id: no import and no draft touches them.

    They are live, or on their way there or back.
    """
    return {key: one for key, one in last_flips(conn, service).items() if is_in_odoo(one.course)}


def under_way(conn: Connection, flip_id: str) -> frozenset[str]:
    """The subscriptions that a flip changed anything of."""
    entries = journal.of_flip(conn, flip_id)
    return frozenset(one for one, each in entries.items() if is_under_way(course(each)))


def last_flips(conn: Connection, service: str) -> dict[str, Live]:
    """Every subscription that a flip ever touched, in the last one that did."""
    plans = {
        (each.flip_id, one.external_subscription_id): one for each in flips(conn, service) for one in each.plan.subscriptions
    }
    found: dict[str, Live] = {}
    # In the order in which they began, so that a later flip of a subscription takes the place of an earlier one.
    for (flip_id, subscription_id), entries in journal.of_service(conn, service).items():
        so_far = course(entries)
        live = so_far.done.get(Step.PREVIEWED)
        found[subscription_id] = Live(
            flip_id=flip_id,
            state=state(so_far),
            since=live.at if live else None,
            plan=plans[flip_id, subscription_id],
            course=so_far,
        )
    return found


def _flip(row: Mapping[str, Any]) -> StoredFlip:
    return StoredFlip(**{**row, "plan": read(FlipPlan, row["plan"])})


def _arming(row: Mapping[str, Any]) -> Arming:
    amounts = {code: Decimal(amount) for code, amount in row["amounts"].items()}
    approver = row["approver"]
    return Arming(
        **{name: row[name] for name in ("arming_id", "flip_id", "person", "secret_made_by", "armed_at", "expires_at")},
        part=Part(row["act"]),
        stake=Stake(count=row["count"], amounts=amounts),
        needs_approval=row["needs_approval"],
        approval=None if approver is None else Signature(person=approver, at=row["approved_at"]),
    )
