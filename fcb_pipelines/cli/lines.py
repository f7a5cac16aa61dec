"""`fcb lines`: shows what the line rules caught, and what is still unknown."""

from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from fcb_pipelines.acts.lines import lines as act
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, service_option
from fcb_pipelines.domain.classification import BilledLine, Caught, Classification
from fcb_pipelines.domain.invoices import LineRule
from fcb_pipelines.domain.money import amount_text

WIDTH = 150
"""Columns that its tables need."""

NO_LINE = "caught nothing"
_ASKED = ("pattern", "product", "created_by", "line")


@click.command()
@click.option("--period", metavar="YYYY-MM", help="Lines of one month, as its rows have them; without it, of all.")
@service_option
@json_option
def lines(period: str | None, service_code: str | None, *, as_json: bool) -> None:
    """Show what each line rule of fcb.toml caught of the last snapshot's invoices, and which lines are still unknown.

    Only invoices that count as billed are shown. The first rule that holds catches a line; one that caught nothing is written
    wrong, comes too late, or is not needed.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        month = None if period is None else service.period(period)
        with reached.database().transaction() as conn:
            found = act(conn, service, reached.settings.tax_table, month)
    if as_json:
        answer({"service": service.code, "period": None if month is None else month.key, **_as_json(found)})
        return
    console = console_of(WIDTH)
    of = service.code if month is None else f"{service.code} {month.key}"
    console.print(_rules(found, of))
    if found.unknown:
        console.print(_unknown(found, service.code))
    else:
        click.echo("No line is unknown.")


def _rules(found: Classification, of: str) -> Table:
    idle = sum(not caught.lines for _, caught in found.rules)
    table = Table(title=f"Line rules of {of}", caption=f"{len(found.rules)} rules, {idle} of them {NO_LINE}")
    table.add_column("rule", overflow="fold", ratio=3)
    table.add_column("kind", no_wrap=True)
    for name in ("lines", "net"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("examples", overflow="fold", ratio=4)
    for number, (rule, caught) in enumerate(found.rules, start=1):
        table.add_row(f"{number}  {escape(_asked(rule))}", escape(_meant(rule)), *_shown(caught))
    for kind, caught in found.not_ruled:
        table.add_row("no rule: by the mapping, or what balances an invoice", kind, *_shown(caught))
    return table


def _shown(caught: Caught) -> tuple[str, str, str]:
    if not caught.lines:
        return "0", "–", NO_LINE
    examples = "\n".join(escape(one.facts.description) for one in caught.examples)
    return str(len(caught.lines)), "\n".join(map(str, caught.nets)), examples


def _asked(rule: LineRule) -> str:
    said = ", ".join(f"{name} {value}" for name in _ASKED if (value := getattr(rule, name)) is not None)
    return said if rule.because is None else f"{said} ({rule.because})"


def _meant(rule: LineRule) -> str:
    return rule.kind if rule.charge is None else f"{rule.kind} of {rule.charge}"


def _unknown(found: Classification, code: str) -> Table:
    caption = f"what no rule of services.{code}.line_rules catches; a rule asks for pattern, product, created_by or line"
    table = Table(title="Still unknown", caption=caption)
    table.add_column("description", overflow="fold")
    for name in ("lines", "net"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("product", "created by", "line"):
        table.add_column(name, overflow="fold")
    for caught in found.unknown:
        facts = caught.lines[0].facts
        net = "\n".join(map(str, caught.nets))
        whom = (facts.product or "–", facts.created_by or "–", facts.line_key)
        table.add_row(escape(facts.description) or "–", str(len(caught.lines)), net, *map(escape, whom))
    return table


def _as_json(found: Classification) -> dict[str, Any]:
    return {
        "rules": [
            {
                "number": number,
                **{name: getattr(rule, name) for name in (*_ASKED, "because")},
                "kind": rule.kind.value,
                "charge": rule.charge,
                **_tally(caught),
            }
            for number, (rule, caught) in enumerate(found.rules, start=1)
        ],
        "unknown": [{"description": caught.lines[0].facts.description, **_tally(caught)} for caught in found.unknown],
        "not_ruled": [{"kind": kind.value, **_tally(caught)} for kind, caught in found.not_ruled],
    }


def _tally(caught: Caught) -> dict[str, Any]:
    return {
        "lines": len(caught.lines),
        "net": {net.currency: amount_text(net.amount, net.currency) for net in caught.nets},
        "examples": [_example(one) for one in caught.examples],
    }


def _example(one: BilledLine) -> dict[str, str | None]:
    return {
        "line_key": one.facts.line_key,
        "description": one.facts.description,
        "product": one.facts.product,
        "created_by": one.facts.created_by,
        "net": amount_text(one.net.amount, one.net.currency),
        "currency": one.net.currency,
    }
