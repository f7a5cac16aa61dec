"""How an edition words what its database refuses: the same refusals, other sentences.

Owns: the sentences, as data. Which refusal it is, is decided where it is met (`writing`, `postgres_errors`, `partner_rules`).
"""

from dataclasses import dataclass

from fcb_pipelines.odoo.sandbox.errors import ConstraintError
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
)
