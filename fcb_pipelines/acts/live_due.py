"""What live subscriptions owe: which charges of a month Odoo bills for real, and the claims that it takes before it bills them.

Owns: reading who is live, what falls due on a month's invoice, claiming. Does not own: the rules (domain/live_months), that no
two claims overlap (acts/claims), drafts (`draft_invoices`, `live_invoices`).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from fcb_pipelines.acts import claims
from fcb_pipelines.acts.billed_too import billed_too_now
from fcb_pipelines.acts.due import MonthDue, by_subscription
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import load
from fcb_pipelines.acts.stop import require_running
from fcb_pipelines.domain.claims import Claim
from fcb_pipelines.domain.drafts import Due
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.expected import ExpectedLine, RatedLine
from fcb_pipelines.domain.live import Live
from fcb_pipelines.domain.live_months import Places, Side, claims_for, is_on_invoice, needs_a_claim, side
from fcb_pipelines.domain.period import Period
from fcb_pipelines.store import claims as held_claims
from fcb_pipelines.store import closings, flips, stages
from fcb_pipelines.store import rating as stored
from fcb_pipelines.store.database import Connection

_BUILT = (stages.RATED_LINES, stages.EXPECTED_INVOICES)


def places_of(conn: Connection, work: PeriodWork) -> Places:
    """Where the charges of a month stand while some subscriptions are live, or on their way there or back.

    Who is armed is on the way: the shadow's usage must be off an order before it can be confirmed.
    """
    code = work.service.code
    live, in_odoo = flips.live_subscriptions(conn, code), flips.subscriptions_in_odoo(conn, code)
    return Places(
        live={name: one.boundaries for name, one in live.items()},
        on_the_way=frozenset((in_odoo.keys() | flips.armed_subscriptions(conn, code, work.now)) - live.keys()),
        is_closed=closings.is_closed(conn, code, work.period.key),
    )


def live_due(conn: Connection, work: PeriodWork) -> MonthDue:
    """What falls due in a month of subscriptions that are live, from the boundary of each charge on.

    Raises `RuleViolation` where the month or the one before it was not rated, or not under the settings of now.
    """
    code, month = work.service.code, work.period
    live = places_of(conn, work).live
    # Read first: what is due is of these stages, or the drafting notices that they were built anew.
    stood = tuple(one for each in _months(work) for one in stages.standing(conn, code, each.key, _BUILT))
    origin = [stages.require(conn, code, each.key, _BUILT, work.settings_hash) for each in _months(work)][-1]
    found = stored.expected_due(conn, code, month, list(live))
    rated: dict[str, RatedLine] = {}
    for key in {key for key, _ in found}:
        rated |= {line.line_key: line for line in stored.rated(conn, code, key)}
    lines = (line for key, line in found if is_on_invoice(line, work.service.period(key), month))
    ours = (line for line in lines if side(line, live) is Side.LIVE)
    records = load(conn, origin.snapshot_id, work.service)
    return MonthDue(records=records, stood=stood, due=tuple(by_subscription(records, rated, ours)))


def claimed(work: PeriodWork, due: Iterable[Due], *, dry_run: bool) -> dict[str, str]:
    """Claim for Odoo what live subscriptions owe, before anything of it is written; why not, by subscription.

    What the source billed by now claims first, and what it bills by the newest snapshot is not claimed: the month it is of may
    not have been reconciled since. A dry run takes back what it claimed. Raises `Stopped` where the service is stopped,
    `RuleViolation` where the source's claims cannot be read, or its newest snapshot was refused.
    """
    code = work.service.code
    with work.db.transaction() as conn:
        live = flips.live_subscriptions(conn, code)
        wanted = {one.external_subscription_id: one for one in due if one.lines and one.external_subscription_id in live}
        if not wanted:
            return {}
        if not dry_run:
            require_running(conn, code)
        loaded = claims.load_source(conn, work.service, work.now)
        first = {name: list(_first_billed(one)) for name, one in sorted(wanted.items())}
        owing = {name: live[name] for name in wanted}
        lines = (line for each in first.values() for line in each)
        refused = dict(billed_too_now(conn, work.service, lines, owing, loaded))
        refused |= _taken(conn, work, {name: each for name, each in first.items() if name not in refused}, owing)
        if dry_run:
            conn.rollback()
    return refused


def _taken(
    conn: Connection, work: PeriodWork, due: Mapping[str, Iterable[ExpectedLine]], live: Mapping[str, Live]
) -> dict[str, str]:
    """Claim what is due, all of a subscription or nothing; why not, by subscription."""
    held, refused = _held(conn, work.service.code, due), dict[str, str]()
    for name, lines in due.items():
        new = [each for line in lines for each in claims_for(line, held.get(name, ()), live[name].flip_id)]
        try:
            with conn.transaction():
                claims.take(conn, work.service, new, work.now)
        except RuleViolation as error:
            refused[name] = str(error)
    return refused


def _months(work: PeriodWork) -> tuple[Period, ...]:
    before = work.period.previous()
    return (before, work.period) if before.key >= work.service.first_period else (work.period,)


def _first_billed(one: Due) -> Iterable[ExpectedLine]:
    return (line for line, rated in one.lines if needs_a_claim(line, rated))


def _held(conn: Connection, service: str, subscriptions: Collection[str]) -> Mapping[str, list[Claim]]:
    found: dict[str, list[Claim]] = defaultdict(list)
    for one in held_claims.held(conn, service, subscriptions):
        found[one.external_subscription_id].append(one.claim)
    return found
