"""The connection to a service's own database: read only, one state of it, and errors that say what to do.

Owns: how the session is opened, and what Postgres' errors mean to the operator. Does not own: any statement (the mapping).
No message ever holds the address, because it holds the password.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from fcb_pipelines.domain.errors import FcbError, InvalidInput, InvalidSettings, Refused, RolledBack
from fcb_pipelines.services import Service
from fcb_pipelines.settings import source_variable
from fcb_pipelines.source.columns import USAGE

Connection = psycopg.Connection[TupleRow]

CONNECT_TIMEOUT_SECONDS = 10

_READ_ONLY = "-c default_transaction_read_only=on -c DateStyle=ISO"
_PASSING = ("starting up", "shutting down", "too many clients", "too many connections", "remaining connection slots")
"""Reasons for which Postgres turns a caller away and that pass by themselves."""


@contextmanager
def open_source(service: Service) -> Iterator[Connection]:
    """One read-only transaction that sees one state of the service's database, however long it lasts.

    Raises `InvalidSettings` for an address that is none, `Refused` where the database said no, `RolledBack` where it cannot be
    reached or went away, each with the variable that holds the address.
    """
    with _connected(service) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        # Said again for this transaction, because a pooler may drop the options that the session was opened with.
        conn.read_only = True
        with conn.transaction():
            # A mapping compares its times with %(start)s; naive ones must mean the same there as they do to us.
            conn.execute("SELECT set_config('TimeZone', %s, true)", [_session_zone(service)])
            yield conn


@contextmanager
def said_by(file: str) -> Iterator[None]:
    """Turn what Postgres says about the statement of a mapping file into an error that names the file."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise RolledBack(f"{file}: the source database stopped answering ({_first_line(error)}); run again") from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise Refused(f"{file}: {_first_line(error)}; grant the role SELECT on what the file reads") from error
    except psycopg.Error as error:
        raise InvalidInput(f"{file}: {_first_line(error)}; mend the statement") from error


def _connected(service: Service) -> Connection:
    given = _address(service)
    options = " ".join([*filter(None, [given.get("options")]), _READ_ONLY])
    defaults = {"connect_timeout": str(CONNECT_TIMEOUT_SECONDS), "application_name": "fcb"}
    try:
        address = make_conninfo(**{**defaults, **given, "options": options, "client_encoding": "utf8"})
        return psycopg.connect(address, autocommit=True)
    except psycopg.Error as error:
        refusal = _refusal(service, str(error).replace(given.get("password") or "\0", "…"))
    # Raised out here so that the driver's error, which may quote the address, does not hang on it.
    raise refusal


def _address(service: Service) -> dict[str, str]:
    variable = source_variable(service.code)
    if service.source_url is None:
        raise InvalidSettings(f"{service.code} has no source database: set {variable}, or start the demo (make demo)")
    try:
        return {name: str(value) for name, value in conninfo_to_dict(service.source_url.get_secret_value()).items()}
    except psycopg.ProgrammingError:
        pass
    raise InvalidSettings(f"{variable} is not a Postgres address such as postgresql://reader:password@host:5432/database")


def _refusal(service: Service, said: str) -> FcbError:
    variable = source_variable(service.code)
    reason = " ".join(said.split()).removeprefix("connection failed: ").rstrip(".")
    if "FATAL" in said and not any(word in said for word in _PASSING):
        return Refused(f"the source database of {service.code} refused the login: {reason}. Check {variable}")
    return RolledBack(f"the source database of {service.code} cannot be reached: {reason}. Check {variable} and the network")


def _session_zone(service: Service) -> str:
    meaning = service.times.get(f"{USAGE.name}.started_at")
    return meaning.zone.key if meaning else "UTC"


def _first_line(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error).strip().partition("\n")[0]
