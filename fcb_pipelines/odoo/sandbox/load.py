"""`load`: the upsert by external id.

Owns: all or nothing, one message per bad record, and which record an id stands for. Cells are read in `cells`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.errors import DeadlockDetected, LockNotAvailable, SerializationFailure

from fcb_pipelines.odoo.sandbox.cells import CellError, Links, look_up, read_cell
from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import ConstraintError, OdooError
from fcb_pipelines.odoo.sandbox.external_ids import Named, find, give
from fcb_pipelines.odoo.sandbox.fields import Model
from fcb_pipelines.odoo.sandbox.postgres_errors import said_by_postgres
from fcb_pipelines.odoo.sandbox.reading import absent
from fcb_pipelines.odoo.sandbox.rules import Values
from fcb_pipelines.odoo.sandbox.table import DATABASE_ID, EXTERNAL_ID, IDS, Record, is_empty, paths_of, records
from fcb_pipelines.odoo.sandbox.writing import create, write

Message = dict[str, Any]
_ANSWERED = ("odoo.exceptions.",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The call, and what its cells point to."""

    env: Env
    links: Links


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A record whose cells could be read; `key` is its external or database id, if it has one."""

    index: int
    record: Record
    external_id: str | None
    database_id: int | None
    values: Values
    children: Mapping[str, Sequence["Item"]]


def load(env: Env, model: Model, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Create or update a record per row; any bad row takes the whole call back and is told in a message.

    Raises OdooError only for an unknown column and for a boolean that is not text.
    """
    paths = paths_of(env, model, columns)
    found = list(records(env, model, paths, rows))
    messages: list[Message] = []
    with env.conn.transaction() as savepoint:
        items = _read_all(env, model, found, messages)
        ids = _save_all(env, model, items, messages)
        if messages:
            raise psycopg.Rollback(savepoint)
    return {"ids": False if messages else ids, "messages": messages, "nextrow": 0}


def _read_all(env: Env, model: Model, found: Sequence[Record], messages: list[Message]) -> list[Item]:
    look = Look(env=env, links=look_up(env, model, found))
    items = []
    for index, record in enumerate(found):
        faults: list[Message] = []
        item = _read(look, model, record, index, faults)
        if faults:
            messages.extend({**_place(index, record), "type": "error", **fault} for fault in faults)
        else:
            items.append(item)
    return items


def _read(look: Look, model: Model, record: Record, index: int, faults: list[Message]) -> Item:
    cells = record.cells
    external_id, database_id = cells.get((EXTERNAL_ID,)), cells.get((DATABASE_ID,))
    return Item(
        index=index,
        record=record,
        external_id=None if is_empty(external_id) else str(external_id),
        database_id=_database_id(look.env, model, external_id, database_id, faults),
        values=_read_values(look.links, model, record, faults),
        children={name: _read_children(look, model, name, record, faults) for name in record.children},
    )


def _database_id(env: Env, model: Model, external_id: Any, cell: Any, faults: list[Message]) -> int | None:
    # Where an external id is given, Odoo does not look at the database id.
    if is_empty(cell) or not is_empty(external_id):
        return None
    if not str(cell).isdecimal() or absent(env, model, [int(cell)]):
        faults.append({"field": DATABASE_ID, "message": f"Unknown database identifier '{cell}'"})
        return None
    return int(cell)


def _read_values(links: Links, model: Model, record: Record, faults: list[Message]) -> Values:
    values: Values = {}
    for path, cell in record.cells.items():
        if path[0] in IDS:
            continue
        field = model.fields[path[0]]
        try:
            values[field.name] = read_cell(links, field, path, cell, field.label)
        except CellError as error:
            faults.append(_fault(field.name, field.label, error))
    return values


def _read_children(look: Look, model: Model, name: str, record: Record, faults: list[Message]) -> list[Item]:
    field = model.fields[name]
    inner: list[Message] = []
    children = record.children[name]
    items = [_read(look, look.env.related(field), child, record.first, inner) for child in children]
    faults.extend(_outer_fault(fault, name, field.label) for fault in inner)
    return items


def _fault(name: str, label: str, error: CellError) -> Message:
    more = {} if error.moreinfo is None else {"moreinfo": error.moreinfo}
    return {"field": name, "message": error.message, **more, "field_name": label}


def _outer_fault(fault: Message, name: str, label: str) -> Message:
    """A sub-record's fault, told of the field that holds it, its label as a path."""
    inner_label = fault.get("field_name", "")
    message = fault["message"].replace(f"field '{inner_label}'", f"field '{label}/{inner_label}'")
    return {**fault, "field": name, "field_name": label, "message": message}


