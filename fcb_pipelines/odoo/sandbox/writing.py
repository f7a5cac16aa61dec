"""Creating, changing and deleting records, always as sets.

Owns: which values reach which table, required fields, links that must exist, and commands on x2many fields.
Does not own: rights (`access`), what a model does beyond that (`rules`), external ids (`external_ids`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from fcb_pipelines.odoo.sandbox import access
from fcb_pipelines.odoo.sandbox.commands import is_commanded, links_after, run_commands
from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import user_error
from fcb_pipelines.odoo.sandbox.external_ids import forget
from fcb_pipelines.odoo.sandbox.fields import Field, Model
from fcb_pipelines.odoo.sandbox.reading import ensure_present
from fcb_pipelines.odoo.sandbox.rules import Values
from fcb_pipelines.odoo.sandbox.values import kept


def create(env: Env, model: Model, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Create the records in one go and answer their ids in order; one bad row refuses all. Raises OdooError."""
    _require(env, model, access.CREATE)
    news = [_new(env, model, row) for row in rows]
    if not news:
        return []
    rules = env.edition.rules_of(model)
    rules.fill(env, news)
    for values in news:
        _fill_defaults(env, model, values)
        _check_required(env, model, values, (field.column for field in model.columns))
    _check_links(env, model, news)
    ids = _insert(env, model, news)
    _run_all_commands(env, model, ids, rows)
    rules.created(env, ids, news)
    return ids


def write(env: Env, model: Model, ids: Sequence[int], given: Mapping[str, Any]) -> None:
    """Set the same values on all records. Raises OdooError, and then changes none."""
    _require(env, model, access.WRITE)
    for name in given:
        if name not in model.fields:
            raise env.edition.wording.unknown_field(model.name, name, "write")
    if not ids:
        return
    ensure_present(env, model, ids)
    rules = env.edition.rules_of(model)
    rules.touching(env, ids, list(given))
    values = _kept(env, model, given, ids)
    rules.writing(env, ids, values)
    _check_required(env, model, values, values)
    _check_links(env, model, [values])
    _delegate(env, model, ids, values)
    _update(env, model, ids, values)
    _run_all_commands(env, model, ids, [given] * len(ids))
    rules.written(env, ids, values)


def unlink(env: Env, model: Model, ids: Sequence[int]) -> None:
    """Delete the records with their external ids. Raises OdooError."""
    if not ids:
        return
    _require(env, model, access.UNLINK)
    ensure_present(env, model, ids)
    rules = env.edition.rules_of(model)
    touched = rules.unlinking(env, ids)
    env.conn.execute(sql.SQL("DELETE FROM {} WHERE id = ANY(%s)").format(sql.Identifier(model.table)), [list(ids)])
    forget(env, model, ids)
    rules.unlinked(env, touched)


def set_columns(env: Env, model: Model, changes: Mapping[int, Values]) -> None:
    """Set columns per record, past all rules: for what rules compute. Every record gets the same columns."""
    names = list(next(iter(changes.values()), {}))
    if not names:
        return
    assignments = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in names)
    query = sql.SQL("UPDATE {} SET {} WHERE id = %s").format(sql.Identifier(model.table), assignments)
    with env.conn.cursor() as cursor:
        cursor.executemany(query, [[*(values[name] for name in names), record_id] for record_id, values in changes.items()])


def _require(env: Env, model: Model, operation: str) -> None:
    access.require(env, model.name, operation)
    if model.is_kept_read_only:
        raise user_error(f"The sandbox keeps {model.label} ({model.name}) read only: its records are part of the installation.")


def _new(env: Env, model: Model, row: Mapping[str, Any]) -> Values:
    for name in row:
        if name not in model.fields:
            raise env.edition.wording.unknown_field(model.name, name, "create")
    return _kept(env, model, row, ())


def _kept(env: Env, model: Model, given: Mapping[str, Any], ids: Sequence[int]) -> Values:
    """The values as columns keep them; one2many commands are run later, and id and audit fields are ours."""
    values: Values = {}
    for name, value in given.items():
        field = model.fields[name]
        if field.type == "one2many" or name in _OURS:
            continue
        is_links = field.type == "many2many" and is_commanded(value)
        values[field.column] = links_after(env, model, field, ids, value) if is_links else kept(env, model, field, value)
    return values


_OURS = frozenset({"id", "create_uid", "create_date", "write_uid", "write_date"})


def _fill_defaults(env: Env, model: Model, values: Values) -> None:
    for field in model.columns:
        if field.column not in values:
            default = [] if field.type == "many2many" else field.default
            values[field.column] = None if default is None else kept(env, model, field, default)
    stamp = {"create_uid": env.user_id, "create_date": env.now, "write_uid": env.user_id, "write_date": env.now}
    values.update(stamp)


def _check_required(env: Env, model: Model, values: Values, names: Any) -> None:
    for name in names:
        field = model.by_column[name]
        if field.required and field.is_column and values[name] is None:
            raise env.edition.wording.lacking(model, field)


def _check_links(env: Env, model: Model, rows: Sequence[Values]) -> None:
    for field in model.by_column.values():
        if field.type == "many2one" and not field.is_checked_by_database and field.name not in _OURS:
            targets = {row[field.column] for row in rows if row.get(field.column)}
            if targets:
                ensure_present(env, env.related(field), targets)


def _insert(env: Env, model: Model, rows: Sequence[Values]) -> list[int]:
    sequence = f"SELECT nextval(pg_get_serial_sequence('{model.table}', 'id')) AS id FROM generate_series(1, %s)"  # noqa: S608
    ids = [int(row["id"]) for row in env.conn.execute(sequence, [len(rows)])]
    names = [field.column for field in model.columns]
    query = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(model.table),
        sql.SQL(", ").join(map(sql.Identifier, ["id", *names])),
        sql.SQL(", ").join([sql.Placeholder()] * (len(names) + 1)),
    )
    with env.conn.cursor() as cursor:
        cursor.executemany(
            query, [[record_id, *(row[name] for name in names)] for record_id, row in zip(ids, rows, strict=True)]
        )
    return ids


def _update(env: Env, model: Model, ids: Sequence[int], values: Values) -> None:
    columns = {name: value for name, value in values.items() if model.by_column[name].is_column}
    columns |= {"write_uid": env.user_id, "write_date": env.now}
    assignments = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in columns)
    query = sql.SQL("UPDATE {} SET {} WHERE id = ANY(%s)").format(sql.Identifier(model.table), assignments)
    env.conn.execute(query, [*columns.values(), list(ids)])


def _delegate(env: Env, model: Model, ids: Sequence[int], values: Values) -> None:
    """Write what another record keeps for these to that record."""
    for through in sorted({field.through for field in model.fields.values() if field.through}):
        theirs = {name: value for name, value in values.items() if model.by_column[name].through == through}
        if theirs:
            write(env, env.related(model.fields[through]), _targets(env, model, ids, through), theirs)


def _targets(env: Env, model: Model, ids: Sequence[int], through: str) -> list[int]:
    query = sql.SQL("SELECT DISTINCT {} AS target FROM {} WHERE id = ANY(%s)")
    rows = env.conn.execute(query.format(sql.Identifier(through), sql.Identifier(model.table)), [list(ids)])
    return [row["target"] for row in rows]


def _run_all_commands(env: Env, model: Model, ids: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
    for name in dict.fromkeys(name for row in rows for name in row):
        field: Field = model.fields[name]
        if field.type == "one2many":
            wanted = [(record_id, row[name]) for record_id, row in zip(ids, rows, strict=True) if row.get(name)]
            run_commands(env, field, wanted, (create, write, unlink))
