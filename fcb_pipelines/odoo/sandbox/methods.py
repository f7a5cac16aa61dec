"""The methods that may be called from outside, by model and name.

Owns: their arguments, as Odoo names and orders them. What they do is in the modules they call.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from fcb_pipelines.odoo.sandbox import (
    access,
    external_ids,
    move_states,
    payment_rules,
    product_rules,
    reading,
    reconciling,
    sale_rules,
    writing,
)
from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import OdooError, not_found, type_error, unprocessable
from fcb_pipelines.odoo.sandbox.fields import Field, Model
from fcb_pipelines.odoo.sandbox.load import load
from fcb_pipelines.odoo.sandbox.reading import ensure_present
from fcb_pipelines.odoo.sandbox.sale_rules import NEW
from fcb_pipelines.odoo.sandbox.values import kept, shown
from fcb_pipelines.odoo.sandbox.wording import NO_METHOD

Method = Callable[..., Any]


def call(env: Env, model: Model, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call a public method, as JSON-RPC does. Raises OdooError."""
    method = _public(env, model, name)
    try:
        _signature(method).bind(env, model, *args, **kwargs)
    except TypeError as error:
        raise type_error(f"{model.name}.{name}() {error}") from None
    return method(env, model, *args, **kwargs)


def call_named(env: Env, model: Model, name: str, ids: Any, kwargs: Mapping[str, Any]) -> Any:
    """Call a public method, as JSON-2 does: all arguments by name, new records always in a list. Raises OdooError."""
    try:
        method = _public(env, model, name)
    except OdooError as error:
        raise not_found(error.message) if error.name == NO_METHOD else error from None
    takes_records = "ids" in _signature(method).parameters
    if ids and not takes_records:
        raise unprocessable(f"cannot call {model.name}.{name} with ids")
    given = {**kwargs, **({"ids": ids} if takes_records else {})}
    try:
        _signature(method).bind(env, model, **given)
    except TypeError as error:
        raise unprocessable(str(error)) from None
    result = method(env, model, **given)
    return [result] if name == "create" and isinstance(result, int) else result


@cache
def _signature(method: Method) -> inspect.Signature:
    """What a method takes; to find out costs as much as a statement to Postgres."""
    return inspect.signature(method)


def _public(env: Env, model: Model, name: str) -> Method:
    if name.startswith("_") or name in _PRIVATE:
        raise env.edition.wording.private(model.name, name)
    method = _OF_MODEL.get((model.name, name)) or _OF_EVERY_MODEL.get(name)
    if method is None:
        raise env.edition.wording.no_method(model.name, name)
    return method


def _search(  # noqa: PLR0917 (the order of the arguments is Odoo's)
    env: Env, model: Model, domain: Sequence[Any], offset: int = 0, limit: int | None = None, order: str | None = None
) -> list[int]:
    return reading.search(env, model, domain, offset=offset, limit=limit, order=order)


def _search_count(env: Env, model: Model, domain: Sequence[Any], limit: int | None = None) -> int:
    return reading.count(env, model, domain, limit)


def _read(
    env: Env, model: Model, ids: int | Sequence[int], fields: Sequence[str] | None = None, load: str = "_classic_read"
) -> reading.Rows:
    return reading.read(env, model, _ids(ids), fields, names_links=load == "_classic_read")


def _search_read(  # noqa: PLR0917 (the order of the arguments is Odoo's)
    env: Env,
    model: Model,
    domain: Sequence[Any] | None = None,
    fields: Sequence[str] | None = None,
    offset: int = 0,
    limit: int | None = None,
    order: str | None = None,
    load: str = "_classic_read",
) -> reading.Rows:
    ids = reading.search(env, model, domain or (), offset=offset, limit=limit, order=order)
    return reading.read(env, model, ids, fields, names_links=load == "_classic_read")


def _create(env: Env, model: Model, vals_list: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> int | list[int]:
    if isinstance(vals_list, Mapping):
        return writing.create(env, model, [vals_list])[0]
    return writing.create(env, model, vals_list)


def _write(env: Env, model: Model, ids: int | Sequence[int], vals: Mapping[str, Any]) -> bool:
    writing.write(env, model, _ids(ids), vals)
    return True


def _unlink(env: Env, model: Model, ids: int | Sequence[int]) -> bool:
    writing.unlink(env, model, _ids(ids))
    return True


def _load(env: Env, model: Model, fields: Sequence[str], data: Sequence[Sequence[Any]]) -> dict[str, Any]:
    return load(env, model, fields, data)


def _fields_get(
    env: Env, model: Model, allfields: Sequence[str] | None = None, attributes: Sequence[str] | None = None
) -> dict[str, dict[str, Any]]:
    names = [name for name in model.fields if not allfields or name in allfields]
    described = {name: _described(env, model.fields[name]) for name in names}
    return {
        name: {key: value for key, value in entry.items() if not attributes or key in attributes}
        for name, entry in described.items()
    }


def _described(env: Env, field: Field) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": field.name,
        "type": field.type,
        "string": field.label,
        "required": field.required,
        "readonly": field.readonly,
        "store": field.is_column or field.type == "one2many",
    }
    if field.relation:
        entry["relation"] = field.relation
    if field.type == "float":
        entry["digits"] = env.digits(field) or False
    if field.selection:
        entry["selection"] = field.selection
    return entry


