"""`fcb reset`: removes everything that the embedded stack keeps, after asking.

Owns: the question. Does not own: what is removed (local.stack), and nothing that was configured is touched.
"""

import os

import click

from fcb_pipelines.cli.session import folder, say
from fcb_pipelines.local import stack
from fcb_pipelines.local.state import is_ours, leftovers
from fcb_pipelines.settings import load


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Remove the state folder: the embedded databases, the sandbox's records, Dagster's runs and all logs.

    Real databases and a real Odoo are not touched. Refused while another fcb command uses the folder.
    """
    state = load(os.environ, folder=folder()).state_dir.absolute()
    if not state.exists() and not leftovers(state):
        say(f"nothing to remove, {state} does not exist")
        return
    if not yes:
        click.confirm(f"Remove {state} with its databases, sandbox records and Dagster runs?", abort=True, err=True)
    stack.reset(state)
    stays = state.exists() and not is_ours(state)
    say(f"removed all that was in {state}; the folder itself cannot be removed and stays" if stays else f"removed {state}")
