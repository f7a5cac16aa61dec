"""What commands share: the settings, the embedded stack, the service asked for, and how JSON is printed.

Owns: the step from a shell to `Connections`. Does not own: any act.
"""

import json
import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.readiness import Part, not_ready
from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.local.stack import running
from fcb_pipelines.settings import Settings, load

_Command = TypeVar("_Command", bound=Callable[..., Any])


def folder() -> Path:
    """The folder of the settings: where the command is run."""
    return Path.cwd()


@contextmanager
def connected(*, of_any_version: bool = False) -> Iterator[Connections]:
    """Connections to everything: what is configured as it is, the rest embedded while the block runs.

    Raises `Refused` where our own database has the tables of another version, unless the command knows what to do with that:
    by tables that are only partly there, what was never done and what is not known yet look the same.
    """
    with running(load(os.environ, folder=folder()), environ=os.environ, folder=folder(), report=say) as settings:
        reached = connections(settings)
        if not of_any_version:
            found = not_ready(reached.database())
            if found is not None and found.part is Part.MIGRATIONS:
                raise Refused(found.detail)
        yield reached


def connections(settings: Settings) -> Connections:
    """Connections at this moment, or at `FCB_NOW`."""
    return Connections(settings=settings, now=settings.now or datetime.now(UTC), report=say)


def clock() -> datetime:
    """The time of now, whatever FCB_NOW says: for what others hold against their own clock."""
    return datetime.now(UTC)


def operator() -> str:
    """The login name of whoever runs this process, as the system has it: variables such as LOGNAME can say anything."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def say(message: str) -> None:
    """Tell the operator something that is not the answer."""
    click.echo(message, err=True)


def answer(value: Any) -> None:
    """Print the answer as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def console_of(width: int = 0) -> Console:
    """Where tables are printed: as wide as the terminal, and at least so wide where that is unknown or narrower."""
    console = Console(soft_wrap=True)
    return console if console.width >= width else Console(width=width, soft_wrap=True)


def service_option(command: _Command) -> _Command:
    """`--service`, needed where there is more than one."""
    return click.option("--service", "service_code", metavar="CODE", help="The service; needed where there is more than one.")(
        command
    )


def json_option(command: _Command) -> _Command:
    """`--json`, for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")(command)
