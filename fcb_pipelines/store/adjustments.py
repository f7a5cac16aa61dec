"""Adjustments of a bill: the old rating and the new one side by side.

Owns: table `adjustment`; the caller owns the transaction. Each build of a period replaces the one before. Does not own: the
line that lies between them, which is a rated line as others (rating).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from psycopg.rows import class_row

from fcb_pipelines.domain.adjustments import Adjustment
from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAdjustment:
    """One adjustment; nets are None where no record says which terms held."""

    line_key: str
    external_subscription_id: str
    metric: str
    of_period: str
    currency: str
    old_quantity: Decimal
    new_quantity: Decimal
    included_quantity: Decimal
    unit_price: Decimal
    unit_batch: Decimal
    old_net: Decimal | None
    new_net: Decimal | None

    @property
    def net(self) -> Decimal | None:
        """What lies between, before tax."""
        return None if self.old_net is None or self.new_net is None else self.new_net - self.old_net


_FIELDS = tuple(StoredAdjustment.__dataclass_fields__)
_COLUMNS = ", ".join(_FIELDS)
SELECT = f"""
    SELECT {_COLUMNS} FROM adjustment WHERE service = %s AND period = %s ORDER BY line_key COLLATE "C"
"""  # noqa: S608 - our own columns


def replace(conn: Connection, service: str, bill: str, adjustments: Sequence[Adjustment]) -> None:
    """Store the adjustments of a bill in place of those before."""
    conn.execute("DELETE FROM adjustment WHERE service = %s AND period = %s", [service, bill])
    with conn.cursor() as cursor, cursor.copy(f"COPY adjustment (service, period, {_COLUMNS}) FROM STDIN") as copy:
        for one in map(stored, adjustments):
            copy.write_row([service, bill, *(getattr(one, name) for name in _FIELDS)])


def adjustments(conn: Connection, service: str, bill: str) -> tuple[StoredAdjustment, ...]:
    """The adjustments of a bill, by line key."""
    with conn.cursor(row_factory=class_row(StoredAdjustment)) as cursor:
        return tuple(cursor.execute(SELECT, [service, bill]))


def stored(one: Adjustment) -> StoredAdjustment:
    """An adjustment as it is kept."""
    return StoredAdjustment(
        line_key=one.line.line_key,
        external_subscription_id=one.line.external_subscription_id,
        metric=one.late.metric,
        of_period=one.late.of_period,
        currency=one.line.currency,
        old_quantity=one.late.old_quantity,
        new_quantity=one.late.new_quantity,
        included_quantity=one.included_quantity,
        unit_price=one.unit_price,
        unit_batch=one.unit_batch,
        old_net=None if one.old_net is None else one.old_net.amount,
        new_net=None if one.new_net is None else one.new_net.amount,
    )
