"""Searching and reading records.

Owns: orders, limits, and how relations look when read. Conditions are in `domains`, single values in `values`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg import sql

from fcb_pipelines.odoo.sandbox.access import READ, require
from fcb_pipelines.odoo.sandbox.domains import column, where
from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import missing_error, value_error
from fcb_pipelines.odoo.sandbox.fields import Field, Model
from fcb_pipelines.odoo.sandbox.values import shown

Rows = list[dict[str, Any]]


def search(
    env: Env, model: Model, domain: Sequence[Any], *, offset: int = 0, limit: int | None = None, order: str | None = None
) -> list[int]:
    """The ids that match, in the model's order unless another is asked for. Raises AccessError, ValueError."""
    require(env, model.name, READ)
    query = sql.SQL("SELECT r.id FROM {} r WHERE {} ORDER BY {} LIMIT {} OFFSET {}").format(
        sql.Identifier(model.table),
        where(env, model, domain),
        _ordering(model, order or model.order),
        sql.Literal(limit or None),
        sql.Literal(offset or 0),
    )
    return [row["id"] for row in env.conn.execute(query)]


def count(env: Env, model: Model, domain: Sequence[Any], limit: int | None = None) -> int:
    """How many match, at most `limit`."""
    return len(search(env, model, domain, limit=limit, order="id"))


def read(env: Env, model: Model, ids: Sequence[int], fields: Sequence[str] | None, *, names_links: bool = True) -> Rows:
    """The records in the order of the ids; ids that are not there are left out. No fields means all.

    `names_links` shows a many2one as `[id, name]` instead of its id.
    """
    require(env, model.name, READ)
    entries = [_field(env, model, name) for name in dict.fromkeys(fields or model.fields)]
    plain = [entry for entry in entries if entry.type != "one2many"]
    found = {row["id"]: row for row in _select(env, model, ids, plain)}
    present = [found[record_id] for record_id in ids if record_id in found]
    for entry in entries:
        _show(env, entry, present, names_links=names_links)
    return [{"id": row["id"], **{entry.name: row[entry.name] for entry in entries}} for row in present]


def names_of(env: Env, model: Model, ids: Iterable[int]) -> Mapping[int, str]:
    """Id → display name, of records that are there; asks for no right, as links show names to everybody."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    query = sql.SQL("SELECT r.id, {} AS name FROM {} r WHERE r.id = ANY({})").format(
        sql.SQL(model.display), sql.Identifier(model.table), sql.Literal(wanted)
    )
    rows = env.conn.execute(query)
    return {row["id"]: row["name"] or "" for row in rows}


def absent(env: Env, model: Model, ids: Iterable[int]) -> list[int]:
    """Those of the ids that are no record."""
    wanted = sorted(set(ids))
    query = sql.SQL("SELECT id FROM {} WHERE id = ANY({}::integer[])")
    found = env.conn.execute(query.format(sql.Identifier(model.table), sql.Literal(wanted)))
    present = {row["id"] for row in found}
    return [record_id for record_id in wanted if record_id not in present]


def ensure_present(env: Env, model: Model, ids: Iterable[int]) -> None:
    """Raises MissingError if an id is no record."""
    if missing := absent(env, model, ids):
        raise missing_error(model.name, missing, env.user_id)


def _field(env: Env, model: Model, name: str) -> Field:
    if name not in model.fields:
        raise env.edition.wording.unknown_field(model.name, name, "read")
    return model.fields[name]


def _ordering(model: Model, order: str) -> sql.Composable:
    return sql.SQL(", ").join(_order_term(model, term.split()) for term in order.split(","))


def _order_term(model: Model, words: list[str]) -> sql.Composable:
    field = model.fields.get(words[0])
    if field is None:
        raise value_error(f"Invalid field {words[0]!r} on model {model.name!r}")
    is_descending = [word.lower() for word in words[1:]] == ["desc"]
    return sql.SQL("{} DESC" if is_descending else "{} ASC").format(column(field))


def _select(env: Env, model: Model, ids: Sequence[int], fields: Sequence[Field]) -> Rows:
    columns = [sql.SQL("{} AS {}").format(column(entry), sql.Identifier(entry.name)) for entry in fields if entry.name != "id"]
    query = sql.SQL("SELECT {} FROM {} r WHERE r.id = ANY({}::integer[])").format(
        sql.SQL(", ").join([sql.SQL("r.id"), *columns]), sql.Identifier(model.table), sql.Literal(list(ids))
    )
    return env.conn.execute(query).fetchall()


def _show(env: Env, field: Field, rows: Rows, *, names_links: bool) -> None:
    if field.type == "many2one":
        _show_links(env, field, rows, names_links=names_links)
    elif field.type == "many2many":
        _show_many(env, field, rows)
    elif field.type == "one2many":
        _show_children(env, field, rows)
    else:
        for row in rows:
            row[field.name] = shown(field, row[field.name])


def _show_links(env: Env, field: Field, rows: Rows, *, names_links: bool) -> None:
    names = names_of(env, env.related(field), (row[field.name] for row in rows if row[field.name])) if names_links else {}
    for row in rows:
        target = row[field.name]
        row[field.name] = ([target, names[target]] if names_links else target) if target else False


def _show_many(env: Env, field: Field, rows: Rows) -> None:
    model = env.related(field)
    wanted = sorted({link for row in rows for link in row[field.name] or ()})
    visible = _visible(env, model, [("id", "in", wanted)]) if wanted else []
    for row in rows:
        links = set(row[field.name] or ())
        row[field.name] = [record_id for record_id, _ in visible if record_id in links]


def _show_children(env: Env, field: Field, rows: Rows) -> None:
    inverse = str(field.inverse)
    by_parent: dict[int, list[int]] = defaultdict(list)
    domain = [(inverse, "in", [row["id"] for row in rows]), *field.domain]
    for child, parent in _visible(env, env.related(field), domain, inverse):
        by_parent[parent].append(child)
    for row in rows:
        row[field.name] = by_parent[row["id"]]


def _visible(env: Env, model: Model, domain: Sequence[Any], extra: str = "id") -> list[tuple[int, int]]:
    """Ids that active_test lets through, in the model's order, each with another column."""
    query = sql.SQL("SELECT r.id, r.{} AS extra FROM {} r WHERE {} ORDER BY {}").format(
        sql.Identifier(extra), sql.Identifier(model.table), where(env, model, domain), _ordering(model, model.order)
    )
    return [(row["id"], row["extra"]) for row in env.conn.execute(query)]
