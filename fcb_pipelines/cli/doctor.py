"""`fcb doctor`: tests every connection and setting, and says what to do."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from fcb_pipelines.acts.doctor import diagnose, fix
from fcb_pipelines.cli.session import answer, connected, json_option
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.findings import Finding, Fixed, Level

MARKS = {Level.OK: "[green]ok[/]     ", Level.WARNING: "[yellow]warning[/]", Level.ERROR: "[red]error[/]  "}


@click.command()
@click.option("--verbose", is_flag=True, help="Show also what is in order, column by column.")
@click.option("--fix", "is_fixing", is_flag=True, help="Apply what can be mended in Odoo's settings, asking before each.")
@click.option("--yes", "is_sure", is_flag=True, help="With --fix: do not ask.")
@click.option("--only", metavar="ABOUT", multiple=True, help="With --fix: only what this finding is about; can be repeated.")
@click.option("--company", metavar="ID", type=int, help="The company in Odoo, where the user at hand sees several.")
@json_option
def doctor(*, verbose: bool, is_fixing: bool, is_sure: bool, only: tuple[str, ...], company: int | None, as_json: bool) -> None:
    """Test every connection and setting, and say what to do.

    Nothing is written without --fix. With it every setting of Odoo that has a remedy is written and read back; what else it
    changes there is said first, and asked whether to. Exit code 1 if anything must be mended before the work can go on, or was
    refused.
    """
    _require_sense(is_fixing=is_fixing, is_sure=is_sure, only=only, as_json=as_json)
    with connected(of_any_version=True) as connections:
        findings = []
        for finding in diagnose(connections, company=company):
            findings.append(finding)
            if not as_json and (verbose or not _is_detail(finding)):
                _show(finding)
        fixed = {}
        if is_fixing:
            _require_known(only, findings)
            wanted = partial(_is_wanted, only=only, is_sure=is_sure, as_json=as_json)
            for one in fix(connections, findings, is_wanted=wanted, company=company):
                fixed[one.about] = one
                if not as_json:
                    _print("[green]fixed[/]  " if one.is_applied else "[red]refused[/]", one.about, one.message)
    counts = Counter(finding.level for finding in findings)
    if as_json:
        answer([_as_json(one, fixed.get(one.about)) for one in findings])
    else:
        mended = f", {sum(one.is_applied for one in fixed.values())} of {len(fixed)} fixed" if is_fixing else ""
        click.echo(f"{counts[Level.OK]} in order, {counts[Level.WARNING]} warnings, {counts[Level.ERROR]} errors{mended}")
    if _must_be_mended(findings, fixed):
        sys.exit(1)


def _require_sense(*, is_fixing: bool, is_sure: bool, only: tuple[str, ...], as_json: bool) -> None:
    if (is_sure or only) and not is_fixing:
        raise click.UsageError("--yes and --only say how to fix: add --fix")
    if is_fixing and as_json and not is_sure:
        raise click.UsageError("with --json nobody can be asked: add --yes, and --only for what is to be fixed")


def _require_known(only: Iterable[str], findings: Iterable[Finding]) -> None:
    there = [finding.about for finding in findings if finding.remedy is not None]
    for about in only:
        if about not in there:
            raise InvalidInput(f"nothing about {about!r} can be fixed; what can is: {', '.join(there) or 'nothing'}")


def _is_wanted(finding: Finding, *, only: tuple[str, ...], is_sure: bool, as_json: bool) -> bool:
    """Say what a remedy writes, and what else that changes, and ask whether to apply it."""
    if finding.remedy is None or (only and finding.about not in only):
        return False
    if not as_json:
        _print("[yellow]fixing[/] ", finding.about, f"{finding.remedy.words}; {finding.remedy.influence}")
    return is_sure or click.confirm("Write this?")


def _must_be_mended(findings: Iterable[Finding], fixed: Mapping[str, Fixed]) -> bool:
    applied = {about for about, one in fixed.items() if one.is_applied}
    errors = {finding.about for finding in findings if finding.level is Level.ERROR}
    return bool(errors - applied) or applied != fixed.keys()


def _as_json(finding: Finding, fixed: Fixed | None) -> dict[str, Any]:
    """A finding, with its remedy if it has one, and what became of that if it was applied."""
    shown: dict[str, Any] = {"level": finding.level.value, "about": finding.about, "message": finding.message}
    if finding.remedy is not None:
        writes = [{"model": one.model, "values": dict(one.values)} for one in finding.remedy.writes]
        shown["remedy"] = {"words": finding.remedy.words, "influence": finding.remedy.influence, "writes": writes}
    if fixed is not None:
        shown["fix"] = {"applied": fixed.is_applied, "message": fixed.message}
    return shown


def _is_detail(finding: Finding) -> bool:
    """A column that is in order."""
    return finding.level is Level.OK and ".sql: " in finding.about


def _show(finding: Finding) -> None:
    _print(MARKS[finding.level], finding.about, finding.message)
    if finding.remedy is not None:
        _print("         ", "fcb doctor --fix would", f"{finding.remedy.words}; {finding.remedy.influence}")


def _print(mark: str, about: str, message: str) -> None:
    Console(soft_wrap=True).print(f"{mark} {escape(about)}: {escape(message)}")
