"""The gate: everything that stands against taking a cohort live, from one place.

Owns: the record of an objection, its classes, and the rule that asks every kind of objection (`objections`, one file each).
Does not own: reading what they need (acts/gate), acting on them (acts/flip).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from fcb_pipelines.domain import objections as folder
from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.flip import Part
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown
from fcb_pipelines.domain.rows import Row

GATED = frozenset({Part.FLIP, Part.CHARGE})
"""The two acts that have a gate in front of them: confirming starts invoicing, attaching a token starts charging."""


class Class(StrEnum):
    """On what an objection rests."""

    PROVEN = "proven"
    """The data say so."""
    ATTESTED = "attested"
    """A person would have to say that it is not so, or the one who did can no longer be relied on."""
    UNDECIDABLE = "undecidable"
    """Data are missing: somebody brings them or signs. Missing data never pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """One stated reason not to go live."""

    id: str
    """Of its kind, such as `never_compared`: the name of its file."""
    scope: str
    """What it is about: `service`, `customer 5`, `SUB-1001`, `SUB-1001/flat` or a row."""
    klass: Class
    words: str
    """For people, a sentence without a full stop."""
    evidence: tuple[str, ...] = ()
    """Records, rows, lines, Odoo's records that it rests on."""
    since: datetime | None = None
    """How long it has stood, where that is known."""
    what_to_do: str
    """A command, or what a person does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of objection."""

    id: str
    asks: str
    """What it asks, for people."""
    classes: tuple[Class, ...]
    clears: str
    """What clears it, for people."""
    find: Callable[[GateFacts], Iterable[Objection]]
    parts: frozenset[Part] = GATED
    """In front of which acts it is asked."""
    told_before: frozenset[Part] = frozenset()
    """In front of which others it is information."""
    is_global: bool = False
    """Whether it is about the service as a whole, whoever is to go live."""
    needs_plan: bool = False
    """Whether it can be asked only of what is planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """What stands against going live at all, of whom nothing is planned yet."""

    service: tuple[Objection, ...]
    """Against everybody."""
    customers: Mapping[str, tuple[Objection, ...]]
    """By customer, every one that was asked for."""


@cache
def kinds() -> tuple[Kind, ...]:
    """Every kind of the folder `objections`, by name; a new file there is a new kind."""
    return tuple(import_module(f"{folder.__name__}.{found.name}").KIND for found in iter_modules(folder.__path__))


def objections(facts: GateFacts) -> tuple[Objection, ...]:
    """Everything that stands in the way of the act that `facts.part` is in front of; empty is the permission."""
    return _asked(facts, (kind for kind in kinds() if facts.part in kind.parts))


def for_information(facts: GateFacts) -> tuple[Objection, ...]:
    """What does not stand in the way of this act but will in that of a later one, to be shown beside the objections."""
    return _asked(facts, (kind for kind in kinds() if facts.part in kind.told_before))


def against(facts: GateFacts) -> Against:
    """What stands against the customers of the facts, each judged alone, whatever is planned."""
    unplanned = replace(facts, plan=None)
    asked = [kind for kind in kinds() if facts.part in kind.parts]
    of_all = _asked(replace(unplanned, customers=()), (kind for kind in asked if kind.is_global))
    rows = [_by_customer(one.rows) for one in facts.periods]
    found = {
        one: _asked(_of_customer(unplanned, one, rows), (kind for kind in asked if not kind.is_global))
        for one in facts.customers
    }
    # What nobody can tell of anybody is told once.
    untold = dict.fromkeys(one for each in found.values() for one in each if one.scope == SERVICE)
    own = {key: tuple(one for one in each if one.scope != SERVICE) for key, each in found.items()}
    return Against(service=(*of_all, *untold), customers=own)


def _asked(facts: GateFacts, asked: Iterable[Kind]) -> tuple[Objection, ...]:
    return tuple(found for kind in asked if facts.plan is not None or not kind.needs_plan for found in kind.find(facts))


def _by_customer(rows: Iterable[Row]) -> Mapping[str, tuple[Row, ...]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.external_user_id].append(row)
    return {customer: tuple(of) for customer, of in found.items()}


def _of_customer(facts: GateFacts, customer: str, rows: Sequence[Mapping[str, tuple[Row, ...]]]) -> GateFacts:
    pairs = zip(facts.periods, rows, strict=True)
    own = tuple(replace(period, rows=by.get(customer, ()), agreed=()) for period, by in pairs)
    return replace(facts, customers=(customer,), periods=own)


def undecidable(kind: str, scope: str, lacking: NotKnown, what: str, what_to_do: str) -> Objection:
    """What is said where nobody could tell; `what` cannot be told."""
    return Objection(
        id=kind,
        scope=scope,
        klass=Class.UNDECIDABLE,
        words=f"{what} cannot be told: needs {lacking.needs}",
        what_to_do=what_to_do,
    )


SERVICE = "service"


def of_customer(external_user_id: str) -> str:
    """The scope of what is about a customer."""
    return f"customer {external_user_id}"


def of_charge(subscription: str, charge: str) -> str:
    """The scope of what is about a charge, and the subject of what is attested of it."""
    return f"{subscription}/{charge}"


def to_attest(facts: GateFacts, statement: Statement, subject: str = "", value: object = None) -> str:
    """The command that a person signs a statement with."""
    said = [f"fcb attest {statement}", subject, "" if value is None else f"--value '{value}'"]
    return " ".join(each for each in (*said, "--text WHY --expires DAY --service", facts.service) if each)


def lapsed(facts: GateFacts, statement: Statement, subject: str = "") -> str:
    """Why what somebody attested counts no more, as the end of a sentence; empty where nobody ever did."""
    last = facts.lapsed(statement, subject)
    if last is None:
        return ""
    how = "taken back" if last.withdrawn_at is not None else "over"
    return f"; {last.attestation_id} of {last.author} said so and is {how} since {last.ended_at:%Y-%m-%d}"
