"""The services behind `/jsonrpc`, common (version, login) and object (execute), and the calls of `/json/2`.

Owns: who is let in, and one transaction per call. The HTTP around it is in `app` and `json2`.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg

from fcb_pipelines.odoo.sandbox import methods
from fcb_pipelines.odoo.sandbox.connections import Connection, Connections
from fcb_pipelines.odoo.sandbox.env import Edition, Env
from fcb_pipelines.odoo.sandbox.errors import OdooError, access_denied, no_database, not_found
from fcb_pipelines.odoo.sandbox.postgres_errors import said_by_postgres

Clock = Callable[[], datetime]


class Service:
    """Answers calls against one database. `keys` maps each login to the key it may come in with."""

    def __init__(
        self, connections: Connections, database: str, keys: Mapping[str, str], *, edition: Edition, clock: Clock
    ) -> None:
        self._connections = connections
        self._database = database
        self._keys = dict(keys)
        self._edition = edition
        self._clock = clock

    def version(self) -> dict[str, Any]:
        """What this server is, as Odoo says it."""
        return {
            "server_version": self._edition.version,
            "server_version_info": list(self._edition.version_parts),
            "server_serie": ".".join(str(part) for part in self._edition.version_parts[:2]),
            "protocol_version": 1,
        }

    def answer(self, service: str, method: str, args: Sequence[Any]) -> Any:
        """Answer one call. Raises OdooError."""
        services: Mapping[tuple[str, str], Callable[..., Any]] = {
            ("common", "version"): self.version,
            ("common", "login"): self._login,
            ("common", "authenticate"): self._login,
            ("object", "execute"): self._execute,
            ("object", "execute_kw"): self._execute_kw,
        }
        if (service, method) not in services:
            raise OdooError("builtins.AttributeError", f"The method '{service}.{method}' does not exist")
        return services[service, method](*args)

    def has_database(self, name: str | None) -> bool:
        """Whether this is the database asked for; a server of only one needs no name."""
        return name in {None, self._database}

    def answer_key(self, key: str, model: str, method: str, arguments: Callable[[], dict[str, Any]]) -> Any:
        """Answer one call of `/json/2`; the arguments are read once the key is known. Raises OdooError."""
        login = next((login for login in self._keys if self._is_key(login, key)), None)

        def run(conn: Connection) -> Any:
            user = conn.execute("SELECT id FROM res_users WHERE login = %s AND active", [login]).fetchone()
            if user is None:
                raise OdooError("werkzeug.exceptions.Unauthorized", "Invalid apikey")
            given = arguments()
            ids, context = given.pop("ids", ()), given.pop("context", None)
            env = self._env(conn, user["id"], key, context)
            if model not in self._edition.models:
                raise not_found(f"the model {model!r} does not exist")
            return methods.call_named(env, env.model(model), method, ids, given)

        return self._in_transaction(run)

    def _login(self, database: str, login: str, key: str, *_agent: Any) -> int | bool:
        self._check_database(database)
        return self._connections.in_transaction(lambda conn: self._user_of(conn, login, key))

    def _user_of(self, conn: Connection, login: str, key: str) -> int | bool:
        row = conn.execute("SELECT id FROM res_users WHERE login = %s AND active", [login]).fetchone()
        return int(row["id"]) if row and self._is_key(login, key) else False

    def _execute(self, database: str, user_id: int, key: str, model: str, method: str, *args: Any) -> Any:
        return self._execute_kw(database, user_id, key, model, method, args)

    def _execute_kw(self, database: str, user_id: int, key: str, *call: Any) -> Any:
        self._check_database(database)
        return self._in_transaction(lambda conn: self._run(conn, user_id, key, *call))

    def _in_transaction(self, work: Callable[[Connection], Any]) -> Any:
        try:
            return self._connections.in_transaction(work)
        except psycopg.Error as fault:
            raise said_by_postgres(self._edition, fault) from fault

    def _run(  # noqa: PLR0917 (the order of the arguments is Odoo's)
        self, conn: Connection, user_id: int, key: str, model: str, method: str, args: Any = (), kwargs: Any = None
    ) -> Any:
        named = dict(kwargs or {})
        env = self._env(conn, user_id, key, named.pop("context", None))
        return methods.call(env, env.model(model), method, args, named)

    def _env(self, conn: Connection, user_id: int, key: str, context: Mapping[str, Any] | None) -> Env:
        return Env(
            conn=conn,
            edition=self._edition,
            user_id=user_id,
            groups=self._groups_of(conn, user_id, key),
            context=context or {},
            now=self._clock().replace(tzinfo=None),
        )

    def _groups_of(self, conn: Connection, user_id: int, key: str) -> frozenset[str]:
        """The groups of a user who gives the right key. Raises AccessDenied."""
        rows = conn.execute(_GROUPS, [user_id]).fetchall()
        if not rows or not self._is_key(rows[0]["login"], key):
            raise access_denied()
        return frozenset(row["name"] for row in rows if row["name"])

    def _is_key(self, login: str, key: Any) -> bool:
        expected = self._keys.get(login)
        return bool(expected) and hmac.compare_digest(str(expected).encode(), str(key).encode())

    def _check_database(self, name: str) -> None:
        if name != self._database:
            raise no_database(name)


_GROUPS = """
    SELECT u.login, d.module || '.' || d.name AS name
      FROM res_users u LEFT JOIN ir_model_data d ON d.model = 'res.groups' AND d.res_id = ANY(u.all_group_ids)
     WHERE u.id = %s AND u.active
"""
