"""The queue: what stops a period, grouped so that one decision serves all of a group, the most money first.

Owns: the groups, the command that decides each, until when and by whom. Does not own: deciding (acts/acceptances,
acts/adoption, acts/carrying_on).
"""

import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from fcb_pipelines.acts.report import Base
from fcb_pipelines.domain.clean import WHAT_TO_DO, Against
from fcb_pipelines.domain.money import Money, total
from fcb_pipelines.domain.period import period_of
from fcb_pipelines.domain.rows import Instance, Remedy, Row
from fcb_pipelines.domain.steps import is_adoptable
from fcb_pipelines.report.stakes import against, causes, stakes

NO_RECORD = "no record says why"
_SIGNED = '--reason CODE --text "WHY" --bears WHO --expires YYYY-MM-DD'
_HEIR = '--odoo | --source OWNER | --ended YYYY-MM-DD --text "WHY"'
"""What only the person who decides can say; the words in capitals are theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A row of a group, and what is at stake in it."""

    row: Row
    stake: Money
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Siblings: one cause, one plan, one currency, one period."""

    number: int
    """Its place in the queue, from 1."""
    against: Against
    cause: str
    plan: str
    """The plan, or the kind of a line that belongs to no subscription."""
    stake: Money
    items: tuple[Item, ...]
    missing: tuple[str, ...]
    """Records that would decide the first of them."""
    decided_as: Against
    command: str
    """What decides all of it."""
    owner: str
    due: date

    @property
    def what_to_do(self) -> str:
        """For people, as part of a sentence."""
        return WHAT_TO_DO[self.decided_as]


def queue(base: Base) -> tuple[Group, ...]:
    """What stops the period, by currency (the service's own first), the most money first."""
    found: dict[tuple[str, Against, str, str], list[tuple[Row, Instance]]] = defaultdict(list)
    for row in base.rows:
        for one in row.instances:
            stopping = against(one)
            if stopping is not None:
                found[one.currency, stopping, _cause(one, stopping), _plan(base, row, one)].append((row, one))
    own = base.service.currency
    ranked = sorted(found, key=lambda key: (key[0] != own, key[0], -_stake(found[key]).amount, *key[1:]))
    return tuple(_group(base, number, key, found[key]) for number, key in enumerate(ranked, start=1))


def due(base: Base) -> date:
    """The last day on which it may wait: that of the month in which the revision was made."""
    zone = base.service.zone
    return period_of(base.revision.made_at, zone).end.astimezone(zone).date() - timedelta(days=1)


def way(stopping: Against, instances: Iterable[Instance]) -> Against:
    """As what something is decided: what no term can follow as what nothing explains, for somebody signs for it."""
    findings = (each for one in instances for each in one.explanation.findings)
    is_signed = stopping is Against.FIX_MODEL and not any(map(is_adoptable, findings))
    return Against.UNEXPLAINED if is_signed else stopping


def command(base: Base, decided_as: Against, rows: Iterable[str]) -> str:
    """What is typed to decide rows; of what stands between | one is typed, and the words in capitals are the person's."""
    quoted = " ".join(shlex.quote(row_id) for row_id in rows)
    service = shlex.quote(base.service.code)
    if decided_as is Against.UNEXPLAINED:
        return f"fcb accept {quoted} {_SIGNED} --revision {base.revision.revision} --service {service}"
    if decided_as is Against.NO_SUCCESSOR:
        return f"fcb carry {quoted} {_HEIR} --service {service}"
    return f"fcb adopt {quoted} --service {service}"


def _group(base: Base, number: int, key: tuple[str, Against, str, str], placed: Sequence[tuple[Row, Instance]]) -> Group:
    currency, stopping, name, plan = key
    decided_as = way(stopping, (one for _, one in placed))
    rows: dict[str, tuple[Row, list[Instance]]] = {}
    for row, one in placed:
        rows.setdefault(row.row_id, (row, []))[1].append(one)
    missing = tuple(dict.fromkeys(said for _, one in placed[:1] for said in one.explanation.missing))
    items = [Item(row=row, stake=stakes(found, currency), sentence=_said(row, missing)) for row, found in rows.values()]
    return Group(
        number=number,
        against=stopping,
        cause=name,
        plan=plan,
        stake=_stake(placed),
        items=tuple(sorted(items, key=lambda item: (-item.stake.amount, item.row.row_id))),
        missing=missing,
        decided_as=decided_as,
        command=command(base, decided_as, sorted(rows)),
        owner=base.service.owner,
        due=due(base),
    )


def _said(row: Row, beside: Sequence[str]) -> str:
    """What is said of a row where some missing records stand beside it already."""
    is_said = all(each in beside for one in row.instances for each in one.explanation.missing)
    return row.gist if is_said else row.sentence


def _cause(one: Instance, stopping: Against) -> str:
    if stopping is Against.NO_SUCCESSOR:
        return one.charge
    return causes(one, Remedy.FIX_MODEL if stopping is Against.FIX_MODEL else None) or NO_RECORD


def _plan(base: Base, row: Row, one: Instance) -> str:
    return base.plans.get(row.external_subscription_id or "", "") or one.charge


def _stake(placed: Sequence[tuple[Row, Instance]]) -> Money:
    return total((stakes([one], one.currency) for _, one in placed), placed[0][1].currency)


def stopped(groups: Iterable[Group]) -> tuple[Money, ...]:
    """What all of them stop, per currency in their order."""
    found: dict[str, list[Money]] = defaultdict(list)
    for group in groups:
        found[group.stake.currency].append(group.stake)
    return tuple(total(amounts, code) for code, amounts in found.items())
