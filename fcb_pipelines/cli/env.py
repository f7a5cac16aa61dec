"""`fcb env`: the variables that a plain `dagster dev` needs, for `eval "$(fcb env)"`.

Owns: how they are written for a shell. Does not own: which they are (local.processes).
"""

import os
import shlex

import click

from fcb_pipelines.cli.session import folder, say
from fcb_pipelines.local.databases import need_of
from fcb_pipelines.local.processes import shell_variables
from fcb_pipelines.local.stack import is_running
from fcb_pipelines.settings import load


@click.command()
def env() -> None:
    """Print export lines for Dagster's own commands.

    Use them as  eval "$(fcb env)" && dagster dev -w workspace.yaml  while `fcb demo` runs in another terminal, or with all
    addresses configured. No line holds a password: PGPASSFILE names a file with it that only you can read.
    """
    settings = load(os.environ, folder=folder())
    variables = shell_variables(settings, folder=folder())
    for name, value in sorted(variables.items()):
        click.echo(f"export {name}={shlex.quote(value)}")
    if need_of(os.environ, folder=folder()).dagster and not is_running(settings.state_dir):
        say("the embedded stack is not running: start `fcb demo` in another terminal first")
