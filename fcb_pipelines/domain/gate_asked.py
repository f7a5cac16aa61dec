"""What the gate said: the objections of one moment, kept beside who asked.

Owns: the record, and in what order objections are read. Does not own: the objections (gate), storage (store/gate_asked).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from fcb_pipelines.domain.gate import Class, Objection
from fcb_pipelines.domain.gate_facts import Gate

_FIRST = (Class.PROVEN, Class.UNDECIDABLE, Class.ATTESTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAsked:
    """One answer of the gate."""

    flip_id: str | None
    """None where it was asked of the service as a whole."""
    gate: Gate
    asked_by: str
    """A person, or what asked for itself, such as `check`."""
    asked_at: datetime
    objections: tuple[Objection, ...]

    @property
    def sentence(self) -> str:
        """Whether it lets anybody through, for people: without a full stop."""
        if not self.objections:
            return "nothing stands against it"
        counts = Counter(one.klass for one in self.objections)
        parts = ", ".join(f"{counts[one]} {one}" for one in _FIRST if counts[one])
        return f"{len(self.objections)} objection{'s' * (len(self.objections) != 1)} ({parts})"


def grouped(found: Iterable[Objection]) -> dict[str, tuple[Objection, ...]]:
    """Objections by what they are about, the service as a whole first, each group in the order of its kinds."""
    by_scope: dict[str, list[Objection]] = {}
    for one in sorted(found, key=lambda each: (each.scope != "service", each.scope, _FIRST.index(each.klass), each.id)):
        by_scope.setdefault(one.scope, []).append(one)
    return {scope: tuple(each) for scope, each in by_scope.items()}
