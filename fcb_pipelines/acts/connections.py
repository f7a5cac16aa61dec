"""What acts are given to reach the outside: our store, Odoo, and the time.

Owns: how an address in the settings becomes something to call. Does not own: starting anything (local), reading the clock (the
entry points hand it in).
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from fcb_pipelines.acts.imports import Reading
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import last_records
from fcb_pipelines.domain.errors import InvalidInput, InvalidSettings
from fcb_pipelines.domain.period import Period
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.lanes import Lanes
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines.services import Service
from fcb_pipelines.settings import OdooAccess, Settings
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.slots import Slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """Complete settings, and the time at which the work happens."""

    settings: Settings
    now: datetime
    report: Callable[[str], None]
    """Is told how long work goes on, a line at a time."""

    def database(self) -> Database:
        """Our own store."""
        url = self.settings.database_url
        if url is None:
            raise InvalidSettings("the store has no address: set FCB_DATABASE_URL, or start the embedded one with `make demo`")
        return Database(url.get_secret_value())

    def odoo(self, *, is_counted: bool = True) -> Odoo:
        """Odoo through its port; connects when first asked something.

        Each request takes one of the slots. Only who looks what is wrong with our own database, which keeps them, goes without.
        """
        access = self._odoo_access()
        key = access.key.get_secret_value()
        return connect(
            access.url,
            access.db,
            access.user,
            key,
            transport=self.settings.odoo_transport,
            timeout_seconds=self.settings.odoo_timeout_seconds,
            slot=self.slots().slot if is_counted else nullcontext,
        )

    def reading(self, service: Service) -> Reading:
        """What acts of the import decide from, as of the last snapshot; raises `RuleViolation` where none was taken yet."""
        db = self.database()
        records = last_records(db, service)
        return Reading(
            db=db,
            odoo=self.odoo(),
            service=service,
            records=records,
            taxes=self.settings.tax_table,
            now=self.now,
            lanes=self.lanes(),
        )

    def odoo_page(self, page: str) -> str:
        """The address of a page of Odoo's own, such as `sales`, for people."""
        return f"{self._odoo_access().url.rstrip('/')}/odoo/{page}".rstrip("/")

    def slots(self) -> Slots:
        """The slots of the calls to Odoo, the same for all that run in this process on the same settings."""
        return _slots(self.database().url, self.settings.odoo_concurrency)

    def lanes(self) -> Lanes:
        """As many as there are slots, measured without the time that they wait for one."""
        return Lanes(count=self.settings.odoo_concurrency, clock=self.slots().working_seconds)

    def _odoo_access(self) -> OdooAccess:
        if self.settings.odoo is None:
            raise InvalidSettings("Odoo has no address: set FCB_ODOO_URL, or start the sandbox with `make demo`")
        return self.settings.odoo

    def period(self, service: Service, key: str) -> PeriodWork:
        """What acts on one period need; raises `InvalidInput` for a key that is no month in scope or has not begun."""
        return PeriodWork(
            db=self.database(),
            service=service,
            period=self._begun(service, key),
            taxes=self.settings.tax_table,
            settings_hash=self.settings.rules_hash(service),
            now=self.now,
        )

    def _begun(self, service: Service, key: str) -> Period:
        period, still_open = service.period(key), service.open_period(self.now)
        if period.key > still_open.key:
            raise InvalidInput(f"period {key} has not begun; the open one of {service.code} is {still_open.key}")
        return period


@lru_cache(maxsize=4)
def _slots(url: str, limit: int) -> Slots:
    return Slots(url, "odoo", limit)
