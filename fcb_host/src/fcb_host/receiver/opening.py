"""Opening: the parts of a receiver that settings name.

Owns: which storage is made, and finding the host's actions. Does not own: the settings, the parts.
"""

import importlib
from contextlib import AbstractContextManager

from fcb_host.errors import InvalidSettings, StorageUnavailable
from fcb_host.receiver.acting import Actions, Worker
from fcb_host.receiver.receiving import Receiver
from fcb_host.receiver.settings import WebhookSettings
from fcb_host.receiver.storage import Storage, Transaction
from fcb_host.receiver.storage_sqlite import SqliteStorage


class NoStorage:
    """Where the receiver is off: nothing is opened, and nothing can be stored."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Raises StorageUnavailable."""
        raise StorageUnavailable("the receiver is off (FCB_HOST_WEBHOOK_ENABLED)")


def storage(settings: WebhookSettings) -> Storage:
    """The storage that is set; nothing is opened before it is used. Raises InvalidSettings where psycopg is missing."""
    if not settings.is_enabled:
        return NoStorage()
    if settings.file is not None:
        return SqliteStorage(settings.file)
    try:
        module = importlib.import_module("fcb_host.receiver.storage_postgres")
    except ImportError:
        raise InvalidSettings("FCB_HOST_WEBHOOK_DATABASE needs psycopg: pip install 'fcb-host[postgres]'") from None
    made: Storage = module.PostgresStorage(settings.database)
    return made


def receiver(settings: WebhookSettings, kept_in: Storage) -> Receiver:
    """The receiver that is set."""
    return Receiver(
        storage=kept_in,
        secrets=settings.secrets,
        is_enabled=settings.is_enabled,
        tolerance_seconds=settings.tolerance_seconds,
        service=settings.service,
    )


def worker(settings: WebhookSettings, kept_in: Storage) -> Worker:
    """The worker that is set, with the actions that FCB_HOST_WEBHOOK_ACTIONS names. Raises InvalidSettings."""
    return Worker(storage=kept_in, actions=_actions(settings.actions), terms=settings.terms, service=settings.service)


def _actions(named: str) -> Actions:
    module, colon, name = named.partition(":")
    if not (module and colon and name):
        raise InvalidSettings("FCB_HOST_WEBHOOK_ACTIONS is missing: where your actions are, as module:name")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as fault:
        raise InvalidSettings(f"FCB_HOST_WEBHOOK_ACTIONS: {named} is not there ({fault})") from None
    made: Actions = found() if isinstance(found, type) else found
    return made
