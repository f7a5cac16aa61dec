"""Reading the service's database: canonical rows of each entity, bad ones apart with the reason.

Owns: rows, their ids, usage as a stream. Does not own: the session (connection), the statements (mapping), meaning (domain).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg.types.string import TextLoader

from fcb_pipelines.domain.canonical import BadRow, Row
from fcb_pipelines.domain.errors import InvalidInput, InvalidSettings
from fcb_pipelines.domain.money import ZERO
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.usage import PULLED, UsageEvent
from fcb_pipelines.services import Service
from fcb_pipelines.source.columns import USAGE, EntitySpec
from fcb_pipelines.source.connection import Connection, said_by
from fcb_pipelines.source.mapping import Problem, bounds, describe, problems, statement
from fcb_pipelines.source.values import Convert, converter, jsonable

USAGE_BATCH = 5_000
"""Usage rows that are in memory at once."""

_TEXT_TYPES = ("bool", "int2", "int4", "int8", "numeric", "uuid", "date", "timestamp", "timestamptz", "json", "jsonb")

Values = Sequence[str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRow:
    """One good row in canonical form."""

    external_id: str
    row: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRows:
    """What one mapping file returned."""

    rows: tuple[EntityRow, ...]
    bad: tuple[BadRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageBatch:
    """Some of the usage of a period."""

    events: tuple[UsageEvent, ...]
    bad: tuple[BadRow, ...]


def checked(conn: Connection, service: Service, spec: EntitySpec) -> tuple[Problem, ...]:
    """Describe the file's result; its warnings, or `InvalidInput` with every error if it cannot be read."""
    found = problems(service, spec, describe(conn, service, spec))
    if errors := [str(problem) for problem in found if problem.is_error]:
        raise InvalidInput("\n".join(errors))
    return found


def read(conn: Connection, service: Service, spec: EntitySpec) -> EntityRows:
    """All rows of an entity, by id. A repeated id leaves none of its rows good: nobody can tell which one is right."""
    parse = _parser(service, spec)
    good: list[EntityRow] = []
    bad: list[BadRow] = []
    printed: list[Values] = []
    with said_by(spec.file), conn.cursor() as cursor:
        _as_text(cursor)
        for values in cursor.execute(_select(service, spec, _absent(conn, service, spec))):
            _sort_row(spec, parse, values, good, bad)
            printed.append(values)
    repeated = _repeated(spec, printed)
    good = [one for one in good if one.external_id not in repeated]
    bad = [one for one in bad if one.external_id not in repeated] + _repetitions(spec, printed, repeated)
    return EntityRows(rows=tuple(sorted(good, key=lambda one: one.external_id)), bad=tuple(bad))


def usage(conn: Connection, service: Service, period: Period) -> Iterator[UsageBatch]:
    """The usage of a period as a stream; memory does not grow with it.

    Raises `InvalidInput` if the statement returns an event of another period, because it then misses some of this one.
    """
    parse = _parser(service, USAGE)
    with said_by(USAGE.file), conn.cursor(name="fcb_usage") as cursor:
        _as_text(cursor)
        cursor.itersize = USAGE_BATCH
        cursor.execute(_select(service, USAGE), bounds(period))
        while values := cursor.fetchmany(USAGE_BATCH):
            yield _usage_batch(service, period, parse, values)


def _usage_batch(service: Service, period: Period, parse: Callable[[Values], dict[str, Any]], rows: list[Any]) -> UsageBatch:
    events: list[UsageEvent] = []
    bad: list[BadRow] = []
    start, end = period.start, period.end
    for values in rows:
        try:
            event = _event(service.code, parse(values))
        except InvalidInput as error:
            bad.append(_bad(USAGE, values, str(error)))
            continue
        if not start <= event.started_at < end:
            raise InvalidInput(_out_of_bounds(event, period))
        events.append(event)
    return UsageBatch(events=tuple(events), bad=tuple(bad))


def _event(code: str, row: dict[str, Any]) -> UsageEvent:
    started_at: datetime = row["started_at"]
    quantity: Decimal = row["quantity"]
    if quantity < ZERO:
        raise InvalidInput(f"{USAGE.file}: column quantity is {quantity}, and use is never negative")
    return UsageEvent(
        service=code,
        feed=PULLED,
        external_subscription_id=row["external_subscription_id"],
        metric=row["metric"],
        # Without an id of its own an event is known by its subscription and its time.
        idempotency_key=row["source_event_id"] or started_at.isoformat(),
        quantity=quantity,
        started_at=started_at,
        ended_at=row["ended_at"],
    )


