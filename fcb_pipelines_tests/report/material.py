"""What a report is made of, with defaults: a test names only what it is about. The month is April of the service `shop`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fcb_pipelines.acts.acceptances import Listed
from fcb_pipelines.acts.report import Base, Material, NextFlat
from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.clean import Judged, objections, standing
from fcb_pipelines.domain.coverage import coverage
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.rows import (
    Explanation,
    Finding,
    Instance,
    Reference,
    Remedy,
    Row,
    Status,
    Suggestion,
    Verdict,
    WaterfallStep,
)
from fcb_pipelines.report.view import View, shape, view
from fcb_pipelines.services import Service
from fcb_pipelines.settings import load
from fcb_pipelines.store.reconciliation import Revision
from fcb_pipelines.store.report_rows import RowBefore
from fcb_pipelines_tests.builders import APRIL, actual
from fcb_pipelines_tests.projects import write_project
from fcb_pipelines_tests.signed import NOW, RULES, a_row, an_instance

SETTINGS = "h"
HOSTILE = (
    "<script>alert(1)</script>",
    "a\"b'c&d",
    "\N{HEBREW LETTER ALEF}\N{RIGHT-TO-LEFT OVERRIDE}\N{HEBREW LETTER BET} $x^2$",
    "x" * 300,
    "=1+1",
    "{{ 7 * 7 }}{% raw %}",
)


@cache
def shop() -> Service:
    """The service, whose settings are of a folder that is gone."""
    with TemporaryDirectory() as folder:
        return load({}, folder=write_project(Path(folder))).services["shop"]


def explained(
    expected: str = "200.00",
    billed: str = "9.14",
    cause: str = "billing_interval",
    settled_by: Remedy | None = None,
    **changes: Any,
) -> Instance:
    """A charge that our own terms price wrongly, as its records say; `settled_by` is what a signature still asks for."""
    words = "yearly price 200 ÷ 12"
    finding = Finding(cause=cause, remedy=Remedy.FIX_MODEL, words=words, references=("plans/227",))
    steps = (WaterfallStep(name=cause, words=words, amount=money(f"{billed} CAD"), residual=money("0.00 CAD")),)
    told = Explanation(findings=(finding,), waterfall=steps)
    if settled_by is not None:
        signed = Finding(cause="goodwill", remedy=settled_by, words="accepted by ada")
        told = replace(told, findings=(finding, signed), settled_by="A-1")
    return an_instance(expected, billed, verdict=Verdict.EXPLAINED, explanation=changes.pop("explanation", told), **changes)


def carried(billed: str = "15.00", successor: str | None = None, **changes: Any) -> Instance:
    """A line outside the model."""
    told = Explanation(
        findings=(Finding(cause="outside", remedy=Remedy.CARRY, words="outside the model"),), successor=successor
    )
    given: dict[str, Any] = {"charge": "add_on", "status": Status.ONLY_ACTUAL, "verdict": Verdict.CARRIED, "is_due": False}
    return an_instance(None, billed, explanation=told, **given | changes)


def unexplained(expected: str | None = "40.00", billed: str | None = "31.00", **changes: Any) -> Instance:
    """A charge that nobody decided, with what would decide it and what fits by chance."""
    told = Explanation(
        missing=("how many units there were",),
        suggestions=(Suggestion(words="31 of 40 units", amount=money("31.00 CAD"), chance="0.0450"),),
    )
    return an_instance(expected, billed, explanation=changes.pop("explanation", told), **changes)


def matched(net: str = "50.00", **changes: Any) -> Instance:
    """A charge that is the same on both sides."""
    return an_instance(net, net, status=Status.MATCH, verdict=Verdict.MATCH, **changes)


def row(name: str, *instances: Instance, **changes: Any) -> Row:
    """The row of a subscription of that name; the evidence of each instance is a line of its own."""
    placed = (
        replace(one, evidence=(Reference(kind="invoice_line", reference=f"i-{name}/{n}"),))
        for n, one in enumerate(instances, start=1)
    )
    return a_row(*placed, subscription=name, **changes)


def lines_of(rows: Sequence[Row]) -> tuple[ActualLine, ...]:
    """The lines that rows were billed by, all issued in April."""
    return tuple(
        actual(
            str(one.actual.net.amount),
            external_invoice_id=each.reference.rpartition("/")[0],
            ordinal=int(each.reference.rpartition("/")[2]),
            currency=one.currency,
        )
        for row in rows
        for one in row.instances
        if one.actual is not None
        for each in one.evidence
    )


def a_base(*rows: Row, **changes: Any) -> Base:
    """What hangs on a revision of some rows."""
    found = coverage(rows, "CAD")
    revision = Revision(
        revision_id=1,
        service="shop",
        period="2026-04",
        revision=2,
        snapshot_id=7,
        settings_hash=SETTINGS,
        rule_version=RULES,
        content_hash="c" * 64,
        made_at=NOW,
        coverage={"money": found.money, "proved_money": found.proved_money, "subscriptions": found.subscriptions},
        changes={},
    )
    plan = Evidence(
        kind="list_interval",
        subject_kind="plan",
        subject_id="227",
        valid_from=None,
        valid_to=None,
        data={"interval": "yearly"},
        reference="plans/227",
    )
    values: dict[str, Any] = {
        "service": shop(),
        "period": APRIL,
        "revision": revision,
        "rows": rows,
        "coverage": found,
        "partners": {"u1": "Maple Ridge Media"},
        "plans": {row.external_subscription_id: "Archive 2 TB" for row in rows},
        "lines": lines_of(rows),
        "evidence": {"plans/227": (plan,)},
        "next_flat": {},
    }
    return Base(**values | changes)


def a_view(*rows: Row, signed: Sequence[Listed] = (), history: Sequence[Judged] = (), **changes: Any) -> View:
    """The report of some rows, under the rules and settings that they were made under."""
    base = a_base(*rows, **changes)
    found = standing(rows, base.coverage, rule_version=RULES, settings_hash=SETTINGS)
    judged = Judged(period="2026-04", objections=objections(found, rule_version=RULES, settings_hash=SETTINGS))
    material = Material(
        base=base, settings_hash=SETTINGS, signed=tuple(signed), history=(*history, judged), revisions=(base.revision,)
    )
    return view(shape(base), material)


def due_next(**amounts: str) -> Mapping[tuple[str, str], NextFlat]:
    """Customer → what falls due of it on 1 May, in CAD."""
    return {
        (partner, "CAD"): NextFlat(amount=money(f"{amount} CAD"), first_due=date(2026, 5, 1), unknown=0)
        for partner, amount in amounts.items()
    }


def before(row_id: str) -> tuple[RowBefore, ...]:
    """A row that an earlier revision left undecided."""
    del row_id
    amount = money("200.00 CAD").amount
    made: dict[str, Any] = {"made_at": NOW, "currency": "CAD", "expected_net": amount, "actual_net": None, "difference": amount}
    return tuple(
        RowBefore(revision=number, verdict=verdict, **made) for number, verdict in ((2, "explained"), (1, "unexplained"))
    )


def every_kind() -> tuple[Row, ...]:
    """A row of each kind, and one with two charges."""
    return (
        row("s1", explained()),
        row("s2", explained("50.00", "9.14"), matched("5.00", charge="cpu_seconds")),
        row("s3", unexplained()),
        row("s4", unexplained("12.00", None, status=Status.ONLY_EXPECTED), external_user_id="u2"),
        row("s5", carried()),
        row("s6", matched()),
        row("s7", an_instance("7.00", "6.00", verdict=Verdict.ACCEPTED)),
        row("s8", an_instance("0.00", None, status=Status.NOTHING_DUE, verdict=Verdict.NOTHING_DUE, is_due=False)),
        row("s9", unexplained("20.00", "30.00", currency="USD"), currency="USD"),
    )
