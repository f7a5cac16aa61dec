"""The rows that the gate judges: as they stand now, not as they were signed when their period was run.

Owns: what becomes of a row whose acceptance holds no longer, and the walk over all instances. Does not own: how an acceptance
stands (acceptances), which rows are read (acts/gate_store).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from fcb_pipelines.domain.acceptances import State
from fcb_pipelines.domain.gate_facts import GateFacts
from fcb_pipelines.domain.rows import Instance, Row, Verdict

ACCEPTANCE_OVER = "accepted by {}, which is {} since: "
"""What a row says of which an acceptance decided something that is open again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An instance where it stands."""

    period: str
    row: Row
    instance: Instance

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines that it was billed by."""
        return tuple(one.reference for one in self.instance.evidence)


def placed(facts: GateFacts) -> Iterator[Placed]:
    """Every instance that the gate judges."""
    for period in facts.periods:
        for row in period.rows:
            for instance in row.instances:
                yield Placed(period=period.period, row=row, instance=instance)


def as_signed(row: Row, states: Mapping[str, State]) -> Row:
    """A row with only those decisions that are in force; `states` are those of the acceptances, by id, as of now.

    One that is not there counts as one that holds no longer.
    """
    return replace(row, instances=tuple(_as_signed(each, states) for each in row.instances))


def _as_signed(instance: Instance, states: Mapping[str, State]) -> Instance:
    said = instance.explanation
    if said.settled_by is None or states.get(said.settled_by) is State.IN_FORCE:
        return instance
    how = states.get(said.settled_by, State.WITHDRAWN)
    over = ACCEPTANCE_OVER.format(said.settled_by, how.value.replace("_", " ")) + "sign anew (fcb accept)"
    # The last finding is the acceptance itself.
    without = replace(said, findings=said.findings[:-1], settled_by=None, missing=(*said.missing, over))
    verdict = Verdict.UNEXPLAINED if instance.verdict is Verdict.ACCEPTED else instance.verdict
    return replace(instance, verdict=verdict, explanation=without)
