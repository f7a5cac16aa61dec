"""How the models of one edition differ from those declared in `models`, which are 19.0 Community's: as data.

Owns: the kinds of difference, and applying them. The differences themselves are in `editions`. Columns, and so all rules, are
the same in every edition: only what a client sees is another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fcb_pipelines.odoo.sandbox.fields import Field, Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """What an edition has otherwise. Keys are models, and in them columns."""

    renamed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Column → what clients call the field."""
    changed: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    """Column → attributes of the field that are others."""
    hidden: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Columns that rules need and clients do not see."""
    added: Mapping[str, tuple[Field, ...]] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Attributes of the model itself that are others."""
    precisions: Mapping[str, str] = field(default_factory=dict)
    """The name of a precision in 19.0 → its name here."""
    models: tuple[Model, ...] = ()
    """Models that 19.0 Community does not have."""


def varied(models: Mapping[str, Model], variation: Variation) -> dict[str, Model]:
    """The models of the edition. Raises KeyError for a difference from what is not declared."""
    for named in (variation.renamed, variation.changed, variation.hidden):
        for name, columns in named.items():
            _require_all(models[name], columns)
    return {name: _varied(each, variation) for name, each in models.items()} | {each.name: each for each in variation.models}


def _require_all(model: Model, columns: Any) -> None:
    for column in columns:
        if column not in model.by_column:
            raise KeyError(f"{model.name} has no column {column}")


def _varied(model: Model, variation: Variation) -> Model:
    unseen = variation.hidden.get(model.name, frozenset()) | {entry.column for entry in model.hidden}
    every = {column: _field(model, entry, variation) for column, entry in model.by_column.items()}
    shown = [entry for column, entry in every.items() if column not in unseen]
    return replace(
        model,
        fields={entry.name: entry for entry in (*shown, *variation.added.get(model.name, ()))},
        hidden=tuple(every[column] for column in sorted(unseen)),
        **variation.options.get(model.name, {}),
    )


def _field(model: Model, entry: Field, variation: Variation) -> Field:
    changes = dict(variation.changed.get(model.name, {}).get(entry.column, {}))
    if name := variation.renamed.get(model.name, {}).get(entry.column):
        changes |= {"name": name, "kept_as": entry.column}
    precision = changes.get("precision", entry.precision)
    return replace(entry, **{**changes, "precision": variation.precisions.get(str(precision), precision)})
