"""Live months: what Odoo's invoice of a month has on it of a subscription that is live, and when it may be posted.

Owns: which charges are on which month's invoice, which of them are Odoo's to bill, what objects to posting. Does not own:
amounts (expected), drafts (drafts), who is live since when (flip), claims (claims).

An invoice collects what falls due in its month: flat prices in advance of that month, usage in arrears of the month before.
Usage is always on the invoice of the month after its own, also where the subscription ended within its month: before that
month is closed nobody knows all of it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.domain.drafts import Due
from fcb_pipelines.domain.expected import UNRATED, ExpectedLine, RatedLine
from fcb_pipelines.domain.gate import Class, Objection
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.money import amount_text
from fcb_pipelines.domain.period import Period

Live = Mapping[str, Mapping[str, datetime]]
"""Live subscription → charge → its boundary: from when on Odoo bills it."""


class Side(StrEnum):
    """Who bills an instance of ours."""

    SHADOW = "shadow"
    """The source; in Odoo it stands for comparison alone."""
    LIVE = "live"
    """Odoo, for real."""


def is_on_invoice(line: ExpectedLine, period: Period, month: Period) -> bool:
    """Whether an expected line of `period` stands on the invoice of `month`.

    What could not be priced keeps back the invoices that its flat price and its usage would be on.
    """
    falls_due = line.due_at in month
    is_usage = line.charge != FLAT and period == month.previous()
    return is_usage or (line.charge in {FLAT, UNRATED} and falls_due)


def side(line: ExpectedLine, live: Live) -> Side:
    """Who bills a line: Odoo from the boundary of its charge on, late usage by the month in which it was used.

    A charge without a boundary of its own, as one that its plan got later, follows the latest boundary of its subscription's
    metered charges or, where it has none, of its flat price.
    """
    boundary = boundary_of(live.get(line.external_subscription_id, {}), line.charge)
    return Side.LIVE if boundary is not None and line.service_from >= boundary else Side.SHADOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the charges of a month of usage stand in Odoo while some subscriptions are live."""

    live: Live
    on_the_way: frozenset[str] = frozenset()
    """Subscriptions that are not live and whose order may be confirmed: Odoo might bill what is put on it."""
    is_closed: bool = False
    """Whether the month was closed by a recorded act."""

    def on_shadow_draft(self, line: ExpectedLine) -> bool:
        """Whether a line stands on a draft for comparison alone: not what Odoo bills for real."""
        return side(line, self.live) is Side.SHADOW

    def on_order(self, line: ExpectedLine) -> bool:
        """Whether a line stands on the order of its subscription, where Odoo itself invoices.

        What Odoo invoices from a live order is for real: usage of a closed month from the boundary on, and nothing else.
        """
        if line.charge == FLAT or line.external_subscription_id in self.on_the_way:
            return False
        if line.external_subscription_id in self.live:
            return self.is_closed and side(line, self.live) is Side.LIVE
        return True


def boundary_of(charges: Mapping[str, datetime], charge: str) -> datetime | None:
    """From when on Odoo bills a charge; None of a subscription that is not live."""
    if charge in charges or not charges:
        return charges.get(charge)
    metered = [one for name, one in charges.items() if name != FLAT]
    return max(metered) if metered else charges[FLAT]


def starts_of_usage(charges: Mapping[str, datetime]) -> frozenset[datetime]:
    """Every moment from which on Odoo bills some usage of a live subscription, by the boundaries of its charges."""
    return frozenset(one for name in (*charges, "") if name != FLAT and (one := boundary_of(charges, name)) is not None)


def only(due: Iterable[Due], stands: Callable[[ExpectedLine], bool]) -> tuple[Due, ...]:
    """What of a month stands somewhere."""
    return tuple(replace(one, lines=tuple((line, rated) for line, rated in one.lines if stands(line))) for one in due)


