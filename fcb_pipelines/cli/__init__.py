"""The `fcb` command: parse, call an act, print. JSON goes to standard output, messages to standard error.

Exit 0: done (differences between what would be and what was billed are not a failure); 1: part of the work could not be done,
or what a command proves does not hold; 2: wrong use or settings; 130: ended by Ctrl-C.
Commands are imported when they are called, so that a light one starts fast.
"""

import importlib
import signal
import sys
from typing import Any

import click

from fcb_pipelines.domain.errors import FcbError, InvalidInput

COMMANDS = {
    "accept": "Sign that a difference is accepted.",
    "acceptances": "Show, approve and withdraw what was signed.",
    "adjustments": "Show what a bill adjusts of earlier ones.",
    "adopt": "Write what explained a row into the reviewed rules.",
    "alarms": "Show and clear what guards found after a flip.",
    "arm": "Arm a flip, its charging or its unflip.",
    "attest": "Say what only a person can know, for a time.",
    "audit": "Prove that the access log and the audit log are whole.",
    "balances": "Compare opening balances with Odoo's.",
    "carry": "Say who bills what is carried after the flip.",
    "claims": "Show who bills what: one biller for each charge and time.",
    "close": "Close a period: usage told later is adjusted.",
    "conventions": "Say which convention past bills follow.",
    "deliver": "Send messages to hosts, and tell the operator.",
    "demo": "Run everything on embedded parts and serve the Dagster page.",
    "digest": "Tell what changed, and what a person must know.",
    "doctor": "Test every connection and setting, and say what to do.",
    "endpoints": "Say where messages go, and test it.",
    "env": "Print the exports for a plain `dagster dev`.",
    "feeds": "Compare pulled and pushed usage of a period.",
    "flip": "Plan taking customers live in Odoo, and show a plan.",
    "gate": "Say everything that stands against going live.",
    "guard": "Look for what is billed twice or by nobody.",
    "import": "Take a snapshot and bring Odoo's shadow copy up to date.",
    "invoices": "Keep what a period bills as drafts in Odoo.",
    "journal": "Show each step of a flip, before and after.",
    "keys": "Make, list, rotate and revoke API keys.",
    "lines": "Show what the line rules caught, and what is unknown.",
    "live": "Bill for real what falls due of live subscriptions.",
    "loop": "Show how a host obeys what becomes of payments in Odoo.",
    "messages": "Show messages to hosts, and send them again.",
    "migrate": "Bring our own database up to date.",
    "payments": "Follow payments of live subscriptions' invoices.",
    "prune": "List, and once confirmed remove, what an import made and nobody uses.",
    "quote": "Price quantities under a charge.",
    "register": "Show the source's invoices by issue month.",
    "rehearse": "Rehearse a flip and the way back on a demo of its own.",
    "remedies": "List what differences still ask for.",
    "replay": "Prove that a revision can be made again, byte for byte.",
    "report": "Show a period's report, write it to files, or link to it.",
    "reset": "Remove the embedded stack and its state.",
    "resume": "Let a service go on that was stopped.",
    "retention": "Drop the usage events of old, closed months.",
    "rows": "Show the reconciliation rows of a period.",
    "run": "Meter, rate and reconcile a period.",
    "serve": "Take usage that hosts push, and show the report, over HTTP.",
    "signers": "Say who signs on the report's pages.",
    "source": "Print the address of the demo's source database.",
    "status": "Show what is imported and how each period stands.",
    "stop": "Stop everything that moves money.",
    "terminations": "Show ended subscriptions, and correct wrong ends.",
    "trace": "Trace a row back to usage events and rows of the source.",
    "unflip": "Take a flip back, and show what that would do.",
    "webhook": "Say where webhooks may go, sign one and check one.",
}
"""Command → what it does; each lives in the module of its name (`import` in `imports`)."""

INTERRUPTED = 128 + signal.SIGINT
"""The exit code of a shell's own commands too."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = ("imports", "import_") if cmd_name == "import" else (cmd_name, cmd_name)
        command: click.Command = getattr(importlib.import_module(f"fcb_pipelines.cli.{module}"), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # The terminal shows the ^C on a line that has no end.
            click.echo("\n" * sys.stderr.isatty() + "fcb: interrupted; the same again goes on from what is there", err=True)
            ctx.exit(INTERRUPTED)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fcb_pipelines", prog_name="fcb")
def fcb() -> None:
    """Move a hosting service's billing into Odoo, and prove it right before anyone is charged from there."""


def main() -> None:
    """Run a command; our own errors become one message and an exit code, never a traceback."""
    try:
        fcb.main(prog_name="fcb", standalone_mode=True)
    except FcbError as error:
        click.echo(f"fcb: {error}", err=True)
        sys.exit(2 if isinstance(error, InvalidInput) else 1)
