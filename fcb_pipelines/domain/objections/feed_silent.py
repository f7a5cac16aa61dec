"""Feed silent: of the whole service no usage arrived for long, so that none would be billed. An idle machine is not silent."""

from collections.abc import Iterator
from datetime import timedelta

from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection, lapsed, to_attest
from fcb_pipelines.domain.gate_facts import GateFacts
from fcb_pipelines.domain.instances import FLAT


def _find(facts: GateFacts) -> Iterator[Objection]:
    hours, seen = facts.rules.feed_silent_hours, facts.usage_seen_at
    is_heard = seen is not None and facts.age(seen) <= timedelta(hours=hours)
    if not facts.is_metered or is_heard or _is_signed(facts):
        return
    since = "there is no usage at all" if seen is None else f"the last usage ended {seen:%Y-%m-%d %H:%M} UTC"
    said = lapsed(facts, Statement.FEED_ALIVE)
    yield Objection(
        id=KIND.id,
        scope=SERVICE,
        klass=Class.ATTESTED if said else Class.UNDECIDABLE if seen is None else Class.PROVEN,
        words=f"no usage of any subscription for more than {hours} hours: {since}{said}",
        since=seen,
        what_to_do=f"mend the feed and import, or  {to_attest(facts, Statement.FEED_ALIVE)}",
    )


def _is_signed(facts: GateFacts) -> bool:
    """Whether somebody said it of the service, or of each that is to go live and is priced by usage."""
    metered = {one.external_subscription_id for one, charge in facts.charges if charge.charge != FLAT}
    each = [facts.attested(Statement.FEED_ALIVE, subscription) for subscription in metered]
    return facts.attested(Statement.FEED_ALIVE) is not None or (bool(each) and None not in each)


KIND = Kind(
    id="feed_silent",
    asks="whether usage of the service arrived within `feed_silent_hours`, where anything is priced by usage",
    classes=(Class.PROVEN, Class.UNDECIDABLE, Class.ATTESTED),
    clears="usage, or FEED_ALIVE of the service or of each subscription",
    find=_find,
    is_global=True,
)
