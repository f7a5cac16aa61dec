"""The pages of a report, as HTML that works without a script.

Owns: which templates show what. Does not own: the figures (view and its parts), addresses (links), how a page is sent or filed.

Everything that comes from the source is escaped by the templates, and stands in <bdi> so that its direction ends with it.
"""

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cache, partial
from importlib.resources import files
from math import ceil
from typing import Any

import jinja2

from fcb_pipelines.acts.flip_board import Board
from fcb_pipelines.domain.acceptances import BEARERS, LONGEST_TEXT, REASONS, STATES
from fcb_pipelines.domain.money import ZERO, Money
from fcb_pipelines.domain.rows import Row
from fcb_pipelines.report import amounts, pictures, selections
from fcb_pipelines.report import flips as flip_words
from fcb_pipelines.report.charges import charge
from fcb_pipelines.report.links import Links
from fcb_pipelines.report.partners import bills
from fcb_pipelines.report.queue import Group, command, due, way
from fcb_pipelines.report.selections import Selection
from fcb_pipelines.report.signed import Signatures, signed_for
from fcb_pipelines.report.signing import (
    MOST_FORMS,
    Changed,
    Decided,
    Failed,
    Form,
    Signing,
    Typed,
    decisions,
    form,
    last_day,
    limit_words,
)
from fcb_pipelines.report.signing import MOST_ROWS as MOST_ROWS_OF_A_FORM
from fcb_pipelines.report.stakes import against, open_instances
from fcb_pipelines.report.view import View
from fcb_pipelines.store.report_rows import RowBefore

MOST_ROWS = 500
"""Rows of one page."""


def first(view: View, links: Links) -> str:
    """The first screen."""
    shape = view.shape
    return _page(
        "first.html",
        view,
        links,
        here="first",
        figures=shape.figures,
        partners=shape.partners,
        strips=shape.strips,
        odoo={one.currency: bills(shape.partners, one.currency) for one in shape.figures},
        clean_periods=view.clean_periods,
        history=view.material.history,
        periods={one.period for one in view.material.history},
        signed=view.material.signed,
        rows=shape.rows,
        picture=lambda kind, currency, paper: links.picture(pictures.name(kind, currency, paper)),
    )


def queue(view: View, links: Links, signing: Signing | None = None) -> str:
    """What waits for a decision; with `signing` it can be signed there."""
    look_up = signed_for(view.material.signed)

    def signatures(group: Group) -> Signatures:
        return Signatures(rows=tuple(look_up(one.row, group.against) for one in group.items))

    shown = {"signing": signing, "form_of": _form_of(view, signing), "signatures": signatures}
    return _page("queue.html", view, links, here="queue", **shown)


def rows(view: View, links: Links, selection: Selection, page: int = 1) -> str:
    """A part of the rows of a selection; `page` counts from 1 and must be there (`parts`)."""
    shown = selection.rows[(page - 1) * MOST_ROWS : page * MOST_ROWS]
    return _page("rows.html", view, links, here="rows", selection=selection, shown=shown, page=page, pages=parts(selection))


def parts(selection: Selection) -> int:
    """How many pages the rows of a selection take; one at least."""
    return max(1, ceil(len(selection.rows) / MOST_ROWS))


def row(view: View, links: Links, found: Row, history: tuple[RowBefore, ...], signing: Signing | None = None) -> str:
    """A row's own page; `history` is the row in every revision, the newest first."""
    base = view.shape.base
    stopping = dict.fromkeys(each for one in found.instances if (each := against(one)) is not None)
    look_up = signed_for(view.material.signed)
    ways = (way(each, found.instances) for each in stopping if not look_up(found, each))
    commands = [command(base, each, [found.row_id]) for each in dict.fromkeys(ways)]
    return _page(
        "row.html",
        view,
        links,
        here="row",
        row=found,
        charges=[charge(base, view.shape.lines, one) for one in found.instances],
        open=bool(open_instances(found)),
        due=due(base),
        commands=commands,
        signed=[one for one in view.material.signed if _is_about(found, one.acceptance.row_id)],
        history=[before(one) for one in history],
        signing=signing,
        form=_form_of(view, signing)([found.row_id]),
    )


def acceptances(view: View, links: Links, signing: Signing) -> str:
    """What was signed that concerns the month; what waits for a second person first, with its forms."""
    found = decisions(view.material.signed)
    waiting = [one for one in found if one.is_waiting]
    return _page("acceptances.html", view, links, here="acceptances", signing=signing, decisions=found, waiting=waiting)


def decision(view: View, links: Links, signing: Signing, found: Decided, failed: Failed | None = None) -> str:
    """What was signed at once, how it stands, and what it still needs; `failed` is why a form of it was refused."""
    settled = {one.explanation.settled_by for row in view.shape.base.rows for one in row.instances}
    return _page("decision.html", view, links, here="acceptances", signing=signing, one=found, failed=failed, settled=settled)


