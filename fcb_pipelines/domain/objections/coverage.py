"""Coverage: what the source billed, or has alive, now and that no row holds as it is now.

What is in a row and undecided is named by a kind of its own; this one names what would be missed by looking at rows alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal

from fcb_pipelines.domain.coverage import NOTHING_BILLED, share
from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection, of_customer, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, JudgedPeriod, NotKnown, Uncovered
from fcb_pipelines.domain.money import ZERO

_SHOWN = 5


def _find(facts: GateFacts) -> Iterator[Objection]:
    if isinstance(facts.uncovered, NotKnown):
        yield undecidable(KIND.id, SERVICE, facts.uncovered, "the coverage", "import, and run the periods again")
        return
    groups: dict[tuple[str, str, str], list[Uncovered]] = defaultdict(list)
    for one in facts.uncovered:
        if one.external_user_id in facts.customers:
            groups[one.period, one.external_user_id, "" if one.net is None else one.net.currency].append(one)
    for (period, customer, currency), found in sorted(groups.items()):
        yield _objection(facts, found, period, customer, currency)


def _objection(facts: GateFacts, found: list[Uncovered], period: str, customer: str, currency: str) -> Objection:
    named = "; ".join(f"{one.reference} {one.because}" for one in found[:_SHOWN])
    rest = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    what = f"{len(found)} due subscriptions" if not currency else f"{_share(facts, found, period, currency)} of the money"
    words = f"{what} of customer {customer} in {period}: {named}{rest}"
    return Objection(
        id=KIND.id,
        scope=of_customer(customer),
        klass=Class.PROVEN,
        words=words if currency else f"not covered are {words}",
        evidence=tuple(one.reference for one in found),
        what_to_do=f"fcb run --service {facts.service} --period {period}, and decide what differs",
    )


def _share(facts: GateFacts, found: Iterable[Uncovered], period: str, currency: str) -> str:
    """Of what was billed to those who are judged, how much is in the rows, cut and never rounded up."""
    missed = sum((abs(one.net.amount) for one in found if one.net is not None), ZERO)
    held = sum((_billed(one, currency) for one in facts.periods if one.period == period), ZERO)
    return f"covered is {share(held, held + missed, NOTHING_BILLED)}"


def _billed(period: JudgedPeriod, currency: str) -> Decimal:
    own = (one.billed.amount for row in period.rows for one in row.instances if one.currency == currency)
    return sum(own, ZERO) + sum((one.billed for one in period.agreed if one.currency == currency), ZERO)


KIND = Kind(
    id="coverage",
    asks="whether all that the source billed (per currency) and all that was alive is in the newest revisions as it is now",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="running the period again on the newest snapshot",
    find=_find,
)
