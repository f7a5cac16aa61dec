"""Payment facts in our store: each once, and never changed.

Owns: table `payment_fact`; the caller owns the transaction. Does not own: which facts there are (domain/payments).
"""

from collections.abc import Iterable
from datetime import datetime

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from fcb_pipelines.domain.money import Money
from fcb_pipelines.domain.payments import Fact, PaymentFact
from fcb_pipelines.store.database import Connection

ADD = """
    INSERT INTO payment_fact (service, fact, move_id, move_xid, transaction_id, happened, external_user_id,
                              external_subscription_id, currency, amount, data, seen_at)
    VALUES (%(service)s, %(fact)s, %(move_id)s, %(move_xid)s, %(transaction_id)s, %(happened)s, %(external_user_id)s,
            %(external_subscription_id)s, %(currency)s, %(amount)s, %(data)s, %(now)s)
    ON CONFLICT (service, fact, move_id, coalesce(transaction_id, 0), happened) DO NOTHING
    RETURNING payment_fact_id
"""
FACTS = """
    SELECT fact, move_id, move_xid, transaction_id, happened, external_user_id, external_subscription_id, currency, amount,
           data, seen_at
      FROM payment_fact WHERE service = %s ORDER BY payment_fact_id
"""


def add(conn: Connection, service: str, found: Iterable[PaymentFact], now: datetime) -> tuple[PaymentFact, ...]:
    """Record facts; returns those that are new."""
    return tuple(one for one in found if conn.execute(ADD, _values(service, one, now)).fetchone() is not None)


def facts(conn: Connection, service: str) -> tuple[PaymentFact, ...]:
    """Every fact, in the order in which they were recorded."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(_fact(row) for row in cursor.execute(FACTS, [service]))


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


def _fact(row: dict[str, object]) -> PaymentFact:
    amount = Money(row.pop("amount"), str(row.pop("currency")))  # type: ignore[arg-type]
    return PaymentFact(**{**row, "fact": Fact(str(row["fact"])), "amount": amount})  # type: ignore[arg-type]
