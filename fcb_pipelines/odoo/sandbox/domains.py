"""Search domains to SQL.

Owns: the prefix notation, the operators, and the paths through relations. Orders, limits and reading are in `reading`.
"""

from collections.abc import Sequence
from typing import Any

from psycopg import sql

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.fields import Field, Model
from fcb_pipelines.odoo.sandbox.values import checked_text, kept

_LEAF_PARTS = 3
_COMPARISONS = {"<", ">", "<=", ">="}
_PATTERNS = {
    "like": ("LIKE", True),
    "ilike": ("ILIKE", True),
    "not like": ("NOT LIKE", True),
    "not ilike": ("NOT ILIKE", True),
    "=like": ("LIKE", False),
    "=ilike": ("ILIKE", False),
}
_TEXTS = {"char", "text", "html", "selection"}


def where(env: Env, model: Model, domain: Sequence[Any], *, tests_active: bool = True) -> sql.Composable:
    """The condition on the rows `r` of the model; archived ones are left out unless asked for."""
    condition = _condition(env, model, domain)
    if not tests_active or env.sees_archived or "active" not in model.fields or _names_active(domain):
        return condition
    return sql.SQL("(r.active AND {})").format(condition)


def column(field: Field) -> sql.Composable:
    """The SQL of a field over the row `r`."""
    return sql.SQL(field.expression) if field.expression else sql.SQL("r.{}").format(sql.Identifier(field.column))


def _names_active(domain: Sequence[Any]) -> bool:
    return any(not isinstance(part, str) and part[0] == "active" for part in domain)


def _condition(env: Env, model: Model, domain: Sequence[Any]) -> sql.Composable:
    """Read the prefix notation from its end: operators take what stands before them on the stack."""
    stack: list[sql.Composable] = []
    for part in reversed(list(domain)):
        if part == "!":
            stack.append(sql.SQL("(NOT {})").format(stack.pop()))
        elif part in ("&", "|"):
            joint = sql.SQL("({} AND {})" if part == "&" else "({} OR {})")
            stack.append(joint.format(stack.pop(), stack.pop()))
        else:
            stack.append(_leaf(env, model, part))
    return sql.SQL("({})").format(sql.SQL(" AND ").join(reversed(stack))) if stack else sql.SQL("TRUE")


def _leaf(env: Env, model: Model, part: Any) -> sql.Composable:
    if not isinstance(part, list | tuple) or len(part) != _LEAF_PARTS:
        raise env.edition.wording.no_leaf(part)
    path, operator, value = part
    first, _, rest = str(path).partition(".")
    field = model.fields.get(first)
    if field is None:
        raise env.edition.wording.unknown_in_leaf(model.name, first, tuple(part))
    if rest:
        return _related(field, _inner(env, env.related(field), [(rest, operator, value), *field.domain]))
    if operator in {"any", "not any"}:
        inside = _related(field, _inner(env, env.related(field), value))
        return inside if operator == "any" else sql.SQL("(NOT {})").format(inside)
    return _compared(env, model, field, tuple(part))


def _inner(env: Env, model: Model, domain: Sequence[Any]) -> sql.Composable:
    condition = where(env, model, domain, tests_active=False)
    return sql.SQL("FROM {} r WHERE {}").format(sql.Identifier(model.table), condition)


def _related(field: Field, inner: sql.Composable) -> sql.Composable:
    if field.type == "one2many":
        return sql.SQL("(r.id IN (SELECT r.{} {}))").format(sql.Identifier(str(field.inverse)), inner)
    if field.type == "many2many":
        return sql.SQL("({} && ARRAY(SELECT r.id {}))").format(column(field), inner)
    return sql.SQL("({} IN (SELECT r.id {}))").format(column(field), inner)


def _compared(env: Env, model: Model, field: Field, leaf: tuple[Any, ...]) -> sql.Composable:
    _, operator, value = leaf
    if operator in _PATTERNS:
        return _matched(env, field, operator, str(value))
    if operator in {"=", "!=", "in", "not in"}:
        values = list(value) if operator in {"in", "not in"} else [value]
        inside = _one_of(env, model, field, values)
        return inside if operator in {"=", "in"} else sql.SQL("(NOT {})").format(inside)
    if operator in _COMPARISONS:
        literal = sql.Literal(kept(env, model, field, value))
        return sql.SQL("coalesce({} " + operator + " {}, FALSE)").format(_seconds(env, field), literal)
    raise env.edition.wording.unusable_leaf(leaf)


def _seconds(env: Env, field: Field) -> sql.Composable:
    # Microseconds are kept, but from 19 on Odoo compares whole seconds.
    is_cut = field.type == "datetime" and env.edition.compares_whole_seconds
    return sql.SQL("date_trunc('second', {})").format(column(field)) if is_cut else column(field)


def _one_of(env: Env, model: Model, field: Field, values: list[Any]) -> sql.Composable:
    """Whether the field has one of the values; never NULL, so that it can be negated."""
    present = [value for value in values if value is not False and value is not None]
    if field.type == "boolean":
        return sql.SQL("({} = ANY({}))").format(column(field), sql.Literal([bool(value) for value in values]))
    if field.relation and any(isinstance(value, str) for value in present):
        return _related(field, _inner(env, env.related(field), [("display_name", "in", present)]))
    inside = _present_one_of(env, model, field, present)
    return sql.SQL("({} OR {})").format(inside, _empty(field)) if len(present) < len(values) else inside


def _present_one_of(env: Env, model: Model, field: Field, values: list[Any]) -> sql.Composable:
    if not values:
        return sql.SQL("FALSE")
    if field.type == "one2many":
        return _related(field, _inner(env, env.related(field), [("id", "in", values)]))
    if field.type == "many2many":
        return sql.SQL("({} && {}::integer[])").format(column(field), sql.Literal(list(values)))
    plain = [value if field.type == "selection" else kept(env, model, field, value) for value in values]
    return sql.SQL("coalesce({} = ANY({}), FALSE)").format(_seconds(env, field), sql.Literal(plain))


def _empty(field: Field) -> sql.Composable:
    if field.type in _TEXTS:
        return sql.SQL("(coalesce({}, '') = '')").format(column(field))
    if field.type == "many2many":
        return sql.SQL("({} = '{{}}')").format(column(field))
    if field.type == "one2many":
        return sql.SQL("FALSE")
    if field.type in {"integer", "float", "monetary"}:
        return sql.SQL("(coalesce({}, 0) = 0)").format(column(field))
    return sql.SQL("({} IS NULL)").format(column(field))


def _matched(env: Env, field: Field, operator: str, value: str) -> sql.Composable:
    keyword, is_inside = _PATTERNS[operator]
    if field.relation:
        return _related(field, _inner(env, env.related(field), [("display_name", operator, value)]))
    text = checked_text(value)
    pattern = sql.Literal(f"%{text}%" if is_inside else text)
    return sql.SQL("(coalesce({}, '') " + keyword + " {})").format(column(field), pattern)