def _place(index: int, record: Record) -> Message:
    return {"rows": {"from": record.first, "to": record.last}, "record": index}


def _save_all(env: Env, model: Model, items: Sequence[Item], messages: list[Message]) -> list[int]:
    """Save in one go; if that fails, one by one, to learn which record is bad."""
    try:
        with env.conn.transaction():
            return _save(env, model, items)
    except (SerializationFailure, DeadlockDetected, LockNotAvailable):
        raise
    except (OdooError, psycopg.Error):
        pass
    ids: list[int] = []
    for item in items:
        try:
            with env.conn.transaction():
                ids.extend(_save(env, model, [item]))
        except (OdooError, psycopg.Error) as error:
            messages.append({**_place(item.index, item.record), "type": "error", **_told(env, model, error)})
    return ids


def _save(env: Env, model: Model, items: Sequence[Item], parents: Sequence[Values] = ()) -> list[int]:
    """Create what is new, write what is there; of rows with one external id the last wins. Ids in row order.

    `parents` holds, for sub-records, the link of each to its parent.
    """
    last = {_key(item): item for item in items}
    linked = {_key(item): parent for item, parent in zip(items, parents, strict=True)} if parents else {}
    known = _known(env, model, [item.external_id for item in last.values() if item.external_id])
    present = {key: known.get(item.external_id or "", item.database_id) for key, item in last.items()}
    news = [key for key, record_id in present.items() if record_id is None]
    created = create(env, model, [{**last[key].values, **linked.get(key, {})} for key in news])
    ids = {**{key: record_id for key, record_id in present.items() if record_id}, **dict(zip(news, created, strict=True))}
    give(env, model, {external_id: ids[key] for key in news if (external_id := last[key].external_id)})
    for key, item in last.items():
        if present[key] and item.children:
            env.edition.rules_of(model).touching(env, [ids[key]], [*item.values, *item.children])
        if present[key] and item.values:
            write(env, model, [ids[key]], item.values)
    _save_children(env, model, {ids[key]: item for key, item in last.items()})
    return [ids[_key(item)] for item in items]


def _save_children(env: Env, model: Model, by_parent: Mapping[int, Item]) -> None:
    """Save the sub-records of all parents together."""
    for name in dict.fromkeys(name for item in by_parent.values() for name in item.children):
        field = model.fields[name]
        pairs = [(child, parent) for parent, item in by_parent.items() for child in item.children.get(name, ())]
        parents = [{str(field.inverse): parent} for _, parent in pairs]
        if pairs:
            _save(env, env.related(field), [child for child, _ in pairs], parents)


def _key(item: Item) -> Any:
    return item.external_id or item.database_id or id(item)


def _known(env: Env, model: Model, external_ids: Sequence[str]) -> dict[str, int]:
    """The records that are there already. Raises ValidationError for an external id of another model."""
    named = find(env, external_ids)
    for external_id, entry in named.items():
        if entry.model != model.name:
            raise _other_model(external_id, model, entry)
    gone = set(absent(env, model, (entry.record_id for entry in named.values())))
    return {external_id: entry.record_id for external_id, entry in named.items() if entry.record_id not in gone}


def _other_model(external_id: str, model: Model, entry: Named) -> OdooError:
    text = (
        f"For external id {external_id} when trying to create/update a record of model {model.name} "
        f"found record of different model {entry.model} ({entry.row_id})"
    )
    return OdooError("odoo.exceptions.ValidationError", text)


def _told(env: Env, model: Model, error: OdooError | psycopg.Error) -> Message:
    fault = error if isinstance(error, OdooError) else said_by_postgres(env.edition, error)
    if isinstance(fault, ConstraintError):
        return _told_constraint(env, model, fault)
    if fault.name.startswith(_ANSWERED):
        return {"message": fault.message}
    name = fault.name.removeprefix("builtins.")
    text = f"Unknown error during import: <class '{name}'>: {fault.message}"
    return {"message": text, "moreinfo": "Resolve other errors first"}


def _told_constraint(env: Env, model: Model, fault: ConstraintError) -> Message:
    if fault.field is None or fault.model is None:
        return {"message": fault.in_load}
    if fault.model == model.name:
        return {"message": fault.in_load, "field": fault.field}
    return {"message": env.edition.wording.lacking_in_line(model, fault.model, fault.field)}
