"""Payment facts in our store: each once, and never changed.

Owns: table `payment_fact`; the caller owns the transaction. Does not own: which facts there are (domain/payments).
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from fcb_pipelines.domain.money import Money
from fcb_pipelines.domain.payments import Fact, Past, PaymentFact
from fcb_pipelines.store.database import Connection

ADD = """
    INSERT INTO payment_fact (service, fact, move_id, move_xid, transaction_id, order_id, happened, external_user_id,
                              external_subscription_id, currency, amount, data, seen_at)
    VALUES (%(service)s, %(fact)s, %(move_id)s, %(move_xid)s, %(transaction_id)s, %(order_id)s, %(happened)s,
            %(external_user_id)s, %(external_subscription_id)s, %(currency)s, %(amount)s, %(data)s, %(now)s)
    ON CONFLICT (service, fact, move_id, coalesce(transaction_id, 0), happened) DO NOTHING
    RETURNING payment_fact_id
"""
FACTS = """
    SELECT fact, move_id, move_xid, transaction_id, order_id, happened, external_user_id, external_subscription_id, currency,
           amount, data, seen_at
      FROM payment_fact WHERE service = %s ORDER BY payment_fact_id
"""
LAST = """
    SELECT DISTINCT ON (move_id)
           fact, move_id, move_xid, transaction_id, order_id, happened, external_user_id, external_subscription_id, currency,
           amount, data, seen_at
      FROM payment_fact WHERE service = %s AND move_id = ANY(%s) ORDER BY move_id, payment_fact_id DESC
"""
# The last of what settles an invoice, or takes that back, says how it stands.
PAST = """
    SELECT move_id,
           (array_agg(fact ORDER BY payment_fact_id DESC)
              FILTER (WHERE fact IN ('invoice_paid', 'invoice_reversed', 'payment_taken_back')))[1] AS settled,
           count(*) FILTER (WHERE fact = 'payment_failed' AND payment_fact_id > settled_id) AS failures,
           count(*) FILTER (WHERE fact = 'payment_taken_back') AS taken_back,
           coalesce(max(payment_fact_id) FILTER (WHERE fact = 'invoice_overdue')
                    > coalesce(max(payment_fact_id) FILTER (WHERE fact = 'payment_taken_back'), 0), false) AS is_overdue
      FROM (SELECT move_id, fact, payment_fact_id,
                   coalesce(max(payment_fact_id) FILTER (WHERE fact IN ('invoice_paid', 'invoice_reversed'))
                            OVER (PARTITION BY move_id), 0) AS settled_id
              FROM payment_fact WHERE service = %s) known
     GROUP BY move_id
"""
# Since the subscription last paid anything.
ORDER_FAILURES = """
    SELECT f.order_id, count(*) FROM payment_fact f
     WHERE f.service = %s AND f.order_id IS NOT NULL
       AND f.payment_fact_id > coalesce((SELECT max(payment_fact_id) FROM payment_fact p
                                          WHERE p.service = f.service AND p.fact = 'invoice_paid'
                                            AND p.external_subscription_id = f.external_subscription_id), 0)
     GROUP BY f.order_id
"""
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


def lock(conn: Connection, service: str) -> None:
    """Let one at a time record facts of a service until the transaction ends: what is new follows from what is there."""
    conn.execute(LOCK, [f"payments/{service}"])


def past(conn: Connection, service: str) -> dict[int, Past]:
    """By invoice what was recorded of it."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return {row.pop("move_id"): _past(row) for row in cursor.execute(PAST, [service])}


def order_failures(conn: Connection, service: str) -> dict[int, int]:
    """By order how often charging it failed without an invoice, since its subscription last paid."""
    return {row[0]: row[1] for row in conn.execute(ORDER_FAILURES, [service])}


def add(conn: Connection, service: str, found: Iterable[PaymentFact], now: datetime) -> tuple[PaymentFact, ...]:
    """Record facts; returns those that are new."""
    return tuple(one for one in found if conn.execute(ADD, _values(service, one, now)).fetchone() is not None)


def facts(conn: Connection, service: str) -> tuple[PaymentFact, ...]:
    """Every fact, in the order in which they were recorded."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(_fact(row) for row in cursor.execute(FACTS, [service]))


def last(conn: Connection, service: str, moves: Collection[int]) -> tuple[PaymentFact, ...]:
    """The fact of each of these invoices that was recorded last."""
    if not moves:
        return ()
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(_fact(row) for row in cursor.execute(LAST, [service, sorted(moves)]))


def _values(service: str, one: PaymentFact, now: datetime) -> dict[str, object]:
    return {
        **{name: getattr(one, name) for name in PaymentFact.__dataclass_fields__},
        "service": service,
        "fact": one.fact.value,
        "currency": one.amount.currency,
        "amount": one.amount.amount,
        "data": Jsonb(dict(one.data)),
        "now": now,
    }


def _past(row: dict[str, Any]) -> Past:
    return Past(**{**row, "settled": None if row["settled"] is None else Fact(row["settled"])})


def _fact(row: dict[str, object]) -> PaymentFact:
    amount = Money(row.pop("amount"), str(row.pop("currency")))  # type: ignore[arg-type]
    return PaymentFact(**{**row, "fact": Fact(str(row["fact"])), "amount": amount})  # type: ignore[arg-type]
