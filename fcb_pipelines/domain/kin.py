"""Kin: the instances that share a parameter or a convention with what is predicted.

Owns: what is shared, and whose it is too. Does not own: what they say of it, and whether it holds for them (predicting).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from fcb_pipelines.domain.case import Case
from fcb_pipelines.domain.predicting import Agreeing, Option, is_cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What predictions say of others too: parameters that their plans share, and conventions of their families."""

    plans: frozenset[str]
    """Plans about a parameter of which something is said."""
    families: frozenset[str]
    """Families of which a convention is said: to those of their instances that are paid for in part."""

    def __bool__(self) -> bool:
        return bool(self.plans or self.families)

    def concerns(self, case: Case) -> bool:
        """Whether something that is shared is about an instance."""
        return case.plan.external_plan_id in self.plans or (case.family in self.families and is_cut(case))


KinOf = Callable[[Shared], Iterable[Agreeing]]
"""What kin that agree and are not among the groups say of what is shared."""


def no_kin(_: Shared) -> Iterable[Agreeing]:
    """Where all are among the groups."""
    return ()


def shared_by(single: Mapping[int, Option], cases: Mapping[int, Sequence[Case]]) -> Shared:
    """What options say of others too, each of the group of its number."""
    own = [case for number, option in single.items() if option.parameters for case in cases[number]]
    cut = [case for number, option in single.items() if option.is_by_convention for case in cases[number]]
    return Shared(plans=frozenset(case.plan.external_plan_id for case in own), families=frozenset(case.family for case in cut))
