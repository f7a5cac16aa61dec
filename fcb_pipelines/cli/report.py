"""`fcb report`: the report of a period as text, as files, or as a link that opens it once."""

from collections.abc import Iterable
from pathlib import Path

import click

from fcb_pipelines.acts import report as acts
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.report_evidence import dossier
from fcb_pipelines.acts.report_links import make_link
from fcb_pipelines.cli.links import SERVED_AT, require_address
from fcb_pipelines.cli.session import connected, operator, say, service_option
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.report_links import LONGEST_HOURS, USUAL_HOURS
from fcb_pipelines.report import archive, export
from fcb_pipelines.report.amounts import amount, counted
from fcb_pipelines.report.partners import bills
from fcb_pipelines.report.view import View, shape, view
from fcb_pipelines.store.database import Connection

FORMATS = ("html", "csv", "json", "archive")
ENDINGS = {"csv": "csv", "json": "json", "archive": "zip"}
Files = Iterable[tuple[str, bytes]]


@click.command()
@click.option("--period", required=True, metavar="YYYY-MM", help="The month.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="What is written; html with --out, else a summary.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER", help="A new or empty folder.")
@click.option("--link", is_flag=True, help="Print a link that opens the report once, for somebody without a key.")
@click.option(
    "--hours", type=click.IntRange(1, LONGEST_HOURS), default=USUAL_HOURS, show_default=True, help="How long the link may wait."
)
@click.option("--url", default=SERVED_AT, show_default=True, metavar="URL", help="Where  fcb serve  is reached, for the link.")
@service_option
def report(
    *, period: str, form: str | None, out: Path | None, link: bool, hours: int, url: str, service_code: str | None
) -> None:
    """Show the report of a period's newest reconciliation: whether it is ready, where the money is, what stops it.

    With --out it is written into a folder: as pages that any browser shows without a server, as CSV (one line per charge), as
    JSON, or as the auditor's archive, one file with everything behind the figures and how to verify it. CSV and JSON go to
    standard output without --out. `fcb serve` shows the pages at /reports/YYYY-MM, to an API key that may read
    reconciliations, or to whoever opens the link.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        work = reached.period(service, period)
        if link:
            _link(reached, work, url, hours)
            return
        if out is not None:
            _require_empty(out)
        with reached.database().transaction() as conn:
            found = _view(conn, work)
            files = list(_files(conn, reached, found, form or ("html" if out else None)))
    if out is None:
        _print(found, files, form)
    else:
        _write(out, files)


def _view(conn: Connection, work: PeriodWork) -> View:
    revision = acts.newest(conn, work.service, work.period.key)
    if revision is None:
        code, key = work.service.code, work.period.key
        raise RuleViolation(f"{code} {key} was never reconciled; run it: fcb run --service {code} --period {key}")
    base = acts.base(conn, work, revision)
    return view(shape(base), acts.material(conn, base, settings_hash=work.settings_hash, now=work.now))


def _files(conn: Connection, reached: Connections, found: View, form: str | None) -> Files:
    base = found.shape.base
    if form == "html":
        yield from export.html(found, lambda row_id: acts.row_history(conn, base, row_id))
    elif form == "csv":
        yield archive.name_of(found, ENDINGS[form]), export.as_csv(base)
    elif form == "json":
        yield archive.name_of(found, ENDINGS[form]), export.as_json(found)
    elif form == "archive":
        rules = reached.settings.rules_text(base.service)
        yield archive.name_of(found, ENDINGS[form]), archive.archive(found, dossier(conn, base), rules)


def _print(found: View, files: list[tuple[str, bytes]], form: str | None) -> None:
    if form in {"html", "archive"}:
        raise InvalidInput(f"--format {form} needs a folder: add --out FOLDER")
    for _, content in files:
        click.echo(content, nl=False)
    if form is None:
        for line in _summary(found):
            click.echo(line.replace("\N{NO-BREAK SPACE}", " "))


def _summary(found: View) -> Iterable[str]:
    base = found.shape.base
    yield found.sentence
    for one in found.judged.objections:
        yield f"  {one.words}: {one.what_to_do}"
    for each in found.shape.figures:
        odoo = bills(found.shape.partners, each.currency)
        yield (
            f"{each.currency}: billed {amount(each.billed)}, proved {amount(each.proved)}, accepted {amount(each.accepted)}, "
            f"carried {amount(each.carried)}, undecided {amount(each.undecided)}; first Odoo bill {amount(odoo.next)}"
        )
    yield f"{counted(found.clean_periods, 'clean period')} in a row up to {base.period.key}, revision {base.revision.revision}"


def _link(reached: Connections, work: PeriodWork, url: str, hours: int) -> None:
    require_address(url)
    with reached.database().transaction() as conn:
        _ = _view(conn, work)
    link, token = make_link(
        reached.database(),
        service=work.service.code,
        period=work.period.key,
        hours=hours,
        actor=operator(),
        now=work.now,
    )
    click.echo(f"{url.rstrip('/')}/report-links/{token.text}")
    until = link.expires_at.astimezone(work.service.zone).isoformat(timespec="minutes")
    say(f"it opens the report of {link.service} {link.period} once, before {until}, where  fcb serve  answers")


def _require_empty(out: Path) -> None:
    """Raise `InvalidInput` for a folder in which something is: a report of before would be mixed with this one."""
    if out.exists() and any(out.iterdir()):
        raise InvalidInput(f"{out} is not empty: name a new or an empty folder")


def _write(out: Path, files: list[tuple[str, bytes]]) -> None:
    try:
        for name, content in files:
            place = out / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    except OSError as error:
        raise InvalidInput(f"{out} cannot be written ({error.strerror}): name a folder that is yours") from None
    first = out / "index.html" if len(files) > 1 else out / files[0][0]
    say(f"wrote {counted(len(files), 'file')}: {first}")
