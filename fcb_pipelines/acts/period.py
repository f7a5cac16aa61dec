"""What every act on a period is given.

Owns: the bundle and nothing else.
"""

from dataclasses import dataclass
from datetime import datetime

from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.tax import TaxTable
from fcb_pipelines.services import Service
from fcb_pipelines.store.database import Connection, Database, exclusive
from fcb_pipelines.store.stages import Stage, require


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodWork:
    """One period of one service, the rules it is worked under, and the time at which that happens."""

    db: Database
    service: Service
    period: Period
    taxes: TaxTable
    settings_hash: str
    now: datetime

    @property
    def closes_at(self) -> datetime:
        """When the month closes: at its end and the lag after it."""
        return self.service.closes_at(self.period)

    def lock(self, conn: Connection) -> None:
        """Keep other runs from this period until the transaction ends."""
        exclusive(conn, self.service.code, self.period.key)

    def require(self, conn: Connection, *stages: str) -> Stage:
        """The common origin of the stages this act builds on; raises `RuleViolation` (store/stages)."""
        return require(conn, self.service.code, self.period.key, stages, self.settings_hash)

    def stage(self, name: str, *, snapshot_id: int, content_hash: str) -> Stage:
        """The record that a stage was built now."""
        return Stage(
            service=self.service.code,
            period=self.period.key,
            stage=name,
            snapshot_id=snapshot_id,
            settings_hash=self.settings_hash,
            content_hash=content_hash,
            built_at=self.now,
        )
