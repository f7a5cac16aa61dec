"""Live months: what Odoo's invoice of a month has on it of a subscription that is live, and when it may be posted.

Owns: which charges are on which month's invoice, which of them are Odoo's to bill, what objects to posting. Does not own:
amounts (expected), drafts (drafts), who is live since when (flip), claims (claims).

An invoice collects what falls due in its month: flat prices in advance of that month, usage in arrears of the month before.
Usage is always on the invoice of the month after its own, also where the subscription ended within its month: before that
month is closed nobody knows all of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.domain.drafts import Due
from fcb_pipelines.domain.expected import ExpectedLine, RatedLine
from fcb_pipelines.domain.gate import Class, Objection
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.money import amount_text
from fcb_pipelines.domain.period import Period, period_of

Live = Mapping[str, Mapping[str, datetime]]
"""Live subscription → charge → its boundary: from when on Odoo bills it."""


class Side(StrEnum):
    """Who bills an instance of ours."""

    SHADOW = "shadow"
    """The source; in Odoo it stands for comparison alone."""
    LIVE = "live"
    """Odoo, for real."""


def invoice_month(line: ExpectedLine, period: Period) -> Period:
    """The month on whose invoice an expected line of `period` stands."""
    return period_of(line.due_at, period.zone) if line.charge == FLAT else period.next()


def side(line: ExpectedLine, live: Live) -> Side:
    """Who bills a line: Odoo from the boundary of its charge on, late usage by the month in which it was used.

    A charge without a boundary of its own, as one that its plan got later, follows the latest boundary of its subscription's
    metered charges or, where it has none, of its flat price.
    """
    boundary = boundary_of(live.get(line.external_subscription_id, {}), line.charge)
    return Side.LIVE if boundary is not None and line.service_from >= boundary else Side.SHADOW


def boundary_of(charges: Mapping[str, datetime], charge: str) -> datetime | None:
    """From when on Odoo bills a charge; None of a subscription that is not live."""
    if charge in charges or not charges:
        return charges.get(charge)
    metered = [one for name, one in charges.items() if name != FLAT]
    return max(metered) if metered else charges[FLAT]


def parted(due: Iterable[Due], live: Live, wanted: Side) -> tuple[Due, ...]:
    """What of a month one side bills; a subscription of which nothing is left stays, so that its drafts go."""
    return tuple(
        replace(one, lines=tuple((line, rated) for line, rated in one.lines if side(line, live) is wanted)) for one in due
    )


def claim_of(line: ExpectedLine, reference: str) -> Claim:
    """The claim by which Odoo bills a line."""
    return Claim(
        external_subscription_id=line.external_subscription_id,
        charge=line.charge,
        service_from=line.service_from,
        service_to=line.service_to,
        biller=Biller.ODOO,
        reference=reference,
    )


def needs_a_claim(line: ExpectedLine, rated: RatedLine | None) -> bool:
    """Whether a line bills an instance for the first time; late usage is of one that was claimed before."""
    return line.net is not None and rated is not None and rated.adjusts is None


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