def _default_get(env: Env, model: Model, fields: Sequence[str]) -> dict[str, Any]:
    defaults = {field.name: field.default for field in model.fields.values() if field.is_column and field.default is not None}
    if model.name == "sale.order":
        now = env.now.replace(microsecond=0)
        defaults |= {"name": NEW, "company_id": env.company["id"], "date_order": now, "user_id": env.user_id}
    return {
        name: shown(model.fields[name], kept(env, model, model.fields[name], defaults[name]))
        for name in fields
        if name in defaults
    }


def _get_external_id(env: Env, model: Model, ids: int | Sequence[int]) -> dict[str, str]:
    return external_ids.of_records(env, model, _ids(ids))


def _check_access_rights(env: Env, model: Model, operation: str, raise_exception: bool = True) -> bool | None:
    if not raise_exception:
        return access.may(env, model.name, operation)
    access.require(env, model.name, operation)
    return None


def _has_access(env: Env, model: Model, ids: int | Sequence[int], operation: str) -> bool:
    del ids
    return access.may(env, model.name, operation)


def _action_archive(env: Env, model: Model, ids: int | Sequence[int]) -> None:
    writing.write(env, model, _ids(ids), {"active": False})


def _action_unarchive(env: Env, model: Model, ids: int | Sequence[int]) -> None:
    writing.write(env, model, _ids(ids), {"active": True})


def _context_get(env: Env, _model: Model) -> dict[str, Any]:
    return {"lang": "en_US", "tz": False, "uid": env.user_id}


def _has_group(env: Env, _model: Model, ids: int | Sequence[int], group_ext_id: str) -> bool:
    if _ids(ids) == [env.user_id]:
        return group_ext_id in env.groups
    groups = external_ids.find(env, [group_ext_id])
    held = env.conn.execute("SELECT all_group_ids FROM res_users WHERE id = ANY(%s)", [_ids(ids)]).fetchone()
    return bool(held and group_ext_id in groups and groups[group_ext_id].record_id in held["all_group_ids"])


def _check_object_reference(env: Env, model: Model, module: str, xml_id: str) -> list[str | int]:
    del model
    return external_ids.reference(env, module, xml_id)


def _on_orders(act: Callable[[Env, Sequence[int]], Any]) -> Method:
    def method(env: Env, model: Model, ids: int | Sequence[int]) -> Any:
        if not _ids(ids):
            return True
        ensure_present(env, model, _ids(ids))
        access.require(env, model.name, access.WRITE)
        return act(env, _ids(ids))

    return method


def _on_records(act: Callable[[Env, Sequence[int]], Any]) -> Method:
    def method(env: Env, model: Model, ids: int | Sequence[int]) -> Any:
        ensure_present(env, model, _ids(ids))
        access.require(env, model.name, access.WRITE)
        return act(env, _ids(ids))

    return method


def _assign(env: Env, model: Model, ids: int | Sequence[int], line_id: int) -> None:
    ensure_present(env, model, _ids(ids))
    access.require(env, model.name, access.WRITE)
    reconciling.assign(env, _ids(ids)[0], line_id)


def _unarchive_variants(env: Env, model: Model, ids: int | Sequence[int]) -> None:
    del model
    product_rules.unarchive(env, _ids(ids))


def _ids(ids: int | Sequence[int]) -> list[int]:
    return [ids] if isinstance(ids, int) else list(ids)


_PRIVATE = frozenset({"exists", "browse", "sudo", "mapped", "filtered", "flush_model", "invalidate_model"})

_OF_EVERY_MODEL: Mapping[str, Method] = {
    "search": _search,
    "search_count": _search_count,
    "search_read": _search_read,
    "read": _read,
    "create": _create,
    "write": _write,
    "unlink": _unlink,
    "load": _load,
    "fields_get": _fields_get,
    "default_get": _default_get,
    "get_external_id": _get_external_id,
    "check_access_rights": _check_access_rights,
    "has_access": _has_access,
    "action_archive": _action_archive,
    "action_unarchive": _action_unarchive,
}

_OF_MODEL: Mapping[tuple[str, str], Method] = {
    ("res.users", "context_get"): _context_get,
    ("res.users", "has_group"): _has_group,
    ("ir.model.data", "check_object_reference"): _check_object_reference,
    ("product.product", "action_unarchive"): _unarchive_variants,
    ("sale.order", "action_confirm"): _on_orders(sale_rules.confirm),
    ("sale.order", "action_cancel"): _on_orders(sale_rules.cancel),
    ("sale.order", "action_draft"): _on_orders(sale_rules.back_to_draft),
    ("sale.order", "action_lock"): _on_orders(sale_rules.lock),
    ("sale.order", "action_unlock"): _on_orders(sale_rules.unlock),
    ("account.move", "action_post"): _on_records(move_states.post),
    ("account.move", "button_draft"): _on_records(move_states.back_to_draft),
    ("account.move", "button_cancel"): _on_records(move_states.cancel),
    ("account.move", "js_assign_outstanding_line"): _assign,
    ("account.payment", "action_post"): _on_records(payment_rules.post),
    ("account.payment", "action_cancel"): _on_records(payment_rules.cancel),
    ("account.payment", "action_draft"): _on_records(payment_rules.back_to_draft),
}
