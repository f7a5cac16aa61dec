"""What `fcb doctor` says about a service's source: reached or not, what it holds, whether the mapping fits.

Owns: the findings and their order. Does not own: how they are shown (cli).
"""

from collections.abc import Iterator

from fcb_pipelines.domain.errors import FcbError
from fcb_pipelines.domain.findings import Finding, Level, ok, warning
from fcb_pipelines.services import Service
from fcb_pipelines.settings import source_variable
from fcb_pipelines.source import reader
from fcb_pipelines.source.columns import ENTITIES, USAGE, EntitySpec, time_paths
from fcb_pipelines.source.connection import Connection, open_source
from fcb_pipelines.source.mapping import describe, is_mapped, problems

NOT_RETURNED = "is not returned, as it may be"
BAD_ROWS_SHOWN = 5
"""Bad rows that are named one by one; the rest is a number."""


def check(service: Service) -> tuple[Finding, ...]:
    """Look at a service's source without keeping anything; a source that cannot be read is a finding, not an error."""
    found: list[Finding] = []
    try:
        with open_source(service) as conn:
            found.append(ok(source_variable(service.code), "connected, read only"))
            found += _settings(service)
            found += _rights(conn)
            for spec in ENTITIES:
                found += _entity(conn, service, spec)
    except FcbError as error:
        found.append(Finding(level=Level.ERROR, about=source_variable(service.code), message=str(error)))
    return tuple(found)


def _settings(service: Service) -> Iterator[Finding]:
    for path in sorted(service.times.keys() - time_paths()):
        yield warning(
            "fcb.toml", f"[services.{service.code}.times] declares {path!r}, which is no time column; it has no effect"
        )


WRITABLE = """
    SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_t'
       AND (has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') OR has_any_column_privilege(c.oid, 'INSERT, UPDATE'))
     ORDER BY 1
"""


def _rights(conn: Connection) -> Iterator[Finding]:
    role = (conn.execute("SELECT current_user").fetchone() or [""])[0]
    tables = [row[0] for row in conn.execute(WRITABLE)]
    if tables:
        some = ", ".join(tables[:3]) + (", …" if len(tables) > 3 else "")  # noqa: PLR2004
        yield warning(f"role {role}", f"can write to {len(tables)} tables ({some}): give us a role that can only SELECT")
    else:
        yield ok(f"role {role}", "cannot write to any table")


def _entity(conn: Connection, service: Service, spec: EntitySpec) -> Iterator[Finding]:
    if spec.is_optional and not is_mapped(service, spec):
        yield warning(spec.file, f"is not mapped; undecidable without it: {spec.undecidable_without}")
        return
    try:
        # A failed statement must not take the transaction, and with it the other files, down.
        with conn.transaction():
            columns = tuple(_columns(conn, service, spec))
        yield from columns
        if spec is not USAGE and all(finding.level is not Level.ERROR for finding in columns):
            with conn.transaction():
                yield from _rows(conn, service, spec)
    except FcbError as error:
        yield Finding(level=Level.ERROR, about=spec.file, message=str(error).removeprefix(f"{spec.file}: "))


def _columns(conn: Connection, service: Service, spec: EntitySpec) -> Iterator[Finding]:
    described = describe(conn, service, spec)
    found = problems(service, spec, described)
    for problem in found:
        level = Level.ERROR if problem.is_error else Level.WARNING
        yield Finding(level=level, about=f"{problem.file}: {problem.column}", message=problem.message)
    wrong = {problem.column for problem in found}
    types = {column.name: column.type_name for column in described}
    for column in spec.columns:
        if column.name not in wrong:
            yield ok(f"{spec.file}: {column.name}", types.get(column.name, NOT_RETURNED))


def _rows(conn: Connection, service: Service, spec: EntitySpec) -> Iterator[Finding]:
    read = reader.read(conn, service, spec)
    yield ok(spec.file, f"read {len(read.rows)} {spec.name}")
    for bad in read.bad[:BAD_ROWS_SHOWN]:
        yield warning(spec.file, f"row {bad.external_id!r} cannot be used: {bad.reason.removeprefix(f'{spec.file}: ')}")
    if len(read.bad) > BAD_ROWS_SHOWN:
        yield warning(spec.file, f"{len(read.bad) - BAD_ROWS_SHOWN} more rows cannot be used")
