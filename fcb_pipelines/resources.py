"""What Dagster hands to assets, checks and schedules.

Owns: reading the settings anew in each run, and the clock. Does not own: any rule or connection (acts/connections).
No secret passes through Dagster's configuration: only the folder of the settings does.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.settings import load


def wall_clock() -> datetime:
    """The time of now, for what others hold against their own clocks; the demo's stands still."""
    return datetime.now(UTC)


class ConnectionsResource(dg.ConfigurableResource[Connections]):
    """Gives each run the settings as they are now, and what acts need to reach the outside."""

    folder: str
    """Where `fcb.toml` and `.env` lie."""

    def create_resource(self, context: dg.InitResourceContext) -> Connections:
        """Read the settings; raises `InvalidSettings` with what to mend."""
        settings = load(os.environ, folder=Path(self.folder))
        report = context.log.info if context.log else print
        return Connections(settings=settings, now=settings.now or datetime.now(UTC), report=report)
