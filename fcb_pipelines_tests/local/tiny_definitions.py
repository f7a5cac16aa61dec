"""One asset, so that Dagster's processes have something to load in seconds."""

import dagster as dg


@dg.asset
def hello() -> None:
    """Nothing is computed."""


defs = dg.Definitions(assets=[hello], executor=dg.in_process_executor)
