"""One cell of `load`, which is text, to a value: parsing, choices, and links by external id, database id or name.

Owns: the messages for cells that cannot be read. All links of a call are looked up together, before any record is made.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import OdooError
from fcb_pipelines.odoo.sandbox.external_ids import Named, find
from fcb_pipelines.odoo.sandbox.fields import Field, Model
from fcb_pipelines.odoo.sandbox.reading import absent, search
from fcb_pipelines.odoo.sandbox.table import DATABASE_ID, EXTERNAL_ID, IDS, Path, Record, is_empty
from fcb_pipelines.odoo.sandbox.values import read_date, read_datetime, read_number

_YES = frozenset({"1", "true", "yes"})
_NO = frozenset({"", "0", "false", "no"})


class CellError(Exception):
    """A cell that cannot be read: the text, and what Odoo says beside it."""

    def __init__(self, message: str, moreinfo: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.moreinfo = moreinfo


@dataclass(frozen=True, slots=True)
class Links:
    """What the cells of a call point to, as far as it is there."""

    external: dict[str, Named] = field(default_factory=dict)
    database: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    names: dict[tuple[str, str], int] = field(default_factory=dict)


def look_up(env: Env, model: Model, found: Sequence[Record]) -> Links:
    """Look up everything the records point to."""
    wanted = _Wanted()
    for record in found:
        _collect(env, model, record, wanted)
    links = Links(external=_there(env, find(env, wanted.external)))
    for name, ids in wanted.database.items():
        missing = set(absent(env, env.model(name), ids))
        links.database[name] = ids - missing
    for name, texts in wanted.names.items():
        links.names.update({(name, text): match for text, match in _by_name(env, env.model(name), texts).items()})
    return links


def read_cell(links: Links, entry: Field, path: Path, cell: Any, label: str) -> Any:
    """The value of a cell, as create and write take it; an empty cell is no value. Raises CellError, OdooError."""
    if is_empty(cell):
        return [] if entry.type == "many2many" else False
    if entry.type == "many2many":
        return [_linked(links, entry, path[1:], part.strip(), label) for part in str(cell).split(",")]
    if entry.type == "many2one":
        return _linked(links, entry, path[1:], str(cell), label)
    return _READERS[entry.type](entry, cell, label)


def _there(env: Env, named: Mapping[str, Named]) -> dict[str, Named]:
    """Without the external ids whose record is gone."""
    by_model: dict[str, set[int]] = defaultdict(set)
    for entry in named.values():
        by_model[entry.model].add(entry.record_id)
    gone = {(name, record_id) for name, ids in by_model.items() for record_id in absent(env, env.model(name), ids)}
    return {text: entry for text, entry in named.items() if (entry.model, entry.record_id) not in gone}


@dataclass(frozen=True, slots=True)
class _Wanted:
    external: set[str] = field(default_factory=set)
    database: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def _collect(env: Env, model: Model, record: Record, wanted: _Wanted) -> None:
    for path, cell in record.cells.items():
        entry = model.fields[path[0]] if path[0] not in IDS else None
        if entry is not None and entry.type in {"many2one", "many2many"} and not is_empty(cell):
            parts = str(cell).split(",") if entry.type == "many2many" else [str(cell)]
            for part in parts:
                _collect_link(str(entry.relation), path[1:], part.strip(), wanted)
    for name, children in record.children.items():
        for child in children:
            _collect(env, env.related(model.fields[name]), child, wanted)


def _collect_link(relation: str, how: Path, text: str, wanted: _Wanted) -> None:
    if how == (EXTERNAL_ID,):
        wanted.external.add(text)
    elif how != (DATABASE_ID,):
        wanted.names[relation].add(text)
    elif text.isdecimal():
        wanted.database[relation].add(int(text))


def _by_name(env: Env, model: Model, texts: set[str]) -> Mapping[str, int]:
    """The first record that a name finds: display name, then each field names are looked up in."""
    found: dict[str, int] = {}
    for text in sorted(texts):
        for name in ("display_name", *model.found_by):
            matches = search(env, model, [(name, "=", text)], limit=1)
            if matches:
                found[text] = matches[0]
                break
    return found


def _linked(links: Links, entry: Field, how: Path, text: str, label: str) -> int:
    if how == (EXTERNAL_ID,):
        return _linked_by_external_id(links, entry, text, label)
    if how == (DATABASE_ID,):
        return _linked_by_database_id(links, entry, text, label)
    match = links.names.get((str(entry.relation), text))
    if match is None:
        raise CellError(f"No matching record found for name '{text}' in field '{label}'", _possible_values(entry))
    return match


def _linked_by_external_id(links: Links, entry: Field, text: str, label: str) -> int:
    named = links.external.get(text)
    if named is None:
        raise CellError(f"No matching record found for external id '{text}' in field '{label}'", _possible_values(entry))
    if named.model != entry.relation:
        raise CellError(f"Invalid external ID {text}: expected model {entry.relation!r}, found {named.model!r}")
    return named.record_id


def _linked_by_database_id(links: Links, entry: Field, text: str, label: str) -> int:
    if not text.isdecimal():
        raise CellError(f"Invalid database id '{text}' for the field '{label}'", _possible_values(entry))
    if int(text) not in links.database[str(entry.relation)]:
        raise CellError(f"No matching record found for database id '{text}' in field '{label}'", _possible_values(entry))
    return int(text)


def _possible_values(entry: Field) -> dict[str, Any]:
    return {"name": "Possible Values", "type": "ir.actions.act_window", "res_model": entry.relation}


def _read_text(_entry: Field, cell: Any, _label: str) -> str:
    return str(cell)


def _read_number(_entry: Field, cell: Any, label: str) -> Decimal:
    try:
        return read_number(cell)
    except ValueError:
        raise CellError(f"'{cell}' does not seem to be a number for field '{label}'") from None


def _read_integer(_entry: Field, cell: Any, label: str) -> int:
    try:
        return int(cell)
    except ValueError:
        raise CellError(f"'{cell}' does not seem to be an integer for field '{label}'") from None


def _read_boolean(_entry: Field, cell: Any, label: str) -> bool:
    if not isinstance(cell, str):
        raise OdooError("builtins.AttributeError", f"{type(cell).__name__!r} object has no attribute 'lower'")
    if cell.lower() in _YES:
        return True
    if cell.lower() in _NO:
        return False
    raise CellError(f"Unknown value '{cell}' for boolean field '{label}'", "Use '1' for yes and '0' for no")


def _read_choice(entry: Field, cell: Any, label: str) -> str:
    for key, shown in entry.selection:
        if str(cell).lower() in {key.lower(), shown.lower()}:
            return key
    raise CellError(f"Value '{cell}' not found in selection field '{label}'", [shown for _, shown in entry.selection])


def _read_date(_entry: Field, cell: Any, label: str) -> str:
    return _checked(read_date, str(cell), "date", label, "2012-12-31")


def _read_datetime(_entry: Field, cell: Any, label: str) -> str:
    return _checked(read_datetime, str(cell), "datetime", label, "2012-12-31 23:59:59")


def _checked(reader: Callable[[str], Any], cell: str, kind: str, label: str, example: str) -> str:
    try:
        reader(cell)
    except ValueError:
        text = f"'{cell}' does not seem to be a valid {kind} for field '{label}'"
        raise CellError(text, f"Use the format '{example}'") from None
    return cell


_READERS: Mapping[str, Callable[[Field, Any, str], Any]] = {
    "char": _read_text,
    "text": _read_text,
    "html": _read_text,
    "float": _read_number,
    "monetary": _read_number,
    "integer": _read_integer,
    "boolean": _read_boolean,
    "selection": _read_choice,
    "date": _read_date,
    "datetime": _read_datetime,
}
