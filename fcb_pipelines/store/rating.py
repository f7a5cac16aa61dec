"""Rated and expected lines of a period.

Owns: tables `rated_line` and `expected_line`; the caller owns the transaction. Each build of a period replaces the one before.
"""

from collections.abc import Collection, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, LiteralString

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from fcb_pipelines.domain.charges import read_pricing, write_pricing
from fcb_pipelines.domain.expected import ExpectedLine, RatedLine
from fcb_pipelines.domain.money import Money, Rounding, plain
from fcb_pipelines.domain.period import Period, add_months, month_key
from fcb_pipelines.domain.tax import TaxComponent
from fcb_pipelines.store.database import Connection

LONGEST_MONTHS = 12
"""Of the range of any charge."""

INSERT_RATED = """
    INSERT INTO rated_line (service, period, line_key, external_subscription_id, charge, service_from, service_to, due_at,
                            currency, quantity, included_quantity, unit_price, unit_batch, exact_numerator, exact_denominator,
                            is_due, notes, adjusts, rounding, metered)
    VALUES (%(service)s, %(period)s, %(line_key)s, %(external_subscription_id)s, %(charge)s, %(service_from)s, %(service_to)s,
            %(due_at)s, %(currency)s, %(quantity)s, %(included_quantity)s, %(unit_price)s, %(unit_batch)s, %(exact_numerator)s,
            %(exact_denominator)s, %(is_due)s, %(notes)s, %(adjusts)s, %(rounding)s, %(metered)s)
"""
SELECT_RATED = """
    SELECT line_key, external_subscription_id, charge, service_from, service_to, due_at, currency, quantity, included_quantity,
           unit_price, unit_batch, exact_numerator, exact_denominator, is_due, notes, adjusts, rounding, metered
      FROM rated_line WHERE service = %s AND period = %s ORDER BY line_key COLLATE "C"
"""


def replace_rated(conn: Connection, service: str, period: str, lines: Sequence[RatedLine]) -> None:
    """Store the rated lines of a period in place of those before."""
    conn.execute("DELETE FROM rated_line WHERE service = %s AND period = %s", [service, period])
    with conn.cursor() as cursor:
        cursor.executemany(INSERT_RATED, [{"service": service, "period": period, **_rated_values(line)} for line in lines])


def rated(conn: Connection, service: str, period: str) -> tuple[RatedLine, ...]:
    """The rated lines of a period, by line key."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(rated_line(row) for row in cursor.execute(SELECT_RATED, [service, period]))


def _rated_values(line: RatedLine) -> dict[str, Any]:
    values = {name: getattr(line, name) for name in RatedLine.__dataclass_fields__ if name != "exact"}
    exact = line.exact
    return values | {
        "notes": list(line.notes),
        "metered": None if line.metered is None else Jsonb(write_pricing(line.metered)),
        "exact_numerator": None if exact is None else Decimal(exact.numerator),
        "exact_denominator": None if exact is None else Decimal(exact.denominator),
    }


def rated_line(row: dict[str, Any]) -> RatedLine:
    """A line as it is read from its columns."""
    top, bottom = row.pop("exact_numerator"), row.pop("exact_denominator")
    read = {
        "exact": None if top is None else Fraction(int(top), int(bottom)),
        "notes": tuple(row["notes"]),
        "rounding": Rounding(row["rounding"]),
        "metered": None if row["metered"] is None else read_pricing(row["metered"], row["quantity"]),
    }
    return RatedLine(**{**row, **read})


INSERT_EXPECTED = """
    INSERT INTO expected_line (service, period, line_key, external_subscription_id, external_user_id, charge, service_from,
                               service_to, due_at, currency, net, tax, gross, tax_components, place_of_supply, is_due, notes)
    VALUES (%(service)s, %(period)s, %(line_key)s, %(external_subscription_id)s, %(external_user_id)s, %(charge)s,
            %(service_from)s, %(service_to)s, %(due_at)s, %(currency)s, %(net)s, %(tax)s, %(gross)s, %(tax_components)s,
            %(place_of_supply)s, %(is_due)s, %(notes)s)
"""
EXPECTED_COLUMNS: LiteralString = """
    line_key, external_subscription_id, external_user_id, charge, service_from, service_to, due_at, currency, net, tax,
    tax_components, place_of_supply, is_due, notes
