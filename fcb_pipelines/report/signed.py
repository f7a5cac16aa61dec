"""What was signed for what waits in the queue: it waits for a run or for a second person then, not for a decision.

Owns: which acceptances have all of a row that stops the period. Does not own: how an acceptance stands (acts), the queue.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fcb_pipelines.acts.acceptances import Listed
from fcb_pipelines.domain.acceptances import Acceptance, State
from fcb_pipelines.domain.clean import Against
from fcb_pipelines.domain.rows import Instance, Row
from fcb_pipelines.report.stakes import against

_STANDS = (State.IN_FORCE, State.AWAITING_APPROVAL)

SignedFor = Callable[[Row, Against], tuple[Listed, ...]]
"""What stands of all that stops a period in a row, one way; nothing where a part of it is still to be decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatures:
    """What was signed for the rows of a group."""

    rows: tuple[tuple[Listed, ...], ...]

    @property
    def are_whole(self) -> bool:
        """Whether somebody signed for each of the rows."""
        return all(self.rows)

    @property
    def wait(self) -> bool:
        """Whether a second person is needed for any of them."""
        return any(one.state is State.AWAITING_APPROVAL for each in self.rows for one in each)


def signed_for(signed: Iterable[Listed]) -> SignedFor:
    """Look up what was signed; call it once for all rows of a page."""
    found: dict[str, list[Listed]] = defaultdict(list)
    for one in signed:
        if one.state in _STANDS:
            found[_without_period(one.acceptance.row_id)].append(one)

    def look_up(row: Row, stopping: Against) -> tuple[Listed, ...]:
        about = found.get(_without_period(row.row_id), [])
        open_places = [(place, one) for place, one in enumerate(row.instances, start=1) if against(one) is stopping]
        taking = [[one for one in about if _takes(one.acceptance, *each)] for each in open_places]
        return tuple(dict.fromkeys(one for each in taking for one in each)) if all(taking) else ()

    return look_up


def _takes(acceptance: Acceptance, place: int, one: Instance) -> bool:
    """Whether it has an instance and was not counted yet: what stops the period with it was not settled by it."""
    if one.explanation.settled_by == acceptance.acceptance_id:
        return False
    return place in acceptance.places if acceptance.charge is None else one.charge == acceptance.charge


def _without_period(row_id: str) -> str:
    """A row in whatever month: a standing acceptance names the one in which it was signed."""
    return row_id.split("/", 2)[2]
