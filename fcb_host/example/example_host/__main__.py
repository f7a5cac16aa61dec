"""`python -m example_host`: serve the example on this machine.

Owns: its own settings, EXAMPLE_HOST_DEPLOYMENTS (names, with commas or blanks between), --port and --grace-seconds; the
clock. All else is set by FCB_HOST_WEBHOOK_*. Exit code 2: wrong settings. Does not own: the application (app).
"""

import argparse
import logging
import os
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import uvicorn

from example_host.app import create_app
from fcb_host.errors import InvalidSettings
from fcb_host.receiver.settings import WebhookSettings, webhooks_from_environment

DEPLOYMENTS = "dep-1 dep-2 dep-3"


def _now() -> datetime:
    return datetime.now(timezone.utc)


def main() -> int:
    """Serve until it is ended."""
    parser = argparse.ArgumentParser(
        prog="python -m example_host", description="A small host that receives billing's messages."
    )
    parser.add_argument("--port", type=int, default=8090, help="where to listen on 127.0.0.1 (8090)")
    parser.add_argument(
        "--grace-seconds",
        type=int,
        metavar="N",
        help="keep what has ended so long, and not FCB_HOST_WEBHOOK_GRACE_DAYS: for showing",
    )
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    names = os.environ.get("EXAMPLE_HOST_DEPLOYMENTS", DEPLOYMENTS).replace(",", " ").split()
    try:
        app = create_app(_with_grace(webhooks_from_environment(os.environ), given.grace_seconds), names, _now)
    except InvalidSettings as fault:
        print(fault, file=sys.stderr)
        return 2
    uvicorn.run(app, host="127.0.0.1", port=given.port, log_level="warning")
    return 0


def _with_grace(settings: WebhookSettings, seconds: int | None) -> WebhookSettings:
    return settings if seconds is None else replace(settings, terms=replace(settings.terms, grace=timedelta(seconds=seconds)))


if __name__ == "__main__":
    sys.exit(main())
