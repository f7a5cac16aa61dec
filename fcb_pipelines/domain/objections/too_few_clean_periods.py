"""Too few clean periods: not so many months in a row as are asked for, up to the last that was run after it closed.

Whether that is the last one that has closed at all, `period_not_closed` asks.
"""

from collections.abc import Iterator

from fcb_pipelines.domain import clean
from fcb_pipelines.domain.clean import Judged, clean_run, standing
from fcb_pipelines.domain.coverage import coverage
from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection, of_customer
from fcb_pipelines.domain.gate_facts import GateFacts, JudgedPeriod

NOTHING_JUDGED = "nothing of theirs is in it, which proves nothing"


def _find(facts: GateFacts) -> Iterator[Objection]:
    found = {one.period: _against(facts, one) for one in facts.periods if one.was_closed}
    last = max(found, default="")
    # A period that something stands against is one that `clean` calls not clean: what it is, is told in words alone.
    history = [Judged(period=key, objections=_WRONG if words else ()) for key, words in found.items()]
    count, asked = clean_run(history, last) if found else 0, facts.rules.clean_periods
    if count < asked:
        why = "; ".join(f"{key}: {words}" for key, words in sorted(found.items(), reverse=True)[:asked] if words)
        yield Objection(
            id=KIND.id,
            scope=of_customer(facts.customers[0]) if len(facts.customers) == 1 else SERVICE,
            klass=Class.PROVEN,
            words=f"{count} clean periods in a row of the {asked} that are asked for, up to {last or 'none'}"
            + (f" ({why})" if why else ""),
            evidence=tuple(sorted(found)),
            what_to_do="decide what stands against each (fcb status), and run it again under the rules of now",
        )


_WRONG = (clean.Objection(against=clean.Against.UNEXPLAINED, count=1, words=""),)


def _against(facts: GateFacts, one: JudgedPeriod) -> str:
    """What stands against a period, in words; empty where it is clean."""
    if one.is_whole and not one.rows:
        return NOTHING_JUDGED
    made = {"rule_version": one.rule_version, "settings_hash": one.settings_hash}
    found = standing(one.rows, coverage(one.rows, one.currency, one.agreed), **made)
    against = clean.objections(found, rule_version=facts.rule_version, settings_hash=facts.settings_hash)
    return ", ".join(each.words for each in against)


KIND = Kind(
    id="too_few_clean_periods",
    asks="whether so many months in a row are clean, all under the settings and the rule version of now",
    classes=(Class.PROVEN,),
    clears="deciding what is undecided, and running the months again",
    find=_find,
)