"""
SELECT_EXPECTED = f"""
    SELECT {EXPECTED_COLUMNS} FROM expected_line WHERE service = %s AND period = %s ORDER BY line_key COLLATE "C"
"""  # noqa: S608 - the column list is ours
SELECT_REACHING = f"""
    SELECT {EXPECTED_COLUMNS}
      FROM expected_line WHERE service = %s AND period < %s AND service_to > %s ORDER BY period, line_key COLLATE "C"
"""  # noqa: S608 - the column list is ours

SELECT_DUE = f"""
    SELECT period AS of_period, {EXPECTED_COLUMNS}
      FROM expected_line
     WHERE service = %(service)s AND period BETWEEN %(first)s AND %(month)s
       AND external_subscription_id = ANY(%(subscriptions)s)
       AND (period = %(before)s OR (due_at >= %(start)s AND due_at < %(end)s))
     ORDER BY period, line_key COLLATE "C"
"""  # noqa: S608 - the column list is ours


def replace_expected(conn: Connection, service: str, period: str, lines: Sequence[ExpectedLine]) -> None:
    """Store the expected lines of a period in place of those before."""
    conn.execute("DELETE FROM expected_line WHERE service = %s AND period = %s", [service, period])
    with conn.cursor() as cursor:
        cursor.executemany(
            INSERT_EXPECTED, [{"service": service, "period": period, **_expected_values(line)} for line in lines]
        )


def expected(conn: Connection, service: str, period: str) -> tuple[ExpectedLine, ...]:
    """The expected lines of a period, by line key."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(expected_line(row) for row in cursor.execute(SELECT_EXPECTED, [service, period]))


def expected_reaching(conn: Connection, service: str, period: Period) -> tuple[ExpectedLine, ...]:
    """The expected lines of earlier periods whose service range reaches into a period, as that of a yearly price."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(expected_line(row) for row in cursor.execute(SELECT_REACHING, [service, period.key, period.start]))


def expected_due(
    conn: Connection, service: str, month: Period, subscriptions: Collection[str]
) -> tuple[tuple[str, ExpectedLine], ...]:
    """Lines of these subscriptions that fall due in a month, whatever month they are of, and all of the month before.

    With the key of the month that each is of; a range is a year at most.
    """
    given = {
        "service": service,
        "first": month_key(add_months(month.start.astimezone(month.zone).date(), -LONGEST_MONTHS)),
        "month": month.key,
        "before": month.previous().key,
        "start": month.start,
        "end": month.end,
        "subscriptions": list(subscriptions),
    }
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple((row.pop("of_period"), expected_line(row)) for row in cursor.execute(SELECT_DUE, given))


SELECT_FROM = f"""
    SELECT period AS of_period, {EXPECTED_COLUMNS} FROM expected_line
     WHERE service = %s AND period >= %s AND external_subscription_id = ANY(%s) ORDER BY period, line_key COLLATE "C"
"""  # noqa: S608 - the column list is ours


def expected_from(
    conn: Connection, service: str, first: str, subscriptions: Collection[str]
) -> tuple[tuple[str, ExpectedLine], ...]:
    """Lines of these subscriptions of a month and all after it, each with the key of its month."""
    with conn.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(SELECT_FROM, [service, first, list(subscriptions)])
        return tuple((row.pop("of_period"), expected_line(row)) for row in found)


def _expected_values(line: ExpectedLine) -> dict[str, Any]:
    components = [
        {"component": one.component, "percent": plain(one.percent), "amount": plain(one.amount.amount)}
        for one in line.tax_components
    ]
    sides = {"net": line.net, "tax": line.tax, "gross": line.gross}
    return {
        **{name: getattr(line, name) for name in ExpectedLine.__dataclass_fields__},
        **{name: None if side is None else side.amount for name, side in sides.items()},
        "tax_components": Jsonb(components),
        "notes": list(line.notes),
    }


def expected_line(row: dict[str, Any]) -> ExpectedLine:
    """A line as it is read from its columns."""
    currency = row["currency"]
    components = tuple(
        TaxComponent(
            component=one["component"], percent=Decimal(one["percent"]), amount=Money(Decimal(one["amount"]), currency)
        )
        for one in row["tax_components"]
    )
    sides = {name: None if row[name] is None else Money(row[name], currency) for name in ("net", "tax")}
    return ExpectedLine(**{**row, **sides, "tax_components": components, "notes": tuple(row["notes"])})