def _out_of_bounds(event: UsageEvent, period: Period) -> str:
    return (
        f"{USAGE.file}: returned an event of {event.started_at.isoformat()} for {period.key}; "
        "it must keep %(start)s <= started_at AND started_at < %(end)s"
    )


def _absent(conn: Connection, service: Service, spec: EntitySpec) -> Collection[str]:
    """The columns that the file's statement leaves out, as it may."""
    if not any(column.is_optional for column in spec.columns):
        return ()
    names = {column.name for column in describe(conn, service, spec)}
    return [column.name for column in spec.columns if column.is_optional and column.name not in names]


def _parser(service: Service, spec: EntitySpec) -> Callable[[Values], dict[str, Any]]:
    """How a row of Postgres texts becomes values by column; raises `InvalidInput` naming file and column."""
    steps: list[tuple[str, bool, Convert]] = [
        (column.name, column.is_nullable, converter(column, service)) for column in spec.columns
    ]

    def parse(values: Values) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for (name, is_nullable, convert), text in zip(steps, values, strict=True):
            if text is None and is_nullable:
                row[name] = None
                continue
            if text is None or not (is_nullable or text.strip()):
                raise InvalidInput(f"{spec.file}: column {name} is {'NULL' if text is None else 'empty'}")
            try:
                row[name] = convert(text)
            except InvalidSettings:
                raise
            except InvalidInput as error:
                raise InvalidInput(f"{spec.file}: column {name}: {error}") from error
        return row

    return parse


def _sort_row(
    spec: EntitySpec, parse: Callable[[Values], dict[str, Any]], values: Values, good: list[EntityRow], bad: list[BadRow]
) -> None:
    try:
        row = parse(values)
    except InvalidSettings:
        # Not the row's fault: a declaration is missing, and every row would fail for it.
        raise
    except InvalidInput as error:
        bad.append(_bad(spec, values, str(error)))
    else:
        good.append(EntityRow(external_id=_id(spec, values), row=_kept(spec, row)))


def _kept(spec: EntitySpec, row: dict[str, Any]) -> Row:
    """A row as the store keeps it: without a column that may be left out and says nothing, so that no row is another for it."""
    unsaid = {column.name for column in spec.columns if column.is_optional and row[column.name] is None}
    return {name: jsonable(value) for name, value in row.items() if name not in unsaid}


def _repeated(spec: EntitySpec, printed: Sequence[Values]) -> dict[str, int]:
    if not spec.is_unique:
        return {}
    counts = Counter(_id(spec, values) for values in printed)
    return {external_id: count for external_id, count in counts.items() if count > 1 and external_id.strip()}


def _repetitions(spec: EntitySpec, printed: Sequence[Values], repeated: dict[str, int]) -> list[BadRow]:
    reason = "{file}: column {key} is {id!r} in {count} rows, and none can be told to be the right one"
    return [
        _bad(spec, values, reason.format(file=spec.file, key=spec.key[0], id=key, count=repeated[key]))
        for values in printed
        if (key := _id(spec, values)) in repeated
    ]


def _bad(spec: EntitySpec, values: Values, reason: str) -> BadRow:
    row = dict(zip((column.name for column in spec.columns), values, strict=True))
    return BadRow(entity=spec.name, external_id=_id(spec, values), reason=reason, row=row)


def _id(spec: EntitySpec, values: Values) -> str:
    by_name = zip((column.name for column in spec.columns), values, strict=True)
    parts = {name: value for name, value in by_name if name in spec.key}
    return "/".join(parts[name] or "" for name in spec.key)


def _select(service: Service, spec: EntitySpec, absent: Collection[str] = ()) -> bytes:
    names = (f"NULL::text AS {column.name}" if column.name in absent else column.name for column in spec.columns)
    return statement(service, spec, names).encode()


def _as_text(cursor: Any) -> None:
    """Take values as Postgres prints them: exact, and `infinity` is bad in its own row instead of ending the reading."""
    for name in _TEXT_TYPES:
        cursor.adapters.register_loader(name, TextLoader)
