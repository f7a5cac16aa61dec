"""Period not closed: the last month that has closed was never run since, so nobody compared it as it came out."""

from collections.abc import Iterator

from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection
from fcb_pipelines.domain.gate_facts import GateFacts


def _find(facts: GateFacts) -> Iterator[Objection]:
    if facts.last_closed is None:
        yield _objection("no month in scope has closed yet", Class.UNDECIDABLE, "wait until one has, then run it")
    elif not any(one.period == facts.last_closed and one.was_closed for one in facts.periods):
        again = f"fcb run --service {facts.service} --period {facts.last_closed}"
        yield _objection(f"{facts.last_closed} has closed and was not run since", Class.PROVEN, again, facts.last_closed)


def _objection(words: str, klass: Class, what_to_do: str, *evidence: str) -> Objection:
    return Objection(id=KIND.id, scope=SERVICE, klass=klass, words=words, evidence=evidence, what_to_do=what_to_do)


KIND = Kind(
    id="period_not_closed",
    asks="whether the last month that has closed was run since it closed",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="running it",
    find=_find,
    is_global=True,
)
