"""Conventions: how a service, or one family of its plans, prices parts, rounds, and when a flat price is due.

Owns: the declared choices, and which plans are of a family. Does not own: where they are declared (fcb.toml), what a share or a
range comes to (proration, instances). None of them is ever found by trying.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from fcb_pipelines.domain.money import Rounding
from fcb_pipelines.domain.plans import Plan
from fcb_pipelines.domain.proration import Proration


class Billed(StrEnum):
    """When a flat price is due; usage is always due once it was used."""

    IN_ADVANCE = "in_advance"
    """At the start of its range."""
    IN_ARREARS = "in_arrears"
    """At the end of its range."""


class Months(StrEnum):
    """What a monthly flat price runs by; those of a quarter or a year always run by their anchor."""

    CALENDAR = "calendar"
    """From the first of a month to the first of the next one."""
    ANCHORED = "anchored"
    """From the anchor's day of a month to that of the next one, or the month's last day where it has none."""


class Instalments(StrEnum):
    """How a price in equal parts is rounded."""

    EACH = "each"
    """Each part by itself, so that together they may miss the price by cents."""
    LAST_TAKES_REST = "last_takes_rest"
    """The last part is what the others left of the price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conventions:
    """What is declared for a service, or for a family of its plans."""

    proration: Proration = Proration.NONE
    """Of flat prices."""
    quota_proration: Proration = Proration.NONE
    """Of included quantities."""
    rounding: Rounding = Rounding.HALF_UP
    """Of an amount before tax."""
    billed: Billed = Billed.IN_ADVANCE
    months: Months = Months.CALENDAR
    instalments: Instalments = Instalments.EACH


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Plans with conventions of their own: those whose name holds a pattern, or that are named by their ids."""

    name: str = ""
    """Empty for the plans of a service that no family has."""
    conventions: Conventions = Conventions()
    pattern: str | None = None
    """A regular expression, in any case."""
    plans: frozenset[str] = frozenset()

    def has(self, plan: Plan) -> bool:
        """Whether a plan is one of the family."""
        if plan.external_plan_id in self.plans:
            return True
        return self.pattern is not None and re.search(self.pattern, plan.name, re.IGNORECASE) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Families:
    """The families of a service, in the order in which they are declared, and the conventions of every other plan."""

    service: Family = Family()
    declared: tuple[Family, ...] = ()

    def of(self, plan: Plan) -> Family:
        """The first family that has a plan, else the service's own conventions."""
        return next((family for family in self.declared if family.has(plan)), self.service)


BY_DEFAULT = Families()
