"""Data-quality suites on the source snapshot, run by Great Expectations: entities as frames, usage through SQL.

Owns: what is expected of each entity, and how grave a miss is. Does not own: bad rows, which never get into a snapshot and are
counted beside. `critical` is only what spoils a snapshot as a whole: an entity without rows, an id twice. A value that is wrong
in one row is a `warning`: where it cannot be worked with, the domain refuses that row by itself and goes on with the others.
"""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fcb_pipelines.domain.invoices import InvoiceStatus
from fcb_pipelines.domain.money import MINOR_UNITS
from fcb_pipelines.domain.plans import Interval

CRITICAL = "critical"
WARNING = "warning"
MOST_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Expect:
    """One expectation: a type of Great Expectations, its column (empty for the table), its parameters, its severity."""

    type: str
    column: str
    severity: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """Whether one expectation is met, and examples of values that miss it."""

    expectation: str
    column: str
    severity: str
    is_met: bool
    unexpected: int
    examples: str


def _not_null(column: str) -> Expect:
    return Expect("ExpectColumnValuesToNotBeNull", column, WARNING, {})


def _unique(column: str) -> Expect:
    return Expect("ExpectColumnValuesToBeUnique", column, CRITICAL, {})


def _among(column: str, values: Iterable[object]) -> Expect:
    return Expect("ExpectColumnValuesToBeInSet", column, WARNING, {"value_set": list(values)})


def _not_negative(column: str) -> Expect:
    return Expect("ExpectColumnValuesToBeBetween", column, WARNING, {"min_value": 0})


def _positive(column: str) -> Expect:
    return Expect("ExpectColumnValuesToBeBetween", column, WARNING, {"min_value": 0, "strict_min": True})


NOT_EMPTY = Expect("ExpectTableRowCountToBeBetween", "", CRITICAL, {"min_value": 1})

SUITES: Mapping[str, Sequence[Expect]] = {
    "users": (
        NOT_EMPTY,
        _unique("external_user_id"),
        _not_null("name"),
        _not_null("email"),
        Expect("ExpectColumnValuesToMatchRegex", "email", WARNING, {"regex": r"^[^@\s]+@[^@\s]+\.[^@\s]+$"}),
    ),
    "plans": (
        NOT_EMPTY,
        _unique("external_plan_id"),
        _among("currency", sorted(MINOR_UNITS)),
        _not_negative("price_monthly"),
        _not_negative("price_yearly"),
        _not_negative("included_quantity"),
        _not_negative("unit_price"),
        _positive("unit_batch"),
    ),
    "subscriptions": (
        NOT_EMPTY,
        _unique("external_subscription_id"),
        _among("billing_interval", list(Interval)),
        _among("has_user", [True]),
        _among("has_plan", [True]),
        _not_null("started_at"),
    ),
    "invoices": (
        _unique("external_invoice_id"),
        _among("status", list(InvoiceStatus)),
        _among("currency", sorted(MINOR_UNITS)),
        _among("has_user", [True]),
        # No Decimal: for each one that it writes down the library searches the whole call stack with all its sources.
        _among("total_gap", [0]),
    ),
    "usage": (
        _not_null("external_subscription_id"),
        _not_null("started_at"),
        _not_negative("quantity"),
        _among("has_subscription", [True]),
        _among("ends_after_start", [True]),
    ),
}
"""Entity → expectations; columns that are not the mapping's own (`has_plan`, `total_gap`) are told by acts/quality."""

_NUMERIC = frozenset(
    {"price_monthly", "price_yearly", "included_quantity", "unit_price", "unit_batch", "subtotal", "tax", "total", "total_gap"}
)


def check_rows(entity: str, rows: Sequence[Mapping[str, Any]]) -> list[Met]:
    """Run an entity's suite on its rows; amounts are compared as exact decimals."""
    import pandas as pd  # noqa: PLC0415 - slow to import, and only checks need it

    # Without rows there would be no columns, and every expectation of one would be missed.
    columns = None if rows else sorted({one.column for one in SUITES[entity]} - {""})
    values = [{name: _value(name, value) for name, value in row.items()} for row in rows]
    frame = pd.DataFrame(values, columns=columns, dtype=object)
    context = _context()
    asset = context.data_sources.add_pandas(entity).add_dataframe_asset(entity)
    return _run(entity, asset.add_batch_definition_whole_dataframe(entity).get_batch({"dataframe": frame}))


def check_query(entity: str, database_url: str, query: str) -> list[Met]:
    """Run an entity's suite on a query of our own store, inside Postgres; nothing is loaded into memory."""
    url = database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    source = _context().data_sources.add_postgres(entity, connection_string=url)
    asset = source.add_query_asset(entity, query=query)
    try:
        return _run(entity, asset.add_batch_definition_whole_table(entity).get_batch())
    finally:
        # It has two engines and would leave the sessions of both open for as long as the process lives.
        source.get_execution_engine().close()
        source.get_engine().dispose()


def _context() -> Any:
    # Ten seconds of import, so only where a check runs; the variable is read while it is imported.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx  # noqa: PLC0415
    from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _run(entity: str, batch: Any) -> list[Met]:
    import great_expectations as gx  # noqa: PLC0415
    import great_expectations.expectations as gxe  # noqa: PLC0415

    expectations = [
        getattr(gxe, one.type)(**({"column": one.column} if one.column else {}), severity=one.severity, **one.parameters)
        for one in SUITES[entity]
    ]
    result = batch.validate(gx.ExpectationSuite(name=entity, expectations=expectations), result_format="SUMMARY")
    # Results come back grouped by kind, so each carries its own expectation.
    return sorted((_met(one) for one in result.results), key=lambda met: (met.column, met.expectation))


def _met(one: Any) -> Met:
    config, found = one.expectation_config, one.result
    raised = one.exception_info.get("exception_message") if isinstance(one.exception_info, dict) else None
    examples = ", ".join(map(str, (found.get("partial_unexpected_list") or [])[:MOST_EXAMPLES]))
    observed = found.get("observed_value")
    return Met(
        expectation=config.type.removeprefix("expect_").replace("_", " "),
        column=config.kwargs.get("column") or "",
        severity=str(config.severity.value),
        is_met=bool(one.success),
        unexpected=int(found.get("unexpected_count") or 0),
        examples=examples or str(raised or ("" if observed is None else observed)),
    )


def _value(name: str, value: Any) -> Any:
    return Decimal(value) if name in _NUMERIC and value is not None else value
