"""The table that `load` is given, cut into records.

Owns: column paths, and which rows belong to one record: a row with nothing but one2many cells continues the record above.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import value_error
from fcb_pipelines.odoo.sandbox.fields import Model

Path = tuple[str, ...]
"""A column's name cut at the slashes, such as `("order_line", "product_id", "id")`."""

EXTERNAL_ID = "id"
DATABASE_ID = ".id"
IDS = frozenset({EXTERNAL_ID, DATABASE_ID})


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of the table: its cells, its sub-records by one2many field, and its first and last row."""

    first: int
    last: int
    cells: Mapping[Path, Any]
    children: Mapping[str, Sequence["Record"]]


def paths_of(env: Env, model: Model, columns: Sequence[str]) -> list[Path]:
    """The columns' paths. Raises ValueError for a field that is not there."""
    paths = [tuple(column.split("/")) for column in columns]
    for path in paths:
        _check(env, model, path)
    return paths


def records(env: Env, model: Model, paths: Sequence[Path], rows: Sequence[Sequence[Any]]) -> Iterator[Record]:
    """Cut the rows into records."""
    sub_fields = {path[0] for path in paths if _is_sub(model, path)}
    own = [index for index, path in enumerate(paths) if path[0] not in sub_fields]
    first = 0
    while first < len(rows):
        end = first + 1
        while end < len(rows) and sub_fields and _continues(rows[end], own):
            end += 1
        yield _record(env, model, paths, rows, range(first, end))
        first = end


def _record(env: Env, model: Model, paths: Sequence[Path], rows: Sequence[Sequence[Any]], span: range) -> Record:
    head = rows[span.start]
    cells = {path: head[index] for index, path in enumerate(paths) if not _is_sub(model, path)}
    children = {
        name: _children(env, model, name, paths, [rows[row] for row in span])
        for name in dict.fromkeys(path[0] for path in paths if _is_sub(model, path))
    }
    return Record(first=span.start, last=span.stop - 1, cells=cells, children=children)


def _children(env: Env, model: Model, name: str, paths: Sequence[Path], rows: Sequence[Sequence[Any]]) -> Sequence[Record]:
    indexes = [index for index, path in enumerate(paths) if path[0] == name]
    inner = [[row[index] for index in indexes] for row in rows]
    filled = [row for row in inner if any(not is_empty(cell) for cell in row)]
    return tuple(records(env, env.related(model.fields[name]), [paths[index][1:] for index in indexes], filled))


def is_empty(cell: Any) -> bool:
    """Whether a cell clears its field."""
    return cell is None or cell is False or cell == ""


def _continues(row: Sequence[Any], own: Sequence[int]) -> bool:
    is_blank = all(is_empty(cell) for cell in row)
    return not is_blank and all(is_empty(row[index]) for index in own)


def _is_sub(model: Model, path: Path) -> bool:
    return path[0] not in IDS and model.fields[path[0]].type == "one2many"


def _check(env: Env, model: Model, path: Path) -> None:
    if path[0] in IDS:
        return
    field = model.fields.get(path[0])
    if field is None:
        raise value_error(f"Invalid field name {path[0]!r}")
    if len(path) > 1 and field.relation:
        _check(env, env.related(field), path[1:])
