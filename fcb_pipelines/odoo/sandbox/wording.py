"""How an edition words what it refuses, as far as editions differ: the same refusals, other sentences.

Owns: the sentences, as data. Which refusal it is, is decided where it is met (`methods`, `domains`, `reading`, `writing`,
`postgres_errors`, `partner_rules`).
"""

from dataclasses import dataclass
from typing import Any

from fcb_pipelines.odoo.sandbox.errors import ConstraintError, OdooError, access_error, value_error
from fcb_pipelines.odoo.sandbox.fields import Field, Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Sentences with places for {model}, {model_label}, {field}, {label}, {constraint} and {text}; `load` has its own."""

    rule: str
    rule_in_load: str
    missing: str
    missing_in_load: str
    missing_in_line: str
    """Of a sub-record's field, in `load`; {label} is the label of the same name in the model of the call, as in Odoo."""
    used: str
    unknown_method: str
    private_method: str
    unknown_in_create: str
    unknown_in_read: str
    unknown_in_write: tuple[str, str]
    """The error's name and its text."""
    unknown_in_domain: str
    unknown_operator: str
    bad_leaf: str
    without_product: str
    code: int
    """Of every error in a JSON-RPC answer."""

    def no_method(self, model: str, method: str) -> OdooError:
        """A method that the model does not have."""
        return OdooError(NO_METHOD, self.unknown_method.format(model=model, method=method))

    def private(self, model: str, method: str) -> OdooError:
        """A method that no client may call."""
        return access_error(self.private_method.format(model=model, method=method))

    def unknown_field(self, model: str, field: str, operation: str) -> OdooError:
        """A field that the model does not have, to `create`, `read` or `write`."""
        if operation == "write":
            name, text = self.unknown_in_write
            return OdooError(name, text.format(model=model, field=field))
        text = self.unknown_in_create if operation == "create" else self.unknown_in_read
        return value_error(text.format(model=model, field=field))

    def unknown_in_leaf(self, model: str, field: str, leaf: Any) -> OdooError:
        """A domain about a field that the model does not have."""
        return value_error(self.unknown_in_domain.format(model=model, field=field, leaf=repr(leaf)))

    def unusable_leaf(self, leaf: Any) -> OdooError:
        """A domain with an operator that there is none of."""
        return value_error(self.unknown_operator.format(leaf=repr(leaf)))

    def no_leaf(self, leaf: Any) -> OdooError:
        """A domain with something in it that is no condition."""
        return value_error(self.bad_leaf.format(leaf=repr(leaf), parts=len(leaf) if isinstance(leaf, list | tuple) else 1))

    def broken(self, text: str) -> ConstraintError:
        """A rule of the database that has a text of its own."""
        return ConstraintError(self.rule.format(text=text), self.rule_in_load.format(text=text))

    def lacking(self, model: Model, field: Field) -> ConstraintError:
        """A required field without a value."""
        places = _places(model, field)
        texts = self.missing.format(**places), self.missing_in_load.format(**places)
        return ConstraintError(*texts, model=model.name, field=field.name)

    def lacking_in_line(self, model: Model, line: str, field: str) -> str:
        """What `load` says of a sub-record's required field without a value; `line` is the sub-record's model."""
        same_name = model.fields.get(field)
        return self.missing_in_line.format(
            model=line, table=line.replace(".", "_"), field=field, label=same_name.label if same_name else field
        )

    def still_used(self, model: Model, field: Field, constraint: str) -> ConstraintError:
        """A record that others point to, or (misleadingly, as in Odoo) a link to a record that is not there."""
        text = self.used.format(**_places(model, field), constraint=constraint)
        return ConstraintError(text, text.removeprefix(_PREFIX), model=model.name, field=field.name)


def _places(model: Model, field: Field) -> dict[str, str]:
    return {"model": model.name, "model_label": model.label, "field": field.name, "label": field.label}


NO_METHOD = "builtins.AttributeError"
_PREFIX = "The operation cannot be completed: "

_MISSING_19 = (
    "Missing required value for the field '{label}' ({field}).\n"
    "Model: {model}\n"
    "- create/update: a mandatory field is not set\n"
    "- delete: another model requires the record being deleted, you can archive it instead\n"
)
_NAMED_MODEL = _MISSING_19.replace("{model}", "'{model_label}' ({model})")

WORDING_19 = Wording(
    rule=_PREFIX + "{text}",
    rule_in_load="{text}",
    missing=_PREFIX + _NAMED_MODEL,
    missing_in_load=_NAMED_MODEL,
    missing_in_line=_MISSING_19.replace("{model}", "Unknown"),
    used=(
        _PREFIX + "Another model is using the record you are trying to delete.\n\n"
        "The troublemaker is: '{model_label}' ({model})\n"
        "Thanks to the following constraint: '{label}' ({field})\n"
        "How about archiving the record instead?"
    ),
    unknown_method="The method '{model}.{method}' does not exist",
    private_method="Private methods (such as '{model}.{method}') cannot be called remotely.",
    unknown_in_create="Invalid field '{field}' in '{model}'",
    unknown_in_read="Invalid field '{field}' on '{model}'",
    unknown_in_write=("builtins.KeyError", "{field}"),
    unknown_in_domain="Invalid field {model}.{field} in condition {leaf}",
    unknown_operator="Invalid operator in condition {leaf}",
    bad_leaf="Domain() invalid item in domain: {leaf}",
    without_product="Some order lines are missing a product, you need to correct them before going further.",
    code=0,
)

WORDING_18 = Wording(
    rule=_PREFIX + "{text}",
    rule_in_load="'{text}'",
    missing=(
        "The operation cannot be completed:\n"
        "- Create/update: a mandatory field is not set.\n"
        "- Delete: another model requires the record being deleted. If possible, archive it instead.\n\n"
        "Model: {model_label} ({model})\n"
        "Field: {label} ({field})\n"
    ),
    missing_in_load="Missing required value for the field '{label}' ({field})",
    missing_in_line="Missing required value for the field '{field}' on a linked model [{table}]",
    used=(
        _PREFIX + "another model requires the record being deleted. If possible, archive it instead.\n\n"
        "Model: {model_label} ({model})\n"
        "Constraint: {constraint}\n"
    ),
    unknown_method="The method '{method}' does not exist on the model '{model}'",
    private_method="Private methods (such as {method}) cannot be called remotely.",
    unknown_in_create="Invalid field '{field}' on model '{model}'",
    unknown_in_read="Invalid field '{field}' on model '{model}'",
    unknown_in_write=("builtins.ValueError", "Invalid field '{field}' on model '{model}'"),
    unknown_in_domain="Invalid field {model}.{field} in leaf {leaf}",
    unknown_operator="Invalid leaf {leaf}",
    bad_leaf="not enough values to unpack (expected 3, got {parts})",
    without_product="A line on these orders missing a product, you cannot confirm it.",
    code=200,
)
