"""External ids: names for records, kept in ir.model.data as (module, name).

Owns: finding, giving and forgetting them. They are used with all rights, as in Odoo; reading the model itself needs some.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import value_error
from fcb_pipelines.odoo.sandbox.fields import Model

IMPORTED = "__import__"
"""The module of an external id without a dot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What an external id stands for; `row_id` is its own id in ir.model.data."""

    row_id: int
    model: str
    record_id: int


def parted(external_id: str) -> tuple[str, str]:
    """Module and name: the first dot parts them."""
    module, dot, name = external_id.partition(".")
    return (module, name) if dot else (IMPORTED, external_id)


def find(env: Env, external_ids: Iterable[str]) -> Mapping[str, Named]:
    """External id → what it stands for, as far as known."""
    wanted = {parted(external_id): external_id for external_id in external_ids}
    if not wanted:
        return {}
    modules, names = zip(*wanted, strict=True)
    rows = env.conn.execute(
        """SELECT d.id, d.module, d.name, d.model, d.res_id FROM ir_model_data d
             JOIN unnest(%s::text[], %s::text[]) AS w(module, name) USING (module, name)""",
        [list(modules), list(names)],
    )
    return {
        wanted[row["module"], row["name"]]: Named(row_id=row["id"], model=row["model"], record_id=row["res_id"]) for row in rows
    }


def give(env: Env, model: Model, record_ids: Mapping[str, int]) -> None:
    """Give records their external ids; one that stood for a record no longer there is taken over."""
    rows = [
        {"module": module, "name": name, "model": model.name, "id": record_id, "user": env.user_id, "now": env.now}
        for (module, name), record_id in ((parted(external_id), record_id) for external_id, record_id in record_ids.items())
    ]
    with env.conn.cursor() as cursor:
        cursor.executemany(_GIVE, rows)


_GIVE = """
    INSERT INTO ir_model_data (module, name, model, res_id, noupdate, create_uid, create_date, write_uid, write_date)
    VALUES (%(module)s, %(name)s, %(model)s, %(id)s, false, %(user)s, %(now)s, %(user)s, %(now)s)
    ON CONFLICT (module, name) DO UPDATE
       SET model = excluded.model, res_id = excluded.res_id, write_uid = excluded.write_uid, write_date = excluded.write_date
"""


def forget(env: Env, model: Model, ids: Sequence[int]) -> None:
    """Delete the external ids of deleted records."""
    env.conn.execute("DELETE FROM ir_model_data WHERE model = %s AND res_id = ANY(%s)", [model.name, list(ids)])


def of_records(env: Env, model: Model, ids: Sequence[int]) -> dict[str, str]:
    """Id (as text, as JSON keys are) → its first external id, or an empty text."""
    query = (
        "SELECT res_id, module || '.' || name AS xid FROM ir_model_data WHERE model = %s AND res_id = ANY(%s) ORDER BY id DESC"
    )
    found = {row["res_id"]: row["xid"] for row in env.conn.execute(query, [model.name, list(ids)])}
    return {str(record_id): found.get(record_id, "") for record_id in ids}


def reference(env: Env, module: str, name: str) -> list[str | int]:
    """Model and id of an external id. Raises ValueError when it is unknown or its record is gone."""
    external_id = f"{module}.{name}"
    named = find(env, [external_id]).get(external_id)
    if named is None or not _is_there(env, named):
        raise value_error(f"External ID not found in the system: {external_id}")
    return [named.model, named.record_id]


def _is_there(env: Env, named: Named) -> bool:
    table = sql.Identifier(env.model(named.model).table)
    return bool(env.conn.execute(sql.SQL("SELECT FROM {} WHERE id = %s").format(table), [named.record_id]).rowcount)
