"""The command tuples of x2many fields: (0, _, values), (1, id, values), (2, id), (3, id), (4, id), (5,), (6, _, ids).

Owns: what each command does. The writing itself is handed in by `writing`, which needs this module.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from psycopg import sql

from fcb_pipelines.odoo.sandbox.domains import where
from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import type_error, value_error
from fcb_pipelines.odoo.sandbox.fields import Field, Model
from fcb_pipelines.odoo.sandbox.reading import ensure_present

CREATE, UPDATE, DELETE, UNLINK, LINK, CLEAR, SET = range(7)

Create = Callable[[Env, Model, Sequence[Mapping[str, Any]]], list[int]]
Write = Callable[[Env, Model, Sequence[int], Mapping[str, Any]], None]
Unlink = Callable[[Env, Model, Sequence[int]], None]


def is_commanded(value: Any) -> bool:
    """Whether a many2many value is a list of commands; a plain list of ids, or nothing, is what is kept."""
    return any(not isinstance(part, int) for part in value or ())


def links_after(env: Env, model: Model, field: Field, ids: Sequence[int], commands: Sequence[Any]) -> list[int]:
    """The links of a many2many after the commands, which start from those of the first record."""
    links = _links(env, model, field, ids)
    for command in commands:
        links = _links_after_one(field, links, _checked(command))
    ensure_present(env, env.related(field), links)
    return links


def run_commands(
    env: Env, field: Field, wanted: Sequence[tuple[int, Sequence[Any]]], writers: tuple[Create, Write, Unlink]
) -> None:
    """Run the commands of a one2many for each parent; all new children are created in one go, last."""
    model = env.related(field)
    news: list[dict[str, Any]] = []
    for parent, commands in wanted:
        for command in map(_checked, commands):
            if command[0] == CREATE:
                news.append({**command[2], str(field.inverse): parent})
            else:
                _run_one(env, field, parent, command, writers)
    if news:
        writers[0](env, model, news)


def _run_one(env: Env, field: Field, parent: int, command: Sequence[Any], writers: tuple[Create, Write, Unlink]) -> None:
    model, (_, write, unlink) = env.related(field), writers
    kind = command[0]
    if kind == UPDATE:
        write(env, model, [command[1]], command[2])
    elif kind in {DELETE, UNLINK}:
        unlink(env, model, [command[1]])
    elif kind == LINK:
        write(env, model, [command[1]], {str(field.inverse): parent})
    else:
        stays = set(command[2]) if kind == SET else set()
        unlink(env, model, [child for child in _children(env, field, parent) if child not in stays])


def _checked(command: Any) -> Sequence[Any]:
    if isinstance(command, Mapping):
        raise type_error("unhashable type: 'dict'")
    if not isinstance(command, list | tuple) or not command or command[0] not in range(7):
        raise value_error(f"Wrong value for a command: {command!r}")
    return command


def _links_after_one(field: Field, links: list[int], command: Sequence[Any]) -> list[int]:
    kind = command[0]
    if kind == CLEAR:
        return []
    if kind == SET:
        return [int(link) for link in command[2]]
    if kind == LINK:
        return [*links, int(command[1])] if command[1] not in links else links
    if kind in {UNLINK, DELETE}:
        return [link for link in links if link != command[1]]
    raise value_error(f"The sandbox makes no records of {field.relation} through {field.name}.")


def _links(env: Env, model: Model, field: Field, ids: Sequence[int]) -> list[int]:
    if not ids or not field.is_column:
        return []
    query = sql.SQL("SELECT {} AS links FROM {} WHERE id = %s").format(
        sql.Identifier(field.column), sql.Identifier(model.table)
    )
    row = env.conn.execute(query, [ids[0]]).fetchone()
    return list(row["links"]) if row else []


def _children(env: Env, field: Field, parent: int) -> list[int]:
    model = env.related(field)
    condition = where(env, model, [(str(field.inverse), "=", parent), *field.domain], tests_active=False)
    query = sql.SQL("SELECT r.id FROM {} r WHERE {}").format(sql.Identifier(model.table), condition)
    return [row["id"] for row in env.conn.execute(query)]
