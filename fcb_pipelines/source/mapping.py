"""The mapping of a service: one SELECT statement per entity, and whether its result is what the canonical columns ask for.

Owns: the files, the described result, what is wrong with it. Does not own: the rows (reader).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.period import Period
from fcb_pipelines.services import Service
from fcb_pipelines.source.columns import ACCEPTED, NAIVE_TYPES, Column, EntitySpec, Kind
from fcb_pipelines.source.connection import Connection, said_by
from fcb_pipelines.source.values import declaration


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """One column of a statement's result, as Postgres describes it."""

    name: str
    type_name: str
    category: str
    """Postgres' `typcategory`: S is text of some sort, E an enum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something about a mapping file that the operator should know."""

    file: str
    column: str | None
    message: str
    is_error: bool = True

    def __str__(self) -> str:
        return f"{self.file}: " + (f"column {self.column} {self.message}" if self.column else self.message)


def is_mapped(service: Service, spec: EntitySpec) -> bool:
    """Whether the service's mapping has a file for the entity."""
    return (service.mapping_folder / spec.file).is_file()


def statement(service: Service, spec: EntitySpec, columns: Iterable[str] | None = None) -> str:
    """The file's statement as a subquery that yields the given columns, or all. Raises `InvalidInput` where there is no file.

    A `%` in `usage.sql` must be doubled, because that file has parameters; in the others it must not.
    """
    path = service.mapping_folder / spec.file
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise InvalidInput(f"the mapping of {service.code} needs a file {spec.file} in UTF-8: {path}") from error
    wanted = "*" if columns is None else ", ".join(columns)
    # The line breaks keep a comment on the file's last line from swallowing the bracket.
    return "\n".join(["SELECT", wanted, "FROM (", text.strip().rstrip(";"), ") AS mapped"])


def bounds(period: Period) -> dict[str, object]:
    """The parameters of `usage.sql`: `%(start)s <= started_at < %(end)s`."""
    return {"start": period.start, "end": period.end}


def describe(conn: Connection, service: Service, spec: EntitySpec) -> tuple[Described, ...]:
    """The columns of the file's result, without reading a row."""
    parameters = bounds(service.period(service.first_period)) if spec.name == "usage" else None
    with said_by(spec.file), conn.cursor() as cursor:
        cursor.execute(f"{statement(service, spec)} LIMIT 0".encode(), parameters)
        columns = [(column.name, column.type_code) for column in cursor.description or ()]
    types = _types(conn, [oid for _, oid in columns])
    return tuple(Described(name=name, type_name=types[oid][0], category=types[oid][1]) for name, oid in columns)


def problems(service: Service, spec: EntitySpec, found: Sequence[Described]) -> tuple[Problem, ...]:
    """What is wrong with a described result: missing, repeated, wrong type, naive time; a surplus column is only a warning."""
    by_name = {column.name: column for column in found}
    wanted = {column.name for column in spec.columns}
    repeated = [name for name, count in Counter(column.name for column in found).items() if count > 1]
    return (
        *(_error(spec, name, "is returned more than once") for name in repeated),
        *(problem for column in spec.columns if (problem := _column_problem(service, spec, column, by_name))),
        *(_surplus(spec, name) for name in by_name if name not in wanted),
    )


def _column_problem(service: Service, spec: EntitySpec, column: Column, found: Mapping[str, Described]) -> Problem | None:
    described = found.get(column.name)
    if described is None and column.is_optional:
        return None
    if described is None:
        null = f" (NULL AS {column.name}, cast to its type, where the source has none)" if column.is_nullable else ""
        return _error(spec, column.name, f"is missing: return it{null}")
    if not column.accepts(described.type_name, described.category):
        hint = ": a float is not exact, cast it to numeric" if described.type_name in ("double precision", "real") else ""
        return _error(spec, column.name, f"is {described.type_name}, must be {ACCEPTED[column.kind]}{hint}")
    if column.kind is Kind.TIME and described.type_name in NAIVE_TYPES and column.path not in service.times:
        said = declaration(service, column.path, is_date=described.type_name == "date")
        return _error(spec, column.name, f"is {described.type_name}, {said}")
    return None


def _error(spec: EntitySpec, column: str, message: str) -> Problem:
    return Problem(file=spec.file, column=column, message=message)


def _surplus(spec: EntitySpec, name: str) -> Problem:
    return Problem(file=spec.file, column=name, message="is not a canonical column and is ignored", is_error=False)


def _types(conn: Connection, oids: Sequence[int]) -> dict[int, tuple[str, str]]:
    rows = conn.execute(
        "SELECT oid, format_type(oid, NULL), typcategory::text FROM pg_type WHERE oid = ANY(%s::oid[])", [list(oids)]
    )
    return {int(oid): (name, category) for oid, name, category in rows}
