"""Of what the gate is asked, by which rules, and what was read for it from outside.

Owns: the records that go between whoever asks and who gathers. Does not own: asking (gate), gathering (gate_store, gate_odoo).
"""

from dataclasses import dataclass
from datetime import datetime

from fcb_pipelines.domain.audit import Break
from fcb_pipelines.domain.flip import Part
from fcb_pipelines.domain.flip_plans import FlipPlan
from fcb_pipelines.domain.gate_facts import NotKnown, OdooFacts
from fcb_pipelines.domain.tax import TaxTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Under what the gate is asked: what people reviewed, this program, and the time."""

    taxes: TaxTable
    settings_hash: str
    version: str
    """Of this program, which is what was rehearsed."""
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What was read before the transaction in which the gate is asked."""

    odoo: OdooFacts
    broken_logs: tuple[Break, ...] | NotKnown
    replanned: FlipPlan | NotKnown
    """The cohort of the plan, planned anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Of what the gate is asked."""

    part: Part = Part.FLIP
    plan: FlipPlan | None = None
    """None: of all customers, whatever is planned."""
    flip_id: str | None = None
    """None where the plan is not stored."""
    under_way: frozenset[str] = frozenset()
