"""Whether everything that an import wants is in Odoo: the facts of a check, read back from Odoo.

Owns: the comparison by external id. Does not own: what is wanted (`partners`, `plans`, `subscriptions`).
"""

from dataclasses import dataclass

from fcb_pipelines.acts import partners, plans, subscriptions
from fcb_pipelines.acts.imports import Decided, Reading
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.imports import ImportIssue, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """How much of what an entity wants in Odoo is there; counts are records of ours there."""

    entity: Entity
    wanted: int
    present: int
    missing: tuple[str, ...]
    """External ids of wanted records that are not in Odoo."""
    failed: tuple[ImportIssue, ...]
    """Records of the source that cannot be wanted, because they are bad."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing; a bad row never stops good ones."""
        return not self.missing


def import_complete(reading: Reading, *, take_all: bool) -> tuple[Completeness, ...]:
    """Compare what is wanted with what is in Odoo, for partners, plans and subscriptions."""
    people = partners.decide(reading)
    catalogue = plans.decide(reading, take_all=take_all)
    # As in a dry run: an order whose partner is still missing is missing too, and not bad.
    orders = subscriptions.decide(reading, dry_run=True, people=people, catalogue=catalogue)
    return tuple(_completeness(each) for each in (people.decided, catalogue.decided, orders))


def _completeness(decided: Decided) -> Completeness:
    missing = tuple(xid for shelf in decided.shelves for xid in shelf.made.create)
    wanted = sum(len(shelf.wanted) for shelf in decided.shelves)
    return Completeness(
        entity=decided.entity,
        wanted=wanted,
        present=wanted - len(missing),
        missing=missing,
        failed=tuple(issue for issue in decided.issues if issue.outcome is Outcome.FAILED),
    )
