"""The example host as a process of its own: another party, which knows us by its endpoint's secret alone.

Owns: its settings, starting it, asking how its deployments are, and the confirmation that a person there types. Does not own:
what it does with messages (fcb_host.receiver).
"""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.local.children import CannotStart, Child, spawn
from fcb_pipelines.local.sandbox import SOURCE_FOLDER, answers
from fcb_pipelines.local.state import write_private

EXAMPLE = SOURCE_FOLDER / "fcb_host" / "example"
PATH = "/api/v1/billing/webhooks/central"
GRACE_SECONDS = 10
"""How long it keeps what has ended before somebody may confirm; hosts take days."""
READY_SECONDS = 30.0
ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A deployment, as the host says it is."""

    name: str
    state: str
    """`running`, `suspended` or `removed`."""
    reason: str
    awaits: str
    """What becomes of it where its subscription has ended; else empty."""

    @property
    def may_be_confirmed(self) -> bool:
        """Whether its grace period is over and nobody confirmed yet."""
        return self.awaits.endswith("confirm that it goes")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostNow:
    """How the host stands."""

    machines: tuple[Machine, ...]
    waiting: int
    """Messages that it has and did not act on yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleHost:
    """The host."""

    port: int
    folder: Path
    """Where it keeps what it was told."""

    @property
    def url(self) -> str:
        """Of its own page."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def endpoint(self) -> str:
        """Where it takes messages."""
        return self.url + PATH

    def start(self, secret: str, deployments: Sequence[str]) -> Child:
        """Start it with these deployments; raises `CannotStart` with the end of its log."""
        if not EXAMPLE.is_dir():
            raise CannotStart(f"{EXAMPLE} is missing: the control loop is shown from the project's own folder")
        write_private(self.folder / "secret", secret)
        child = spawn(
            "the example host",
            [sys.executable, "-m", "example_host", "--port", str(self.port), "--grace-seconds", str(GRACE_SECONDS)],
            log=self.folder / "host.log",
            environ={**self._environ(), "EXAMPLE_HOST_DEPLOYMENTS": " ".join(deployments)},
            folder=self.folder,
        )
        child.wait_until(lambda: answers(self.url + "/"), seconds=READY_SECONDS)
        return child

    def now(self) -> HostNow:
        """How it stands; raises `CannotStart` where it does not answer."""
        # By itself and not by urllib, which would ask a proxy that the environment names.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", "/deployments")
            found = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise CannotStart(f"the example host does not answer: {error}") from error
        finally:
            connection.close()
        return HostNow(machines=tuple(Machine(**each) for each in found["deployments"]), waiting=found["waiting"])

    def confirm(self, deployment: str, who: str) -> str:
        """Confirm there that a deployment may go, in the command that its operator types; raises `RuleViolation`."""
        command = ["receiver", "confirm", deployment, "--as", who]
        done = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "fcb_host", *command], env=self._environ(), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuleViolation((done.stderr or done.stdout).strip())
        return f"python -m fcb_host {' '.join(command)}"

    def _environ(self) -> Mapping[str, str]:
        bare = {name: value for name, value in os.environ.items() if not name.startswith("FCB_")}
        paths = [str(EXAMPLE), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            **bare,
            "PYTHONPATH": os.pathsep.join(paths),
            "FCB_HOST_WEBHOOK_ENABLED": "on",
            "FCB_HOST_WEBHOOK_FILE": str(self.folder / "host.sqlite"),
            "FCB_HOST_WEBHOOK_SECRETS": (self.folder / "secret").read_text(encoding="utf-8"),
        }
