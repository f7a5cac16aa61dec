"""A report as files: the same pages for any browser without a server, its rows as CSV, and as JSON.

Owns: which files there are, and their bytes. Does not own: the pages (pages), writing to a disk (the command line), the archive
(archive). The same revision gives the same bytes, but for what people signed since.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fcb_pipelines.acts.report import Base
from fcb_pipelines.domain.revisions import Published, published
from fcb_pipelines.report import pages, pictures
from fcb_pipelines.report.links import STYLE, Files, file_name, row_file, rows_file
from fcb_pipelines.report.view import View
from fcb_pipelines.store.report_rows import RowBefore

HistoryOf = Callable[[str], tuple[RowBefore, ...]]
COLUMNS = (
    *(
        "row_id",
        "period",
        "partner",
        "partner_name",
        "subscription",
        "plan",
        "line_key",
        "charge",
        "service_from",
        "service_to",
    ),
    *("due_at", "currency", "expected_net", "expected_tax", "expected_gross", "actual_net", "actual_tax", "actual_gross"),
    *("difference", "status", "verdict", "causes", "remedy", "why", "missing", "notes", "evidence"),
)
AMOUNTS = frozenset(name for name in COLUMNS if name.endswith(("_net", "_tax", "_gross"))) | {"difference"}
_RISKY = ("=", "+", "-", "@", "\t", "\r")


def html(view: View, history_of: HistoryOf) -> Iterator[tuple[str, bytes]]:
    """Every page, the style sheet and the pictures, each by its place in the folder."""
    period = view.shape.base.period.key
    top, below = Files(period=period), Files(period=period, up="../")
    yield STYLE, pages.style()
    yield "index.html", pages.first(view, top).encode()
    yield "queue.html", pages.queue(view, top).encode()
    for selection in view.shape.selections.values():
        for page in range(1, pages.parts(selection) + 1):
            yield rows_file(selection.key, page), pages.rows(view, below, selection, page).encode()
    for row_id, row in view.shape.rows.items():
        yield row_file(row_id), pages.row(view, below, row, history_of(row_id)).encode()
    for figures in view.shape.figures:
        for name, (kind, paper) in pictures.names(figures).items():
            yield f"pictures/{file_name(name)}", pictures.drawn(figures, kind, paper)


def rows(base: Base) -> list[Published]:
    """The rows in their published form."""
    service, period = base.service, base.period.key
    return [published(row, service=service.code, period=period, zone=service.zone) for row in base.rows]


def header(base: Base) -> dict[str, Any]:
    """What a revision was made from, and the hash of its rows."""
    one = base.revision
    return {
        "service": one.service,
        "period": one.period,
        "revision": one.revision,
        "made_at": one.made_at.astimezone(base.service.zone).isoformat(),
        "snapshot_id": one.snapshot_id,
        "settings_hash": one.settings_hash,
        "rule_version": one.rule_version,
        "content_hash": one.content_hash,
        "coverage": one.coverage,
    }


def as_json(view: View) -> bytes:
    """The revision's header, whether the period is clean, and its rows."""
    base = view.shape.base
    told = {
        **header(base),
        "sentence": view.sentence,
        "objections": [{"against": one.against.value, "count": one.count} for one in view.judged.objections],
        "rows": rows(base),
    }
    return written(told)


def written(told: object) -> bytes:
    """JSON as people and programs read it: keys in their order, two blanks, a line end."""
    return (json.dumps(told, ensure_ascii=False, indent=2) + "\n").encode()


def as_csv(base: Base) -> bytes:
    """One line per charge instance, RFC 4180 in UTF-8, the first line the names of the columns.

    A text that begins as a formula does (= + - @, a tab or a return) has an apostrophe before it, which spreadsheets show and
    do not run; amounts are left as they are.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for row in rows(base):
        for instance in row["instances"]:
            writer.writerow({name: _cell(name, value) for name, value in _line(base, row, instance).items()})
    return text.getvalue().encode()


def _line(base: Base, row: Published, instance: Published) -> Mapping[str, Any]:
    sides = {
        f"{side}_{part}": (instance[side] or {}).get(part)
        for side in ("expected", "actual")
        for part in ("net", "tax", "gross")
    }
    return {
        **{name: row[name] for name in ("row_id", "period", "partner", "subscription", "line_key", "currency")},
        **{name: instance[name] for name in ("charge", "service_from", "service_to", "due_at", "difference", "status")},
        **sides,
        "partner_name": base.partners.get(row["partner"], ""),
        "plan": base.plans.get(row["subscription"] or "", ""),
        "verdict": instance["verdict"],
        "causes": "; ".join(each["cause"] for each in instance["causes"]),
        "remedy": instance["remedy"],
        "why": "; ".join(each["words"] for each in instance["findings"]),
        "missing": "; ".join(instance["missing"]),
        "notes": "; ".join(instance["notes"]),
        "evidence": "; ".join(one["reference"] for one in row["evidence"]),
    }


def _cell(name: str, value: object) -> object:
    is_risky = name not in AMOUNTS and isinstance(value, str) and value.startswith(_RISKY)
    return f"'{value}" if is_risky else value
