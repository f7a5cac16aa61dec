"""Records of ours in Odoo: read in our words, created and changed in batches, bad rows apart from good ones.

Owns: how a value of ours is read from and written to an Odoo field, and which call writes it. Does not own: how bad records
are told from good ones (`batches`), how an external id is resolved (`resolution`), which models and fields a noun has
(`partners`, `plans`, `subscriptions`).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import partial
from typing import Any, TypeVar

from fcb_pipelines.domain.changes import Changes, FieldChange, Fields, Value
from fcb_pipelines.domain.errors import InvalidInput, Refused
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.money import plain, round_half_up
from fcb_pipelines.odoo.batches import Applied, Load, load_batch, refused_alone
from fcb_pipelines.odoo.client import Domain, Odoo
from fcb_pipelines.odoo.lanes import Progress, in_lanes
from fcb_pipelines.odoo.pace import Pace

READ_BATCH = 5000
"""Records a call that reads: a few tenths of a second."""

_NO_MODEL = ("Object {} doesn't exist", "the model '{}' does not exist")
"""How Odoo says over JSON-RPC and over JSON-2 that it does not have a model."""

_DOUBLE = Context(prec=15, rounding=ROUND_HALF_EVEN)
"""Odoo keeps a price as a binary double, which carries 15 significant digits there and back."""

Item = TypeVar("Item")
Key = TypeVar("Key", int, str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """One kind of value, between us and Odoo's three ways of saying it."""

    read: Callable[[Any], Value]
    """What `search_read` answers → our value; a many2one may come as its id or with its name."""
    cell: Callable[[Value], Any]
    """Our value → a cell of `load`; an empty cell clears the field."""
    sent: Callable[[Value], Any]
    """Our value → a value of `write`."""
    column: str = "{}"
    """How `load` names the field."""


def kept(value: Decimal) -> Decimal:
    """What is left of an exact number once Odoo has stored it."""
    return _DOUBLE.plus(value)


def _number(raw: Any) -> Decimal:
    return kept(Decimal(str(raw)))


def id_of(raw: Any) -> int:
    """The id of a many2one that was read, whether it came alone or with its name."""
    return int(raw if isinstance(raw, int) else raw[0])


def coded(ids: Mapping[str, int]) -> Codec:
    """Many2one to a record that both sides know by a code; an id without a code of ours reads as `#id`."""
    codes = {odoo_id: code for code, odoo_id in ids.items()}
    return Codec(
        read=lambda raw: codes.get(id_of(raw), f"#{id_of(raw)}") if raw else None,
        cell=lambda value: ids[str(value)] if value else "",
        sent=lambda value: ids[str(value)] if value else False,
        column="{}/.id",
    )