def flips(view: View, links: Links, board: Board) -> str:
    """What stands in the way of going live, who is live, and every step that was taken."""
    return _page(
        "flip.html",
        view,
        links,
        here="flip",
        board=board,
        gate=None if board.asked is None else flip_words.asked(board.asked),
        cohorts=flip_words.cohorts(board),
        flip_sentence=flip_words.sentence(board),
        flip_totals=flip_words.totals,
        state_of_flip=flip_words.STATES,
    )


def sign_again(
    view: View, links: Links, signing: Signing, row_ids: Sequence[str], *, failed: Failed, changed: Sequence[Changed] = ()
) -> str:
    """The form of some rows once more, with what had been typed and why it was refused; `changed` since it was shown."""
    return _page(
        "sign.html",
        view,
        links,
        here="queue",
        signing=signing,
        form=form(view, row_ids, signing.today),
        failed=failed,
        changed=changed,
        before=before,
    )


def note(title: str, text: str, onward: str | None = None) -> str:
    """A page that says one thing; with `onward` the browser goes on there by itself."""
    return environment().get_template("note.html").render(title=title, text=text, onward=onward)


def style() -> bytes:
    """The one style sheet."""
    return files("fcb_pipelines.report").joinpath("templates", "report.css").read_bytes()


def _page(template: str, view: View, links: Links, **shown: Any) -> str:
    shape = view.shape
    common = {
        "links": links,
        "base": shape.base,
        "zone": shape.base.service.zone,
        "judged": view.judged,
        "sentence": view.sentence,
        "groups": shape.groups,
        **_looks(view, links),
    }
    return environment().get_template(template).render(**common, **shown)


def _looks(view: View, links: Links) -> dict[str, Any]:
    """What templates ask for by name."""
    base, found = view.shape.base, view.shape.selections

    def verdict_link(verdict: str, currency: str) -> str | None:
        key = f"verdict:{verdict}:{currency}"
        return links.rows(key) if key in found else None

    return {
        "has": found.__contains__,
        "last_day": lambda today: last_day(view, today),
        "first_day": lambda today: today + timedelta(days=1),
        "limit_words": partial(limit_words, view),
        "run": _run(base.service.code, base.period.key),
        "row_ids": view.shape.rows,
        "verdict_link": verdict_link,
        "name_of": lambda partner: base.partners.get(partner) or partner,
        "plan_of": lambda row: base.plans.get(row.external_subscription_id or "", ""),
    }


def _run(service: str, period: str) -> str:
    """What is typed so that a period counts what was signed."""
    return f"fcb run --service {shlex.quote(service)} --period {period}"


def before(one: RowBefore) -> dict[str, Any]:
    """A row as a revision had it, in amounts."""

    def shown(net: Any) -> Money | None:
        return None if net is None else Money(net, one.currency)

    return {
        "revision": one.revision,
        "made_at": one.made_at,
        "expected": shown(one.expected_net),
        "actual": shown(one.actual_net),
        "difference": Money(one.difference or ZERO, one.currency),
        "verdict": one.verdict,
    }


def _form_of(view: View, signing: Signing | None) -> Callable[[Iterable[str]], Form | None]:
    """What may be signed for in rows; nothing where there is nobody to sign."""
    return lambda row_ids: None if signing is None else form(view, row_ids, signing.today)


def _is_about(found: Row, row_id: str) -> bool:
    """Whether an acceptance is about a row: a standing one names the row of the month in which it was signed."""
    return row_id.split("/", 2)[2:] == found.row_id.split("/", 2)[2:]


@cache
def environment() -> jinja2.Environment:
    """What all pages are made with."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("fcb_pipelines.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(dict(_words()))
    return made


def _words() -> Iterator[tuple[str, Any]]:
    for name in ("amount", "with_currency", "counted", "joined", "percent", "day", "time", "words_of"):
        yield name, getattr(amounts, name)
    for name in ("of_cause", "of_currency", "of_issue", "of_objection", "of_partner"):
        yield name, getattr(selections, name)
    yield "verdict_words", amounts.VERDICTS
    yield "remedy_words", amounts.REMEDIES
    yield "state_words", STATES
    yield "reason_words", REASONS
    yield "bearer_words", BEARERS
    yield "longest_text", LONGEST_TEXT
    yield "nothing_typed", Typed()
    yield "most_rows", MOST_ROWS_OF_A_FORM
    yield "most_forms", MOST_FORMS
    yield "joined_amounts", amounts.listed
    yield "charge_words", lambda one: [amounts.words_of(each) for each in one.charges]
