"""The servers that rounds are played on: a sandbox of our own, and the real one that the environment names.

Owns: how patient to be with each, and what can be done to it. A real server gets the faults that its operator allows: see
`outside`. Before Odoo 19 it takes `FCB_TEST_ODOO_TRANSPORT=jsonrpc`.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import psycopg

from fcb_pipelines.local.postgres import in_database
from fcb_pipelines.odoo.transport import Choice
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.faults.attempts import Access
from fcb_pipelines_tests.faults.disturbance import Fault
from fcb_pipelines_tests.faults.outside import (
    Outside,
    SandboxProcess,
    end_sessions,
    kill_by_command,
    never,
    possible,
    rows_held,
)
from fcb_pipelines_tests.faults.rounds import Bench

SANDBOX, REAL = "sandbox", "real"
STORE, ODOO = "faults_store", "faults_odoo"
KEYS = {"admin": "the-admins-key-of-the-faults", "importer": "the-importers-key-of-the-faults"}
TRANSPORTS: tuple[Choice, ...] = ("jsonrpc", "json2", "auto")
SNAPSHOT = "INSERT INTO source_snapshot (service, taken_at, is_demo, content_hash) VALUES ('any', %s, false, '')"


@contextmanager
def store(postgres_url: str, template: str) -> Iterator[str]:
    """A store for all rounds: each has a service of its own in it."""
    with made(postgres_url, STORE, template) as url:
        with psycopg.connect(url) as conn:
            conn.execute(SNAPSHOT, [NOW])
        yield url


@contextmanager
def sandbox(postgres_url: str, store_url: str) -> Iterator[Bench]:
    """A sandbox in a process of its own, that may be killed at any moment."""
    with made(postgres_url, ODOO, "template1") as url:
        process = SandboxProcess(url, KEYS)
        admin, least = (
            Access(url=process.url, database=ODOO, user=user, key=key, transport="jsonrpc") for user, key in KEYS.items()
        )
        outside = Outside(
            kill_us=never,
            kill_server=process.kill,
            start_server=process.start,
            end_sessions=partial(end_sessions, url),
            rows_held=partial(rows_held, url),
        )
        yield Bench(
            admin=admin,
            least=least,
            store_url=store_url,
            outside=outside,
            faults=tuple(Fault),
            transports=TRANSPORTS,
            short_seconds=0.4,
            pauses_seconds=(0.02, 0.1, 0.3),
        )
        process.kill()


def real(store_url: str, environ: Mapping[str, str] = os.environ) -> Bench:
    """The real server; a killed one is started again by whoever watches over it."""
    url, database, user, key, least_user, least_key = (
        environ[f"FCB_TEST_ODOO_{name}"] for name in ("URL", "DB", "USER", "KEY", "LEAST_USER", "LEAST_KEY")
    )
    transport = environ.get("FCB_TEST_ODOO_TRANSPORT")
    postgres = environ.get("FCB_TEST_ODOO_POSTGRES_URL", "")
    outside = Outside(
        kill_us=never,
        kill_server=partial(kill_by_command, environ.get("FCB_TEST_ODOO_KILL", "true")),
        start_server=never,
        end_sessions=partial(end_sessions, postgres),
        # Never again and again: Odoo itself would wait up to half a minute.
        rows_held=lambda model, ids, seconds, _is_hot: rows_held(postgres, model, ids, seconds, False),
    )
    return Bench(
        admin=Access(url=url, database=database, user=user, key=key, transport="jsonrpc"),
        least=Access(url=url, database=database, user=least_user, key=least_key, transport="jsonrpc"),
        store_url=store_url,
        outside=outside,
        faults=possible(environ),
        transports=TRANSPORTS if transport is None else tuple(each for each in TRANSPORTS if each == transport),
        short_seconds=2.0,
        pauses_seconds=(0.2, 0.8, 2.0),
    )


@contextmanager
def made(postgres_url: str, name: str, template: str) -> Iterator[str]:
    """A database of this name, until the block ends."""
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield in_database(postgres_url, name)
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as conn:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")