def claims_for(line: ExpectedLine, held: Iterable[Claim], reference: str) -> tuple[Claim, ...]:
    """The claims by which Odoo bills a line, beside those that it holds already: what of its range none of these covers.

    A range may have become another since it was claimed, as where a subscription ended.
    """
    key = line.external_subscription_id, line.charge
    own = [one for one in held if one.biller is Biller.ODOO and one.charge_key == key]
    found, start = [], line.service_from
    for one in sorted(own, key=lambda one: one.service_from):
        if start < one.service_to and one.service_from < line.service_to:
            if start < one.service_from:
                found.append((start, one.service_from))
            start = one.service_to
    if start < line.service_to:
        found.append((start, line.service_to))
    return tuple(
        Claim(
            external_subscription_id=line.external_subscription_id,
            charge=line.charge,
            service_from=first,
            service_to=end,
            biller=Biller.ODOO,
            reference=reference,
        )
        for first, end in found
    )


def needs_a_claim(line: ExpectedLine, rated: RatedLine | None) -> bool:
    """Whether a line bills an instance for the first time; late usage is of one that was claimed before."""
    return line.net is not None and rated is not None and rated.adjusts is None


def missed_runs(runs: Mapping[str, date], missing: Collection[str], today: date) -> tuple[str, ...]:
    """The live subscriptions whose usage is not on their order although Odoo's run over it is due: it may have gone without.

    `runs` is the day of the next run by subscription, `missing` are those whose usage is not there yet.
    """
    return tuple(sorted(name for name in missing if name in runs and runs[name] <= today))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What is due in a currency against what stands on Odoo's invoices, gross."""

    currency: str
    due: Decimal
    drafted: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingFacts:
    """Everything that decides whether a month's invoices may be posted."""

    service: str
    month: str
    """The month of the invoices."""
    is_on: bool
    """FCB_ODOO_POST_INVOICES."""
    is_stopped: bool
    usage_month: str
    """The month before, whose usage is on them."""
    is_closed: bool
    """Whether that month was closed by a recorded act, so that usage told later is on a later bill."""
    is_conserved: bool
    """Whether all usage that was told of that month is in it once."""
    read_back: Sequence[str]
    """What differs in Odoo, in words; also that nothing was read back."""
    sums: Sequence[Sum]
    alarms: Sequence[str]
    """Open alarms, in words."""


def posting_objections(facts: PostingFacts) -> tuple[Objection, ...]:
    """Why the month's invoices may not be posted, all reasons at once; empty is the permission."""
    run = f"fcb live --service {facts.service} --period {facts.month}"
    close = f"fcb close --service {facts.service} --period {facts.usage_month}"
    wrong = [one for one in facts.sums if one.due != one.drafted]
    asked = (
        (facts.is_on, "posting_off", "posting is switched off", "set FCB_ODOO_POST_INVOICES=true, then run again"),
        (not facts.is_stopped, "stopped", "everything is stopped", "find out why, then  fcb resume"),
        (facts.is_closed, "month_open", f"{facts.usage_month} is not closed, so its usage may still change", close),
        (
            facts.is_conserved,
            "usage_not_conserved",
            f"usage of {facts.usage_month} was lost or doubled",
            "fcb feeds, then run again",
        ),
        (not facts.read_back, "read_back", "; ".join(facts.read_back), f"put it right, then  {run}"),
        (not wrong, "money", "; ".join(map(_unequal, wrong)), f"look at what could not be drafted, then  {run}"),
        (not facts.alarms, "open_alarm", "; ".join(facts.alarms), "fcb alarms"),
    )
    return tuple(
        Objection(id=name, scope=f"{facts.service} {facts.month}", klass=Class.PROVEN, words=words, what_to_do=todo)
        for is_met, name, words, todo in asked
        if not is_met
    )


def _unequal(one: Sum) -> str:
    due, drafted = (amount_text(each, one.currency) for each in (one.due, one.drafted))
    return f"{due} {one.currency} is due and {drafted} is drafted"