TEXT = Codec(read=lambda raw: raw or None, cell=lambda value: value or "", sent=lambda value: value or False)
NUMBER = Codec(read=_number, cell=lambda value: value, sent=lambda value: value)
# `load` fails on a boolean of JSON.
FLAG = Codec(read=bool, cell=lambda value: "1" if value else "0", sent=bool)
REFERENCE = Codec(
    read=lambda raw: id_of(raw) if raw else None,
    cell=lambda value: value or "",
    sent=lambda value: value or False,
    column="{}/.id",
)
"""Many2one by Odoo's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a record: our word for it, Odoo's, and its codec."""

    name: str
    odoo: str
    codec: Codec
    shown_in: str | None = None
    """Where Odoo shows the value, if not in the field that sets it."""

    @property
    def column(self) -> str:
        """How `load` names it."""
        return self.codec.column.format(self.odoo)

    @property
    def source(self) -> str:
        """The field that is read."""
        return self.shown_in or self.odoo


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How one kind of record of ours is kept in Odoo."""

    entity: Entity
    model: str
    fields: tuple[Field, ...]
    seen: tuple[Field, ...] = ()
    """Read with the fields and never written."""
    is_written_whole: bool = False
    """Whether a change sends every field, because Odoo computes those anew that are not sent."""

    def columns(self, prefix: str = "") -> list[str]:
        """The columns of `load`, the external id first."""
        return [prefix + "id", *(prefix + each.column for each in self.fields)]

    def row(self, xid: str, fields: Fields) -> list[Any]:
        """The row of `load` for a record, in the order of the columns."""
        return [xid, *(each.codec.cell(fields[each.name]) for each in self.fields)]

    @property
    def sources(self) -> list[str]:
        """The fields in Odoo that are read."""
        return [each.source for each in (*self.fields, *self.seen)]

    def read(self, raw: Mapping[str, Any]) -> Fields:
        """What `search_read` answers → our words."""
        return {each.name: each.codec.read(raw[each.source]) for each in (*self.fields, *self.seen)}

    def values(self, fields: Fields) -> dict[str, Any]:
        """The values of `write` for the fields given."""
        return {each.odoo: each.codec.sent(fields[each.name]) for each in self.fields if each.name in fields}


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """Records of ours that are in Odoo, archived ones too, by external id."""

    ids: Mapping[str, int] = field(default_factory=dict)
    fields: Mapping[str, Fields] = field(default_factory=dict)


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items in order, at most `size` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def rows_where(
    odoo: Odoo, model: str, name: str, values: Collection[Key], fields: Sequence[str], *, also: Domain = ()
) -> list[dict[str, Any]]:
    """The rows whose field `name` is one of the values; none where this Odoo does not have the model."""
    return _rows(model, values, lambda batch: odoo.search_read(model, [(name, "in", batch), *also], fields))


def bare_rows_where(odoo: Odoo, model: str, name: str, values: Collection[Key], fields: Sequence[str]) -> list[dict[str, Any]]:
    """The same with ids alone for what the fields point to: Odoo then works out no names, which takes longer than the rest."""
    columns = list(fields)
    return _rows(
        model,
        values,
        lambda batch: odoo.call(model, "search_read", domain=[(name, "in", batch)], fields=columns, order="id", load=""),
    )


def _rows(model: str, values: Collection[Key], ask: Callable[[list[Key]], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    try:
        for batch in batches(sorted(set(values)), READ_BATCH):
            found += ask(list(batch))
    except Refused as error:
        if not any(text.format(model) in str(error) for text in _NO_MODEL):
            raise
    return found


def read(odoo: Odoo, kind: Kind, ids: Mapping[str, int]) -> Present:
    """The records behind external ids as Odoo has them; one that is gone, though its external id is not, is left out."""
    raw = {row["id"]: row for row in bare_rows_where(odoo, kind.model, "id", ids.values(), kind.sources)}
    there = {xid: odoo_id for xid, odoo_id in ids.items() if odoo_id in raw}
    return Present(ids=there, fields={xid: kind.read(raw[odoo_id]) for xid, odoo_id in there.items()})


def create(odoo: Odoo, load: Load, pace: Pace, progress: Progress) -> Applied:
    """Create records by external id, so that doing it twice never doubles them; bad rows do not stop good ones.

    Batches go out in as many lanes as the pace has, so no record of a load may need another one of it.
    """

    def send(xids: Sequence[str]) -> Applied:
        done = Applied()
        load_batch(odoo, load, xids, pace, done)
        return done

    every = in_lanes(pace, list(load.rows), send, progress)
    return Applied(
        ids={xid: odoo_id for each in every for xid, odoo_id in each.ids.items()},
        failed={xid: reason for each in every for xid, reason in each.failed.items()},
    )


def decimals_kept(odoo: Odoo, model: str, name: str) -> int | None:
    """How many decimals Odoo keeps of a field; None if it cuts none. 18 cuts prices to the precision `Product Price`."""
    digits = odoo.fields(model)[name].get("digits")
    return int(digits[1]) if digits else None


def require_decimals(price: Value, decimals: int | None) -> None:
    """Raise `InvalidInput`, with what to do, for a price that Odoo would cut to `decimals`."""
    if decimals is not None and isinstance(price, Decimal) and round_half_up(price, decimals) != price:
        raise InvalidInput(
            f"Odoo keeps {decimals} decimals of a price and {plain(price)} has more: "
            "raise the decimal accuracy `Product Price` in Odoo to 6 (Settings > Technical)"
        )


def loading(kind: Kind, new: Mapping[str, Fields]) -> Load:
    """The load that creates records of one kind."""
    return Load(model=kind.model, columns=kind.columns(), rows={xid: kind.row(xid, fields) for xid, fields in new.items()})


def update(
    odoo: Odoo,
    kind: Kind,
    made: Changes,
    *,
    ids: Mapping[str, int],
    wanted: Mapping[str, Fields],
    pace: Pace,
    progress: Progress,
) -> Applied:
    """Write what differs: equal values to all their records at once, each other record as a row of a load by its id in Odoo."""
    done = Applied()
    groups = _grouped(kind, made.update, wanted)
    for fields, xids in groups:
        if len(xids) > 1:
            for refused in in_lanes(pace, xids, partial(_write, odoo, kind, fields, ids, pace), progress):
                done.failed |= refused
    for load in _loads(kind, {xids[0]: fields for fields, xids in groups if len(xids) == 1}, ids):
        changed = create(odoo, load, pace, progress)
        done.failed |= changed.failed
    return done


def _grouped(
    kind: Kind, updates: Mapping[str, tuple[FieldChange, ...]], wanted: Mapping[str, Fields]
) -> list[tuple[Fields, list[str]]]:
    groups: dict[tuple[tuple[str, Value], ...], list[str]] = {}
    for xid, each in updates.items():
        fields = wanted[xid] if kind.is_written_whole else {change.field: change.after for change in each}
        groups.setdefault(tuple(sorted(fields.items())), []).append(xid)
    return [(dict(fields), xids) for fields, xids in groups.items()]


def _loads(kind: Kind, changed: Mapping[str, Fields], ids: Mapping[str, int]) -> Iterator[Load]:
    """Loads that write each record's own values: one for all records of which the same fields differ.

    By the id in Odoo, because by its external id a record that somebody just deleted would come back with these fields alone.
    """
    columns: dict[tuple[str, ...], dict[str, Fields]] = {}
    for xid, fields in changed.items():
        columns.setdefault(tuple(fields), {})[xid] = fields
    for names, records in columns.items():
        part = tuple(each for each in kind.fields if each.name in names)
        rows = {xid: [ids[xid], *(each.codec.cell(fields[each.name]) for each in part)] for xid, fields in records.items()}
        yield Load(model=kind.model, columns=[".id", *(each.column for each in part)], rows=rows)


def _write(  # noqa: PLR0917 - all but the batch is given beforehand
    odoo: Odoo, kind: Kind, fields: Fields, ids: Mapping[str, int], pace: Pace, batch: Sequence[str]
) -> dict[str, str]:
    def write(xids: Sequence[str]) -> None:
        odoo.write(kind.model, [ids[xid] for xid in xids], kind.values(fields))

    return refused_alone(batch, write, pace)
