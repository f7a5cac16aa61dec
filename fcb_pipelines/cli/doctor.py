"""`fcb doctor`: tests every connection and setting, and says what to do."""

import sys
from collections import Counter

import click
from rich.console import Console
from rich.markup import escape

from fcb_pipelines.acts.doctor import diagnose
from fcb_pipelines.cli.session import answer, connected, json_option
from fcb_pipelines.domain.findings import Finding, Level

MARKS = {Level.OK: "[green]ok[/]     ", Level.WARNING: "[yellow]warning[/]", Level.ERROR: "[red]error[/]  "}


@click.command()
@click.option("--verbose", is_flag=True, help="Show also what is in order, column by column.")
@json_option
def doctor(*, verbose: bool, as_json: bool) -> None:
    """Test every connection and setting, and say what to do.

    Nothing is written. Exit code 1 if anything must be mended before the work can go on.
    """
    with connected() as connections:
        findings = []
        for finding in diagnose(connections):
            findings.append(finding)
            if not as_json and (verbose or not _is_detail(finding)):
                _show(finding)
    counts = Counter(finding.level for finding in findings)
    if as_json:
        answer([{"level": one.level.value, "about": one.about, "message": one.message} for one in findings])
    else:
        click.echo(f"{counts[Level.OK]} in order, {counts[Level.WARNING]} warnings, {counts[Level.ERROR]} errors")
    if counts[Level.ERROR]:
        sys.exit(1)


def _is_detail(finding: Finding) -> bool:
    """A column that is in order."""
    return finding.level is Level.OK and ".sql: " in finding.about


def _show(finding: Finding) -> None:
    Console(soft_wrap=True).print(f"{MARKS[finding.level]} {escape(finding.about)}: {escape(finding.message)}")
