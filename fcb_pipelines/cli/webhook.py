"""`fcb webhook`: what concerns the messages that go out, one subcommand a module, imported when it is called.

Owns: which subcommands there are. Does not own: any of them.
"""

import importlib

import click

SUBCOMMANDS = {
    "check-url": ("webhook_url", "Say whether a webhook may go to a URL, and why not."),
    "sign": ("webhook_signing", "Print the signature of a message."),
    "verify": ("webhook_signing", "Check the signature of a message."),
}
"""Subcommand → the module that it lives in, under its own name, and what it does."""


class _Subcommands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in SUBCOMMANDS:
            return None
        module = importlib.import_module(f"fcb_pipelines.cli.{SUBCOMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, what) for name, (_, what) in sorted(SUBCOMMANDS.items())])


@click.group(cls=_Subcommands)
def webhook() -> None:
    """Say where webhooks may go, sign one and check one.

    None of these needs settings or a database.
    """
